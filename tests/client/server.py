"""A server in memory that keeps what a client sends, and loses or refuses on command."""

import json
from collections.abc import Callable
from typing import Any

from metascope._errors import Refused, Unreachable

from experiments import recording

Trouble = Callable[[int], str]  # number of the request to "", "before" or "after" it is stored


class Server:
    """Stands in for `Api`: stores by the rules of the real one, through its own parser."""

    url = "http://127.0.0.1:1"

    def __init__(self, trouble: Trouble = lambda number: "") -> None:
        self.trouble = trouble
        self.requests = 0
        self.batches: dict[tuple[str, int], bytes] = {}
        self.events: list[tuple[str, Any]] = []
        self.runs: dict[str, str] = {}

    @property
    def points(self) -> list[tuple[str, int, float]]:
        """Every stored point: key, step, value."""
        found = []
        for body in self.batches.values():
            for one in self._series(body):
                steps, values = one.steps.tolist(), one.values.tolist()
                found += [(one.key, *pair) for pair in zip(steps, values, strict=True)]
        return found

    def post(self, path: str, body: Any, *, key: str | None = None) -> Any:
        return self._do(lambda: self._post(path, body, key))

    def put(self, path: str, body: Any) -> Any:
        return self._do(lambda: self.events.append((path, body)))

    patch = put

    def put_file(self, path: str, file: Any, size: int) -> Any:
        return self._do(lambda: self.events.append((path, file.read(size))))

    def post_bytes(self, path: str, body: bytes, content_type: str) -> Any:
        return self._do(lambda: self._store(body))

    def _do(self, act: Callable[[], Any]) -> Any:
        self.requests += 1
        trouble = self.trouble(self.requests)
        if trouble == "before":
            raise Unreachable("nobody there")
        answer = act()
        if trouble == "after":
            raise Unreachable("the answer was lost")
        return answer

    def _post(self, path: str, body: Any, key: str | None) -> Any:
        if path == "runs/":
            made = self.runs.setdefault(body["origin"], f"run{len(self.runs)}")
            return {"id": made, "project": "lab/sinusoid"}
        self.events.append((path, body))
        return {}

    def _store(self, body: bytes) -> Any:
        header = json.loads(body[4 : 4 + int.from_bytes(body[:4], "little")])
        name = header["client"], header["number"]
        if self.batches.setdefault(name, body) != body:
            points = sum(len(one.steps) for one in self._series(self.batches[name]))
            why = "one number, two contents"
            raise Refused(why, 409, "batch_number_used", {"points": [str(points)]})
        return {}

    def _series(self, body: bytes) -> Any:
        return recording.parse_records(body).series

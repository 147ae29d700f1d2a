"""One request to the server: what it answered, or which kind of failure it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import urllib3

from metascope._errors import Denied, Refused, Unreachable

CONNECT_S, READ_S = 5.0, 60.0
_LATER = {408, 425, 429}


class Api:
    """Requests to `/api/v1` of one server with one token. Threads may share it.

    Nothing is retried in here and no redirect is followed: the token goes to one host.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "metascope-client/0.1"}
        self._pool = urllib3.PoolManager(
            maxsize=4, retries=False, timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S)
        )

    def get(self, path: str, **query: str) -> Any:
        """The answer's JSON. Raises Unreachable, Denied, Refused."""
        return self._request("GET", path, fields=query)

    def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> Any:
        """Send JSON; `key` is the Idempotency-Key. Raises Unreachable, Denied, Refused."""
        return self._send("POST", path, body, key)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send JSON. Raises Unreachable, Denied, Refused."""
        return self._send("PUT", path, body, None)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send JSON. Raises Unreachable, Denied, Refused."""
        return self._send("PATCH", path, body, None)

    def post_bytes(self, path: str, body: bytes, content_type: str) -> Any:
        """Send bytes. Raises Unreachable, Denied, Refused."""
        return self._request("POST", path, body=body, headers={"Content-Type": content_type})

    def _send(self, method: str, path: str, body: Mapping[str, Any], key: str | None) -> Any:
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        data = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        return self._request(method, path, body=data, headers=headers)

    def _request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Any:
        address = f"{self.url}/api/v1/{path}"
        try:
            answer = self._pool.request(
                method, address, headers={**self._headers, **(headers or {})}, redirect=False,
                **more,
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"{self.url} does not answer: {error}") from error
        if 200 <= answer.status < 300:
            return _json(answer.data) if answer.data else {}
        raise _failure(self.url, answer)


def segment(text: str) -> str:
    """Text as one part of a path."""
    return quote(text, safe="")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise Unreachable("The answer is not JSON: is this a Metascope server?") from error


def _failure(url: str, answer: urllib3.BaseHTTPResponse) -> Exception:
    status = answer.status
    code, message = _problem(answer.data)
    message = message or f"{url} answered with status {status}"
    if status in (401, 403):
        return Denied(message)
    if status >= 500 or status in _LATER:
        return Unreachable(message, _seconds(answer.headers.get("Retry-After")))
    if 300 <= status < 400:
        return Unreachable(f"{url} redirects to {answer.headers.get('Location')}: use that URL")
    return Refused(message, status, code)


def _problem(data: bytes) -> tuple[str, str]:
    """Code and sentence of the server's error; empty where something else answered."""
    try:
        error = json.loads(data)["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return "", ""


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None

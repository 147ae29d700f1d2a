"""Delivery of a spool: in order, each piece until the server has it, nothing twice.

Points travel in numbered batches. Where a batch ends is written down before it is sent: after any
interruption exactly the same bytes go out under the same number, and the server knows them. Where
that could not be written down, the server says how many points it has under the number, and exactly
these are sent again. Only one delivery of a spool exists at a time (the spool's lock).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from metascope import _bundle, _params
from metascope._api import Api, segment
from metascope._batch import Batch, id_of
from metascope._errors import Denied, Refused, Unreachable
from metascope._records import (
    EVENT,
    KEYS,
    POINTS,
    event_of,
    event_payload,
    moment,
    record_of,
    time_of,
    value_count,
)
from metascope._segments import Position, Record, read, segments
from metascope._spool import FULL, SpoolDamaged, about_of
from metascope._state import State, load_state, save_state
from metascope._upload import Changed, Upload

MOST_TOLD, LONGEST_TOLD, MOST_ALERTS = 20, 400, 5
AGAIN = "mend the cause, then `metascope sync --retry-refused` sends it again."
NO_RUN = "the server did not take the start of this run"
NO_PARENT = "the parent run is not known to the server yet"
DESCRIBING = ("params", "environment", "command", "name", "tags", "notes", "group", "seed")
PARENT = ("parent", "parent_origin")
NUMBER_USED = "batch_number_used"
CONTENT_TYPE = "application/vnd.metascope.records"


class Delivery:
    """Sends what a spool holds. Used by the run's own thread, and by `metascope sync`."""

    def __init__(self, folder: Path, client: str, api: Api) -> None:
        self.folder = folder
        self.api = api
        self.state = load_state(folder) or State(client)
        self._keys: dict[int, Record] = {}  # id to its KEYS, of the segment being read
        self._keys_of_segment = 0
        self._upload: Upload | None = None
        self.versions: dict[str, int | None] = {}  # of registered models, by bundle
        self.refusals: list[str] = []  # for the person at the terminal
        self.is_unmarked = False  # how far it is could not be written down

    def is_at(self, position: Position) -> bool:
        """Whether everything before it was delivered, artifacts too."""
        state = self.state
        return state.position >= position and not (state.bundles or state.untold)

    def step(self, stop: Position | None) -> bool:
        """Deliver one batch or one event of what lies before `stop` (None: the end).

        False where nothing was left. Raises Unreachable and Denied: the same step may be tried
        again. What the server refuses is put aside in refused.jsonl and counted.
        """
        state = self.state
        self._read_keys()
        batch = Batch(dict(self._keys))
        for record in read(self.folder, state.position, state.cut or stop):
            if batch.points and not state.cut and record.end.segment != batch.segment:
                break  # its own segment may be gone sooner
            if record.kind == EVENT or not batch.knows(record):
                if not batch.points:
                    self._event(record)
                    return True
                break
            if not batch.takes(record):
                break
            batch.add(record)
        if batch.end is None and state.cut is not None:
            self._give_up_cut()
            return True
        if batch.end is None:
            self._reach(stop)
            return self._upload_some() or self._tell()
        if batch.points:
            self._points(batch)
        else:
            self._advance(batch.end)
        return True

    def _give_up_cut(self) -> None:
        """What was on its way is gone with the memory it lay in: its number is not used again."""
        state = self.state
        state.number += 1
        state.cut_segment = state.cut_offset = None
        self._save(durable=True)

    def _reach(self, stop: Position | None) -> None:
        """There is nothing before `stop`: it may be the beginning of a segment."""
        state = self.state
        if stop is not None and stop > state.position:
            state.segment, state.offset = stop.segment, stop.offset

    def _read_keys(self) -> None:
        """The keys named in this segment before the position, once per segment."""
        state = self.state
        if self._keys_of_segment == state.segment:
            return
        start = Position(state.segment)
        self._keys = {
            id_of(one): one for one in read(self.folder, start, state.position) if one.kind == KEYS
        }
        self._keys_of_segment = state.segment

    def _points(self, batch: Batch) -> None:
        state, end = self.state, batch.end
        assert end is not None
        if state.cut != end:
            self._cut(end)
        header = json.dumps({"client": state.client, "number": state.number}).encode()
        body = len(header).to_bytes(4, "little") + header + b"".join(batch.pieces)
        try:
            self.api.post_bytes(f"runs/{self._run}/metrics/", body, CONTENT_TYPE)
        except Refused as error:
            if known := self._known_end(error, batch):
                self._cut(known)
                return
            about = {"points": batch.points, "why": str(error)}
            self._put_aside(about, b"".join(batch.pieces), batch.points)
        self._keys = batch.keys
        self._advance(end)

    def _cut(self, end: Position) -> None:
        """The batch of the next number ends there, from now on."""
        state = self.state
        before = state.cut_segment, state.cut_offset
        state.cut_segment, state.cut_offset = end.segment, end.offset
        try:
            self._save(durable=True)
        except OSError:
            state.cut_segment, state.cut_offset = before
            raise

    def _known_end(self, error: Refused, batch: Batch) -> Position | None:
        """Where the batch ends that the server has under this number, where it is a shorter one:
        it was sent, and what was written down of it is lost."""
        if error.code != NUMBER_USED:
            return None
        (told, *_) = error.fields.get("points") or [""]
        left = int(told) if str(told).isdigit() else 0
        if not 0 < left < batch.points:
            return None
        for record in read(self.folder, self.state.position, batch.end):
            if record.kind == POINTS:
                left -= value_count(record.payload)
            if left <= 0:
                return record.end if left == 0 else None
        return None

    @property
    def _run(self) -> str:
        if self.state.run is None:
            raise Refused(NO_RUN)
        return segment(self.state.run)

    def _event(self, record: Record) -> None:
        sent, kind = "", ""
        if record.kind != EVENT:
            self._put_aside({"why": "damaged bytes in the spool"}, record.raw, 1)
        else:
            event = event_of(record.payload)
            kind = event["type"]
            try:
                self._send(event)
            except Refused as error:
                self._put_aside({"event": kind, "why": str(error)}, record.raw, 1)
            else:
                sent = event["content"]["file"] if kind == "file" else ""
        self._advance(record.end, is_resume=kind == "resume")
        if sent:
            (self.folder / sent).unlink(missing_ok=True)

    def _send(self, event: dict[str, Any]) -> None:
        """One event as the request that stands for it."""
        state = self.state
        kind, content = event["type"], event.get("content", {})
        key = f"{state.client}-{state.number}"
        if kind == "start":
            state.run, state.project = self._start(content)
            self._send_left_out(content)
        elif kind == "resume":
            state.run, state.project = self._resume(**content)
        elif kind == "attach":
            state.run, state.project = self._run_of(Path(content["parent"]))
        elif kind == "params":
            self._send_params(content)
        elif kind == "summary":
            self.api.post(f"runs/{self._run}/summary/", {"summary": content})
        elif kind == "edit":
            self.api.patch(f"runs/{self._run}/", content)
        elif kind == "environment":
            self.api.put(f"runs/{self._run}/environment/", {"environment": content})
        elif kind == "snapshot":
            self.api.post(f"runs/{self._run}/snapshot/", content, key=key)
        elif kind == "console":
            at = {} if time_of(event) is None else {"time": time_of(event)}
            body = {"client": state.client, "number": state.number, **at, **content}
            self.api.post(f"runs/{self._run}/log/", body)
        elif kind == "episodes":
            self.api.post(f"runs/{self._run}/evaluations/", content, key=key)
        elif kind == "file":
            self._send_file(content)
        elif kind == "alert":
            self._send_alert(content["path"], content["alert"])
        elif kind == "use":
            self.api.post(f"runs/{self._run}/artifacts/", content)
        elif kind == "artifact":
            state.bundles.append(content["bundle"])  # written down with the advance
        elif kind == "finish":
            self._finish({**moment("finished_at", time_of(event)), **content})
        else:
            raise Refused(f"events of type {kind!r} are not known to this version")

    def _run_of(self, folder: Path) -> tuple[str, str | None]:
        """The run, and its project, of the process this one was forked from. Raises Unreachable: it
        may come yet, or has gone to another server."""
        parent = load_state(folder)
        if parent is not None and parent.run is None and parent.number:
            raise Refused(NO_RUN)
        if parent is None or parent.run is None:
            raise Unreachable("the run of the parent process is not known to the server yet")
        try:
            is_here = about_of(folder)["url"].rstrip("/") == self.api.url
        except SpoolDamaged:
            is_here = False
        if not is_here:
            try:
                self.api.get(f"runs/{segment(parent.run)}/")
            except Refused as error:
                message = f"the run of the parent process is not on {self.api.url}"
                raise Unreachable(message) from error
        return parent.run, parent.project

    def _start(self, content: dict[str, Any]) -> tuple[str, str]:
        """Create the run, and its project where there is none. Raises Denied instead of Refused:
        without its run nothing of the spool can be delivered, and all of it must be kept.

        A parent whose own start is still in its spool is waited for; one that is gone from the
        server does not keep the child from it. Nor does what describes the run and is refused.

        The origin makes it the same run when the answer was lost, however long ago: so what is
        left out of it is written down before."""
        content = {"origin": self.state.client, **content}
        spool = content.pop("parent_spool", None)
        left_out = self.state.left_out
        while True:
            try:
                found = self._create({key: content[key] for key in content if key not in left_out})
            except Refused as error:
                if error.code == "parent_not_found":
                    if spool is not None and _is_on_its_way(Path(spool)):
                        raise Unreachable(NO_PARENT) from error
                    refused = [name for name in PARENT if name in content]
                else:
                    parts = {name.partition(".")[0] for name in error.fields}
                    refused = [name for name in DESCRIBING if name in parts and name in content]
                if not set(refused) - set(left_out):
                    raise Denied(f"The server does not take this run: {error}") from error
                left_out.update((name, str(error)) for name in refused)
                self._save(durable=True)
            else:
                return str(found["id"]), str(found["project"])

    def _send_left_out(self, content: dict[str, Any]) -> None:
        """What the run's start had to do without: of the params all that are taken."""
        left_out, self.state.left_out = self.state.left_out, {}
        for name, why in left_out.items():
            if name == "params":
                self._send_params(content[name])
            elif name in PARENT:
                self._note({"parent": content[name], "why": why}, 1)
            else:
                self._put_aside({"event": name, "why": why}, _alone(name, content[name]), 1)

    def _create(self, content: dict[str, Any]) -> dict[str, Any]:
        """The run, in a project that is made where there is none. Raises Refused."""
        try:
            found: dict[str, Any] = self.api.post("runs/", content)
        except Refused as error:
            if error.code != "project_not_found":
                raise
            workspace, _, slug = content["project"].rpartition("/")
            body = {"slug": slug, **({"workspace": workspace} if workspace else {})}
            self.api.post("projects/", body, key=f"{self.state.client}-project")
            found = self.api.post("runs/", content)
        return found

    def _resume(self, run: str, after_step: int | None) -> tuple[str, str]:
        """Go on with a run. Again after a lost answer it does the same: nothing was sent since.
        Raises Refused for a run that the server does not have, and with it all that follows; Denied
        for one that may not go on now."""
        try:
            found = self.api.post(f"runs/{segment(run)}/resume/", {"after_step": after_step})
        except Refused as error:
            if error.status == 404:
                raise Refused(
                    f"there is no run {run} to go on with: nothing of this spool has a place there",
                    error.status,
                ) from error
            raise Denied(f"The server does not let this run go on: {error}") from error
        return str(found["id"]), str(found["project"])

    def _send_params(self, content: dict[str, Any]) -> None:
        address = f"runs/{self._run}/params/"
        left, why = _params.send(content, lambda some: self.api.post(address, {"params": some}))
        if left:
            self._put_aside({"event": "params", "why": why}, _alone("params", left), 1)

    def _send_file(self, content: dict[str, Any]) -> None:
        address = f"runs/{self._run}/files/content/?{urlencode({'path': content['path']})}"
        try:
            with (self.folder / content["file"]).open("rb") as file:
                self.api.put_file(address, file, os.fstat(file.fileno()).st_size)
        except FileNotFoundError as error:
            raise Refused(f"{content['path']} is gone from the spool") from error

    def _send_alert(self, path: str, alert: dict[str, Any]) -> None:
        data = json.dumps(alert).encode()
        address = f"runs/{self._run}/files/content/?{urlencode({'path': path})}"
        self.api.put_file(address, io.BytesIO(data), len(data))

    def _finish(self, content: dict[str, Any]) -> None:
        try:
            self.api.post(f"runs/{self._run}/finish/", content)
        except Refused as error:
            # Ended already: an answer that was lost, or somebody's decision in the browser.
            if error.status != 409:
                raise
        self.state.done = True

    def _upload_some(self) -> bool:
        """A little of the oldest artifact on its way; False where none is."""
        if not self.state.bundles:
            return False
        path = self.folder / self.state.bundles[0]
        name, number = path.name, None
        try:
            if self._upload is None:
                project = self.state.project or self.api.get(f"runs/{self._run}/")["project"]
                self._upload = Upload(self.api, path, run=self._run, project=project)
            name = self._upload.name
            if not self._upload.step():
                return True
            number = self._upload.version
        except (Refused, Changed, FileNotFoundError) as error:  # its list and copies stay
            self._note({"artifact": path.name, "name": name, "why": str(error)}, 1)
        else:
            _bundle.remove(path)
        self.versions[path.name] = number
        self._upload = None
        del self.state.bundles[0]
        self._save(durable=True)
        return True

    def _tell(self) -> bool:
        """An alert on the run's page for what was refused; False where there is none to send."""
        state = self.state
        if not state.untold:
            return False
        if state.run and state.alerts < MOST_ALERTS:
            text = "\n".join([*state.untold, f"Kept in {self.folder}; {AGAIN}"])
            title = f"The server refused {counted(state.refused)} of this run"
            body = {"title": title, "text": text, "level": "error", "time": time.time()}
            path = f"alerts/{time.time_ns():019d}-{state.client[:8]}.json"
            with contextlib.suppress(Refused):  # it is in refused.jsonl, and was said
                self._send_alert(path, body)
            state.alerts += 1
        state.untold = []
        self._save(durable=True)
        return True

    def _advance(self, end: Position, *, is_resume: bool = False) -> None:
        """`is_resume`: a run was resumed, which again would drop what is sent from now on."""
        state = self.state
        finished = [one for one in segments(self.folder) if one.number < end.segment]
        before = state.position
        state.segment, state.offset = end.segment, end.offset
        state.number += 1
        state.cut_segment = state.cut_offset = None
        if is_resume:
            try:
                save_state(self.folder, state, durable=True)
            except OSError:
                state.segment, state.offset = before.segment, before.offset
                state.number -= 1
                raise
        else:
            self._save(durable=bool(finished))
        for one in finished:
            one.remove()

    def _put_aside(self, what: dict[str, Any], raw: bytes, count: int) -> None:
        """Keep the bytes beside the reason: nothing the user logged is thrown away."""
        number = f"refused-{self.state.number}"
        taken = len(list(self.folder.glob(f"{number}*.bin")))
        name = f"{number}-{taken + 1}.bin" if taken else f"{number}.bin"
        (self.folder / name).write_bytes(raw)
        self._note({"bytes": name, **what}, count)

    def _note(self, what: dict[str, Any], count: int) -> None:
        self.state.refused += count
        about = f"artifact {what['name']!r}" if "name" in what else what.get("event", "")
        about = about or (f"{count} values" if "points" in what else "a part of the spool")
        said = f"{about}: {what['why']}"
        if what["why"] != NO_RUN:  # of what follows a start that was refused, which was said
            self.refusals.append(said)
        if len(self.state.untold) < MOST_TOLD and what["why"] not in self.state.told:
            self.state.untold.append(said[:LONGEST_TOLD])
        what = {"time": time.time(), **what}
        with (self.folder / "refused.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(what, ensure_ascii=False) + "\n")

    def save(self) -> None:
        """Write down how far it is."""
        self._save(durable=True)

    def _save(self, *, durable: bool) -> None:
        """A disk without room for it keeps nothing from the server, which knows what it has."""
        try:
            save_state(self.folder, self.state, durable=durable)
        except OSError as error:
            if error.errno not in FULL:
                raise
            self.is_unmarked = True


def counted(records: int) -> str:
    """So many records, in words."""
    return f"{records} record{'' if records == 1 else 's'}"


def _alone(name: str, value: Any) -> bytes:
    """A part of a run's start as a record of its own, to be sent later."""
    is_kind = name in ("params", "environment")
    event = (
        {"type": name, "content": value} if is_kind else {"type": "edit", "content": {name: value}}
    )
    return record_of(event_payload(event))


def _is_on_its_way(folder: Path) -> bool:
    """Whether a spool holds a run's start that the server has not been told."""
    if not segments(folder):
        return False
    state = load_state(folder)
    return state is None or state.run is None

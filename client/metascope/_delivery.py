"""Delivery of a spool: in order, each piece until the server has it, nothing twice.

Points travel in numbered batches. Where a batch ends is written down before it is sent: after any
interruption exactly the same bytes go out under the same number, and the server knows them. Where
that could not be written down, the server says how many points it has under the number, and exactly
these are sent again. Only one delivery of a spool exists at a time (the spool's lock).
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from metascope import _bundle
from metascope._api import Api
from metascope._batch import Batch, id_of
from metascope._errors import Refused
from metascope._events import NO_RUN, Events
from metascope._records import (
    EVENT,
    KEYS,
    POINTS,
    event_of,
    value_count,
)
from metascope._segments import Position, Record, read, segments
from metascope._spool import FULL
from metascope._state import NAME, State, load_state, save_state
from metascope._upload import Changed, Upload

MOST_TOLD, LONGEST_TOLD, MOST_ALERTS = 20, 400, 5
AGAIN = "mend the cause, then `metascope sync --retry-refused` sends it again."
NUMBER_USED = "batch_number_used"
CONTENT_TYPE = "application/vnd.metascope.records"


class Delivery(Events):
    """Sends what a spool holds. Used by the run's own thread, and by `metascope sync`."""

    def __init__(self, folder: Path, client: str, api: Api) -> None:
        self.folder = folder
        self.api = api
        self.state = load_state(folder) or State(client)
        self._keys: dict[int, Record] = {}  # id to its KEYS, of the segment being read
        self._keys_of_segment = 0
        self._upload: Upload | None = None
        self.versions: dict[str, int | None] = {}  # of registered models, by bundle
        self.uploads: dict[str, str] = {}  # why a bundle was refused; empty where it is stored
        self.refusals: list[str] = []  # for the person at the terminal
        self.is_unmarked = False  # how far it is could not be written down

    def is_at(self, position: Position) -> bool:
        """Whether everything before it was delivered, artifacts too."""
        state = self.state
        return state.position >= position and not (state.bundles or state.untold)

    def mend(self) -> None:
        """Where somebody has removed what says how far it is, with the folder: say it again."""
        if not (self.folder / NAME).exists() and self.folder.exists():
            self.save()

    def step(self, stop: Position | None) -> bool:
        """Deliver one batch or one event of what lies before `stop` (None: the end).

        False where nothing was left. Raises Unreachable and Denied: the same step may be tried
        again. What the server refuses is put aside in refused.jsonl and counted.
        """
        state = self.state
        self._read_keys()
        batch = Batch(dict(self._keys))
        for record in read(self.folder, state.position, state.cut or stop):
            if stop and not batch.end and record.end.segment > state.segment:
                self._note_gone(record.end.segment)
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

    def _note_gone(self, segment: int) -> None:
        """Of a spool that is being written: segments that were removed before they were sent."""
        state = self.state
        if any(one.number == state.segment for one in segments(self.folder)):
            return
        state.segment, state.offset = segment, Position().offset
        self._note({"why": "segments of the spool were removed before they were sent"}, 1)

    def _give_up_cut(self) -> None:
        """What was on its way is gone with the memory it lay in: its number is not used again."""
        state = self.state
        state.number += 1
        state.cut_segment = state.cut_offset = None
        self._save(durable=True)

    def _reach(self, stop: Position | None) -> None:
        """There is nothing before `stop`, which is the beginning of a segment; anywhere else what
        lies before it was removed, and is not passed over."""
        state = self.state
        if stop is not None and stop > state.position and stop == Position(stop.segment):
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

    def _upload_some(self) -> bool:
        """A little of the oldest artifact on its way; False where none is."""
        if not self.state.bundles:
            return False
        path = self.folder / self.state.bundles[0]
        name, number, why = path.name, None, ""
        try:
            if self._upload is None:
                project = self.state.project or self.api.get(f"runs/{self._run}/")["project"]
                self._upload = Upload(self.api, path, run=self._run, project=project)
            name = self._upload.name
            if not self._upload.step():
                return True
            number = self._upload.version
        except (Refused, Changed, FileNotFoundError) as error:  # its list and copies stay
            why = str(error)
            self._note({"artifact": path.name, "name": name, "why": why}, 1)
        else:
            _bundle.remove(path)
        self.versions[path.name], self.uploads[path.name] = number, why
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
        with (self.folder / "refused.jsonl").open(
            "a", encoding="utf-8", errors="backslashreplace"
        ) as file:
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

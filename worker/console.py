"""The console of an attempt: what its process wrote to a file becomes rows, while it runs.

The process writes to the file itself, so nothing is lost when its worker dies: whoever supervises
the next attempt on this machine takes the rest over (`Console` on the same folder).
"""

import json
import os
import time
from pathlib import Path

from django.utils import timezone

from experiments import recording
from experiments.models import LogChunk

FILE_NAME = "console.log"
CHUNK_BYTES = 64 * 1024
MOST_BYTES = 32 * 1024 * 1024  # of one attempt; what comes after is counted, not kept


class Console:
    """Reads an attempt's console file from where it was left and records whole lines.

    `position` in the folder says which bytes the last chunk held. It is written before the chunk
    is recorded, so that after a crash the same bytes are recorded under the same number, once.
    """

    def __init__(self, run_id: str, attempt: int, folder: Path) -> None:
        self._run_id = run_id
        self._attempt = attempt
        self._file = folder / FILE_NAME
        self._position = folder / "position"
        self._number = 0
        self._offset = 0
        if self._position.exists():
            self._continue(*json.loads(self._position.read_text()))

    def pump(self, *, is_final: bool = False) -> None:
        """Record the lines that were completed since; `is_final` takes a last partial line too."""
        while self._offset < MOST_BYTES and (data := self._next(is_final)):
            end = self._offset + len(data)
            self._note(self._number, self._offset, end)
            self._record(self._number, data)
            self._number, self._offset = self._number + 1, end
        if is_final:
            self._tell_what_is_missing()

    def _continue(self, number: int, start: int, end: int) -> None:
        recorded = LogChunk.objects.filter(
            run_id=self._run_id, attempt=self._attempt, number=number
        )
        if not recorded.exists():
            with self._file.open("rb") as file:
                file.seek(start)
                self._record(number, file.read(end - start))
        self._number, self._offset = number + 1, end

    def _next(self, is_final: bool) -> bytes:
        try:
            with self._file.open("rb") as file:
                file.seek(self._offset)
                data = file.read(CHUNK_BYTES)
        except FileNotFoundError:  # the process has not been started yet
            return b""
        whole = data.rfind(b"\n") + 1
        # A line longer than a chunk is cut: there is no end of it to wait for.
        return data if is_final or len(data) == CHUNK_BYTES and not whole else data[:whole]

    def _record(self, number: int, data: bytes) -> None:
        lines = data.decode(errors="replace").replace("\x00", "\ufffd").splitlines()
        text = recording.stamped(lines, timezone.now())
        recording.append_log(run_id=self._run_id, attempt=self._attempt, number=number, text=text)

    def _note(self, number: int, start: int, end: int) -> None:
        temporary = self._position.with_suffix(".new")
        temporary.write_text(json.dumps([number, start, end]))
        os.replace(temporary, self._position)

    def _tell_what_is_missing(self) -> None:
        size = self._file.stat().st_size if self._file.exists() else 0
        if size > self._offset:
            text = f"WARNING {size - self._offset} more bytes were written and not kept"
            stamped = f"{time.strftime('%H:%M:%S', time.gmtime())} {text}"
            self._record(self._number, stamped.encode())
            self._number, self._offset = self._number + 1, size

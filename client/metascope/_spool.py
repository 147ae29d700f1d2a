"""The spool: a folder of segment files to which a process appends records before `log` returns.

    <folder>/lock            held (flock) by the process that writes or delivers
    <folder>/00000001.seg    MAGIC, then records; a new one every SEGMENT_BYTES
    <folder>/state.json      how far it was delivered (see _delivery)
    <folder>/about.json      which server it is for, and who may adopt it (see _adopt)
    <folder>/refused.jsonl   what the server would not take, and why

A written record is in the kernel's hands: it survives the death of the process. `sync` puts it on
the disk: called every second, so that a machine without power loses that second at most.

While the disk is full, records are held in memory, HELD_BYTES at most, and written once there is
room: these few alone do not survive the process. Where no spool can be begun, see _standby.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from metascope._errors import MetascopeError
from metascope._records import HEAD, LONGEST_PAYLOAD

# Found once: every `log` of a script calls them.
_write = os.write
_pack_head = HEAD.pack

ABOUT = "about.json"
MAGIC = b"MSSPOOL1"
SEGMENT_BYTES = 64 * 1024 * 1024
BLOCK = 1024 * 1024  # read at once; more only where a record is longer
LONGEST_BLOCK = LONGEST_PAYLOAD + HEAD.size
HELD_BYTES = 16 * 1024 * 1024
HELD_EXTRA = 64  # bytes of memory that a held record needs beside its own
RETRY_S = 0.5
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LIMIT_BYTES = 4 * 1024 * 1024 * 1024  # of undelivered segments; what comes later is counted as lost


class SpoolFull(MetascopeError):
    """The spool may not grow any more."""


class SegmentFull(MetascopeError):
    """The next record belongs into a new segment: `rotate`, and name the keys again."""


class SpoolInUse(MetascopeError):
    """Another process writes or delivers this spool."""


class SpoolDamaged(MetascopeError):
    """A file that says what a spool is for, or how far it was delivered, is missing or torn."""


@dataclass(frozen=True, order=True)
class Position:
    """A place between two records."""

    segment: int = 1
    offset: int = len(MAGIC)


@dataclass(frozen=True)
class Record:
    """A record found, and where it ends."""

    raw: bytes
    end: Position

    @property
    def payload(self) -> memoryview:
        """Without the head; empty where bytes were no record."""
        return memoryview(self.raw)[HEAD.size :]

    @property
    def kind(self) -> int:
        """KEYS, POINTS or EVENT; 0 where bytes were no record."""
        return self.raw[HEAD.size] if self.raw else 0


class Spool:
    """The writing end. Callers serialise their calls; `sync` may run beside `write`."""

    def __init__(
        self, folder: Path, url: str, *, owner: Mapping[str, str] | None = None,
        segment_bytes: int = SEGMENT_BYTES, limit_bytes: int = LIMIT_BYTES,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._limit_bytes = limit_bytes
        self._segment = 0
        self._offset = 0
        self._most = segment_bytes  # of this segment
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._most_held = HELD_BYTES
        self._holding = threading.RLock()  # of these two; a signal handler may log, too
        self._tried = 0.0
        folder.mkdir(parents=True, mode=0o700)
        try:
            (folder / ABOUT).write_text(json.dumps({"url": url, **(owner or {})}), "utf-8")
            self._lock = Lock(folder)
            self._fd = self._open_next()
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @property
    def written(self) -> Position:
        """The end of the last record written whole."""
        return Position(self._segment, self._offset)

    def write(self, payload: bytes) -> None:
        """Append one record. Raises SegmentFull, ValueError for one that is too long, and OSError
        (a full disk, and as much held as may be): then nothing is kept."""
        if self._held:
            self._hold(payload)
            return
        size = len(payload)
        if size > LONGEST_PAYLOAD:
            raise ValueError(f"{size} bytes are too many: {LONGEST_PAYLOAD} are the most")
        offset = self._offset
        if offset >= self._most:
            raise SegmentFull
        try:
            end = offset + _write(self._fd, _pack_head(size, crc32(payload)) + payload)
        except OSError as error:
            if error.errno not in FULL:
                raise
            end = offset
        if end - offset != size + HEAD.size:
            self._cut()
            self._hold(payload)
            return
        self._offset = end

    @property
    def held(self) -> int:
        """Records that wait for room on the disk."""
        return len(self._held)

    def retry(self) -> None:
        """Write what is held, as far as there is room. May run beside `write`."""
        with self._holding:
            self._tried = time.monotonic()
            while self._held:
                payload = self._held[0]
                data = _pack_head(len(payload), crc32(payload)) + payload
                try:
                    written = _write(self._fd, data)
                except OSError:
                    return
                if written != len(data):
                    self._cut()
                    return
                self._offset += written
                self._held_bytes -= len(payload) + HELD_EXTRA
                self._held.popleft()  # the last step: whoever sees none left writes by itself

    def _hold(self, payload: bytes) -> None:
        with self._holding:
            if self._held_bytes + len(payload) > self._most_held:
                raise OSError(errno.ENOSPC, "The disk of the spool is full")
            self._held.append(payload)
            self._held_bytes += len(payload) + HELD_EXTRA
            if time.monotonic() - self._tried >= RETRY_S:
                self.retry()

    def lift_limits(self) -> None:
        """For the last words, which are few: a run's end is kept whatever had to be left out."""
        self._limit_bytes *= 2
        self._most_held *= 2

    def rotate(self) -> None:
        """Go on in a new segment; in this one for a while where the disk has no room for another.
        Raises SpoolFull when undelivered segments are too many."""
        kept = sum(path.stat().st_size for path in segments(self.folder))
        if kept >= self._limit_bytes:
            raise SpoolFull(f"{self.folder} holds {kept} bytes that were not delivered")
        try:
            fd = self._open_next()
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._most = self._offset + HELD_BYTES
            return
        self._most = self._segment_bytes
        old, self._fd = self._fd, fd
        os.fsync(old)
        os.close(old)

    def sync(self) -> None:
        """Put what was written on the disk."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Sync, as far as the disk lets us, and let go; the files stay."""
        self.retry()
        with contextlib.suppress(OSError):
            self.sync()
        self._close()
        self._lock.release()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's files without a word to them."""
        self._close()
        self._lock.abandon()

    def _close(self) -> None:
        """Whoever comes too late finds no file, and not one that has got the same number since."""
        fd, self._fd = self._fd, -1
        os.close(fd)

    def _open_next(self) -> int:
        number = self._segment + 1
        path = self.folder / f"{number:08}.seg"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            if os.write(fd, MAGIC) != len(MAGIC):
                raise OSError(errno.ENOSPC, "The disk of the spool is full")
        except OSError:
            os.close(fd)
            path.unlink()
            raise
        # In this order: a thread that looks at `written` between the two sees an old place.
        self._offset = len(MAGIC)
        self._segment = number
        return fd

    def _cut(self) -> None:
        """Take back what was written of a record that did not fit."""
        os.ftruncate(self._fd, self._offset)


class Lock:
    """The spool's lock; it dies with the process that holds it."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise SpoolInUse(f"{folder} is in use by another process") from None

    def release(self) -> None:
        """Let others have the spool."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)

    def abandon(self) -> None:
        """Close it in a forked child; the parent keeps the lock, which belongs to the open file."""
        os.close(self._fd)


def about_of(folder: Path) -> dict[str, str]:
    """Which server a spool is for, and who may adopt it. Raises SpoolDamaged."""
    path = folder / ABOUT
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("url"), str):
        mended = json.dumps({"url": "http://ITS-SERVER"})
        raise SpoolDamaged(f"{path} is missing or damaged: write {mended} into it, then sync again")
    return found


def segments(folder: Path) -> list[Path]:
    """The segments of a spool in order."""
    return sorted(folder.glob("*.seg"))


def file_bytes(folder: Path) -> int:
    """Of the files beside the segments of a spool."""
    files = [path for path in folder.rglob("*") if path.suffix != ".seg"]
    return sum(path.stat().st_size for path in files if path.is_file())


def clear(folder: Path) -> None:
    """Remove the segments of a spool that was delivered. Its state stays: a forked process finds
    there which run it belongs to."""
    for path in segments(folder):
        path.unlink()


def read(folder: Path, start: Position, stop: Position | None = None) -> Iterator[Record]:
    """The records from `start` on: to `stop`, or to the end of the last segment.

    Without `stop` the writer is dead: a record torn by its death ends the reading. Bytes in the
    middle that are no record (a damaged disk) are skipped up to the next record, and yielded as a
    `Record` whose payload is empty.
    """
    for path in segments(folder):
        number = int(path.stem)
        if number < start.segment or (stop and number > stop.segment):
            continue
        offset = start.offset if number == start.segment else len(MAGIC)
        end = stop.offset if stop and number == stop.segment else None
        yield from _read_segment(path, number, offset, end)


def _read_segment(path: Path, number: int, offset: int, end: int | None) -> Iterator[Record]:
    with path.open("rb") as file:
        file.seek(offset)
        while end is None or offset < end:
            rest = LONGEST_BLOCK if end is None else end - offset
            block = file.read(min(BLOCK, rest))
            taken = 0
            while size := _record_size(block, taken):
                raw = block[taken : taken + size]
                taken += size
                yield Record(raw, Position(number, offset + taken))
            if taken == 0 and len(block) == BLOCK:  # a longer record, or damaged bytes
                file.seek(offset)
                block = file.read(min(LONGEST_BLOCK, rest))
                if size := _record_size(block, 0):
                    taken = size
                    yield Record(block[:size], Position(number, offset + taken))
            if taken == 0:
                taken = _next_record(block) or (len(block) if len(block) == LONGEST_BLOCK else 0)
                if taken == 0:
                    return  # the end, or a record torn by the writer's death
                yield Record(b"", Position(number, offset + taken))
            offset += taken
            file.seek(offset)


def _record_size(block: bytes, at: int) -> int:
    """Bytes of the whole and sound record at that place; 0 where there is none."""
    if len(block) - at < HEAD.size:
        return 0
    length, crc = HEAD.unpack_from(block, at)
    size = HEAD.size + length
    if not 0 < length <= LONGEST_PAYLOAD or len(block) - at < size:
        return 0
    return size if crc32(memoryview(block)[at + HEAD.size : at + size]) == crc else 0


def _next_record(block: bytes) -> int:
    """How far the next sound record is; 0 where none follows."""
    return next((at for at in range(1, len(block)) if _record_size(block, at)), 0)

"""The spool: a folder of segment files to which a process appends records before `log` returns.

    <folder>/lock            held (flock) by the process that writes or delivers
    <folder>/00000001.seg    MAGIC, then records; a new one every SEGMENT_BYTES (see _segments)
    <folder>/state.json      how far it was delivered (see _state)
    <folder>/about.json      which server it is for, and who may adopt it (see _adopt)
    <folder>/refused.jsonl   what the server would not take, and why

A written record is in the kernel's hands: it survives the death of the process. `sync` puts it on
the disk: called every second, so that a machine without power loses that second at most.

While the disk is full, segments are begun elsewhere: in the overflow, and where that has no room
either in memory, EXTRA_BYTES at most. They are read and delivered in order like all others; those
in memory alone do not survive the process. Where no spool can be begun, see _standby.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import resource
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from zlib import crc32

from metascope._errors import MetascopeError
from metascope._records import EVENT, HEAD, LONGEST_PAYLOAD, POINTS, value_count
from metascope._segments import (
    MAGIC,
    OVERFLOW,
    Position,
    Record,
    Segment,
    forget_memory,
    in_memory,
    keep_in_memory,
    read,
    segments,
)

# Found once: every `log` of a script calls them.
_write = os.write
_pack_head = HEAD.pack

ABOUT = "about.json"
LOCK = "lock"
SEGMENT_BYTES = 64 * 1024 * 1024
EXTRA_BYTES = 16 * 1024 * 1024  # of segments that are not on the spool's own disk, together
EXTRA_SEGMENT_BYTES = 1024 * 1024  # of one: what was delivered makes room
RETRY_S = 0.5
ROOM_BYTES = 128 * 1024  # with so much on the disk it is written again
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
LIMIT_BYTES = 4 * 1024 * 1024 * 1024  # of undelivered segments; what comes later is counted as lost
_LONG_AGO = float("-inf")


class SpoolFull(MetascopeError):
    """The spool may not grow any more."""


class SegmentFull(MetascopeError):
    """The next record belongs into a new segment: `rotate`, and name the keys again."""


class SpoolInUse(MetascopeError):
    """Another process writes or delivers this spool."""


class SpoolDamaged(MetascopeError):
    """A file that says what a spool is for, or how far it was delivered, is missing or torn."""


class Spool:
    """The writing end. Callers serialise their calls; `sync` and `look_for_room` may run beside
    `write`."""

    def __init__(
        self, folder: Path, url: str, *, owner: Mapping[str, str] | None = None,
        overflow: Path | None = None, segment_bytes: int = SEGMENT_BYTES,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.lost = 0  # values and events that it could not keep, once it is closed
        self._segment_bytes = segment_bytes
        self._limit_bytes = limit_bytes
        self._extra_bytes = EXTRA_BYTES
        self._segment = 0
        self._offset = 0
        self._most = segment_bytes  # of this segment
        self._places: list[Callable[[int], int]] = [self._on_disk, self._overflowing]
        if hasattr(os, "memfd_create"):
            self._places.append(self._in_memory)
        self._place = 0  # of the segment being written
        self._full_since = [_LONG_AGO] * len(self._places)
        self._about = json.dumps({"url": url, **(owner or {})})
        self._overflow = overflow
        folder.mkdir(parents=True, mode=0o700)
        try:
            self._furnish()
            self._lock = Lock(folder)
            self._fd = self._on_disk(1)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._begin(1)

    def _furnish(self) -> None:
        (self.folder / ABOUT).write_text(self._about, "utf-8")
        if self._overflow is not None:  # led to now, as a full disk may have no room for that
            with contextlib.suppress(FileExistsError):
                (self.folder / OVERFLOW).symlink_to(self._overflow)

    @property
    def written(self) -> Position:
        """The end of the last record written whole."""
        return Position(self._segment, self._offset)

    def write(self, payload: bytes) -> None:
        """Append one record. Raises SegmentFull, also where its disk has no room for it, ValueError
        for one that is too long, and OSError: then nothing is kept."""
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
            self._note_full(size)
            raise SegmentFull from error
        if end - offset != size + HEAD.size:
            os.ftruncate(self._fd, offset)  # what was written of a record that did not fit
            self._note_full(size)
            raise SegmentFull
        self._offset = end

    def append(self, payload: bytes) -> None:
        """A record that needs no keys, in a new segment where it must be. Raises as `write` and
        `rotate` do."""
        while True:
            try:
                self.write(payload)
                return
            except SegmentFull:
                self.rotate()

    def rotate(self) -> None:
        """Go on in a new segment: on the disk, or where there is room. Raises SpoolFull when there
        is none, or undelivered segments are too many."""
        self.mend()
        kept = sum(one.bytes for one in segments(self.folder) if one.is_on_disk)
        if kept >= self._limit_bytes:
            raise SpoolFull(f"{self.folder} holds {kept} bytes that were not delivered")
        number = self._segment + 1
        fd = self._open(number)
        old, self._fd = self._fd, fd
        self._begin(number)
        with contextlib.suppress(OSError):  # a disk in trouble: what is written may yet be sent
            os.fsync(old)
        os.close(old)

    def look_for_room(self) -> None:
        """Go back to the disk with the next record, once there is room, or once its file has been
        removed; with what has no file at once. Not beside `read`."""
        if self._is_removed():
            self._most = 0
            return
        pieces = [one for one in in_memory(self.folder) if one.number < self._segment]
        if not (self._place or pieces) or time.monotonic() - self._full_since[0] < RETRY_S:
            return
        if _room_bytes(self.folder) >= ROOM_BYTES:
            self._rescue(pieces)
            self._most = 0 if self._place else self._most

    def mend(self) -> None:
        """Where somebody has removed the folder, or the segment in it: make it again. What was
        written into that segment is there as long as its descriptor is. Not beside `write`."""
        if not self._is_removed():
            return
        if all(one.number != self._segment for one in in_memory(self.folder)):
            keep_in_memory(self.folder, self._segment, self._fd)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._furnish()
        if not (self.folder / LOCK).exists():
            old, self._lock = self._lock, Lock(self.folder)
            old.release()

    def _is_removed(self) -> bool:
        """Whether the segment being written is a file that has no name any more."""
        is_file = self._places[self._place] != self._in_memory
        with contextlib.suppress(OSError):  # a thread that looks on while it is closed
            return is_file and os.fstat(self._fd).st_nlink == 0
        return False

    def lift_limits(self) -> None:
        """For the last words, which are few: a run's end is kept whatever had to be left out."""
        self._limit_bytes *= 2
        self._extra_bytes *= 2

    def sync(self) -> None:
        """Put what was written on the disk."""
        os.fsync(self._fd)

    def close(self, delivered: Position | None = None) -> None:
        """Sync, as far as the disk lets us, and let go; the files stay. What lies behind
        `delivered` and finds no room on any disk ends here."""
        with contextlib.suppress(OSError):
            self.sync()
        self._close()
        self._rescue(in_memory(self.folder))
        numbers = {one.number for one in in_memory(self.folder)}
        left = read(self.folder, delivered or Position()) if numbers else ()
        self.lost = sum(_count(one) for one in left if one.end.segment in numbers)
        forget_memory(self.folder)
        self._lock.release()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's files without a word to them."""
        self._close()
        forget_memory(self.folder)
        self._lock.abandon()

    def _close(self) -> None:
        """Whoever comes too late finds no file, and not one that has got the same number since."""
        fd, self._fd = self._fd, -1
        os.close(fd)

    def _begin(self, number: int) -> None:
        """In this order: a thread that looks at `written` between the two sees an old place."""
        self._most = EXTRA_SEGMENT_BYTES if self._place else self._segment_bytes
        self._offset = len(MAGIC)
        self._segment = number

    def _open(self, number: int) -> int:
        """In the first place that has room."""
        now = time.monotonic()
        for place, begun in enumerate(self._places):
            if now - self._full_since[place] < RETRY_S:
                continue
            if place and self._extra() + EXTRA_SEGMENT_BYTES > self._extra_bytes:
                continue
            try:
                fd = begun(number)
            except OSError as error:
                if not place and error.errno not in FULL:
                    raise
                self._full_since[place] = now
                continue
            self._place = place
            return fd
        raise SpoolFull("the disk of the spool is full, and so is what stands in for it")

    def _extra(self) -> int:
        return sum(one.bytes for one in segments(self.folder) if not one.is_on_disk)

    def _on_disk(self, number: int) -> int:
        return _new_file(self.folder / f"{number:08}.seg")

    def _overflowing(self, number: int) -> int:
        folder = (self.folder / OVERFLOW).readlink()
        make_ours(folder.parents[1])
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _new_file(self.folder / OVERFLOW / f"{number:08}.seg")

    def _in_memory(self, number: int) -> int:
        fd = os.memfd_create("metascope", os.MFD_CLOEXEC)
        os.write(fd, MAGIC)
        keep_in_memory(self.folder, number, fd)
        return fd

    def _rescue(self, pieces: list[Segment]) -> None:
        """Make files of what is in memory alone, as far as there is room."""
        for one in pieces:
            path = self.folder / f"{one.number:08}.seg"
            try:
                shutil.copyfile(one.path, path.with_suffix(".tmp"))
            except OSError:
                path.with_suffix(".tmp").unlink(missing_ok=True)
                return
            os.replace(path.with_suffix(".tmp"), path)
            one.remove()

    def _note_full(self, size: int) -> None:
        """Of this place; not where files may not be any larger, but others may be begun."""
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        is_limit = most != resource.RLIM_INFINITY and self._offset + size + HEAD.size > most
        if not is_limit or self._offset == len(MAGIC):
            self._full_since[self._place] = time.monotonic()


def _new_file(path: Path) -> int:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    try:
        if os.write(fd, MAGIC) != len(MAGIC):
            raise OSError(errno.ENOSPC, "The disk of the spool is full")
    except OSError:
        os.close(fd)
        path.unlink()
        raise
    return fd


def _count(record: Record) -> int:
    """Values and events in it."""
    return value_count(record.payload) if record.kind == POINTS else int(record.kind == EVENT)


def make_ours(folder: Path) -> None:
    """A folder that nobody else can write, among those of others. Raises OSError where it is not
    this user's."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if not is_ours(folder):
        raise PermissionError(f"{folder} is another user's")


def is_ours(folder: Path) -> bool:
    """Whether it is a folder of this user that nobody else can write."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and found.st_uid == os.getuid() and not found.st_mode & 0o022


def _room_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Lock:
    """The spool's lock; it dies with the process that holds it."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
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

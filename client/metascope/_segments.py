"""The segments of a spool, in order, wherever they lie; and the records in them.

<folder>/00000001.seg             on the spool's own disk
<folder>/overflow/00000002.seg    begun while that was full: `overflow` leads to another disk,
                                  in memory where the machine has a file system for it
(no file)                         while that was full, too: it ends with its process
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from metascope._records import HEAD, LONGEST_PAYLOAD

MAGIC = b"MSSPOOL1"
OVERFLOW = "overflow"
BLOCK = 1024 * 1024  # read at once; more only where a record is longer
LONGEST_BLOCK = LONGEST_PAYLOAD + HEAD.size


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


@dataclass(frozen=True, order=True)
class Segment:
    """One file of records, or a piece of memory that is read like one."""

    number: int
    path: Path = field(compare=False)
    descriptor: int | None = field(default=None, compare=False)  # of a piece of memory

    @property
    def is_on_disk(self) -> bool:
        """On the spool's own."""
        return self.descriptor is None and self.path.parent.name != OVERFLOW

    @property
    def bytes(self) -> int:
        """Its size; 0 once it is gone."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def remove(self) -> None:
        """It was delivered, or moved."""
        if self.descriptor is None:
            self.path.unlink()
            return
        for found in _in_memory.values():
            if found.get(self.number) is self:
                del found[self.number]
                os.close(self.descriptor)


_in_memory: dict[Path, dict[int, Segment]] = {}  # by the spool's folder; of this process alone


def segments(folder: Path) -> list[Segment]:
    """The segments of a spool in order."""
    paths = [*folder.glob("*.seg"), *folder.glob(f"{OVERFLOW}/*.seg")]
    files = [Segment(int(path.stem), path) for path in paths]
    return sorted([*files, *in_memory(folder)])


def in_memory(folder: Path) -> list[Segment]:
    """Those that end with this process."""
    return list(_in_memory.get(folder, {}).values())


def keep_in_memory(folder: Path, number: int, descriptor: int) -> None:
    """A piece of memory is a segment of that spool, from now on until it is removed."""
    own = os.dup(descriptor)
    segment = Segment(number, Path(f"/proc/self/fd/{own}"), own)
    _in_memory.setdefault(folder, {})[number] = segment


def forget_memory(folder: Path) -> None:
    """What is in there is left to nobody."""
    for one in _in_memory.pop(folder, {}).values():
        if one.descriptor is not None:
            os.close(one.descriptor)


def file_bytes(folder: Path) -> int:
    """Of the files beside the segments of a spool."""
    files = [path for path in folder.rglob("*") if path.suffix != ".seg"]
    return sum(path.stat().st_size for path in files if path.is_file())


def clear(folder: Path) -> None:
    """Remove the segments of a spool that was delivered. Its state stays: a forked process finds
    there which run it belongs to."""
    for one in segments(folder):
        one.remove()
    with contextlib.suppress(OSError):
        place = (folder / OVERFLOW).readlink()
        shutil.rmtree(place)
        place.parent.rmdir()  # unless others of this user lie in there


def read(folder: Path, start: Position, stop: Position | None = None) -> Iterator[Record]:
    """The records from `start` on: to `stop`, or to the end of the last segment.

    Without `stop` the writer is dead: a record torn by its death ends the reading. Bytes in the
    middle that are no record (a damaged disk) are skipped up to the next record, and yielded as a
    `Record` whose payload is empty.
    """
    for one in segments(folder):
        number = one.number
        if number < start.segment or (stop and number > stop.segment):
            continue
        offset = start.offset if number == start.segment else len(MAGIC)
        end = stop.offset if stop and number == stop.segment else None
        yield from _read_segment(one.path, number, offset, end)


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

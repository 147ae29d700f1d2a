"""The spool: what was written is found again, whatever happened to the process or the file."""

import errno
import os
import resource
from contextlib import contextmanager

import pytest
from metascope import _spool
from metascope._records import EVENT, HEAD, LONGEST_PAYLOAD, event_of, event_payload
from metascope._spool import (
    MAGIC,
    Lock,
    Position,
    SegmentFull,
    Spool,
    SpoolFull,
    SpoolInUse,
    read,
    segments,
)


def spool_in(folder, **options) -> Spool:
    return Spool(folder / "spool", "http://127.0.0.1:1", **options)


def write(spool: Spool, *numbers: int) -> None:
    for number in numbers:
        spool.write(event_payload({"n": number}))


def numbers(folder, start=None, stop=None) -> list[int]:
    found = read(folder / "spool", start or Position(), stop)
    return [event_of(one.payload)["n"] for one in found if one.kind == EVENT]


def test_records_are_read_in_order_from_any_of_their_ends(tmp_path):
    spool = spool_in(tmp_path)
    write(spool, 1, 2)
    middle = spool.written
    write(spool, 3)

    assert numbers(tmp_path) == [1, 2, 3]
    assert numbers(tmp_path, stop=middle) == [1, 2]
    assert numbers(tmp_path, start=middle) == [3]


def test_a_new_segment_is_begun_when_one_is_full(tmp_path):
    spool = spool_in(tmp_path, segment_bytes=40)
    write(spool, 1, 2)
    with pytest.raises(SegmentFull):
        write(spool, 3)

    spool.rotate()
    write(spool, 3)

    assert len(segments(spool.folder)) == 2
    assert numbers(tmp_path) == [1, 2, 3]
    assert numbers(tmp_path, start=spool.written) == []


def test_undelivered_segments_are_bounded(tmp_path):
    spool = spool_in(tmp_path, segment_bytes=40, limit_bytes=50)
    write(spool, 1, 2)
    spool.rotate()
    write(spool, 3, 4)

    with pytest.raises(SpoolFull, match="were not delivered"):
        spool.rotate()


@pytest.mark.parametrize("kept", [0, 1, HEAD.size, HEAD.size + 3])
def test_a_torn_last_record_ends_the_reading(tmp_path, kept):
    spool = spool_in(tmp_path)
    write(spool, 1)
    whole = spool.written.offset
    write(spool, 2)
    os.truncate(segments(spool.folder)[0], whole + kept)

    assert numbers(tmp_path) == [1]


def test_damaged_bytes_are_skipped_and_told(tmp_path):
    spool = spool_in(tmp_path)
    write(spool, 1, 2, 3)
    path = segments(spool.folder)[0]
    data = bytearray(path.read_bytes())
    place = data.index(b'"n": 2') + 5
    data[place] ^= 0xFF
    path.write_bytes(data)

    found = list(read(spool.folder, Position()))

    assert [event_of(one.payload)["n"] if one.raw else None for one in found] == [1, None, 3]


def test_the_lock_is_held_by_the_writer_alone(tmp_path):
    spool = spool_in(tmp_path)
    with pytest.raises(SpoolInUse):
        Lock(spool.folder)

    spool.close()

    Lock(spool.folder).release()


@contextmanager
def full_disk(spool: Spool):
    """The kernel takes a part of the next record and refuses the rest, as at the end of a disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (spool.written.offset + 10, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_makes_records_wait_in_memory_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(_spool, "RETRY_S", 0.0)
    spool = spool_in(tmp_path)
    write(spool, 1)
    with full_disk(spool):
        write(spool, 2, 3)
        assert spool.held == 2
        assert numbers(tmp_path) == [1]
    write(spool, 4)

    assert spool.held == 0
    assert numbers(tmp_path) == [1, 2, 3, 4]


def test_what_waits_in_memory_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(_spool, "HELD_BYTES", 150)
    spool = spool_in(tmp_path)
    with full_disk(spool):
        write(spool, 1, 2)
        with pytest.raises(OSError, match="full"):
            write(spool, 3)
    spool.retry()
    write(spool, 4)

    assert numbers(tmp_path) == [1, 2, 4]


def test_a_disk_without_room_for_a_new_segment_goes_on_with_the_old_one(tmp_path, monkeypatch):
    spool = spool_in(tmp_path, segment_bytes=40)
    write(spool, 1, 2)
    with monkeypatch.context() as patch:
        patch.setattr(spool, "_open_next", lambda: full())
        spool.rotate()
    write(spool, 3)

    assert len(segments(spool.folder)) == 1
    assert numbers(tmp_path) == [1, 2, 3]


def full():
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_closed_spool_writes_into_no_file_that_got_its_number(tmp_path, monkeypatch):
    spool = spool_in(tmp_path)
    monkeypatch.setattr(spool, "sync", full)  # a disk in trouble lets go, too
    spool.close()
    with (tmp_path / "other").open("wb"), pytest.raises(OSError, match="Bad file descriptor"):
        write(spool, 1)

    assert (tmp_path / "other").read_bytes() == b""


def test_every_segment_begins_with_its_mark(tmp_path):
    spool = spool_in(tmp_path)

    assert segments(spool.folder)[0].read_bytes() == MAGIC
    assert spool.written == Position(1, len(MAGIC))


def test_a_record_that_is_too_long_is_refused_before_it_is_written(tmp_path):
    spool = spool_in(tmp_path)
    with pytest.raises(ValueError, match="too many"):
        spool.write(b"\x03" + b"x" * LONGEST_PAYLOAD)
    write(spool, 1)

    assert numbers(tmp_path) == [1]

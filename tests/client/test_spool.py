"""The spool: what was written is found again, whatever happened to the process or the file."""

import os
import resource

import pytest
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


def test_a_full_disk_keeps_what_was_whole(tmp_path):
    """The kernel takes a part of a record and refuses the rest, as at the end of a disk."""
    spool = spool_in(tmp_path)
    write(spool, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (spool.written.offset + 10, limits[1]))
    try:
        with pytest.raises(OSError, match="full|large"):
            write(spool, 2)
        with pytest.raises(OSError, match="full|large"):
            write(spool, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    write(spool, 4)

    assert numbers(tmp_path) == [1, 4]


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

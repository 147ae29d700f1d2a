"""The spool: what was written is found again, whatever happened to the process or the file."""

import errno
import os
import resource
from contextlib import contextmanager

import pytest
from metascope import _spool
from metascope._records import EVENT, HEAD, LONGEST_PAYLOAD, event_of, event_payload
from metascope._segments import MAGIC, Position, in_memory, read, segments
from metascope._spool import Lock, SegmentFull, Spool, SpoolFull, SpoolInUse


def spool_in(folder, **options) -> Spool:
    return Spool(folder / "spool", "http://127.0.0.1:1", **options)


def write(spool: Spool, *numbers: int) -> None:
    for number in numbers:
        spool.write(event_payload({"n": number}))


def append(spool: Spool, *numbers: int) -> None:
    for number in numbers:
        spool.append(event_payload({"n": number}))


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
    os.truncate(segments(spool.folder)[0].path, whole + kept)

    assert numbers(tmp_path) == [1]


def test_damaged_bytes_are_skipped_and_told(tmp_path):
    spool = spool_in(tmp_path)
    write(spool, 1, 2, 3)
    path = segments(spool.folder)[0].path
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


def without_room(monkeypatch, *folders) -> None:
    """No file below these can be written or begun any more."""
    real_write, real_open = os.write, os.open

    def write(descriptor: int, data: bytes) -> int:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if any(path.startswith(f"{folder}/") for folder in folders):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(descriptor, data)

    def begin(path, flags, *rest):
        name = os.path.realpath(path)
        if flags & os.O_CREAT and any(name.startswith(f"{folder}/") for folder in folders):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_open(path, flags, *rest)

    monkeypatch.setattr(_spool, "_write", write)
    monkeypatch.setattr(_spool.os, "open", begin)


def test_a_record_that_found_no_room_leaves_nothing_of_itself(tmp_path):
    spool = spool_in(tmp_path)
    write(spool, 1)
    with full_disk(spool), pytest.raises(SegmentFull):
        write(spool, 2)

    assert numbers(tmp_path) == [1]
    append(spool, 2, 3)
    assert numbers(tmp_path) == [1, 2, 3]


def test_on_a_full_disk_segments_are_begun_in_the_overflow(tmp_path, monkeypatch):
    spool = spool_in(tmp_path, overflow=tmp_path / "more" / "overflow" / "client")
    write(spool, 1)
    with monkeypatch.context() as patch:
        without_room(patch, spool.folder)
        append(spool, 2, 3)

    assert [one.is_on_disk for one in segments(spool.folder)] == [True, False]
    assert numbers(tmp_path) == [1, 2, 3]
    spool.close()  # as its process does when it dies
    assert spool.lost == 0
    assert numbers(tmp_path) == [1, 2, 3]


def test_on_full_disks_segments_lie_in_memory_and_are_read_like_others(tmp_path, monkeypatch):
    monkeypatch.setattr(_spool, "RETRY_S", 0.0)
    more = tmp_path / "more"
    spool = spool_in(tmp_path, overflow=more / "overflow" / "client")
    write(spool, 1)
    with monkeypatch.context() as patch:
        without_room(patch, spool.folder, more)
        append(spool, 2, 3)
        place = spool.written
        assert len(in_memory(spool.folder)) == 1
        assert numbers(tmp_path) == [1, 2, 3]

    spool.look_for_room()
    append(spool, 4)

    assert numbers(tmp_path) == [1, 2, 3, 4]
    assert numbers(tmp_path, start=place) == [4]
    assert segments(spool.folder)[-1].is_on_disk
    spool.close()
    assert (spool.lost, in_memory(spool.folder)) == (0, [])
    assert numbers(tmp_path) == [1, 2, 3, 4]


def test_what_ends_with_its_process_is_counted(tmp_path, monkeypatch):
    spool = spool_in(tmp_path)
    append(spool, 1)
    without_room(monkeypatch, spool.folder)
    monkeypatch.setattr(_spool.shutil, "copyfile", lambda *paths: full())
    append(spool, 2, 3)

    spool.close()

    assert spool.lost == 2
    assert numbers(tmp_path) == [1]


def test_what_does_not_lie_on_the_disk_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(_spool, "EXTRA_BYTES", 150)
    monkeypatch.setattr(_spool, "EXTRA_SEGMENT_BYTES", 50)
    monkeypatch.setattr(_spool, "RETRY_S", 0.0)
    spool = spool_in(tmp_path)
    with monkeypatch.context() as patch:
        without_room(patch, spool.folder)
        with pytest.raises(SpoolFull, match="full"):
            append(spool, *range(100))
        kept = numbers(tmp_path)
        assert kept == list(range(len(kept)))
        assert 0 < sum(one.bytes for one in in_memory(spool.folder)) <= 200

    append(spool, 100)

    assert numbers(tmp_path) == [*kept, 100]


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

    assert segments(spool.folder)[0].path.read_bytes() == MAGIC
    assert spool.written == Position(1, len(MAGIC))


def test_a_record_that_is_too_long_is_refused_before_it_is_written(tmp_path):
    spool = spool_in(tmp_path)
    with pytest.raises(ValueError, match="too many"):
        spool.write(b"\x03" + b"x" * LONGEST_PAYLOAD)
    write(spool, 1)

    assert numbers(tmp_path) == [1]

"""Uploads in numbered parts: in any order, each again, ended once; nothing of them stays behind."""

import io
import os
import threading
import time
from hashlib import sha256

import pytest

from experiments import blobs, numbered_parts, uploads
from experiments.errors import Invalid, NotFound

PARTS = [b"one", b"two", b""]
SENT = [(number, sha256(part).hexdigest()) for number, part in enumerate(PARTS, 1)]


@pytest.fixture
def upload():
    return numbered_parts.begin(user=1, target="a/b", parts=3)


def send(upload, *numbers):
    for number in numbers:
        numbered_parts.put(upload, number, io.BytesIO(PARTS[number - 1]))


class Kept:
    """Whoever wants the file."""

    def __init__(self):
        self.files = []

    def __call__(self, source):
        with blobs.arrived(source) as new:
            self.files.append(new.path.read_bytes())


def test_parts_in_any_order_become_one_file_and_are_gone(upload):
    send(upload, 3, 1)
    numbered_parts.put(upload, 2, io.BytesIO(b"not this"))
    send(upload, 2)
    kept = Kept()

    numbered_parts.complete(upload, SENT, kept)

    assert kept.files == [b"onetwo"]
    assert [one.suffix for one in blobs.incoming().iterdir()] == [".upload"]


def test_who_completes_again_finds_it_done(upload):
    send(upload, 1, 2, 3)
    kept = Kept()
    for _ in range(2):
        numbered_parts.complete(upload, SENT, kept)
    numbered_parts.abort(upload)
    numbered_parts.complete(upload, SENT, kept)
    assert len(kept.files) == 1


def test_two_who_complete_at_once_store_it_once(upload):
    send(upload, 1, 2, 3)
    kept, started = Kept(), threading.Barrier(2)

    def complete():
        started.wait()
        numbered_parts.complete(upload, SENT, kept)

    threads = [threading.Thread(target=complete) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept.files) == 1


@pytest.mark.parametrize("numbers", [[], [1, 2], [1, 2, 2], [2, 1, 3], [1, 2, 3, 4]])
def test_all_parts_are_named_once_and_in_order(upload, numbers):
    send(upload, 1, 2, 3)
    with pytest.raises(Invalid, match="parts 1 to 3"):
        numbered_parts.complete(upload, [(number, "") for number in numbers], Kept())


def test_a_part_that_is_missing_or_another_is_named_and_can_still_be_sent(upload):
    send(upload, 1, 3)
    kept = Kept()
    with pytest.raises(Invalid, match="Part 2 is not here"):
        numbered_parts.complete(upload, SENT, kept)
    numbered_parts.put(upload, 2, io.BytesIO(b"tow"))
    with pytest.raises(Invalid, match="Part 2 is another"):
        numbered_parts.complete(upload, SENT, kept)
    send(upload, 2)
    numbered_parts.complete(upload, SENT, kept)
    assert kept.files == [b"onetwo"]


def test_a_file_that_could_not_be_kept_leaves_the_upload_open(upload):
    send(upload, 1, 2, 3)

    def full(source):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        numbered_parts.complete(upload, SENT, full)
    kept = Kept()
    numbered_parts.complete(upload, SENT, kept)
    assert kept.files == [b"onetwo"]


def test_an_aborted_upload_takes_nothing_more(upload):
    send(upload, 1)
    for _ in range(2):
        numbered_parts.abort(upload)
    assert [one.suffix for one in blobs.incoming().iterdir()] == [".upload"]
    with pytest.raises(NotFound):
        send(upload, 2)
    with pytest.raises(NotFound):
        numbered_parts.complete(upload, SENT, Kept())
    assert [one.suffix for one in blobs.incoming().iterdir()] == [".upload"]


def test_only_its_user_finds_it(upload):
    assert numbered_parts.find(upload.id, 1) == upload
    for upload_id, user in ((upload.id, 2), ("x" * 32, 1), ("../" + "x" * 29, 1), ("", 1)):
        with pytest.raises(NotFound):
            numbered_parts.find(upload_id, user)


def test_limits_of_parts(upload, monkeypatch):
    for count in (0, -1, numbered_parts.MOST_PARTS + 1):
        with pytest.raises(Invalid, match="10,000 parts"):
            numbered_parts.begin(user=1, target="a", parts=count)
    for number in (0, 4):
        with pytest.raises(NotFound):
            numbered_parts.put(upload, number, io.BytesIO(b""))
    monkeypatch.setattr(numbered_parts, "LARGEST_PART", 2)
    with pytest.raises(Invalid, match="at most 2 bytes"):
        send(upload, 1)
    assert [one.suffix for one in blobs.incoming().iterdir()] == [".upload"]


def test_what_nobody_went_on_with_is_dropped(upload):
    send(upload, 1)
    assert uploads.drop_stale_parts() == 0
    for one in blobs.incoming().iterdir():
        os.utime(one, times=(0, time.time() - uploads.STALE_S - 1))
    assert uploads.drop_stale_parts() == 2
    for act in (lambda: send(upload, 2), lambda: numbered_parts.find(upload.id, 1)):
        with pytest.raises(NotFound):
            act()
    assert list(blobs.incoming().iterdir()) == []

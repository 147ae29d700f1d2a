"""Blobs: stored once, verified, collected only when nothing refers to them."""

import hashlib
import io
from datetime import timedelta

import pytest
from django.core.files.storage import InMemoryStorage
from django.db.models.functions import Now

from experiments import blobs
from experiments.errors import NotFound, Unavailable
from experiments.models import Blob, Checkpoint
from tests.factories import make_run

pytestmark = pytest.mark.django_db


def path_of(data_dir, sha: str):
    return data_dir / "blobs" / sha[:2] / sha[2:4] / sha


def long_ago(sha: str) -> None:
    Blob.objects.filter(pk=sha).update(created_at=Now() - 2 * blobs.COLLECT_AFTER)


def test_what_was_put_is_read(data_dir):
    blob = blobs.put(b"weights")

    assert blob.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert blob.size == 7
    assert blobs.read(blob.sha256) == b"weights"
    assert path_of(data_dir, blob.sha256).read_bytes() == b"weights"


def test_equal_bytes_are_stored_once(data_dir):
    first, second = blobs.put(b"same"), blobs.put(b"same")

    assert first == second
    assert Blob.objects.count() == 1
    assert len([one for one in (data_dir / "blobs").rglob("*") if one.is_file()]) == 1


def test_missing_or_torn_file_is_written_again(data_dir):
    sha = blobs.put(b"weights").sha256
    path_of(data_dir, sha).write_bytes(b"wei")

    blobs.put(b"weights")

    assert blobs.read(sha) == b"weights"


def test_changed_bytes_are_refused(data_dir):
    sha = blobs.put(b"weights").sha256
    path_of(data_dir, sha).write_bytes(b"weightz")

    with pytest.raises(blobs.Damaged, match="backup"):
        blobs.read(sha)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_only_hashes_name_blobs(name):
    with pytest.raises(NotFound):
        blobs.read(name)


def test_unknown_blob_is_not_found():
    with pytest.raises(NotFound):
        blobs.read("0" * 64)


def test_unused_old_blob_is_collected_with_its_file(data_dir):
    sha = blobs.put(b"old").sha256
    long_ago(sha)

    assert blobs.collect() == 1

    assert not Blob.objects.exists()
    assert not path_of(data_dir, sha).exists()


def test_used_blob_is_never_collected():
    blob = blobs.put(b"state")
    Checkpoint.objects.create(run=make_run(), step=1, attempt=1, blob=blob)
    long_ago(blob.sha256)

    assert blobs.collect() == 0
    assert blobs.read(blob.sha256) == b"state"


def test_blob_put_lately_is_not_collected_even_if_it_is_old():
    blob = blobs.put(b"state")
    long_ago(blob.sha256)

    blobs.put(b"state")

    assert blobs.collect() == 0


def test_collecting_waits_ten_minutes():
    wait = blobs.COLLECT_AFTER
    assert wait == timedelta(minutes=10)
    blobs.put(b"new")

    assert blobs.collect() == 0


def test_no_temporary_file_stays_behind(data_dir):
    blobs.put_many([b"a", b"b", b"a"])

    assert not list((data_dir / "blobs").rglob(".new-*"))


class Away(InMemoryStorage):
    """A store that does not answer."""

    def exists(self, name):
        raise Unavailable("The store does not answer.")


def test_what_could_not_be_stored_is_not_noted(settings):
    known = blobs.put(b"known")
    backend = f"{Away.__module__}.{Away.__name__}"
    settings.STORAGES = {**settings.STORAGES, "blobs": {"BACKEND": backend}}

    with pytest.raises(Unavailable):
        blobs.put_many([b"known", b"new"])
    with pytest.raises(Unavailable):
        blobs.receive(io.BytesIO(b"large"))

    assert [blob.pk for blob in Blob.objects.all()] == [known.pk]


def test_what_somebody_else_wants_meanwhile_stays_noted(monkeypatch):
    def fail(sha, data):
        Blob.objects.update(created_at=Now() + timedelta(seconds=1))
        raise Unavailable("The store does not answer.")

    monkeypatch.setattr(blobs, "_ensure_file", fail)

    with pytest.raises(Unavailable):
        blobs.put(b"new")

    assert Blob.objects.count() == 1

"""Blobs in a bucket: kept, read as streams from any place on, collected; errors are sentences."""

import hashlib
import io

import pytest
from botocore.exceptions import ReadTimeoutError

from experiments import blobs
from experiments.errors import NotFound, Unavailable
from experiments.models import Blob
from experiments.object_store import _Stream
from tests.experiments.test_blobs import long_ago

DATA = bytes(range(256)) * 20_000  # 5 MB: more than one piece


def key(sha: str) -> str:
    return f"some/folder/{sha[:2]}/{sha[2:4]}/{sha}"


@pytest.mark.django_db
class TestBucket:
    def test_what_was_put_or_received_lies_under_its_hash(self, bucket):
        put = blobs.put(b"weights").sha256
        sent = blobs.receive(io.BytesIO(DATA)).sha256

        assert {found.key for found in bucket.objects.all()} == {key(put), key(sent)}
        assert blobs.read(put) == b"weights"
        with blobs.open_blob(sent) as file:
            assert hashlib.sha256(file.read()).hexdigest() == sent

    def test_nothing_is_left_on_the_disk(self, bucket):
        blobs.receive(io.BytesIO(DATA))

        assert list(blobs.incoming().iterdir()) == []

    def test_equal_bytes_are_sent_once(self, bucket):
        sha = blobs.put(b"same").sha256
        written = bucket.Object(key(sha)).last_modified

        blobs.receive(io.BytesIO(b"same"))

        assert bucket.Object(key(sha)).last_modified == written
        assert Blob.objects.count() == 1

    def test_a_lost_or_torn_object_is_written_again(self, bucket):
        sha = blobs.put(b"weights").sha256
        bucket.Object(key(sha)).put(Body=b"wei")

        blobs.put(b"weights")

        assert blobs.read(sha) == b"weights"

    def test_changed_bytes_are_refused(self, bucket):
        sha = blobs.put(b"weights").sha256
        bucket.Object(key(sha)).put(Body=b"weightz")

        with pytest.raises(blobs.Damaged):
            blobs.read(sha)

    def test_a_part_is_read_without_what_is_before_it(self, bucket):
        sha = blobs.receive(io.BytesIO(DATA)).sha256

        with blobs.open_blob(sha) as file:
            file.seek(3_000_000)
            part = file.read(10)
            file.seek(1)
            early = file.read(3)

        assert (part, early) == (DATA[3_000_000:3_000_010], DATA[1:4])

    def test_a_missing_object_is_named(self, bucket):
        with pytest.raises(NotFound):
            blobs.open_blob("0" * 64)

    def test_unused_objects_are_collected(self, bucket):
        old, new = blobs.put(b"old").sha256, blobs.put(b"new").sha256
        long_ago(old)

        assert blobs.collect() == 1
        assert [found.key for found in bucket.objects.all()] == [key(new)]

    def test_a_store_that_does_not_answer_is_said_and_nothing_noted(self, bucket):
        bucket.objects.all().delete()
        bucket.delete()

        with pytest.raises(Unavailable, match="later"):
            blobs.put(b"weights")
        with pytest.raises(Unavailable, match="later"):
            blobs.receive(io.BytesIO(b"weights"))


class Body:
    """A connection that breaks after some bytes."""

    def __init__(self, data: bytes, breaks_after: int) -> None:
        self.data = io.BytesIO(data[:breaks_after])

    def read(self, size: int) -> bytes:
        data = self.data.read(size)
        if not data:
            raise ReadTimeoutError(endpoint_url="http://store")
        return data

    def close(self) -> None:
        self.data.close()


def test_a_broken_connection_goes_on_where_it_broke():
    asked = []

    def ask(first: int) -> Body:
        asked.append(first)
        return Body(DATA[first : first + 2_000_000], 2_000_000)

    with io.BufferedReader(_Stream(ask, len(DATA)), 1024) as file:
        assert file.read() == DATA
    assert asked == [0, 2_000_000, 4_000_000]


def test_a_connection_that_always_breaks_is_an_error():
    with (
        io.BufferedReader(_Stream(lambda first: Body(DATA, 0), len(DATA)), 1024) as file,
        pytest.raises(Unavailable),
    ):
        file.read()

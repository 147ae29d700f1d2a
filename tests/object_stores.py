"""A server that speaks S3, in a thread of the tests, and an empty bucket of it."""

from collections.abc import Iterator
from itertools import count

import pytest

from config import blob_store

_numbers = count(1)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of the server."""
    from moto.server import ThreadedMotoServer  # takes a second that few tests need

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server, data_dir, settings, monkeypatch):
    """An empty bucket that holds the blobs; boto3's view of it."""
    import boto3

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "METASCOPE_BLOBS": f"s3://lab-{next(_numbers)}/some/folder",
        "METASCOPE_S3_ENDPOINT": s3_server,
        "METASCOPE_S3_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    described = blob_store.storage(data_dir)
    settings.STORAGES = {**settings.STORAGES, "blobs": described}
    resource = boto3.resource("s3", endpoint_url=s3_server, region_name="us-east-1")
    return resource.create_bucket(Bucket=described["OPTIONS"]["bucket"])

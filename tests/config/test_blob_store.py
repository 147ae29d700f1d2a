"""METASCOPE_BLOBS: what it may say, and what a data folder remembers of it."""

import pytest

from config import blob_store
from config.refusal import StartRefused

BUCKET = "s3://lab/metascope"


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch):
    for name in (blob_store.STORE, blob_store.ENDPOINT, blob_store.REGION):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A data folder whose last start was told of a bucket; nobody is told any more."""
    monkeypatch.setenv("METASCOPE_BLOBS", BUCKET)
    monkeypatch.setenv("METASCOPE_S3_ENDPOINT", "http://store:9000")
    monkeypatch.setenv("METASCOPE_S3_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    blob_store.keep(tmp_path)
    nothing_named.__wrapped__(monkeypatch)
    return tmp_path


@pytest.mark.parametrize(
    "url", ["bucket", "http://bucket", "s3://", "s3://Bad_Name", "s3://ok?x=1"]
)
def test_an_address_that_is_none_stops_the_start(monkeypatch, tmp_path, url):
    monkeypatch.setenv("METASCOPE_BLOBS", url)

    with pytest.raises(StartRefused, match="METASCOPE_BLOBS=.* use s3://bucket"):
        blob_store.keep(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [("http://a,http://b", "use one"), ("http://ada:secret@store", "AWS_SECRET_ACCESS_KEY")],
)
def test_endpoints_that_are_none_stop_the_start(monkeypatch, tmp_path, endpoint, says):
    monkeypatch.setenv("METASCOPE_BLOBS", "s3://bucket")
    monkeypatch.setenv("METASCOPE_S3_ENDPOINT", endpoint)

    with pytest.raises(StartRefused, match=says) as refused:
        blob_store.storage(tmp_path)
    assert "ada:secret" not in str(refused.value)


def test_the_store_of_the_last_start_is_used_by_whoever_names_none(kept):
    assert blob_store.storage(kept)["OPTIONS"] == {
        "bucket": "lab", "folder": "metascope", "endpoint": "http://store:9000",
        "region": "eu-west-1",
    }  # fmt: skip


def test_a_start_that_names_none_goes_on_with_it(kept):
    blob_store.keep(kept)

    assert blob_store.storage(kept)["OPTIONS"]["bucket"] == "lab"


def test_no_secret_is_kept_and_only_the_owner_reads_what_is(kept):
    [noted] = kept.iterdir()

    assert "a secret" not in noted.read_text()
    assert noted.stat().st_mode & 0o777 == 0o600


def test_the_store_may_have_moved_to_another_address(kept, monkeypatch):
    monkeypatch.setenv("METASCOPE_S3_ENDPOINT", "http://elsewhere")

    found = blob_store.storage(kept)["OPTIONS"]

    assert (found["bucket"], found["endpoint"]) == ("lab", "http://elsewhere")


def test_another_store_has_nothing_of_what_is_remembered(kept, monkeypatch):
    monkeypatch.setenv("METASCOPE_BLOBS", "s3://other")

    assert blob_store.storage(kept)["OPTIONS"] == {
        "bucket": "other", "folder": "", "endpoint": None, "region": None,
    }  # fmt: skip


def test_the_folder_is_named_to_go_back_to_it(kept, monkeypatch):
    monkeypatch.setenv("METASCOPE_BLOBS", "folder")

    assert blob_store.storage(kept)["OPTIONS"] == {"location": kept / "blobs"}
    blob_store.keep(kept)
    monkeypatch.delenv("METASCOPE_BLOBS")
    assert blob_store.storage(kept)["OPTIONS"] == {"location": kept / "blobs"}


def test_a_damaged_note_is_named(kept):
    (kept / blob_store.KEPT).write_text("[]")

    with pytest.raises(StartRefused, match="is damaged: set METASCOPE_BLOBS"):
        blob_store.storage(kept)

"""Files of runs: what was uploaded comes back, in its place, and nothing else does."""

import hashlib
import io

import pytest

from config.chunked import RAW
from experiments import blobs, files
from experiments.models import Blob, ManifestFile
from tests import factories
from tests.api.conftest import error_of

CONTENT = "/api/v1/runs/{run}/files/content/"


@pytest.fixture(params=["folder", "bucket"])
def run(request, lab, data_dir):
    """A run of a product that keeps files in its data folder, and of one that has a bucket."""
    if request.param == "bucket":
        request.getfixturevalue("bucket")
    return factories.make_run(lab.project)


def upload(client, run, path, data=b"data", **query):
    url = f"{CONTENT.format(run=run.pk)}?path={path}" + "".join(
        f"&{name}={value}" for name, value in query.items()
    )
    return client.generic("PUT", url, data, content_type="application/octet-stream")


def download(client, run, path, **headers):
    return client.get(CONTENT.format(run=run.pk), {"path": path}, **headers)


def bytes_of(response) -> bytes:
    return b"".join(response.streaming_content)


def test_what_was_uploaded_is_downloaded(lab, run):
    data = bytes(range(256)) * 9000  # more than two pieces

    stored = upload(lab.member, run, "checkpoints/last.pt", data)
    found = download(lab.viewer, run, "checkpoints/last.pt")

    assert stored.json()["sha256"] == hashlib.sha256(data).hexdigest()
    assert bytes_of(found) == data
    assert found["Content-Disposition"] == "attachment; filename*=UTF-8''last.pt"
    assert "sandbox" in found["Content-Security-Policy"]
    assert found["X-Content-Type-Options"] == "nosniff"


def test_an_upload_takes_the_place_of_the_one_before(lab, run):
    upload(lab.member, run, "a.txt", b"old")
    upload(lab.member, run, "a.txt", b"new and longer")

    assert bytes_of(download(lab.viewer, run, "a.txt")) == b"new and longer"
    listed = lab.viewer.get(f"/api/v1/runs/{run.pk}/files/").json()["results"]
    assert [(one["path"], one["size"]) for one in listed] == [("a.txt", 14)]


def test_an_upload_in_chunks_without_a_length_is_stored(lab, run):
    extra = {"HTTP_TRANSFER_ENCODING": "chunked", RAW: io.BytesIO(b"in chunks")}
    url = f"{CONTENT.format(run=run.pk)}?path=c.bin"

    assert lab.member.generic("PUT", url, b"", **extra).status_code == 200

    assert bytes_of(download(lab.viewer, run, "c.bin")) == b"in chunks"


def test_an_upload_that_ends_early_stores_nothing(lab, run):
    response = upload(lab.member, run, "a.txt", b"1234", sha256="0" * 64)

    assert (response.status_code, error_of(response)["code"]) == (400, "digest_differs")
    assert not ManifestFile.objects.exists()
    assert not Blob.objects.exists()
    assert not list(blobs.incoming().iterdir())


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=10-", 416, None),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_a_part_of_a_file_is_downloaded(lab, run, asked, status, expected):
    upload(lab.member, run, "digits", b"0123456789")

    found = download(lab.viewer, run, "digits", HTTP_RANGE=asked)

    assert found.status_code == status
    if expected is not None:
        assert bytes_of(found) == expected
        assert int(found["Content-Length"]) == len(expected)


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", "a/../../b", "C:/a", "a%00b", "a%0Ab", ""])
def test_a_path_out_of_the_tree_is_refused(lab, run, path):
    response = upload(lab.member, run, path)

    assert response.status_code == 400
    assert list(error_of(response)["fields"]) == ["path"]
    assert not ManifestFile.objects.exists()


def test_a_name_is_a_file_or_a_folder(lab, run):
    upload(lab.member, run, "a/b", b"x")

    for path in ("a", "a/b/c"):
        response = upload(lab.member, run, path)
        assert (response.status_code, error_of(response)["code"]) == (409, "path_taken")
    assert upload(lab.member, run, "A").status_code == 200  # another name
    assert upload(lab.member, run, "a0").status_code == 200


def test_a_folder_is_removed_with_all_below_it_and_nothing_beside(lab, run):
    for path in ("a/b/c", "a/d", "a.txt", "a0/e"):
        upload(lab.member, run, path)

    url = f"{CONTENT.format(run=run.pk)}?path=a"
    assert lab.member.delete(url).status_code == 204
    assert lab.member.delete(url).status_code == 404

    assert [file.path for file in files.below(files.of_run(run)).order_by("path")] == [
        "a.txt", "a0/e",
    ]  # fmt: skip


def test_a_folder_is_listed(run, data_dir):
    tree = files.of_run(run)
    for path in ("b.txt", "a/x", "a/y/z", "c/d"):
        files.put(tree, path, io.BytesIO(path.encode()))

    assert [(one.name, one.is_folder, one.size) for one in files.children(tree)] == [
        ("a", True, None), ("c", True, None), ("b.txt", False, 5),
    ]  # fmt: skip
    assert [one.name for one in files.children(tree, "a")] == ["y", "x"]
    assert files.children(tree, "b.txt") == files.children(tree, "nowhere") == []
    assert files.total_size(tree) == 5 + 3 + 5 + 3


def test_sealed_files_do_not_change(lab, run):
    upload(lab.member, run, "a")
    tree = files.of_run(run)
    tree.sealed = True
    tree.save()

    assert upload(lab.member, run, "b").status_code == 409
    assert lab.member.delete(f"{CONTENT.format(run=run.pk)}?path=a").status_code == 409
    assert bytes_of(download(lab.viewer, run, "a")) == b"data"


def test_files_of_others_are_not_there(lab, run):
    upload(lab.member, run, "a")

    assert download(lab.stranger, run, "a").status_code == 404
    assert upload(lab.stranger, run, "b").status_code == 404

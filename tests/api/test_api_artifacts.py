"""Artifacts: versions of equal content are one, aliases move, lineage leads up and down."""

import hashlib
import io
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from experiments import artifacts, blobs, uploads
from experiments.models import (
    Artifact,
    ArtifactVersion,
    Blob,
    BlobUpload,
    Manifest,
    ManifestFile,
)
from tests import factories
from tests.api.conftest import error_of

BLOBS = "/api/v1/workspaces/lab/blobs/"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def send(client, data, *, name=None, **query):
    url = f"{BLOBS}{name or sha(data)}/"
    if query:
        url += "?" + "&".join(f"{key}={value}" for key, value in query.items())
    return client.generic("PUT", url, data, content_type="application/octet-stream")


def log(client, contents=None, *, status=201, **changes):
    """Sends the files, and logs them as a version."""
    contents = {"train.csv": b"1,2\n"} if contents is None else contents
    for data in contents.values():
        assert send(client, data).status_code == 200
    body = {
        "project": "lab/sinusoid",
        "name": "split",
        "kind": "dataset",
        "files": [{"path": path, "sha256": sha(data)} for path, data in contents.items()],
        **changes,
    }
    response = client.post("/api/v1/artifacts/", body)
    assert response.status_code == status, response.content
    return response.json()


@pytest.fixture
def lab(lab, data_dir):
    return lab


def test_a_version_gives_back_the_files_it_was_logged_with(lab):
    files = {"train.csv": b"1,2\n", "test/a.csv": b"3\n"}

    version = log(lab.member, files, metadata={"rows": 2})

    assert (version["number"], version["file_count"], version["size"]) == (1, 2, 6)
    assert version["metadata"] == {"rows": 2}
    listed = lab.viewer.get(f"/api/v1/artifact-versions/{version['id']}/files/").json()["results"]
    assert {one["path"]: one["sha256"] for one in listed} == {
        path: sha(data) for path, data in files.items()
    }
    content = lab.viewer.get(
        f"/api/v1/artifact-versions/{version['id']}/files/content/", {"path": "test/a.csv"}
    )
    assert b"".join(content.streaming_content) == b"3\n"


def test_equal_files_are_the_same_version_and_others_the_next(lab):
    first = log(lab.member)
    again = log(lab.member, status=200, aliases=["paper"])
    other = log(lab.member, {"train.csv": b"9\n"})
    back = log(lab.member, status=200)

    assert again["id"] == first["id"] == back["id"]
    assert again["aliases"] == ["paper"]
    assert (first["number"], other["number"]) == (1, 2)


def test_only_what_was_not_sent_is_asked_for(lab):
    send(lab.member, b"here")

    asked = {"sha256": [sha(b"here"), sha(b"there")]}
    answer = lab.member.post(f"{BLOBS}missing/", asked, format="json")

    assert answer.json() == {"missing": [sha(b"there")]}


def test_bytes_of_another_workspace_are_not_given_away_by_their_hash(lab):
    blobs.put(b"a secret of others")

    refused = log(
        lab.member, {}, status=400, files=[{"path": "a", "sha256": sha(b"a secret of others")}]
    )

    assert refused["error"]["code"] == "bytes_missing"
    assert not Artifact.objects.exists()


def test_a_large_file_comes_in_parts_and_goes_on_where_it_broke_off(lab):
    data = bytes(range(256)) * 40
    name = sha(data)

    first = send(lab.member, data[:4000], name=name, offset=0, size=len(data))
    wrong = send(lab.member, data[4001:], name=name, offset=4001, size=len(data))
    state = lab.member.get(f"{BLOBS}{name}/").json()
    last = send(lab.member, data[4000:], name=name, offset=4000, size=len(data))

    assert first.json() == {"stored": False, "received": 4000}
    assert (wrong.status_code, error_of(wrong)["fields"]) == (409, {"offset": ["4000"]})
    assert state == {"stored": False, "received": 4000}
    assert last.json() == {"stored": True, "received": len(data)}
    assert blobs.read(name) == data
    assert lab.member.get(f"{BLOBS}{name}/").json() == {"stored": True, "received": len(data)}
    assert not list(blobs.incoming().iterdir())


def test_parts_that_are_not_what_they_were_said_to_be_are_dropped(lab):
    wrong = send(lab.member, b"wrong", name=sha(b"right"), offset=0, size=5)
    longer = send(lab.member, b"too long", name=sha(b"right"), offset=0, size=5)

    assert (wrong.status_code, longer.status_code) == (400, 400)
    assert lab.member.get(f"{BLOBS}{sha(b'right')}/").json() == {"stored": False, "received": 0}
    assert not Blob.objects.exists()
    assert not list(blobs.incoming().iterdir())


def test_references_stay_elsewhere(lab):
    url = "s3://bucket/images.zip"
    version = log(
        lab.member, {}, references=[{"path": "images.zip", "url": url, "size": 10, "digest": "e1"}]
    )
    content = lab.viewer.get(
        f"/api/v1/artifact-versions/{version['id']}/files/content/", {"path": "images.zip"}
    )

    assert version["size"] == 10
    assert (content.status_code, error_of(content)["code"]) == (400, "file_elsewhere")
    assert url in error_of(content)["message"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": ""}, "name"),
        ({"kind": "picture"}, "kind"),
        ({"aliases": ["latest"]}, "aliases"),
        ({"aliases": ["v3"]}, "aliases"),
        ({"files": []}, "files"),
        ({"files": [{"path": "../a", "sha256": sha(b"1,2\n")}]}, "files.'../a'"),
        ({"files": [{"path": "a", "sha256": sha(b"1,2\n")}] * 2}, "files.'a'"),
        (
            {"files": [{"path": path, "sha256": sha(b"1,2\n")} for path in ("a", "a/b")]},
            "files.'a'",
        ),
        ({"references": [{"path": "x", "url": "javascript:alert(1)"}]}, "references[0].url"),
        ({"references": [{"path": "x", "url": "https://u:p@host/x"}]}, "references[0].url"),
        ({"run": "nothing"}, "run"),
        ({"project": "lab/none"}, "project"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(lab, changes, field):
    send(lab.member, b"1,2\n")

    response = lab.member.post(
        "/api/v1/artifacts/",
        {
            "project": "lab/sinusoid", "name": "split", "kind": "dataset",
            "files": [{"path": "train.csv", "sha256": sha(b"1,2\n")}], **changes,
        },
    )  # fmt: skip

    assert 400 <= response.status_code < 500
    assert field in error_of(response)["fields"]
    assert not Artifact.objects.exists()


def test_a_name_has_one_kind(lab):
    log(lab.member)

    refused = log(lab.member, {"a": b"x"}, status=409, kind="model")

    assert refused["error"]["code"] == "kind_differs"


def test_an_alias_points_to_one_version_and_moves(lab):
    first = log(lab.member, {"a": b"1"}, aliases=["best"])
    second = log(lab.member, {"a": b"2"})
    url = f"/api/v1/artifacts/{first['artifact']}/aliases/best/"

    assert artifacts.resolve(lab.project, "split", "best").number == 1
    assert lab.member.put(url, {"version": 2}).json()["aliases"] == ["best"]
    assert artifacts.resolve(lab.project, "split", "best").pk == second["id"]
    assert artifacts.resolve(lab.project, "split", "v1").pk == first["id"]
    assert artifacts.resolve(lab.project, "split").number == 2
    assert lab.member.delete(url).status_code == 204
    assert lab.member.delete(url).status_code == 404


def test_lineage_leads_up_and_down_and_not_to_siblings(lab):
    """split -> train (and a sibling) -> weights -> test."""
    train, sibling, test = (factories.make_run(lab.project, name=name) for name in "ABC")
    split = log(lab.member)
    for run in (train, sibling):
        lab.member.post(f"/api/v1/runs/{run.pk}/artifacts/", {"version": split["id"]})
    weights = log(lab.member, {"w.pt": b"w"}, name="weights", kind="model", run=train.pk)
    log(lab.member, {"w.pt": b"other"}, name="weights", kind="model", run=sibling.pk)
    lab.member.post(f"/api/v1/runs/{test.pk}/artifacts/", {"version": weights["id"]})

    graph = lab.viewer.get(f"/api/v1/artifact-versions/{weights['id']}/lineage/").json()

    assert [node["name"] for node in graph["nodes"]] == ["split:1", "weights:1", "A", "C"]
    assert {(edge["before"], edge["after"]) for edge in graph["edges"]} == {
        (f"version-{split['id']}", f"run-{train.pk}"),
        (f"run-{train.pk}", f"version-{weights['id']}"),
        (f"version-{weights['id']}", f"run-{test.pk}"),
    }
    uses = lab.viewer.get(f"/api/v1/runs/{train.pk}/artifacts/").json()
    assert [one["name"] for one in uses["inputs"]] == ["split"]
    assert [one["name"] for one in uses["outputs"]] == ["weights"]


def test_retention_leaves_what_is_held(lab):
    reader = factories.make_run(lab.project)
    versions = [log(lab.member, {"a": bytes([number])}) for number in range(5)]
    lab.member.put(f"/api/v1/artifacts/{versions[0]['artifact']}/aliases/first/", {"version": 1})
    lab.member.post(f"/api/v1/runs/{reader.pk}/artifacts/", {"version": versions[1]["id"]})

    lab.member.patch(f"/api/v1/artifacts/{versions[0]['artifact']}/", {"keep_versions": 1})

    assert set(ArtifactVersion.objects.values_list("number", flat=True)) == {1, 2, 5}
    log(lab.member, {"a": b"next"})
    assert set(ArtifactVersion.objects.values_list("number", flat=True)) == {1, 2, 6}
    assert Manifest.objects.count() == ManifestFile.objects.count() == 3


@pytest.mark.parametrize("none", [None, 0])
def test_a_rule_is_taken_away_by_null_and_by_0(lab, none):
    url = f"/api/v1/artifacts/{log(lab.member)['artifact']}/"
    lab.member.patch(url, {"keep_versions": 3, "keep_days": 30})

    lab.member.patch(url, {"keep_days": none})

    shown = lab.viewer.get(url).json()
    assert (shown["keep_versions"], shown["keep_days"]) == (3, None)
    assert lab.member.patch(url, {"keep_versions": none}).json()["keep_versions"] is None


def test_a_held_version_is_not_erased_and_another_is(lab):
    held = log(lab.member, {"a": b"1"}, aliases=["best"])
    free = log(lab.member, {"a": b"2"})

    assert lab.member.delete(f"/api/v1/artifact-versions/{held['id']}/").status_code == 409
    assert lab.member.delete(f"/api/v1/artifacts/{held['artifact']}/").status_code == 409
    assert lab.member.delete(f"/api/v1/artifact-versions/{free['id']}/").status_code == 204
    assert [row.number for row in ArtifactVersion.objects.all()] == [1]


def test_parts_nobody_went_on_with_are_dropped(lab, monkeypatch):
    send(lab.member, b"half", name=sha(b"half and half"), offset=0, size=13)
    assert uploads.drop_stale_parts() == 0

    monkeypatch.setattr(uploads, "STALE_S", -1)

    assert uploads.drop_stale_parts() == 1
    assert not list(blobs.incoming().iterdir())


def test_what_was_sent_waits_for_its_version_however_long_the_rest_takes(lab):
    """A large upload takes hours; what came first must still be there at its end."""
    send(lab.member, b"early")
    hours_ago = Now() - timedelta(hours=5)
    Blob.objects.update(created_at=hours_ago)
    BlobUpload.objects.update(created_at=hours_ago)

    assert blobs.collect() == 0
    log(lab.member, {"a": b"early"})


def test_what_was_sent_and_never_used_goes_after_a_week_unless_it_is_asked_for(lab):
    send(lab.member, b"asked for again")
    send(lab.member, b"forgotten")
    long_ago = Now() - timedelta(days=8)
    Blob.objects.update(created_at=long_ago)
    BlobUpload.objects.update(created_at=long_ago)

    lab.member.post(f"{BLOBS}missing/", {"sha256": [sha(b"asked for again")]}, format="json")

    assert blobs.collect() == 1
    assert [blob.pk for blob in Blob.objects.all()] == [sha(b"asked for again")]


def test_a_sender_that_waited_sees_what_came_meanwhile(lab, monkeypatch):
    data = b"0123456789"
    flock, waited = uploads.fcntl.flock, []

    def waiting(file, how):
        """While it waits for the lock, the other sender sends all of the file."""
        if not waited:
            waited.append(file)
            uploads.append(lab.workspace, sha(data), io.BytesIO(data), offset=0, size=10)
        flock(file, how)

    monkeypatch.setattr(uploads.fcntl, "flock", waiting)

    stored = uploads.append(lab.workspace, sha(data), io.BytesIO(data[:4]), offset=0, size=10)

    assert stored is not None
    assert blobs.read(sha(data)) == data
    assert not list(blobs.incoming().iterdir())

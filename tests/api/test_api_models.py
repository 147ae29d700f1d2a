"""The registry of models over REST, and what a reader who is shut out of a project learns of it."""

import json

import pytest

from experiments import access
from experiments.models import Membership, ModelVersion
from experiments.registry import versions
from tests import factories
from tests.api.conftest import error_of
from tests.registering import log_artifact, logged_model, model_named, put, register

MODELS = "/api/v1/models/"
NET = f"{MODELS}lab/net/"
MLFLOW = "/api/2.0/mlflow/"


ADDRESSES = [
    MODELS, NET, f"{NET}versions/", *(f"{NET}versions/{number}/" for number in (1, 2, 3, 4)),
    *(f"{NET}versions/{number}/lineage/" for number in (1, 3)),
    f"{NET}aliases/best/", f"{NET}compare/?versions=1,2,3,4",
    f"{MLFLOW}registered-models/get?name=net", f"{MLFLOW}registered-models/search",
    f"{MLFLOW}registered-models/get-latest-versions?name=net",
    f"{MLFLOW}registered-models/alias?name=net&alias=best",
    *(f"{MLFLOW}model-versions/get?name=net&version={number}" for number in (1, 2, 3, 4)),
    f"{MLFLOW}model-versions/search",
]  # fmt: skip


@pytest.fixture
def lab(lab, data_dir):
    return lab


@pytest.fixture
def run(lab):
    run = factories.make_run(lab.project, "maker", params={"lr": 0.5}, status="completed")
    put(run, "model/net", b"bytes")
    return run


@pytest.fixture
def model(lab):
    return model_named(lab.workspace)


def test_a_model_is_made_found_described_renamed_and_deleted(lab):
    made = lab.member.post(MODELS, {"workspace": "lab", "name": "a net", "tags": {"task": "x"}})

    assert made.status_code == 201
    body = made.json()
    assert (body["tags"], body["latest"], body["aliases"]) == ({"task": "x"}, None, {})
    found = lab.viewer.get(MODELS, {"name": "NET", "workspace": "lab"}).json()["results"]
    assert [one["name"] for one in found] == ["a net"]
    assert lab.stranger.get(MODELS).json()["results"] == []
    change = {"name": "b", "description": "words", "tags": {"task": None, "way": "5"}}
    changed = lab.member.patch(f"{MODELS}lab/a net/", change).json()
    assert (changed["name"], changed["description"]) == ("b", "words")
    assert changed["tags"] == {"way": "5"}
    assert lab.member.delete(f"{MODELS}lab/b/").status_code == 204
    assert lab.member.get(f"{MODELS}lab/b/").status_code == 404


def test_a_refused_change_changes_nothing(lab, model):
    model_named(lab.workspace, "taken")

    refused = lab.member.patch(NET, {"description": "new", "name": "taken"})

    assert (refused.status_code, error_of(refused)["code"]) == (409, "already_exists")
    assert lab.member.get(NET).json()["description"] == ""


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "workspace"),
        ({"workspace": "lab", "name": "a/b"}, "name"),
        ({"workspace": "lab", "name": "x", "tags": {"k": 1}}, "tags.k"),
        ({"workspace": "lab", "name": "x", "tags": {"": "v"}}, "key"),
    ],
)
def test_bad_input_names_its_field(lab, body, field):
    refused = lab.member.post(MODELS, body)

    assert refused.status_code == 400
    assert field in error_of(refused)["fields"]


def test_a_create_that_is_sent_twice_happens_once(lab, model, run):
    headers = {"HTTP_IDEMPOTENCY_KEY": "k"}
    body = {"run": run.pk, "path": "model"}

    first, again = (lab.member.post(f"{NET}versions/", body, **headers) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert ModelVersion.objects.count() == 1


def test_a_folder_of_a_run_without_files_is_no_version(lab, model, run):
    refused = lab.member.post(f"{NET}versions/", {"run": run.pk, "path": "nope"})

    assert refused.status_code == 400
    assert "path" in error_of(refused)["fields"]
    assert not ModelVersion.objects.exists()


def test_a_version_of_an_artifact_is_registered_once_and_gets_more_aliases(lab, model, run):
    body = {"artifact_version": log_artifact(lab.project, run=run).pk, "aliases": ["a"]}

    first = lab.member.post(f"{NET}versions/", body)
    again = lab.member.post(f"{NET}versions/", {**body, "aliases": ["b"]})

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["aliases"] == ["a", "b"]
    assert (again.json()["run"], again.json()["created_by"]) == (run.pk, "ada")
    assert lab.member.get(NET).json()["aliases"] == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"run": "r", "source": "s3://b/x"}, 400),
        ({"run": "none"}, 404),
        ({"artifact_version": 999}, 404),
        ({"logged_model": "m-none"}, 404),
        ({"source": "file:///etc"}, 400),
        ({"source": "s3://bucket/net", "aliases": ["latest"]}, 400),
        ({"source": "s3://bucket/net"}, 201),
    ],
)
def test_what_it_is_made_of_is_checked(lab, model, body, status):
    answer = lab.member.post(f"{NET}versions/", body)

    assert answer.status_code == status, answer.content
    assert ModelVersion.objects.count() == (status == 201)


def test_a_version_moves_between_stages_and_is_described(lab, model, run):
    for _ in range(2):
        register(model, run=run.pk)
    lab.member.patch(f"{NET}versions/1/", {"stage": "Production"})

    moved = lab.member.patch(
        f"{NET}versions/2/",
        {"stage": "Production", "archive_others": True, "description": "d", "tags": {"k": "v"}},
    ).json()

    assert (moved["stage"], moved["description"], moved["tags"]) == (
        "Production", "d", {"k": "v"},
    )  # fmt: skip
    listed = lab.viewer.get(f"{NET}versions/").json()["results"]
    assert [(one["number"], one["stage"]) for one in listed] == [(2, "Production"), (1, "Archived")]
    assert lab.member.patch(f"{NET}versions/1/", {"stage": "x"}).status_code == 400
    assert lab.member.patch(f"{NET}versions/1/", {"archive_others": True}).status_code == 400
    assert lab.member.delete(f"{NET}versions/1/").status_code == 204
    assert lab.member.get(f"{NET}versions/1/").status_code == 404


def test_an_alias_moves_and_names_a_version(lab, model, run):
    for _ in range(2):
        register(model, run=run.pk)

    for number in (1, 2, 1):
        answer = lab.member.put(f"{NET}aliases/best/", {"version": number})
        assert answer.status_code == 200

    assert lab.viewer.get(f"{NET}aliases/best/").json()["number"] == 1
    assert lab.viewer.get(f"{NET}aliases/latest/").json()["number"] == 2
    assert lab.member.put(f"{NET}aliases/v1/", {"version": 1}).status_code == 400
    assert lab.member.put(f"{NET}aliases/best/", {"version": 3}).status_code == 404
    assert lab.member.delete(f"{NET}aliases/best/").status_code == 204
    for method in (lab.member.get, lab.member.delete):
        assert method(f"{NET}aliases/best/").status_code == 404


def test_files_are_listed_and_fetched_below_what_was_registered(lab, model, run):
    put(run, "secret", b"beside")
    register(model, run=run.pk, path="model")

    listed = lab.viewer.get(f"{NET}versions/1/files/").json()["results"]
    content = lab.viewer.get(f"{NET}versions/1/files/content/", {"path": "net"})

    assert [one["path"] for one in listed] == ["net"]
    assert b"".join(content.streaming_content) == b"bytes"
    for path in ("secret", "../secret", "model/net"):
        answer = lab.viewer.get(f"{NET}versions/1/files/content/", {"path": path})
        assert answer.status_code in (400, 404)


def test_versions_are_compared(lab, model, run):
    other = factories.make_run(lab.project, params={"lr": 0.25})
    register(model, run=run.pk, path="model")
    register(model, artifact_version=log_artifact(lab.project, run=other, net=b"other").pk)

    found = lab.viewer.get(f"{NET}compare/", {"versions": "1,2"}).json()

    assert found["params"] == [{"key": "lr", "values": ["0.5", "0.25"], "differs": True}]
    assert [one["number"] for one in found["versions"]] == [1, 2]
    assert found["files"][0]["changed"] == ["net"]
    for query in ({"versions": "1"}, {"versions": "1,2", "stat": "x"}):
        assert lab.viewer.get(f"{NET}compare/", query).status_code == 400
    assert lab.viewer.get(f"{NET}compare/", {"versions": "1,9"}).status_code == 404


def test_age_and_pins_are_set_over_rest(lab):
    version = log_artifact(lab.project)
    artifact = f"/api/v1/artifacts/{version.artifact_id}/"

    assert lab.member.patch(artifact, {"keep_days": 90}).json()["keep_days"] == 90
    assert lab.member.patch(artifact, {"keep_days": 0}).json()["keep_days"] is None
    assert lab.member.patch(artifact, {"keep_days": -1}).status_code == 400
    pinned = f"/api/v1/artifact-versions/{version.pk}/"
    assert lab.member.patch(pinned, {"pinned": True}).json()["pinned"] is True
    assert lab.member.delete(pinned).status_code == 409
    assert lab.member.patch(pinned, {"pinned": "yes"}).status_code == 400


class TestHidden:
    """Otto is a member of the lab, shut out of "hush"."""

    @pytest.fixture
    def secrets(self, lab, model):
        """A version of each kind made in "hush": every id and path that Otto must not learn."""
        hush = factories.make_project(lab.workspace, slug="hush")
        member = Membership.objects.get(workspace=lab.workspace, user__username="otto")
        access.set_project_role(hush, member, "none")
        run = factories.make_run(hush, "hush-run", params={"hush-param": 1})
        put(run, "hush-folder/net")
        logged = logged_model(run, net=b"1")
        artifact = log_artifact(hush, "hush-weights", run=run)
        register(model, run=run.pk, path="hush-folder")
        register(model, logged_model=logged.pk)
        register(model, artifact_version=artifact.pk)
        outside = register(model, source="s3://hush-bucket/net")
        ModelVersion.objects.filter(pk=outside.pk).update(
            source_run_id=run.pk, run_project=hush, run_link="https://hush.example"
        )
        versions.set_alias(outside, "best")
        return [
            run.pk, logged.pk, "hush", f"/{hush.pk}/", f"versions/{artifact.pk}",
        ]  # fmt: skip

    @pytest.mark.parametrize("address", ADDRESSES)
    def test_nothing_of_where_a_version_comes_from_is_told(self, lab, secrets, address):
        told = lab.member.get(address)
        kept = lab.shut_out.get(address)

        assert (told.status_code, kept.status_code) == (200, 200)
        assert [one for one in secrets if one in kept.content.decode()] == []
        if "version" in address or "alias" in address:
            assert [one for one in secrets if one in told.content.decode()]

    def test_that_it_is_there_is(self, lab, secrets):
        listed = lab.shut_out.get(f"{NET}versions/").json()["results"]

        assert [one["hidden"] for one in listed] == [True] * 4
        assert listed[0]["aliases"] == ["best"]
        found = lab.shut_out.get(f"{NET}compare/", {"versions": "1,2"}).json()
        assert (found["params"], found["metrics"], found["files"]) == ([], [], [])

    def test_files_and_where_they_are_are_not_found(self, lab, secrets):
        for number in (1, 2, 3, 4):
            files = lab.shut_out.get(f"{NET}versions/{number}/files/")
            uri = f"{MLFLOW}model-versions/get-download-uri?name=net&version={number}"
            assert (files.status_code, lab.shut_out.get(uri).status_code) == (404, 404)
            assert lab.member.get(uri).status_code == 200

    @pytest.mark.parametrize("text", ["run_id = '{run}'", "source_path LIKE '%hush%'"])
    def test_filters_do_not_tell_by_what_they_find(self, lab, secrets, text):
        query = {"filter": text.format(run=secrets[0])}
        address = f"{MLFLOW}model-versions/search"

        assert lab.member.get(address, query).json()["model_versions"]
        assert lab.shut_out.get(address, query).json()["model_versions"] == []
        unlike = {"filter": query["filter"].replace(" = ", " != ").replace(" LIKE ", " != ")}
        assert len(lab.shut_out.get(address, unlike).json()["model_versions"]) == 4

    def test_answers_to_changes_tell_as_little(self, lab, secrets):
        body = json.dumps({"name": "net", "version": "1", "stage": "Staging"})
        moved = lab.shut_out.post(
            f"{MLFLOW}model-versions/transition-stage", body, content_type="application/json"
        )
        changed = lab.shut_out.patch(f"{NET}versions/1/", {"stage": "Staging"})

        for answer in (moved, changed):
            assert answer.status_code == 200
            assert [one for one in secrets if one in answer.content.decode()] == []

    def test_a_hidden_version_is_not_copied(self, lab, secrets):
        refused = lab.shut_out.post(f"{NET}versions/", {"source": "models:/net/1"})

        assert refused.status_code == 404

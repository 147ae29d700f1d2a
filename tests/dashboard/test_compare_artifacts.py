"""Data, artifacts and models of the compared runs, beside each other."""

import pytest
from django.test import Client

from experiments import artifacts, blobs, model_layers
from experiments.access import project_roles
from experiments.model_layers import Layer
from experiments.models import (
    ArtifactUse,
    ArtifactVersion,
    BlobUpload,
    Dataset,
    DatasetInput,
    Role,
    Run,
)
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Client:
    make_workspace("lab", ada=Role.VIEWER)
    client.force_login(make_user("ada"))
    return client


def version(name: str = "images", project_slug: str = "sinusoid", **contents: str):
    project = make_project(slug=project_slug)
    stored = []
    for path, text in contents.items():
        blob = blobs.put(text.encode())
        BlobUpload.objects.get_or_create(workspace=project.workspace, blob=blob)
        stored.append(artifacts.Stored(path=path, sha256=blob.sha256))
    return artifacts.log_version(
        project=project, user=None, name=name, kind="dataset", stored=stored
    ).version


def reads(run: Run, found: ArtifactVersion) -> None:
    ArtifactUse.objects.create(run=run, version=found, role=ArtifactUse.Role.INPUT)


def page(client: Client, runs: list[Run]) -> str:
    answer = client.get(f"/compare/?runs={','.join(run.pk for run in runs)}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_versions_that_runs_read_are_compared_file_by_file(ada: Client):
    runs = [make_run(), make_run(), make_run()]
    reads(runs[0], version(a="1", b="2", c="3"))
    reads(runs[1], version(a="1", b="other", d="4"))

    text = page(ada, runs)

    assert "+1 −1, 1 changed, 1 the same" in text
    assert '<li class="plus">+ d</li>' in text
    assert '<li class="minus">− c</li>' in text
    assert "<li>≠ b</li>" in text
    assert "version=2&amp;with=1" in text or "version=2&with=1" in text
    assert ada.get("/p/lab/sinusoid/artifacts/images/?version=2&with=1").status_code == 200


def test_the_same_version_is_no_difference(ada: Client):
    runs = [make_run(), make_run()]
    same = version(a="1")
    for run in runs:
        reads(run, same)

    assert '<tr data-path="artifact.images" data-same>' in page(ada, runs)


def test_artifacts_of_projects_that_are_shut_are_not_told(ada: Client):
    runs = [make_run(), make_run()]
    hidden = version("secret", "shut", a="1")
    reads(runs[0], hidden)
    membership = make_user("ada").memberships.get()
    project_roles.set_project_role(hidden.artifact.project, membership, "none")

    assert "artifact.secret" not in page(ada, runs)


def test_datasets_of_mlflow_clients_are_compared_by_their_digests(ada: Client):
    runs = [make_run(), make_run()]
    for run, digest in zip(runs, ("abc", "xyz"), strict=True):
        data = Dataset.objects.create(project=run.project, name="<b>iris</b>", digest=digest)
        DatasetInput.objects.create(run=run, dataset=data)

    text = page(ada, runs)

    assert "&lt;b&gt;iris&lt;/b&gt;" in text
    assert "<b>iris" not in text
    assert ">abc</a>" in text
    assert ">xyz</a>" in text


def test_models_are_on_the_compare_page_and_on_the_run(ada: Client):
    runs = [make_run(), make_run()]
    for run, width in zip(runs, (4, 8), strict=True):
        model_layers.record(run, "net", [Layer("<i>w</i>", (3, width), "float32")])

    text = page(ada, runs)
    own = ada.get(f"/runs/{runs[0].pk}/?tab=environment").content.decode()

    assert "3 × 4 float32" in text
    assert "3 × 8 float32" in text
    assert "24 <small>24, 96 B</small>" in text
    assert "Model net" in own
    assert "12 parameters, 48 B" in own
    assert "<i>w" not in text + own

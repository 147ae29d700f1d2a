"""What MLflow's clients write in tags is on the page of their run."""

import pytest

from experiments.mlflow import experiments, runs
from experiments.models import Role, User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client):
    """The text of the page of a nested run with tags."""
    workspace = factories.make_workspace("lab", ada=Role.MEMBER)
    ada = User.objects.get(username="ada")
    client.force_login(ada)
    project = experiments.create(workspace, name="Iris & co", tags={})
    parent = runs.create(project, ada, name="the sweep", tags={})
    tags = {
        "team": "vision", "label": "", runs.PARENT: parent.pk, runs.NOTE: "what I saw",
        runs.COMMAND: "train.py", runs.COMMIT: "ab" * 20, runs.BRANCH: "dev",
    }  # fmt: skip
    run = runs.create(project, ada, user_id="eve", name="nested", tags=tags)
    return client.get(f"/runs/{run.pk}/").content.decode(), parent


def test_tags_of_mlflow_are_shown_as_what_they_mean(page):
    text, parent = page

    assert '<dt>command</dt><dd class="mono">train.py</dd>' in text
    assert "ababababab dev" in text
    assert "<dt>working tree</dt><dd>not recorded</dd>" in text
    assert "<dt>user</dt><dd>eve</dd>" in text
    assert f'href="/runs/{parent.pk}/">the sweep</a>' in text
    assert "what I saw" in text


def test_tags_with_values_are_no_labels(page):
    text, _ = page

    assert '<dt>team</dt><dd class="mono">vision</dd>' in text
    assert 'name="tags" value="label"' in text
    assert "mlflow.runName" not in text


def test_changing_labels_leaves_tags_with_values(page, client):
    _, parent = page
    run = parent.project.runs.get(name="nested")

    client.post(f"/runs/{run.pk}/tags/", {"tags": "new"})

    assert run.labels == ["new"]
    assert run.tag_rows.filter(name="team", value="vision").exists()

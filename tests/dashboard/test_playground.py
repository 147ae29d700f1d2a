"""The playground's page: what it offers, to whom, and what it says where there is nothing."""

import io
import json

import pytest
from django.test import Client

from dashboard.playground import random_like
from experiments import files, initialisations
from experiments.api.v1.initialisations import EXAMPLE
from experiments.models import Project, Role, Run
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def project(db: object) -> Project:
    return make_project(make_workspace("lab", ada=Role.VIEWER))


def trained(project: Project, name: str, algorithm: str = "maml") -> Run:
    run = make_run(project, name, status="completed", params={"algorithm": algorithm})
    initialisations.record(run, EXAMPLE)
    return run


def titles(response) -> list[str]:
    return [start.title for start in response.context["starts"]]


def test_the_newest_pretrained_run_is_beside_it_unless_others_are_asked_for(ada, project):
    run, other = trained(project, "maml"), trained(project, "fomaml", "fomaml")
    trained(project, "old", "pretrained")
    trained(project, "warm", "pretrained")
    address = f"/runs/{run.pk}/playground/"

    assert titles(ada.get(address)) == ["maml", "warm", "Random"]
    assert titles(ada.get(f"{address}?with=&with={other.pk}")) == ["maml", "fomaml", "Random"]
    assert titles(ada.get(f"{address}?with=")) == ["maml", "Random"]


def test_runs_of_other_projects_are_not_beside_it(ada, project):
    run = trained(project, "maml")
    foreign = trained(make_project(make_workspace("theirs"), slug="secret"), "secret")

    response = ada.get(f"/runs/{run.pk}/playground/?with={foreign.pk}")

    assert titles(response) == ["maml", "Random"]
    assert "secret" not in response.content.decode()
    assert ada.get(f"/runs/{foreign.pk}/playground/").status_code == 404


def test_a_run_that_keeps_none_says_what_does(ada, project):
    run = make_run(project, "lstm", status="completed")

    response = ada.get(f"/runs/{run.pk}/playground/")

    assert response.status_code == 200
    assert "keeps no initialisation to adapt" in response.content.decode()
    assert "No run has one" in ada.get("/playground/").content.decode()


def test_a_file_of_another_shape_beside_it_is_left_out(ada, project):
    run, broken = trained(project, "maml"), trained(project, "broken")
    files.put(files.of_run(broken), initialisations.PATH, io.BytesIO(b"{}"))

    assert titles(ada.get(f"/runs/{run.pk}/playground/?with={broken.pk}")) == ["maml", "Random"]


def test_the_palette_leads_to_the_newest_run_that_has_one(ada, project):
    run = trained(project, "maml")
    make_run(project, "later", status="completed")

    assert "/playground/" in ada.get("/palette/?q=playground").content.decode()
    assert ada.get("/playground/").headers["Location"] == f"/runs/{run.pk}/playground/"


def test_the_random_one_has_the_runs_shape_and_rates_and_is_always_the_same():
    own = initialisations.parsed(json.dumps(EXAMPLE).encode())

    found = random_like(own)

    assert found == random_like(own)
    assert found.layers[0].weight != own.layers[0].weight
    assert (found.rates, found.layers[0].weight_rate) == (own.rates, own.layers[0].weight_rate)

"""Learned inner rates on a run's page: by layer and inner step, at any recorded meta-step."""

import numpy as np
import pytest
from django.test import Client

from dashboard.episodes.inner_rates import inner_rates
from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests.comparing.building import evaluation
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def run(db) -> Run:
    project = make_project(make_workspace("lab", ada=Role.MEMBER))
    return make_run(project, "maml++", status="completed")


def log_rates(run: Run, keys: dict[str, list[float]]) -> None:
    steps = np.array([10, 20, 30])
    series = [
        SeriesPoints(f"inner_lr/{key}", steps, 1.79e9 + steps, np.array(values))
        for key, values in keys.items()
    ]
    recording.record(run_id=run.pk, client="test", number=0, series=series)


def test_rates_are_by_layer_inner_step_and_meta_step(run):
    log_rates(
        run,
        {
            "l2.weight/step_1": [0.1, 0.2, 0.3],
            "l2.weight/step_2": [0.1, 0.1, 0.0],
            "l10.weight/step_1": [0.1, -0.1, -0.2],
        },
    )

    found = inner_rates(run.pk)

    assert found is not None
    assert (found.layers, found.inner_steps) == (("l2.weight", "l10.weight"), (1, 2))
    assert found.steps.tolist() == [10, 20, 30]
    assert found.rates[2, 0].tolist() == [0.3, 0.0]
    assert found.rates[2, 1, 0] == -0.2
    assert np.isnan(found.rates[:, 1, 1]).all()


def test_heat_map_is_of_the_meta_step_at_or_before_the_one_asked_for(ada, run):
    log_rates(run, {"l1/step_1": [0.1, 0.2, 0.3], "l1/step_2": [0.1, -0.4, 0.0]})

    body = ada.get(f"/runs/{run.pk}/charts/inner-rates/?rates_at=25").json()

    [heat] = body["figure"]["data"]
    assert heat["z"] == [[0.2, -0.4]]
    assert (heat["zmin"], heat["zmax"]) == (-0.4, 0.4)
    assert "meta-step 20" in body["note"]
    assert ada.get(f"/runs/{run.pk}/charts/inner-rates/?rates_at=x").status_code == 400


def test_rates_of_elements_are_one_column_and_said_to_be_means(ada, run):
    log_rates(run, {"l1": [0.1, 0.2, 0.3]})
    evaluation(np.ones((3, 2)), run=run)

    body = ada.get(f"/runs/{run.pk}/charts/inner-rates/").json()
    page = ada.get(f"/runs/{run.pk}/?tab=adaptation").content.decode()

    assert body["figure"]["data"][0]["x"] == ["all steps"]
    assert "mean over the layer" in body["note"]
    assert "Learned inner rates" in page


def test_a_run_that_learned_none_shows_none(ada, run):
    evaluation(np.ones((3, 2)), run=run)

    assert "Learned inner rates" not in ada.get(f"/runs/{run.pk}/?tab=adaptation").content.decode()
    assert ada.get(f"/runs/{run.pk}/charts/inner-rates/").json()["figure"] is None


def test_rates_of_foreign_runs_are_not_found(ada):
    foreign = make_run(make_project(make_workspace("other"), "theirs"))

    assert ada.get(f"/runs/{foreign.pk}/charts/inner-rates/").status_code == 404

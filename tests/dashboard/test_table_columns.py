"""Which columns a run table shows before anybody chose."""

import pytest

from dashboard.table_columns import first_columns, ranked_metrics, sampled_runs
from experiments.shapes import RunColumns
from tests import factories

pytestmark = pytest.mark.django_db


def test_how_runs_learn_comes_before_how_they_report():
    project = factories.make_project()
    for number in range(3):
        params = {
            "checkpoint_every": number,
            "inner": {"lr": number / 10},
            "algorithm": f"a{number}",
        }
        factories.make_run(project, params=params)

    shown = [one for one in first_columns(sampled_runs(project), []) if one.startswith("params.")]

    assert shown == ["params.algorithm", "params.inner.lr", "params.checkpoint_every"]


def test_what_the_machine_did_is_no_column_before_somebody_chooses_it():
    project = factories.make_project()
    known = RunColumns(params=(), metrics=("acc", "system/cpu", "system/memory"), tags=())

    assert ranked_metrics(project, known, []) == ["acc"]
    project.main_metric = "system/memory"
    assert ranked_metrics(project, known, []) == ["system/memory", "acc"]


def test_a_run_of_another_kind_does_not_push_the_others_params_aside():
    project = factories.make_project()
    for number in range(3):
        episodes = {"amplitude_low": 0.1, "amplitude_high": 5.0, "phase": 1.0, "shot": 10}
        factories.make_run(project, params={"episodes": episodes, "inner": {"lr": number / 10}})
    factories.make_run(project, params={"episodes": {"way": 5}, "inner": {"lr": 0.4}})

    shown = [one for one in first_columns(sampled_runs(project), []) if one.startswith("params.")]

    assert shown[0] == "params.inner.lr"

"""Which columns a run table shows before anybody chose, and which it offers."""

import re

import pytest

from dashboard.table_columns import first_columns, ranked_metrics, sampled_runs
from dashboard.table_menus import column_choices
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
    known = RunColumns(params=(), metrics=("acc", "system/cpu", "system/memory"))

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


def test_every_column_is_offered_and_what_is_shown_is_checked():
    known = RunColumns(params=("lr", "net.width"), metrics=("loss",))
    offered = str(column_choices(known, {"metrics.loss(min)", "params.lr"}))

    boxes = dict(re.findall(r'name="col" value="([^"]+)"( checked)?>', offered))
    assert {name for name, checked in boxes.items() if checked} == {
        "metrics.loss(min)",
        "params.lr",
    }
    assert set(boxes) == {
        *("metrics.loss", "metrics.loss(min)", "metrics.loss(max)", "params.lr", "params.net.width")
    }


def test_names_of_columns_are_text():
    hostile = '"><script>alert(1)</script>'
    offered = str(column_choices(RunColumns(params=(hostile,), metrics=(hostile,)), {}))

    assert "<script" not in offered
    assert offered.count("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") == 1 + 2 + 3 + 1


def test_headings_stand_only_over_columns():
    assert not column_choices(RunColumns(params=(), metrics=()), {})

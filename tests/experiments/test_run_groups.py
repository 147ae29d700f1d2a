"""Groups of runs that are alike: which runs they hold, their numbers, order and pages."""

import itertools
import math

import numpy as np
import pytest

from experiments import reading, recording, snapshots
from experiments.errors import Invalid
from experiments.models import RunTag, Series
from experiments.reading import grouping, id_arrays
from experiments.shapes import SeriesPoints
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["few", "many"], autouse=True)
def _few_or_many(request, monkeypatch):
    """Few runs are asked for by their ids, many by what the project holds: to the same end."""
    monkeypatch.setattr(grouping, "FEW", 2_000 if request.param == "few" else -1)


@pytest.fixture
def project():
    return make.make_project()


def made(project, name, loss=None, **fields):
    run = make.make_run(project, name, **fields)
    if loss is not None:
        steps = np.arange(2)
        points = SeriesPoints("loss", steps, np.zeros(2), np.array([9.0, loss]))
        recording.record(run_id=run.pk, client="c", number=0, series=[points])
    return run


def sets_of(project, page):
    """The names of the runs of each group."""
    names = dict(project.runs.values_list("pk", "name"))
    return ["".join(sorted(names[run] for run in group.run_ids)) for group in page.groups]


def groups(project, *by, **asked):
    return reading.run_groups(project, by=by, **asked)


def test_a_group_has_mean_deviation_and_how_many_they_are_of(project):
    for name, loss in (("a", 1.0), ("b", 2.0), ("c", 6.0), ("d", float("nan")), ("e", None)):
        made(project, name, loss, params={"lr": 0.1})
    made(project, "z", 4.0, params={"lr": 0.2})
    other = make.make_project(slug="other")
    made(other, "x", 100.0, params={"lr": 0.1})

    page = groups(project, "params.lr", columns=["metrics.loss", "metrics.loss(max)"])

    (lone, five), (total, runs) = page.groups, (page.total, page.runs)
    assert (total, runs) == (2, 6)
    assert (five.values, five.runs) == (("0.1",), 5)
    spread = five.metrics["metrics.loss"]
    assert (spread.mean, spread.count, spread.nonfinite) == (3.0, 3, 1)
    assert spread.sd == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert five.metrics["metrics.loss(max)"].mean == 9.0
    assert (lone.metrics["metrics.loss"].mean, lone.metrics["metrics.loss"].sd) == (4.0, None)


def test_runs_without_the_field_are_a_group_and_equal_numbers_are_one(project):
    for name, value in (("a", 1), ("b", 1.0), ("c", "x"), ("d", 1e-5), ("e", 0.00001)):
        made(project, name, params={"lr": value})
    made(project, "f", params={})
    made(project, "g", params={})

    page = groups(project, "params.lr")

    assert sorted(sets_of(project, page)) == ["ab", "c", "de", "fg"]
    assert page.groups[0].values == (None,)


def test_several_fields_and_those_of_the_run_itself(project):
    for name, group, status, data in (
        ("a", "g", "completed", "mini"),
        ("b", "g", "completed", "mini"),
        ("c", "g", "failed", "mini"),
        ("d", "", "failed", None),
    ):
        run = made(project, name, group=group, status=status)
        if data:
            RunTag.objects.create(run=run, project=project, name="data", value=data, text=data)

    page = groups(project, "group", "tags.data", "status")

    assert sets_of(project, page) == ["d", "c", "ab"]
    assert page.groups[0].values == ("", None, "failed")
    assert page.groups[2].statuses == {"completed": 2}


def test_seedless_runs_share_code_and_params_but_the_seed(project):
    code = snapshots.store(workspace=project.workspace, files={"train.py": b"1"})
    for name, params, snapshot in (
        ("a", {"lr": 0.1, "seed": 0, "net": {"width": 4}}, code),
        ("b", {"lr": 0.1, "seed": 1, "net": {"width": 4}}, code),
        ("c", {"lr": 0.1, "seed": 1, "net": {"width": 5}}, code),
        ("d", {"lr": 0.1, "seed": 0, "net": {"width": 4}}, None),
        ("e", {"lr": 0.1, "net": {"width": 4}}, code),
        ("f", {}, None),
        ("g", {"seed": 3}, None),
        ("h", {"net": {"width": 0.1}, "lr": 4}, code),
    ):
        made(project, name, params=params, snapshot=snapshot)

    assert sets_of(project, groups(project, "seedless")) == ["h", "fg", "abe", "d", "c"]


def test_params_that_exchange_their_values_are_other_params(project):
    for values in itertools.permutations(range(4)):
        made(project, "x", params=dict(zip("abcd", values, strict=True)))

    assert groups(project, "seedless").total == 24


def test_what_runs_have_in_common_is_told_and_what_varies_by_its_values(project):
    for name, seed, net in (("a", 0, "x"), ("b", 1, "x"), ("c", 2, None)):
        params = {"lr": 0.1, "net": net} if net else {"lr": 0.1}
        made(project, name, params=params, seed=seed, group="g")

    (group,) = groups(
        project, "params.lr", columns=["params.lr", "params.net", "seed", "group"]
    ).groups

    assert group.held["params.lr"] == ("0.1",)
    assert group.held["params.net"] == (None, "x")
    assert group.held["seed"] == ("0", "1", "2")
    assert group.held["group"] == ("g",)


def test_values_are_told_in_an_order_that_no_database_decides(project):
    for seed in (10, "b", 9, "a", None):
        made(project, "x", params={} if seed is None else {"seed": seed}, group="few")
    for seed in (30, 10, 9, 4, 2):
        made(project, "x", params={"seed": seed}, group="many")

    found = groups(project, "group", columns=["params.seed"]).groups

    held = {group.values[0]: group.held["params.seed"] for group in found}
    assert held == {"few": (None, "9", "10", "a"), "many": ("2", "4", "9", "10")}


def test_the_shortest_way_of_writing_stands_for_equal_numbers(project):
    for lr in ("1e-1", "0.100", "0.1"):
        made(project, "x", params={"lr": lr})

    (group,) = groups(project, "params.lr").groups

    assert group.values == ("0.1",)


@pytest.fixture
def sorted_project(project):
    for name, loss, lr in (
        *(("a", 3.0, 10), ("b", 1.0, 9.5), ("c", None, 8), ("d", float("nan"), 7)),
        *(("e", 1.0, 10), ("f", 4.0, 9.5), ("g", 7.0, 9.5)),
    ):
        made(project, name, loss, params={"lr": lr})
    return project


@pytest.mark.parametrize(
    ("sort", "up", "down"),
    [
        ("metrics.loss", ["ae", "bfg", "d", "c"], ["bfg", "ae", "d", "c"]),
        ("metrics.loss(max)", ["bfg", "ae", "d", "c"], ["bfg", "ae", "d", "c"]),
        ("params.lr", ["d", "c", "bfg", "ae"], ["ae", "bfg", "c", "d"]),
        ("runs", ["d", "c", "ae", "bfg"], ["bfg", "ae", "d", "c"]),
        ("created", ["c", "d", "ae", "bfg"], ["bfg", "ae", "d", "c"]),
        ("metrics.unknown", ["bfg", "ae", "d", "c"], ["bfg", "ae", "d", "c"]),
    ],
)
def test_sorts_by_the_mean_of_the_group_with_the_lacking_last(sorted_project, sort, up, down):
    found = groups(sorted_project, "params.lr", sort=sort, descending=False)
    assert sets_of(sorted_project, found) == up
    assert sets_of(sorted_project, groups(sorted_project, "params.lr", sort=sort)) == down


@pytest.mark.parametrize("limit", [1, 3])
def test_pages_join_to_the_whole(sorted_project, limit):
    whole = sets_of(sorted_project, groups(sorted_project, "params.lr", sort="metrics.loss"))
    pages = [
        groups(sorted_project, "params.lr", sort="metrics.loss", offset=o, limit=limit)
        for o in range(0, 6, limit)
    ]

    assert [one for page in pages for one in sets_of(sorted_project, page)] == whole
    assert [page.has_more for page in pages][-1] is False


def test_only_the_runs_that_the_filter_finds_are_grouped(sorted_project):
    make.make_run(sorted_project, "old", archived_at="2026-01-01T00:00:00Z", params={"lr": 10})

    page = groups(sorted_project, "params.lr", filters="metrics.loss >= 3")

    assert sets_of(sorted_project, page) == ["fg", "a"]
    assert (page.total, page.runs) == (2, 3)
    assert groups(sorted_project, "params.lr", filters="seed = 77").groups == ()
    assert sets_of(sorted_project, groups(sorted_project, "params.lr", archived=True)) == ["old"]


def test_a_mean_that_no_float_can_hold_is_infinite(project):
    for name in "ab":
        made(project, name, 1.7e308, params={})

    (group,) = groups(project, "seedless", columns=["metrics.loss"]).groups

    assert group.metrics["metrics.loss"].mean == math.inf


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"by": []}, "by"),
        ({"by": ["metrics.loss"]}, "by"),
        ({"by": ["tags"]}, "by"),
        ({"by": ["seedless", "group"]}, "by"),
        ({"by": [f"params.{i}" for i in range(6)]}, "by"),
        ({"by": ["group"], "sort": "duration"}, "sort"),
        ({"by": ["group"], "sort": "metrics.speed(best)"}, "sort"),
        ({"by": ["group"], "filters": "lr ="}, "filter"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(project, asked, field):
    with pytest.raises(Invalid) as refused:
        reading.run_groups(project, **asked)

    assert field in refused.value.fields


def test_numbers_are_read_with_all_their_digits(project):
    values = [0.1 + 0.2, 1 / 3, 2e-300, 3.3e300, -2.5e-17, 123456789012345.678]
    expected = {made(project, str(value), value).pk: value for value in values}

    numbers, ids = id_arrays.read_numbers(Series.objects.filter(key="loss"), "last", "run_id")

    assert dict(zip(ids.astype(str).tolist(), numbers.tolist(), strict=True)) == expected

"""Params and environments side by side."""

import math

import pytest

from experiments.comparing import documents, environment, params
from experiments.models import Run


def of_params(*all_params: dict) -> params.ParamRows:
    return params.compare([Run(params=one) for one in all_params])


def test_every_leaf_of_any_run_has_a_row_under_its_section():
    found = of_params(
        {"algorithm": "maml", "inner": {"lr": 0.4, "steps": 1}},
        {"algorithm": "maml", "inner": {"lr": 0.1}, "outer": {"adam": {"beta": 0.9}}},
    )

    assert [row.key for row in found.rows] == [
        "algorithm",
        "inner.lr",
        "inner.steps",
        "outer.adam.beta",
    ]
    assert [row.section for row in found.rows] == ["", "inner", "inner", "outer.adam"]
    assert [row.differs for row in found.rows] == [False, True, True, True]
    assert found.differing == 3


def test_rows_that_are_alike_in_all_runs_show_what_each_run_says():
    rows = of_params({"a": 0.0, "b": 1, "c": "x"}, {"a": -0.0, "b": 1.0, "c": "x"}).rows

    assert [[cell.text for cell in row.cells] for row in rows] == [
        ["0.0", "-0.0"],
        ["1", "1.0"],
        ["x", "x"],
    ]
    assert not any(row.differs for row in rows)


def test_a_cell_has_its_ratio_to_the_baseline():
    row = of_params({"lr": 0.4}, {"lr": 0.1}, {"lr": 0.4}).rows[0]

    assert [cell.ratio for cell in row.cells] == [None, 0.25, None]
    assert [cell.differs for cell in row.cells] == [False, True, False]


def test_the_baseline_may_be_any_run():
    run_a, run_b = Run(params={"lr": 0.4}), Run(params={"lr": 0.1})

    row = params.compare([run_a, run_b], baseline=1).rows[0]

    assert [cell.ratio for cell in row.cells] == [4.0, None]


def test_a_missing_value_differs_and_says_so():
    row = of_params({"lr": None}, {}).rows[0]

    assert [(cell.text, cell.is_missing) for cell in row.cells] == [("null", False), ("–", True)]
    assert row.differs


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, 1.0),
        ("1e-3", 0.001),
        ("0.001", "1e-3"),
        (math.nan, math.nan),
        ([1, 2.0], (1.0, 2)),
        ("adam", "adam"),
        ({"a": "1"}, {"a": 1}),
        (2**60, str(2**60)),
    ],
)
def test_same(first, second):
    assert documents.same(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (True, 1),
        (False, 0),
        ("1", True),
        (None, 0),
        ("adam", "Adam"),
        ([1], [1, 2]),
        ("", 0),
        ("1_0", 10),
        (math.nan, 1),
    ],
)
def test_not_same(first, second):
    assert not documents.same(first, second)


@pytest.mark.parametrize(("first", "second"), [(0, 5), (5, 0), (10**400, 0.5), (math.inf, 2)])
def test_no_ratio_where_it_would_mean_nothing(first, second):
    row = of_params({"x": second}, {"x": first}).rows[0]

    assert row.cells[1].ratio is None


def test_environment_splits_packages_from_facts():
    runs = [
        Run(environment={"python": "3.11.7", "packages": {"torch": "2.5.1", "numpy": "2.0"}}),
        Run(environment={"python": "3.12.1", "packages": {"Torch": "2.6.0", "numpy": "2.0"}}),
    ]

    found = environment.compare(runs)

    assert [row.key for row in found.rows] == ["python"]
    assert [(one.versions, one.differs) for one in found.packages] == [(("2.5.1", "2.6.0"), True)]
    assert found.same_packages == 1
    assert found.differing == 2


def test_an_environment_that_was_not_recorded_is_no_error():
    found = environment.compare([Run(environment={}), Run(environment={"packages": "none"})])

    assert found.rows == ()
    assert found.packages == ()


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("1.2.3", "1.2.3", ""),
        ("", "1.0", "added"),
        ("1.0", "", "removed"),
        ("1.2.3", "2.2.3", "major"),
        ("1.2.3", "1.3.3", "minor"),
        ("1.2.3", "1.2.4", "patch"),
        ("1.2.3", "1.2.3.post1", "other"),
    ],
)
def test_package_changes_are_named(before: str, after: str, change: str):
    assert environment.package_change(before, after) == change

"""The run table: order, pages, what rows carry, and how many queries it takes."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments import reading, recording
from experiments.errors import Invalid
from experiments.shapes import SeriesPoints
from tests import factories

pytestmark = pytest.mark.django_db


def record(run, **metrics):
    series = [
        SeriesPoints(key, np.arange(len(values)), np.zeros(len(values)), np.array(values, float))
        for key, values in metrics.items()
    ]
    recording.record(run_id=run.id, client="c", number=0, series=series)
    return run


@pytest.fixture
def project():
    project = factories.make_project()
    record(factories.make_run(project, "a", params={"lr": 10, "net": "b"}), loss=[5, 1, 3])
    record(factories.make_run(project, "b", params={"lr": 9.5, "net": "a"}), loss=[2, 2])
    record(factories.make_run(project, "c", params={"net": 3}), loss=[np.nan])
    factories.make_run(project, "d", params={})
    return project


def names(project, **arguments):
    return "".join(row.name for row in reading.run_table(project, **arguments).rows)


@pytest.mark.parametrize(
    ("sort", "up", "down"),
    [
        ("metrics.loss", "bacd", "abdc"),
        ("metrics.loss(min)", "abcd", "badc"),
        ("metrics.loss(max)", "bacd", "abdc"),
        ("params.lr", "bacd", "abdc"),
        ("params.net", "cabd", "cdba"),
        ("name", "abcd", "dcba"),
        ("created", "abcd", "dcba"),
        ("duration", "abcd", "dcba"),
        ("seed", "abcd", "dcba"),
        ("metrics.unknown", "abcd", "dcba"),
    ],
)
def test_sorts_with_the_lacking_last(project, sort, up, down):
    assert names(project, sort=sort, descending=False) == up
    assert names(project, sort=sort) == down


@pytest.mark.parametrize("sort", ["metrics.loss", "params.lr", "name"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_join_to_the_whole(project, sort, limit):
    pages = [names(project, sort=sort, offset=o, limit=limit) for o in range(0, 6, limit)]
    assert "".join(pages) == names(project, sort=sort)


def test_rows_carry_the_asked_columns(project):
    table = reading.run_table(
        project, sort="name", descending=False, columns=["params.lr", "params.net", "metrics.loss"]
    )
    first, second, third, last = table.rows
    assert (first.params, second.params) == ({"lr": 10, "net": "b"}, {"lr": 9.5, "net": "a"})
    assert (first.metrics["loss"].least, first.metrics["loss"].last) == (1, 3)
    assert np.isnan(third.metrics["loss"].last)
    assert (last.params, last.metrics) == ({}, {})
    assert (table.total, table.has_more) == (4, False)


def test_filter_and_archived(project):
    run = factories.make_run(project, "e", archived_at="2026-01-01T00:00:00Z", tags=["x", "a"])
    assert names(project, filters="metrics.loss < 3", sort="metrics.loss") == "b"
    assert names(project, filters="metrics.loss < 4", sort="metrics.loss", limit=1) == "a"
    (row,) = reading.run_table(project, archived=True).rows
    assert (row.id, row.tags) == (run.id, ("a", "x"))


def test_columns_there_are(project):
    columns = reading.run_columns(project)
    assert (columns.params, columns.metrics) == (("lr", "net"), ("loss",))


def test_queries_do_not_grow_with_runs(project):
    arguments = {"sort": "metrics.loss", "columns": ["params.lr", "metrics.loss"], "limit": 100}
    with CaptureQueriesContext(
        connection,
    ) as few:
        reading.run_table(project, **arguments)
    for number in range(20):
        record(factories.make_run(project, f"run-{number}"), loss=[number])
    with CaptureQueriesContext(connection) as many:
        assert len(reading.run_table(project, **arguments).rows) == 24
    assert len(many) == len(few) <= 9


@pytest.mark.parametrize("bad", [{"sort": "colour"}, {"limit": 0}, {"offset": -1}])
def test_bad_arguments_are_refused(project, bad):
    with pytest.raises(Invalid):
        reading.run_table(project, **bad)

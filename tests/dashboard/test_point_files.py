"""The points behind curves as files, and text of strangers in links and sentences."""

import csv
import io
import math
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from django.test import Client

from experiments import reading, recording, search
from experiments.comparing import statistics
from experiments.models import Role, Run
from experiments.search import tokens
from experiments.shapes import SeriesPoints
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db
START = 1.79e9
POINTS = 5_000


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def runs(db) -> list[Run]:
    """Two runs with more points than a chart has buckets, one of them not a number."""
    project = make_project(make_workspace("lab", ada=Role.MEMBER), "sinusoid")
    found = []
    for seed in range(2):
        run = make_run(project, name=f"=run-{seed}", status="completed")
        values = np.random.default_rng(seed).normal(size=POINTS)
        values[17] = math.nan
        steps = np.arange(POINTS, dtype=np.int64)
        recording.record(
            run_id=run.pk,
            client="test",
            number=0,
            series=[SeriesPoints("train/loss", steps, START + steps / 8, values)],
        )
        found.append(run)
    return found


def table(answer) -> list[list[str]]:
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    text = b"".join(answer.streaming_content).decode()
    return list(csv.reader(io.StringIO(text)))


def test_file_of_a_comparison_is_every_logged_point_exactly(ada, runs):
    address = "/compare/charts/curve.csv?runs=lab/sinusoid:1-2&key=train/loss&width=200"

    head, *rows = table(ada.get(address))

    assert head == ["run", "name", "metric", "step", "time", "value"]
    assert len(rows) == 2 * POINTS
    for run in runs:
        steps, times, values = reading.all_points(run.pk, "train/loss")
        mine = [row for row in rows if row[0] == run.pk]
        assert [int(row[3]) for row in mine] == steps.tolist()
        assert np.array_equal([float(row[5]) for row in mine], values, equal_nan=True)
        assert mine[8][4] == "2026-09-21T14:13:21+00:00"
    assert rows[17][5] == "nan"
    assert rows[0][1] == "'=run-0"


def test_file_of_a_run_has_the_metrics_of_its_chart(ada, runs):
    run = runs[0]

    rows = table(ada.get(f"/runs/{run.pk}/charts/curve.csv?key=train/loss&key=none"))

    assert len(rows) == 1 + POINTS
    foreign = make_run(make_project(make_workspace("other"), "theirs"))
    assert ada.get(f"/runs/{foreign.pk}/charts/curve.csv?key=a").status_code == 404


@pytest.mark.parametrize("tag", ["plain", "</a><script>", 'a "quoted" \\ one', "50 % & more"])
def test_link_of_a_tag_finds_the_runs_that_have_it(ada, runs, tag):
    run = make_run(runs[0].project, tags=[tag])
    page = ada.get(f"/runs/{run.pk}/").content.decode()

    start = page.index('class="tag" href="') + len('class="tag" href="')
    link = page[start : page.index('"', start)]

    [filters] = parse_qs(urlsplit(link.replace("&amp;", "&")).query)["q"]
    assert filters == f"tags = {search.quoted(tag)}"


@pytest.mark.parametrize("text", ["", 'a"b', "\\", '\\"', "new\nline"])
def test_quoted_is_taken_back_by_unquoted(text):
    assert tokens.unquoted(tokens.quoted(text)) == text


def test_interval_of_one_mean_is_not_called_paired():
    values = np.array([1.0, 2.0, 4.0])

    assert "paired" in statistics.t_interval(values).method
    assert "paired" not in statistics.t_interval(values, "95 % t interval of the mean").method

"""The compare page of many runs: letters, colours, short addresses, panels a few at a time."""

import json
import re
from urllib.parse import quote

import numpy as np
import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.comparison.run_names import MOST_NAMED, run_names
from dashboard.comparison.selection import letter
from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Client:
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def runs(db) -> list[Run]:
    """Forty runs, of which the last has a hundred metrics more."""
    project = make_project(make_workspace("lab", ada=Role.VIEWER), "sinusoid")
    runs = [make_run(project, params={"lr": place, "seed": 1}) for place in range(40)]
    for place, run in enumerate(runs):
        keys = ["train/loss", *(f"layers/norm_{n}" for n in range(100) if place == 39)]
        log(run, keys)
    return runs


def log(run: Run, keys: list[str]) -> None:
    steps = np.arange(3, dtype=np.int64)
    values = np.full(3, run.number, dtype=np.float64)
    series = [SeriesPoints(key, steps, 1.79e9 + steps, values) for key in keys]
    recording.record(run_id=run.pk, client="test", number=0, series=series)


def names(text: str) -> list[str]:
    return run_names(QueryDict(f"runs={quote(text)}"))


def test_letters_go_on_after_z():
    assert [letter(place) for place in (0, 25, 26, 51, 52, 99)] == [
        "A", "Z", "AA", "AZ", "BA", "CV",
    ]  # fmt: skip


def test_numbers_name_runs_of_the_project_before_them():
    assert names("lab/a:2-4,9,3,lab/b:2-1") == [
        "lab/a:2", "lab/a:3", "lab/a:4", "lab/a:9", "lab/b:2", "lab/b:1",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["lab/a:1-999999999", "lab/a:999999999-1"])
def test_an_endless_range_is_cut(text: str):
    assert len(names(text)) == MOST_NAMED


@pytest.mark.parametrize("text", ["lab/a:x", "7", "lab:3", "a/b/c:1", "lab/a:", "../x:1"])
def test_what_names_no_run_is_not_found(ada: Client, runs: list[Run], text: str):
    there = f"/compare/?runs={quote(text)},{runs[0].pk}"

    assert ada.get(there).status_code == 404


def test_a_long_list_of_ids_gets_a_short_address(ada: Client, runs: list[Run]):
    ids = ",".join(run.pk for run in runs)

    answer = ada.get(f"/compare/?runs={ids}&smooth=0.5")

    assert answer.status_code == 302
    assert answer["Location"] == "/compare/?runs=lab/sinusoid:1-40&smooth=0.5"
    assert "Compare 40 runs" in ada.get(answer["Location"]).content.decode()


def test_an_address_keeps_the_order_of_the_runs(ada: Client, runs: list[Run]):
    order = [*runs[5:], *reversed(runs[:5])]

    answer = ada.get(f"/compare/?runs={','.join(run.pk for run in order)}")

    assert answer["Location"].endswith("?runs=lab/sinusoid:6-40,5-1")
    text = ada.get(answer["Location"]).content.decode()
    first = re.search(r'<div class="lineup".*?title="([\w-]+)"', text, re.DOTALL)
    assert first is not None
    assert first[1] == order[0].name


def test_numbers_of_a_hidden_project_are_not_found(ada: Client, runs: list[Run]):
    make_run(make_project(make_workspace("elsewhere"), "secret"))

    for path in ("", "panels/", "charts/curve/", "metrics.csv"):
        there = f"/compare/{path}?runs=lab/sinusoid:1-2,elsewhere/secret:1"
        assert ada.get(there).status_code == 404, path


def test_many_runs_differ_by_colour_and_then_by_dash(ada: Client, runs: list[Run]):
    answer = ada.get("/compare/charts/curve/?runs=lab/sinusoid:1-40&key=train/loss")

    figure = json.loads(answer.content)["figure"]
    looks = [(trace["line"]["color"], trace["line"]["dash"]) for trace in figure["data"]]
    assert figure["layout"]["meta"] == {"many": True}
    assert len(set(looks)) == 40
    assert len({color for color, _ in looks}) == 20
    assert looks[:20] == [(f"var(--run-{slot})", "solid") for slot in range(1, 21)]
    assert figure["data"][39]["meta"] == "AN"


def test_cards_do_not_repeat_the_runs(ada: Client, runs: list[Run]):
    text = ada.get("/compare/?runs=lab/sinusoid:1-40").content.decode()

    assert 'data-chart="/compare/charts/curve/?key=train%2Floss"' in text
    assert 'data-chart-param="runs" value="lab/sinusoid:1-40"' in text


def test_panels_come_a_few_at_a_time(ada: Client, runs: list[Run]):
    text = ada.get("/compare/?runs=lab/sinusoid:1-40&folds=layers").content.decode()
    shown = re.findall(r'data-chart-id="(layers/[^"]+)"', text)

    assert shown == [f"layers/norm_{n}" for n in range(24)]
    for start in (24, 48, 72, 96):
        more = re.search(r'hx-get="([^"]+)"', text)
        assert more is not None
        text = ada.get(more[1].replace("&amp;", "&")).content.decode()
        shown += re.findall(r'data-chart-id="(layers/[^"]+)"', text)
        assert len(shown) == min(start + 24, 100)
    assert shown == [f"layers/norm_{n}" for n in range(100)]
    assert "hx-get" not in text


def test_a_group_that_is_folded_has_no_panels_until_it_is_opened(ada: Client, runs: list[Run]):
    text = ada.get("/compare/?runs=lab/sinusoid:1-40").content.decode()

    assert 'data-chart-id="train/loss"' in text
    assert 'data-chart-id="layers/' not in text
    assert "100 more of layers" in text


def test_the_table_of_metrics_shows_the_first_and_says_how_many_are_left(
    ada: Client, runs: list[Run]
):
    text = ada.get("/compare/?runs=lab/sinusoid:1-40").content.decode()
    found = ada.get("/compare/?runs=lab/sinusoid:1-40&metrics=norm_7").content.decode()

    assert "The first 100 metrics; 1 more" in text
    assert "11 of 101 metrics" in found


def test_the_legend_says_in_which_params_the_runs_differ(ada: Client, runs: list[Run]):
    text = ada.get("/compare/?runs=lab/sinusoid:1-40").content.decode()

    assert 'data-run-params="B">lr 1</small>' in text
    assert "seed 1</small>" not in text


def test_the_legend_names_a_param_by_the_shortest_end_that_no_other_has(
    ada: Client, runs: list[Run]
):
    for place, run in enumerate(runs[:2]):
        params = {"seed": 7, "evaluation": {"seed": place}, "inner": {"lr": place}}
        Run.objects.filter(pk=run.pk).update(params=params)

    text = ada.get("/compare/?runs=lab/sinusoid:1-2").content.decode()

    assert "evaluation.seed 1, lr 1</small>" in text


def test_a_search_that_finds_no_metric_says_so_in_every_section(ada: Client, runs: list[Run]):
    text = ada.get("/compare/?runs=lab/sinusoid:1-2&metrics=nope").content.decode()

    assert text.count("No metric contains “nope”") == 2
    assert "No numbers yet" not in text


def test_what_a_page_of_many_runs_asks_does_not_grow_with_them(ada: Client, runs: list[Run]):

    with CaptureQueriesContext(connection) as few:
        ada.get("/compare/?runs=lab/sinusoid:1-3")
    with CaptureQueriesContext(connection) as many:
        ada.get("/compare/?runs=lab/sinusoid:1-40")

    assert len(many) <= len(few) + 1

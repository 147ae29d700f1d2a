"""Figures of curves: axes, zoom and smoothing, on every page that draws them."""

import math
import re

import numpy as np
import pytest
from django.test import Client

from dashboard.charts.profiles import ProfileLine, profile_figure
from experiments import recording
from experiments.comparing.two_level import Profile
from experiments.models import Run
from experiments.shapes import SeriesPoints
from tests import factories as make
from tests.dashboard.figures import figure_answer

pytestmark = pytest.mark.django_db

BEGAN = 1_790_000_000.0
MOMENT = "2026-09-21T14:13:20.000"


@pytest.fixture
def run() -> Run:
    lab = make.make_workspace("lab", ada="member")
    run = make.make_run(make.make_project(lab, "sinusoid"), status="completed")
    log(run, "loss", 4 + np.arange(100) % 2)
    return run


def log(run: Run, key: str, values) -> None:
    """One point every 30 seconds."""
    steps = np.arange(len(values), dtype=np.int64)
    points = SeriesPoints(key, steps, BEGAN + 30.0 * steps, np.asarray(values, dtype=np.float64))
    recording.record(run_id=run.pk, client=key, number=0, series=[points])


@pytest.fixture(
    params=["/runs/{0}/charts/curve/?", "/p/lab/sinusoid/charts/?runs={0}&", "/compare/{1}"],
    ids=["run page", "run table", "compare page"],
)
def curve(request, run: Run):
    """Asks a page for the curve of a metric of the run."""
    client = Client()
    client.force_login(make.make_user("ada"))
    path = request.param.format(run.pk, f"charts/curve/?runs={run.pk}&")

    def ask(query: str, *, key: str = "loss", status: int = 200) -> dict:
        answer = client.get(f"{path}key={key}&{query}", headers={"Accept": "application/json"})
        assert answer.status_code == status, answer.content
        return figure_answer(answer)

    return ask


def line_of(answer: dict) -> dict:
    """The one trace that answers to the pointer."""
    (found,) = (trace for trace in answer["figure"]["data"] if "hovertemplate" in trace)
    return found


@pytest.mark.parametrize("step", [0, 7])
def test_the_axis_of_one_step_counts_whole_steps_around_it(run, step):
    steps = np.array([step], dtype=np.int64)
    points = SeriesPoints("once", steps, BEGAN + steps, np.array([1.0]))
    recording.record(run_id=run.pk, client="once", number=0, series=[points])
    client = Client()
    client.force_login(make.make_user("ada"))

    answer = client.get(f"/runs/{run.pk}/charts/curve/?key=once").json()

    across = answer["figure"]["layout"]["xaxis"]
    assert (across["rangemode"], across["dtick"]) == ("nonnegative", 1)


def test_each_axis_has_its_places_and_says_what_it_counts(curve):
    steps, minutes, moments = (curve(f"x={axis}") for axis in ("", "relative", "time"))

    assert line_of(steps)["x"][:3] == [0, 1, 2]
    assert line_of(minutes)["x"][:3] == [0, 0.5, 1]
    assert line_of(moments)["x"][:2] == [MOMENT, "2026-09-21T14:13:50.000"]
    titles = [answer["figure"]["layout"]["xaxis"].get("title") for answer in (minutes, moments)]
    assert [title["text"] for title in titles] == ["minutes since its first point", "time (UTC)"]
    revisions = {a["figure"]["layout"]["uirevision"] for a in (steps, minutes, moments)}
    assert len(revisions) == 3  # what is zoomed on one axis is not on another


@pytest.mark.parametrize(
    "zoom",
    [
        "first=9.7&last=20.2",
        "x=relative&first=4.8&last=10.1",
        f"x=time&first={BEGAN + 285.5}&last={BEGAN + 612}",
    ],
)
def test_a_zoom_brings_the_points_of_its_range_and_one_beyond_each_end(curve, zoom):
    line = line_of(curve(zoom))

    whole = line_of(curve(zoom.split("first")[0]))
    assert line["x"] == whole["x"][9:22]
    assert line["y"] == whole["y"][9:22]


def test_a_zoomed_minute_still_counts_from_the_first_point(curve):
    assert line_of(curve("x=relative&first=40&last=41"))["x"] == [39.5, 40, 40.5, 41, 41.5]


@pytest.mark.parametrize("axis", ["step", "relative", "time"])
def test_a_value_that_is_not_finite_is_marked_on_every_axis(curve, run, axis):
    log(run, "bad", [3.0, math.nan, 2.0])

    answer = curve(f"x={axis}", key="bad")

    (cross,) = (one for one in answer["figure"]["data"] if one.get("yaxis") == "y2")
    (line,) = (one for one in answer["figure"]["data"] if one["y"] == [3.0, None, 2.0])
    assert cross["x"] == [line["x"][1]]
    assert "nan at step 1" in cross["name"]


@pytest.mark.parametrize(("value", "label"), [(math.nan, "NaN"), (math.inf, "∞")])
def test_a_chart_without_a_finite_value_shows_the_mark_with_its_name(curve, run, value, label):
    log(run, "bad", [value])

    figure = curve("", key="bad")["figure"]

    (cross,) = (one for one in figure["data"] if one.get("yaxis") == "y2")
    assert (cross["x"], cross["y"], cross["text"]) == ([0], [0.5], label)
    assert figure["layout"]["yaxis"]["showticklabels"] is False


@pytest.mark.parametrize("tab", ["overview", "charts"])
def test_metrics_of_one_point_are_drawn_also_of_a_run_that_failed_at_once(run, tab):
    failed = make.make_run(run.project, status="failed")
    log(failed, "query_loss", [math.nan])
    log(failed, "grad_norm", [7e8])
    client = Client()
    client.force_login(make.make_user("ada"))

    text = client.get(f"/runs/{failed.pk}/?tab={tab}").content.decode()

    assert text.count('class="chart"') == 2
    assert "No points yet" not in text
    assert "No metrics" not in text


def test_a_smoothed_line_has_the_raw_one_behind_it(curve):
    raw, smooth = curve("")["figure"]["data"], curve("smooth=0.5&width=10")["figure"]["data"]

    assert len(raw) == 1
    faint, line = smooth[-2:]
    assert (faint["hoverinfo"], faint["line"]["width"]) == ("skip", 1)
    assert "--chart-raw" in faint["line"]["color"]
    # Of 4, 5, 4, 5 ... by hand: after a 5 it is 5/2 + 4/4 + 5/8 + ... = 14/3, after a 4 13/3.
    assert line["x"][-1] == faint["x"][-1] == 99
    assert [line["y"][-1], faint["y"][-1]] == pytest.approx([4.5, 4.5])  # of the last bucket
    exact = line_of(curve("smooth=0.5&first=90"))
    assert exact["y"][-2:] == pytest.approx([13 / 3, 14 / 3])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("smooth=1", "smooth"),
        ("smooth=nan", "smooth"),
        ("first=2026-11-23", "first"),
        ("last=inf", "last"),
        ("width=5", "width"),
    ],
)
def test_a_bad_query_names_its_field(curve, query, field):
    assert list(curve(query, status=400)["error"]["fields"]) == [field]


@pytest.fixture
def many(run: Run) -> tuple[Client, Run]:
    """A run of 300 metrics in three groups, and a reader of it."""
    steps, values = np.arange(2, dtype=np.int64), np.ones(2)
    series = [
        SeriesPoints(f"g{place // 100}/metric_{place}", steps, BEGAN + steps, values)
        for place in range(300)
    ]
    recording.record(run_id=run.pk, client="many", number=0, series=series)
    client = Client()
    client.force_login(make.make_user("ada"))
    return client, run


def test_a_run_of_many_metrics_begins_with_the_first_panels_of_its_first_group(many):
    client, run = many

    text = client.get(f"/runs/{run.pk}/?tab=charts").content.decode()

    assert text.count('class="chart"') == 24
    assert [f"{left} more of g{n}" in text for n, left in enumerate((76, 100, 100))] == [True] * 3
    assert "The first 200 of 301: search" in text


def test_panels_of_a_run_come_a_few_at_a_time(many):
    client, run = many
    text = client.get(f"/runs/{run.pk}/?tab=charts&folds=g0,g2&metrics=metric").content.decode()

    shown = re.findall(r'data-chart-id="(g2/[^"]+)"', text)
    for end in (48, 72, 96, 100):
        more = re.search(r'hx-get="([^"]+group=g2[^"]+)"', text)
        assert more is not None
        text = client.get(more[1].replace("&amp;", "&")).content.decode()
        shown += re.findall(r'data-chart-id="(g2/[^"]+)"', text)
        assert len(shown) == end

    assert shown == [f"g2/metric_{place}" for place in range(200, 300)]
    assert "hx-get" not in text


def test_panels_of_a_group_that_is_not_there_are_none(many):
    client, run = many

    text = client.get(f"/runs/{run.pk}/charts/panels/?group=nope&after=x").content.decode()

    assert text.strip() == ""


def test_panels_of_a_run_are_not_there_for_strangers(many):
    _, run = many
    client = Client()
    client.force_login(make.make_user("eve"))

    assert client.get(f"/runs/{run.pk}/charts/panels/?group=g0").status_code == 404


def test_metrics_are_found_by_a_part_of_their_key(many):
    client, run = many

    text = client.get(f"/runs/{run.pk}/?tab=charts&metrics=G2/METRIC_29").content.decode()
    nothing = client.get(f"/runs/{run.pk}/?tab=charts&metrics=nope").content.decode()

    assert text.count('class="chart"') == 10
    assert "more-panels" not in text
    assert "No metric contains “nope”" in nothing


def test_a_logarithmic_profile_has_whole_numbers_at_its_ticks():
    thresholds = np.geomspace(0.05, 20, 50)
    line = ProfileLine(Profile(thresholds, np.linspace(0, 1, 50), None, None), "A", 1, "solid")

    axis = profile_figure([line], is_accuracy=False).layout.xaxis

    assert axis.ticktext == ("0.1", "1", "10")
    assert axis.tickvals == pytest.approx((0.1, 1, 10))

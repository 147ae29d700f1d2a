"""Episodes and debugging in Chromium: sliders, points that open, data behind charts, axe."""

import math
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests.comparing.building import evaluation
from tests.dashboard.compared_runs import compared_runs, losses_of
from tests.dashboard.test_episodes import CLASSIFICATION, REGRESSION, answer
from tests.factories import make_project, make_run, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What reaches beyond the page, but for what scrolls inside its own box.
BEYOND = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll('main *')]
    .filter((one) => !one.closest('.tbl-wrap, .js-plotly-plot'))
    .map((one) => [one.tagName, Math.round(one.getBoundingClientRect().right)])"""


@pytest.fixture
def run(db) -> Run:
    """A run with validations at three meta-steps and a test with opened episodes."""
    project = make_project(make_workspace("lab", ada=Role.MEMBER))
    run = make_run(project, "maml", status="completed")
    for place, step in enumerate((100, 200, 300)):
        losses = losses_of(1.0 / (place + 1), seed=place)
        evaluation(losses, run, name="validation", step=step)
        evaluation(losses * 0.9, run, name="train", step=step)
    found = evaluation(losses_of(0.3, seed=9), run, step=300)
    answer(found, 0, REGRESSION)
    answer(found, 1, CLASSIFICATION)
    return run


def drawn(page: Page, chart_id: str) -> Locator:
    """The chart once Plotly has drawn it."""
    chart = page.locator(f'.chart[data-chart-id="{chart_id}"]')
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".main-svg").first).to_be_visible()
    return chart


def serious(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [one["id"] for one in violations if one["impact"] in ("serious", "critical")]


def test_the_slider_moves_the_curve_and_is_in_the_address(live_server, ada: Page, run: Run):
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=adaptation")
    drawn(ada, "over-training")
    card = ada.locator(".chart-card", has=drawn(ada, "at-step"))
    expect(card.locator("[data-chart-note]")).to_contain_text("meta-step 300")

    card.get_by_role("slider").focus()
    ada.keyboard.press("ArrowLeft")

    expect(card.locator("[data-chart-note]")).to_contain_text("meta-step 200")
    expect(ada).to_have_url(re.compile("at=200"))
    ada.reload()
    drawn(ada, "at-step")
    expect(card.locator("[data-chart-note]")).to_contain_text("meta-step 200")


def test_heat_maps_are_drawn_in_the_colours_of_the_theme(live_server, ada: Page, run: Run):
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=adaptation")

    colors = drawn(ada, "over-training").evaluate(
        "node => node.data[0].colorscale.map(([, color]) => color)"
    )

    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)


def test_data_behind_a_chart_can_be_read_and_saved(live_server, ada: Page, run: Run):
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=adaptation")
    card = ada.locator(".chart-card", has=drawn(ada, "episodes"))

    card.get_by_text("Data of this chart").click()

    expect(card.get_by_role("columnheader", name="loss from")).to_be_visible()
    with ada.expect_download() as download:
        card.get_by_role("button", name="Data of How the episodes are spread as CSV").click()
    text = download.value.path().read_text()
    assert text.splitlines()[0] == "loss from,to,episodes"
    assert sum(int(line.split(",")[-1]) for line in text.splitlines()[1:]) == 60


def test_a_point_opens_its_episode(live_server, ada: Page, db):
    make_workspace("lab", ada=Role.MEMBER)
    runs = compared_runs()
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")
    chart = drawn(ada, "scatter")
    point = chart.locator(".scatterlayer .points path").first
    box = point.bounding_box()
    assert box is not None

    ada.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(chart.locator(".hoverlayer .hovertext")).to_be_visible()
    ada.mouse.down()
    ada.mouse.up()

    expect(ada.get_by_role("heading", level=1)).to_contain_text("Episode 5105:test:0:")
    expect(ada).to_have_url(re.compile(f"/runs/{runs[1].pk}/episode/"))


def test_the_pair_of_the_verdict_is_that_of_the_episodes(live_server, ada: Page, db):
    make_workspace("lab", ada=Role.MEMBER)
    runs = compared_runs()
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")
    expect(ada.get_by_role("heading", name="A against B")).to_be_visible()

    ada.locator("#episodes").get_by_role("combobox").select_option(label="C maml-edited")

    expect(ada.get_by_role("heading", name="A against C")).to_be_visible()
    expect(ada.locator(".say")).to_contain_text("maml-edited")


def test_one_slider_moves_the_curves_and_another_the_rates_of_all_compared_runs(
    live_server, ada: Page, db
):
    make_workspace("lab", ada=Role.MEMBER)
    runs = compared_runs()[:2]
    for place, one in enumerate(runs):
        for step in (100, 200):
            evaluation(losses_of(1 + place, seed=step), one, name="validation", step=step)
        steps = np.array([100, 200])
        rates = SeriesPoints("inner_lr/head/step_1", steps, 1.79e9 + steps, steps / 1000)
        recording.record(run_id=one.pk, client="rates", number=0, series=[rates])
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")
    card = ada.locator(".chart-card", has=drawn(ada, "at-step"))
    expect(card.locator("[data-chart-note]")).to_contain_text("A 200, B 200")

    card.get_by_role("slider").focus()
    ada.keyboard.press("ArrowLeft")

    expect(card.locator("[data-chart-note]")).to_contain_text("A 100, B 100")
    expect(ada).to_have_url(re.compile(r"[?&]at=100"))
    drawn(ada, "rates A")
    ada.locator('[data-chart-slider="rates_at"]').focus()
    ada.keyboard.press("Home")
    for letter in "AB":
        rated = ada.locator(".chart-card", has=drawn(ada, f"rates {letter}"))
        expect(rated.locator("[data-chart-note]")).to_contain_text("After meta-step 100.")
    ada.reload()
    drawn(ada, "at-step")
    expect(card.locator("[data-chart-note]")).to_contain_text("A 100, B 100")
    drawn(ada, "rates B")
    expect(rated.locator("[data-chart-note]")).to_contain_text("After meta-step 100.")


@pytest.mark.parametrize("place", [0, 1])
def test_an_opened_episode_has_no_serious_findings(live_server, ada: Page, run: Run, place: int):
    test = run.evaluations.get(name="test")
    query = f"?evaluation={test.pk}&episode=5105:test:0:{place}&k=1"
    ada.set_viewport_size({"width": 390, "height": 800})
    ada.goto(f"{live_server.url}/runs/{run.pk}/episode/{query}")
    drawn(ada, "episode")

    expect(ada.get_by_role("heading", name="Support set")).to_be_visible()
    assert serious(ada) == []
    wide = [f"{one} {right}" for one, right in ada.evaluate(BEYOND) if right > 390]
    assert wide == []


def test_the_debugging_tab_leads_from_a_bad_value_to_its_moment(live_server, ada: Page, run: Run):
    steps = np.arange(100)
    values = np.where(steps < 60, 1.0, math.nan)
    series = [
        SeriesPoints(key, steps, 1.79e9 + steps, values) for key in ("train/loss", "gradients/a")
    ]
    recording.record(run_id=run.pk, client="test", number=0, series=series)
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=debug")
    drawn(ada, "gradients")

    ada.get_by_role("link", name="console and machine at step 60").first.click()

    expect(ada.get_by_role("heading", name="At step 60")).to_be_in_viewport()
    assert serious(ada) == []

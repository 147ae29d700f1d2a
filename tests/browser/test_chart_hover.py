"""What charts of a few curves tell at a place: by pointer and by keys, in every panel."""

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from experiments.models import Role, Run
from tests import factories as make
from tests.browser.charting import log

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RUNS, POINTS = 8, 41
SHORTENED = re.compile(r"^A a-name-that.{1,8}….*-0$")
FILLS = """node => node.clientHeight > innerHeight * 0.7
  && node._fullLayout.height > innerHeight * 0.7"""
CHANGE = "n => { n.value = 'time'; n.dispatchEvent(new Event('change', { bubbles: true })); }"
LONG = "a-name-that-says-everything-there-is-to-say-about-this-run-"


@pytest.fixture
def runs(db) -> list[Run]:
    """Eight flat lines, of four methods by two seeds; the last begins late."""
    project = make.make_project(make.make_workspace("lab", ada=Role.MEMBER), "sinusoid")
    runs = []
    for place in range(RUNS):
        params = {"lr": place // 2, "seed": place % 2}
        name = f"{LONG if place == 0 else 'run'}-{place}"
        run = make.make_run(project, name, params=params, seed=place % 2, status="completed")
        for key in ("train/loss", "train/error"):
            log(run, key, np.full(POINTS if place < RUNS - 1 else 5, 0.5 + place), pace=1.0)
        runs.append(run)
    return runs


def opened(page: Page, live_server, extra: str = "") -> Locator:
    page.goto(f"{live_server.url}/compare/?runs=lab/sinusoid:1-{RUNS}{extra}")
    for key in ("train/error", "train/loss"):
        chart = page.locator(f'.chart[data-chart-id="{key}"]')
        chart.scroll_into_view_if_needed()
        expect(chart.locator(".scatterlayer .trace").first).to_be_attached()
        expect(chart.locator(".nsewdrag").first).to_be_visible()
    return chart


def point_at(chart: Locator, x: float, y: float) -> None:
    """Rests the pointer at a place of the axes."""
    across, down = chart.evaluate(
        "(n, [x, y]) => [n._fullLayout.xaxis.d2p(x), n._fullLayout.yaxis.d2p(y)]", [x, y]
    )
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    chart.page.mouse.move(box["x"] + across, box["y"] + down)


def test_the_pointer_is_told_the_step_and_every_runs_value_in_every_panel(
    live_server, ada: Page, runs: list[Run]
):
    chart = opened(ada, live_server)

    point_at(chart, 20, 2.6)

    for panel in ("train/loss", "train/error"):
        box = ada.locator(f'.chart[data-chart-id="{panel}"] .chart-values')
        expect(box.locator(".place")).to_have_text("step 20")
        expect(box.locator(".told")).to_have_count(RUNS)
        expect(box.locator(".told b")).to_have_text([f"{n}.5" for n in range(RUNS)])
        # By name beside the pointer, by letter elsewhere.
        name = "C run-2" if panel == "train/loss" else "C"
        expect(box.locator(".nearest span")).to_have_text(name)
        expect(box.locator(".told small").last).to_have_text("at 4")
    expect(chart.locator(".told span").first).to_have_text(SHORTENED)
    assert chart.locator(".hovertext:visible").count() == 0


def test_nothing_of_the_old_axis_is_told_after_the_axis_changes(
    live_server, ada: Page, runs: list[Run]
):
    chart = opened(ada, live_server)
    point_at(chart, 20, 2.6)
    expect(ada.locator(".chart-values:visible")).to_have_count(2)

    select = ada.get_by_label("Horizontal axis")
    select.evaluate(
        "n => { n.value = 'time'; n.dispatchEvent(new Event('change', {bubbles: true})) }"
    )

    expect(ada.locator(".chart-values:visible")).to_have_count(0)


def test_bands_name_their_groups_and_tell_the_ends_and_n(live_server, ada: Page, runs: list[Run]):
    chart = opened(ada, live_server, "&bands=minmax&over=seedless")

    legend = ada.locator(".chart-card", has=chart).locator("[data-chart-legend] span")
    expect(legend).to_have_count(4)
    expect(legend.nth(1)).to_have_text("C run #3, N = 2")
    expect(ada.locator(".run-legend")).to_be_hidden()
    point_at(chart, 20, 3)
    told = chart.locator(".chart-values .nearest")
    expect(told.locator("b")).to_have_text("3")
    expect(told.locator("small")).to_have_text(" [2.5, 3.5] N = 2")


def test_keys_move_the_crosshair_zoom_and_enlarge(live_server, ada: Page, runs: list[Run]):
    chart = opened(ada, live_server)
    chart.focus()

    ada.keyboard.press("ArrowRight")
    expect(chart.locator(".chart-values .place")).to_have_text("step 20")
    ada.keyboard.press("ArrowRight")
    ada.keyboard.press("Shift+ArrowLeft")
    expect(chart.locator(".chart-values .place")).to_have_text("step 11")
    ada.keyboard.press("+")
    expect(ada).to_have_url(re.compile("zoom=train%2Floss"))
    ada.keyboard.press("0")
    expect(ada).not_to_have_url(re.compile("zoom="))
    ada.keyboard.press("Enter")
    expect(ada).to_have_url(re.compile("wide=train%2Floss"))


def test_an_enlarged_chart_fills_the_screen_and_names_its_lines(
    live_server, ada: Page, runs: list[Run]
):
    chart = opened(ada, live_server, "&wide=train/loss")
    card = ada.locator(".chart-card", has=chart)

    card.get_by_label("train/loss on the full screen").or_(
        card.get_by_label("loss on the full screen")
    ).click()

    expect(card.locator("[data-chart-legend] span")).to_have_count(RUNS)
    ada.wait_for_function(FILLS, arg=chart.element_handle())
    ada.evaluate("document.exitFullscreen()")
    expect(card.locator("[data-chart-legend] span")).to_have_count(0)

"""How charts are zoomed and scaled is in the address, in Chromium: copies and reloads show it."""

import re
from urllib.parse import parse_qs

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from experiments.models import Run
from tests.browser.charting import ENDS, VIEW, drag, drawn, log, note_of, shared, two_runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCALE = "node => node._fullLayout.yaxis.type"


@pytest.fixture
def runs(db) -> list[Run]:
    return two_runs()


def zoom_travels(chart: Locator, axis: str = "step") -> None:
    """A zoom is in the address: its copy shows the same exact points, also after a reload."""
    page = chart.page
    drag(chart, 0.40, 0.45)
    expect(note_of(chart)).to_have_text("")
    first, last = chart.evaluate(VIEW)["range"]
    link = shared(page)

    other = page.context.new_page()
    other.goto(link)
    copy = drawn(other, axis)

    expect(note_of(copy)).to_have_text("")
    near = pytest.approx([first, last], abs=(last - first) / 1000)
    assert copy.evaluate(VIEW)["range"] == near
    other.reload()
    copy = drawn(other, axis)
    assert copy.evaluate(VIEW)["range"] == near
    copy.locator(".nsewdrag").first.dblclick()
    expect(note_of(copy)).to_contain_text("drawn as")
    view = copy.evaluate(VIEW)
    assert view["x"][0] < first
    assert view["range"][0] < first
    assert view["range"][1] > last
    assert "zoom=" not in other.url
    other.close()


def test_the_run_page_keeps_its_zoom_in_the_address(live_server, ada: Page, runs: list[Run]):
    path = f"{live_server.url}/runs/{runs[0].pk}/"
    ada.goto(path)  # the overview
    zoom_travels(drawn(ada))
    ada.goto(f"{path}?tab=charts&x=time")
    chart = drawn(ada, "time")
    zoom_travels(chart, "time")
    before = chart.evaluate(VIEW)["range"]

    ada.get_by_label("Metrics that contain").fill("lo")
    ada.get_by_label("Metrics that contain").press("Enter")

    ada.wait_for_url("**metrics=lo**")
    near = pytest.approx(before, abs=(before[1] - before[0]) / 1000)
    assert drawn(ada, "time").evaluate(VIEW)["range"] == near
    ada.get_by_label("Horizontal axis").select_option("relative")

    drawn(ada, "relative")
    assert "zoom=" not in ada.url


def test_a_box_keeps_both_its_sides_in_the_address(live_server, ada: Page, runs: list[Run]):
    ada.goto(f"{live_server.url}/runs/{runs[0].pk}/?tab=charts")
    chart = drawn(ada)
    whole = chart.evaluate(ENDS)
    drag(chart, 0.40, 0.60, top=0.2, bottom=0.5)
    expect(ada).to_have_url(re.compile("zoomy=.*zoom="))
    first, last, low, high = ends = chart.evaluate(ENDS)
    assert whole[2] < low < high < whole[3]
    sizes = [last - first] * 2 + [high - low] * 2
    near = [pytest.approx(end, abs=size / 1000) for end, size in zip(ends, sizes, strict=True)]
    link = shared(ada)

    ada.goto("about:blank")
    ada.goto(link)

    chart = drawn(ada)
    assert chart.evaluate(ENDS) == near
    ada.reload()
    chart = drawn(ada)
    assert chart.evaluate(ENDS) == near
    ada.get_by_label("Logarithmic y axis: loss").click()
    ada.wait_for_function(
        "node => node._fullLayout.yaxis.type === 'log'", arg=chart.element_handle()
    )
    assert chart.evaluate(ENDS) == near
    chart.locator(".nsewdrag").first.dblclick()
    expect(note_of(chart)).to_contain_text("drawn as")
    expect(ada).not_to_have_url(re.compile("zoom"))
    ada.get_by_label("Logarithmic y axis: loss").click()
    ada.wait_for_function(
        "([node, low]) => node._fullLayout.yaxis.range[0] <= low",
        arg=[chart.element_handle(), whole[2]],
    )


def test_the_compare_page_keeps_its_zoom_in_the_address(live_server, ada: Page, runs: list[Run]):
    page = f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}"
    ada.goto(f"{page}&x=relative")
    chart = drawn(ada, "relative")
    zoom_travels(chart, "relative")
    before = chart.evaluate(VIEW)["range"]

    ada.get_by_role("link", name="Params").first.click()  # to a section: no chart starts anew

    ada.wait_for_url("**#params")
    assert chart.evaluate(VIEW)["range"] == before
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")
    ada.go_back()

    chart = drawn(ada, "relative")
    span = before[1] - before[0]
    assert chart.evaluate(VIEW)["range"] == pytest.approx(before, abs=span / 1000)
    expect(note_of(chart)).to_have_text("")


def test_the_run_table_keeps_the_view_of_its_charts(live_server, ada: Page, runs: list[Run]):
    for run in runs:
        log(run, "acc,all", np.linspace(0.1, 1, 50), pace=1.0)
    table = f"{live_server.url}/p/lab/sinusoid/"
    ada.goto(f"{table}?col=metrics.loss&col=metrics.acc%2Call&limit=1")
    chart = drawn(ada)
    drag(chart, 0.40, 0.60, top=0.2, bottom=0.5)
    expect(ada).to_have_url(re.compile("zoomy=.*zoom="))
    ends = pytest.approx(chart.evaluate(ENDS), rel=1e-3)
    ada.get_by_label("Logarithmic y axis: acc,all").click()
    ada.get_by_label("Select fast").check()

    for change in (
        lambda: ada.get_by_role("link", name="Next").click(),
        lambda: ada.get_by_role("link", name="Name", exact=True).click(),
        lambda: ada.get_by_label("Filter runs").fill('name != "nobody"'),
    ):
        chart.evaluate("node => { node.dataset.before = '1' }")
        change()
        expect(ada.locator(".chart[data-before]")).to_have_count(0)
        chart = drawn(ada)
        assert chart.evaluate(ENDS) == ends
        scaled = ada.locator('.chart[data-chart-id="acc,all"]')
        scaled.scroll_into_view_if_needed()
        expect(scaled.locator(".ytick").first).to_be_visible()
        assert scaled.evaluate(SCALE) == "log"
        button = ada.get_by_label("Logarithmic y axis: acc,all")
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(ada.locator("[data-bulk-count]")).to_have_text("1 selected")

    there = ada.locator("thead .pin a").get_attribute("href")
    asked = parse_qs(there.removeprefix("?"))
    assert asked["selected"] == [runs[1].pk]
    assert asked["logy"] == ["acc%2Call"]
    assert {"zoom", "zoomy", "q"} < set(asked)


def test_a_scale_given_up_outlives_a_reload(live_server, ada: Page, runs: list[Run]):
    ada.goto(f"{live_server.url}/runs/{runs[0].pk}/")  # the overview, where losses are logarithmic
    chart = drawn(ada)
    assert chart.evaluate(SCALE) == "log"

    ada.get_by_label("Logarithmic y axis: loss").click()
    ada.reload()

    assert drawn(ada).evaluate(SCALE) == "linear"
    expect(ada).to_have_url(re.compile("liny=loss"))
    ada.get_by_label("Logarithmic y axis: loss").click()
    expect(ada).not_to_have_url(re.compile("liny="))

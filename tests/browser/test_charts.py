"""Charts in Chromium: a drag zooms on every axis and page and brings the exact points."""

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from experiments.models import Run, RunStatus
from tests.browser.charting import VIEW, drag, drawn, log, note_of, two_runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Whether no two labels of the y axis touch and each stands where its number is.
TICKS_FIT = """node => {
  const axis = node._fullLayout.yaxis;
  const plot = node.querySelector('.nsewdrag').getBoundingClientRect();
  const labels = [...node.querySelectorAll('.ytick')].map((tick) => {
    const { top, bottom } = tick.getBoundingClientRect();
    return { top, bottom, off: plot.top + axis.d2p(Number(tick.textContent)) - (top + bottom) / 2 };
  });
  labels.sort((a, b) => a.top - b.top);
  return labels.every((one, i) => Math.abs(one.off) < 4 && !(labels[i + 1]?.top < one.bottom));
}"""


# Whether a finger zooms in the chart and it is as large as its place.
ENLARGED = """node => {
  const { dragmode, height, width } = node._fullLayout;
  return dragmode && height === node.clientHeight && width === node.clientWidth;
}"""

# Whether the chart, in view, has stayed where it is for a fifth of a second.
AT_REST = """node => {
  const top = () => node.getBoundingClientRect().top;
  const before = top();
  const atRest = () => top() === before && before < innerHeight;
  return new Promise((done) => setTimeout(() => done(atRest()), 200));
}"""


@pytest.fixture
def runs(db) -> list[Run]:
    return two_runs()


def swipe(chart: Locator, *, right: int, down: int) -> None:
    """Draws a finger over the plot, from its middle."""
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = chart.page.context.new_cdp_session(chart.page)
    for part in range(11):
        kind = "touchMove" if part else "touchStart"
        point = {"x": x + right * part / 10, "y": y + down * part / 10}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def zoom_and_back(chart: Locator) -> None:
    """A zoom into a 20th of the axis shows every point there; a double click shows all again."""
    expect(note_of(chart)).to_contain_text("drawn as")

    drag(chart, 0.40, 0.45)

    expect(note_of(chart)).to_have_text("")
    view = chart.evaluate(VIEW)
    first, last = view["range"]
    assert view["x"][0] <= first < view["x"][1]
    assert view["x"][-2] < last <= view["x"][-1]
    steps = np.diff(view["x"])
    assert steps.min() == pytest.approx(steps.max(), rel=1e-3)  # none is left out
    chart.locator(".nsewdrag").first.dblclick()
    expect(note_of(chart)).to_contain_text("drawn as")
    assert chart.evaluate(VIEW)["x"][0] < first


def test_the_run_page_zooms_on_every_axis(live_server, ada: Page, runs: list[Run]):
    ada.goto(f"{live_server.url}/runs/{runs[0].pk}/?tab=charts")

    for value, axis in (("", "step"), ("relative", "relative"), ("time", "time")):
        ada.get_by_label("Horizontal axis").select_option(value)
        zoom_and_back(drawn(ada, axis))


def test_the_compare_page_zooms_on_every_axis(live_server, ada: Page, runs: list[Run]):
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")

    for axis in ("step", "relative", "time"):
        ada.get_by_label("Horizontal axis").select_option(axis)
        zoom_and_back(drawn(ada, axis))


def test_a_slow_double_click_shows_all_again(live_server, ada: Page, runs: list[Run]):
    ada.goto(f"{live_server.url}/runs/{runs[0].pk}/?tab=charts")
    chart = drawn(ada)
    drag(chart, 0.40, 0.45)
    expect(note_of(chart)).to_have_text("")

    chart.locator(".nsewdrag").first.dblclick(delay=600)

    expect(note_of(chart)).to_contain_text("drawn as")
    assert "zoom" not in ada.url


def test_the_run_table_zooms_and_keeps_the_zoom_when_the_selection_changes(
    live_server, ada: Page, runs: list[Run]
):
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")
    chart = drawn(ada)
    zoom_and_back(chart)
    drag(chart, 0.40, 0.45)
    expect(note_of(chart)).to_have_text("")
    before = chart.evaluate(VIEW)["range"]

    ada.get_by_label("Select fast").check()

    expect(chart.locator(".scatterlayer .trace")).to_have_count(1)
    expect(note_of(chart)).to_have_text("")
    assert chart.evaluate(VIEW)["range"] == before


def test_another_axis_starts_without_the_zoom_of_the_last(live_server, ada: Page, runs: list[Run]):
    ada.goto(f"{live_server.url}/runs/{runs[0].pk}/?tab=charts")
    chart = drawn(ada)
    drag(chart, 0.40, 0.45)
    expect(note_of(chart)).to_have_text("")

    with ada.expect_request(lambda one: "x=time" in one.url) as asked:
        ada.get_by_label("Horizontal axis").select_option("time")

    assert "first=" not in asked.value.url
    view = drawn(ada, "time").evaluate(VIEW)
    assert view["range"][0] <= view["x"][0]
    assert view["x"][-1] <= view["range"][1]


def test_smoothing_keeps_the_zoom_and_the_raw_line(live_server, ada: Page, runs: list[Run]):
    ada.goto(f"{live_server.url}/runs/{runs[0].pk}/?tab=charts")
    chart = drawn(ada)
    drag(chart, 0.40, 0.45)
    expect(note_of(chart)).to_have_text("")
    before = chart.evaluate(VIEW)["range"]

    ada.get_by_label("Smoothing").select_option("0.97")

    expect(chart.locator(".scatterlayer .trace")).to_have_count(2)
    assert chart.evaluate(VIEW)["range"] == before


@pytest.mark.parametrize(
    ("low", "high"), [(0.1, 0.9), (0.4, 6), (0.15, 5), (0.02, 5), (1e-3, 4), (1e-6, 30)]
)
def test_logarithmic_ticks_are_numbers_with_room(
    live_server, ada: Page, runs: list[Run], low, high
):
    log(runs[0], "norm", np.geomspace(low, high, 50), pace=1.0)
    ada.goto(f"{live_server.url}/runs/{runs[0].pk}/?tab=charts&logy=norm")
    chart = ada.locator('.chart[data-chart-id="norm"]')
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".ytick").first).to_be_visible()
    ada.wait_for_function(TICKS_FIT, arg=chart.element_handle())

    for label in (None, "Enlarge norm"):
        if label:
            ada.get_by_label(label).click()
        ada.wait_for_function(TICKS_FIT, arg=chart.element_handle())
        shown = [float(text) for text in chart.locator(".ytick").all_text_contents()]
        assert len(shown) >= 2
        assert all(low / 10 < one < high * 10 for one in shown)


def test_a_metric_that_joins_leaves_the_zoom_of_the_others(live_server, ada: Page, runs: list[Run]):
    runs[0].status = RunStatus.RUNNING
    runs[0].save()
    ada.goto(f"{live_server.url}/runs/{runs[0].pk}/?tab=charts")
    chart = drawn(ada)
    drag(chart, 0.40, 0.45)
    expect(note_of(chart)).to_have_text("")
    before = chart.evaluate(VIEW)["range"]

    log(runs[0], "accuracy", np.linspace(0, 1, 50), pace=1.0)

    expect(ada.locator('.chart[data-chart-id="accuracy"] .scatterlayer .trace')).to_have_count(1)
    assert chart.evaluate(VIEW)["range"] == before
    expect(note_of(chart)).to_have_text("")


def test_a_finger_scrolls_over_a_chart_and_zooms_in_an_enlarged_one(
    live_server, chromium: Browser, ada: Page, runs: list[Run]
):
    phone = chromium.new_context(
        viewport={"width": 390, "height": 500},
        has_touch=True,
        is_mobile=True,
        storage_state=ada.context.storage_state(),
    )
    page = phone.new_page()
    page.goto(f"{live_server.url}/runs/{runs[0].pk}/?tab=charts")
    chart = drawn(page)
    chart.evaluate("node => node.scrollIntoView({ block: 'center' })")
    before = page.evaluate("scrollY")

    swipe(chart, right=0, down=-150)
    page.wait_for_function("before => scrollY > before", arg=before)
    assert "drawn as" in note_of(chart).inner_text()
    page.get_by_label("Enlarge loss").tap()
    page.wait_for_function(ENLARGED, arg=chart.element_handle())
    chart.evaluate("node => node.scrollIntoView({ block: 'center' })")
    page.wait_for_function(AT_REST, arg=chart.element_handle())
    swipe(chart, right=15, down=0)

    expect(note_of(chart)).to_have_text("")
    phone.close()

"""Relations beside the run table in Chromium: a drag selects runs, and becomes the filter."""

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests.browser.test_access import accessible, fits
from tests.browser.test_compare import drawn
from tests.factories import make_project, make_run, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def runs(db) -> list[Run]:
    """Ten runs whose loss is their width; the kind of every other one is b."""
    project = make_project(make_workspace("lab", ada=Role.MEMBER), main_metric="loss")
    runs = []
    for place in range(10):
        params = {"width": place + 1, "kind": "ab"[place % 2]}
        run = make_run(project, f"r{place}", params=params, status="completed")
        points = SeriesPoints("loss", np.array([0]), np.zeros(1), np.array([1.0 + place]))
        recording.record(run_id=run.pk, client="c", number=0, series=[points])
        runs.append(run)
    return runs


# In the middle of the window, and nothing has moved it for twenty frames.
STILL = """chart => new Promise((done) => {
  let [last, frames] = [NaN, 0];
  const look = () => {
    chart.scrollIntoView({ block: 'center' });
    const { top } = chart.getBoundingClientRect();
    frames = top === last ? frames + 1 : 0;
    last = top;
    if (frames < 20) requestAnimationFrame(look);
    else done();
  };
  look();
})"""


def drag(page: Page, chart: Locator, *corners: tuple[float, float]) -> None:
    """Along places in parts of the figure's width and height, above the bar of selected runs."""
    chart.evaluate(STILL)
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    for place, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6)
        if place == 0:
            page.mouse.down()
    page.mouse.up()


SELECTED = """() => [...document.querySelectorAll('#run-rows tr[aria-selected="true"]')]
    .map(row => row.dataset.name).sort()"""


def selected(page: Page) -> list[str]:
    names: list[str] = page.evaluate(SELECTED)
    return names


def open_relations(page: Page, live_server) -> None:
    page.goto(f"{live_server.url}/p/lab/sinusoid/?rel=1&rx=params.width")
    curves_show(page, 10)
    for name in ("relation", "parallel", "importance", "fanova"):  # what comes later moves the rest
        drawn(page, name)


def curves_show(page: Page, runs: int) -> None:
    """The curves above are drawn: what is below their legend stays where it is."""
    lines = page.locator(".panel > .chart-card [data-chart-legend] > span")
    expect(lines).to_have_count(runs)


def test_a_box_in_the_scatter_selects_rows_and_becomes_the_filter(live_server, ada: Page, runs):
    open_relations(ada, live_server)
    drag(ada, drawn(ada, "relation"), (0.5, 0.0), (1.0, 0.6))

    expect(ada.locator("[data-picked]")).to_contain_text("selected")
    names = selected(ada)
    assert names
    assert set(names) <= {"r4", "r5", "r6", "r7", "r8", "r9"}
    expect(ada).to_have_url(re.compile("selected="))
    opacities = ada.locator('[data-chart-id="relation"]').evaluate(
        "chart => chart.data[0].marker.opacity"
    )
    assert sorted(set(opacities)) == [0.12, 1]

    ada.get_by_role("button", name="Filter to these").click()

    expect(ada.locator("#q")).to_have_value(
        re.compile(r"^params.width >= .* AND params.width <= .* AND metrics.loss >= .*")
    )
    expect(ada.locator("#run-rows tr[data-run]")).to_have_count(len(names))
    assert selected(ada) == names, "the new rows were there before their selection"


def test_brushes_on_two_axes_select_the_lines_within_both(live_server, ada: Page, runs):
    open_relations(ada, live_server)
    chart = drawn(ada, "parallel")
    axes = chart.evaluate("chart => chart.layout.meta.axes.map(axis => axis.field)")
    assert sorted(axes) == ["metrics.loss", "params.kind", "params.width"]
    # The figure goes from -0.25 to one axis less 0.55, and from -0.12 to 1.12.
    at = {field: (place + 0.25) / (len(axes) - 0.3) for place, field in enumerate(axes)}
    height = {part: (1.12 - part) / 1.24 for part in (-0.1, 0.2, 0.5, 1.1)}

    x = at["params.width"]
    drag(ada, chart, (x - 0.04, height[0.5]), (x + 0.04, height[1.1]))
    expect(ada.locator("[data-picked]")).to_have_text("5 runs selected.")
    curves_show(ada, 5)
    x = at["params.kind"]
    drag(ada, chart, (x - 0.04, height[-0.1]), (x + 0.04, height[0.2]))

    expect(ada.locator("[data-picked]")).to_have_text("2 runs selected.")
    assert selected(ada) == ["r6", "r8"]
    shapes = chart.evaluate(
        "chart => chart.layout.shapes.filter(one => one.type === 'rect').length"
    )
    assert shapes == 2
    ada.get_by_role("button", name="Filter to these").click()
    expect(ada.locator("#q")).to_have_value(re.compile("params.kind = a"))
    expect(ada.locator("#run-rows tr[data-run]")).to_have_count(2)


def test_a_lasso_selects_and_clearing_the_selection_lets_go(live_server, ada: Page, runs):
    open_relations(ada, live_server)
    ada.get_by_label("lasso").check()

    drag(
        ada, drawn(ada, "relation"),
        (0.02, 0.5), (0.02, 0.98), (0.5, 0.98), (0.5, 0.6), (0.02, 0.5),
    )  # fmt: skip

    expect(ada.locator("[data-picked]")).to_contain_text("selected")
    assert set(selected(ada)) <= {"r0", "r1", "r2", "r3", "r4", "r5"}
    expect(ada.get_by_role("button", name="Filter to these")).to_be_hidden()
    ada.get_by_role("button", name="Clear selection").click()
    expect(ada.locator("[data-picked]")).to_have_text("Drag in a chart to select runs.")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_the_section_opens_in_place_and_is_accessible(live_server, ada: Page, runs, theme, width):
    ada.emulate_media(color_scheme=theme)
    ada.set_viewport_size({"width": width, "height": 900})
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")

    ada.get_by_text("Relations", exact=True).click()

    expect(ada).to_have_url(re.compile("rel=1"))
    for name in ("relation", "parallel", "importance"):
        drawn(ada, name)
    accessible(ada)
    fits(ada)

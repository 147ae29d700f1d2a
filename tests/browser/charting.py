"""Charts of an open page as a reader handles them: waited for, read, dragged over, shared."""

import numpy as np
from playwright.sync_api import Locator, Page, expect

from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests import factories as make

POINTS = 3_000
# The drawn x of the line and the ends of the axis, as numbers of the axis's own scale.
VIEW = """node => {
  const axis = node._fullLayout.xaxis;
  const line = node.data.find((trace) => trace.hovertemplate && trace.x.length > 2);
  return { x: line.x.map(axis.d2l), range: axis.range.map(axis.r2l) };
}"""

# The ends of both axes, that of heights in values whatever its scale.
ENDS = """node => {
  const { xaxis, yaxis } = node._fullLayout;
  return [...xaxis.range.map(xaxis.r2l), ...yaxis.range.map((end) => yaxis.l2c(yaxis.r2l(end)))];
}"""


def two_runs() -> list[Run]:
    """Two runs of 3,000 points, one of them twice as fast: too many to draw without reducing."""
    project = make.make_project(make.make_workspace("lab", ada=Role.MEMBER), main_metric="loss")
    runs = [make.make_run(project, name, status="completed") for name in ("slow", "fast")]
    for run, pace in zip(runs, (2.0, 1.0), strict=True):
        log(run, "loss", 1 + np.sin(np.arange(POINTS) / 40), pace=pace)
    return runs


def log(run: Run, key: str, values: np.ndarray, *, pace: float) -> None:
    """One point every `pace` seconds."""
    steps = np.arange(len(values), dtype=np.int64)
    points = SeriesPoints(key, steps, 1.79e9 + pace * steps, values)
    recording.record(run_id=run.pk, client=key, number=0, series=[points])


def drawn(page: Page, axis: str = "step") -> Locator:
    """The chart of the metric, once it is drawn against that axis."""
    chart = page.locator('.chart[data-chart-id="loss"]')
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".scatterlayer .trace").first).to_be_visible()
    page.wait_for_function(
        "([node, axis]) => node._fullLayout.uirevision === axis",
        arg=[chart.element_handle(), axis],
    )
    return chart


def note_of(chart: Locator) -> Locator:
    return chart.page.locator(".chart-card", has=chart).locator("[data-chart-note]").first


def drag(
    chart: Locator, start: float, end: float, *, top: float = 0.5, bottom: float = 0.5
) -> None:
    """Drags over a part of the plot's width, and height, with the mouse."""
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    mouse = chart.page.mouse
    mouse.move(box["x"] + start * box["width"], box["y"] + top * box["height"])
    mouse.down()
    mouse.move(box["x"] + end * box["width"], box["y"] + bottom * box["height"], steps=5)
    mouse.up()


def shared(page: Page) -> str:
    """What "Share view" puts on the clipboard."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Share view").click()
    expect(page.get_by_text("Link to this exact view copied")).to_be_visible()
    return page.evaluate("navigator.clipboard.readText()")

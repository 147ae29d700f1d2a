"""The compare page of many runs in Chromium: lines on a canvas, panels on demand, undo."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from experiments import recording
from experiments.models import Role, Run
from experiments.shapes import SeriesPoints
from tests import factories as make
from tests.browser.charting import drag
from tests.comparing.building import evaluation
from tests.dashboard.compared_runs import losses_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RUNS, POINTS = 30, 50
ADDRESS = f"/compare/?runs=lab/sinusoid:1-{RUNS}"
# How many pixels of the canvas of lines are not empty.
INK = """node => {
  const [canvas] = node.querySelectorAll('canvas.lines');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, i) => i % 4 === 3 && value > 0).length;
}"""


@pytest.fixture
def runs(db) -> list[Run]:
    """Runs whose losses lie one above the other, and thirty metrics more of the last."""
    project = make.make_project(make.make_workspace("lab", ada=Role.MEMBER), "sinusoid")
    runs = []
    for place in range(RUNS):
        run = make.make_run(project, status="completed", params={"lr": place})
        keys = ["train/loss", "train/error"]
        keys += [f"layers/norm_{n}" for n in range(70) if place == RUNS - 1]
        steps = np.arange(POINTS, dtype=np.int64)
        values = np.full(POINTS, float(place))
        series = [SeriesPoints(key, steps, 1.79e9 + steps, values) for key in keys]
        recording.record(run_id=run.pk, client="test", number=0, series=series)
        runs.append(run)
    return runs


def drawn(page: Page, chart_id: str) -> Locator:
    """The chart once its lines are on the canvas."""
    chart = page.locator(f'.chart[data-chart-id="{chart_id}"]')
    chart.scroll_into_view_if_needed()
    expect(chart.locator("canvas.lines").first).to_be_attached()
    expect(chart.locator(".nsewdrag").first).to_be_visible()
    return chart


def point_at(chart: Locator, value: float) -> None:
    """Moves the pointer to a height of the y axis, in the middle of the plot."""
    down = chart.evaluate("(node, value) => node._fullLayout.yaxis.d2p(value)", value)
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    chart.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + down)


def test_lines_of_many_runs_are_drawn_and_follow_a_zoom(live_server, ada: Page, runs: list[Run]):
    ada.goto(live_server.url + ADDRESS)
    chart = drawn(ada, "train/loss")

    whole = chart.evaluate(INK)
    drag(chart, 0.2, 0.8, top=0.2, bottom=0.5)

    expect(ada).to_have_url(re.compile("zoom="))
    ada.wait_for_function(
        f"([node, whole]) => 0 < ({INK})(node) && ({INK})(node) < whole / 2",
        arg=[chart.element_handle(), whole],
    )


def test_pointing_at_a_line_names_its_run_in_every_chart(live_server, ada: Page, runs: list[Run]):
    ada.goto(live_server.url + ADDRESS)
    loss, error = drawn(ada, "train/loss"), drawn(ada, "train/error")

    point_at(loss, 27.2)

    tip = loss.locator(".chart-tip")
    expect(tip).to_contain_text(f"AB {runs[27].name}")
    expect(tip).to_contain_text("lr 27")
    expect(error.locator(".chart-tip")).to_have_text("27")
    expect(error.locator("canvas.lines").first).to_have_class(re.compile("faded"))
    ada.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    expect(error.locator("canvas.lines").first).not_to_have_class(re.compile("faded"))


def test_a_name_of_the_legend_stands_for_its_lines(live_server, ada: Page, runs: list[Run]):
    ada.goto(live_server.url + ADDRESS)
    chart = drawn(ada, "train/loss")

    ada.locator('.run-legend [data-run-key="C"]').hover()

    expect(chart.locator("canvas.lines").first).to_have_class(re.compile("faded"))


def test_panels_come_as_the_reader_gets_to_them(live_server, ada: Page, runs: list[Run]):
    ada.goto(live_server.url + ADDRESS)
    drawn(ada, "train/loss")
    cards = ada.locator('[data-group="layers"] .chart')
    expect(cards).to_have_count(0)

    ada.get_by_role("heading", name="layers").click()

    expect(cards).to_have_count(24)
    expect(ada).to_have_url(re.compile("folds=layers"))
    ada.locator(".more-panels").scroll_into_view_if_needed()
    expect(cards).to_have_count(48)
    # A chart that left before its figure came gave up, and asks again once it is near.
    cards.first.scroll_into_view_if_needed()
    expect(cards.first.locator(".main-svg").first).to_be_visible()


def test_back_undoes_what_was_chosen(live_server, ada: Page, runs: list[Run]):
    ada.goto(live_server.url + ADDRESS)
    chart = drawn(ada, "train/loss")
    ada.get_by_label("Horizontal axis").select_option("relative")
    ada.wait_for_function(
        "node => node._fullLayout.uirevision === 'relative'", arg=chart.element_handle()
    )
    drag(chart, 0.2, 0.8)
    expect(ada).to_have_url(re.compile("zoom="))

    ada.go_back()
    expect(ada).not_to_have_url(re.compile("zoom="))
    expect(ada.get_by_label("Horizontal axis")).to_have_value("relative")
    ada.go_back()
    expect(ada.get_by_label("Horizontal axis")).to_have_value("step")
    ada.go_forward()

    expect(ada.get_by_label("Horizontal axis")).to_have_value("relative")


def test_a_shared_zoom_is_one_for_all_charts(live_server, ada: Page, runs: list[Run]):
    ada.goto(live_server.url + ADDRESS + "&logx=1")
    loss, error = drawn(ada, "train/loss"), drawn(ada, "train/error")
    ada.get_by_label("shared x").check()
    ends = "node => node._fullLayout.xaxis.range.map((end) => Math.round(100 * end))"

    drag(loss, 0.5, 0.8)

    expect(ada).to_have_url(re.compile(r"zoom=(\*|%2A)%3A"))
    ada.wait_for_function(
        f"([one, other]) => String(({ends})(one)) === String(({ends})(other))",
        arg=[loss.element_handle(), error.element_handle()],
    )


def test_bands_are_drawn_for_groups(live_server, ada: Page, runs: list[Run]):
    Run.objects.update(group="all")
    ada.goto(live_server.url + ADDRESS)
    chart = drawn(ada, "train/loss")

    ada.get_by_label("Runs that are one line with a band").select_option("group")
    ada.get_by_label("Bands over runs").select_option("sd")

    expect(chart.locator(".scatterlayer .fills path").first).to_be_attached()
    expect(chart.locator("canvas.lines")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_many_runs_are_accessible_and_no_wider_than_a_phone(
    live_server, ada: Page, runs: list[Run], scheme: str
):
    ada.emulate_media(color_scheme=scheme)
    ada.set_viewport_size({"width": 390, "height": 844})
    ada.goto(live_server.url + ADDRESS)
    drawn(ada, "train/loss")

    found = Axe().run(ada).response["violations"]

    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert ada.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("width", [1440, 390])
def test_the_verdict_of_many_runs_is_read_whole(live_server, ada: Page, width: int):
    project = make.make_project(make.make_workspace("lab", ada=Role.MEMBER), "sinusoid")
    for place in range(14):
        name = f"a-method-with-a-rather-long-name-{place}"
        run = make.make_run(project, name, status="completed", params={"lr": place})
        evaluation(losses_of(0.2 + 0.01 * place, seed=place), run)
    ada.set_viewport_size({"width": width, "height": 844})
    ada.goto(f"{live_server.url}/compare/?runs=lab/sinusoid:1-14")
    table = ada.locator("#verdict .sideways", has=ada.locator(".forest")).first
    table.scroll_into_view_if_needed()
    name, verdict = table.locator("tbody td:first-child").last, table.locator("tbody td").last

    table.evaluate("node => node.scrollTo(node.scrollWidth, node.scrollHeight)")

    frame, first, last = (one.bounding_box() for one in (table, name, verdict))
    head = table.locator("thead th").last.bounding_box()
    assert frame
    assert first
    assert last
    assert head
    assert frame["x"] <= first["x"] < frame["x"] + frame["width"] / 2
    assert last["x"] + last["width"] <= frame["x"] + frame["width"] + 1
    assert frame["y"] <= head["y"] <= frame["y"] + 20
    if width == 1440:
        assert table.evaluate("node => node.scrollWidth <= node.clientWidth")
    found = Axe().run(ada, context="#verdict").response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


def test_keys_move_along_a_run_and_to_the_next_one(live_server, ada: Page, runs: list[Run]):
    ada.goto(live_server.url + ADDRESS)
    loss, error = drawn(ada, "train/loss"), drawn(ada, "train/error")
    tip = loss.locator(".chart-tip")

    loss.focus()
    ada.keyboard.press("ArrowRight")

    expect(tip).to_contain_text("A run")
    expect(tip).to_contain_text(re.compile(r"2[45]: 0"))
    ada.keyboard.press("ArrowUp")  # the losses lie one above the other
    expect(tip).to_contain_text("B run")
    ada.keyboard.press("Shift+ArrowRight")
    expect(tip).to_contain_text(re.compile(r"3[45]: 1"))
    expect(tip).to_have_attribute("aria-live", "polite")
    expect(error.locator(".chart-dot")).to_be_visible()
    ada.keyboard.press("ArrowDown")
    ada.keyboard.press("ArrowDown")
    expect(tip).to_contain_text("A run")
    ada.keyboard.press("+")
    expect(ada).to_have_url(re.compile("zoom="))
    ada.keyboard.press("Tab")
    expect(tip).to_be_hidden()


def test_a_phone_has_the_letters_of_the_runs(live_server, ada: Page, runs: list[Run]):
    ada.set_viewport_size({"width": 390, "height": 844})
    ada.goto(live_server.url + ADDRESS)
    letter = ada.get_by_role("button", name="Draw B ")

    letter.scroll_into_view_if_needed()
    letter.click()

    expect(ada).to_have_url(re.compile("hide=B"))
    expect(letter).to_have_attribute("aria-pressed", "false")
    assert ada.evaluate("document.documentElement.scrollWidth") <= 390

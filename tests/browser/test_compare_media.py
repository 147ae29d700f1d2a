"""Media of compared runs in Chromium: one slider for all, overlays, and nothing hostile runs."""

import re

import plotly.graph_objects as go
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments.models import Role
from tests.dashboard.media_files import HOSTILE, put, runs_with_media
from tests.factories import make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><script>parent.hacked = 1'
    b'</script><circle cx="20" cy="20" r="9" onload="parent.hacked = 1"/></svg>'
)


def test_one_slider_moves_all_media_and_hostile_ones_do_nothing(live_server, ada: Page):
    make_workspace("lab", ada=Role.MEMBER)
    runs = runs_with_media()
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")
    section = ada.locator("#media")
    section.scroll_into_view_if_needed()
    slider = section.get_by_label("Step of all media")
    expect(slider).to_have_attribute("aria-valuetext", "step 200")

    slider.focus()
    ada.keyboard.press("ArrowLeft")

    expect(ada).to_have_url(re.compile("mstep=100"))
    expect(section).to_contain_text("step 80, the nearest")
    expect(section.get_by_label("Step of all media")).to_be_focused()

    section.get_by_role("link", name="Difference").click()
    expect(section.locator(".overlaid.difference img")).to_have_count(2)
    expect(section.locator(".matrix .less").first).to_be_visible()
    for picture in section.locator("img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", value=True)
        assert picture.evaluate("node => node.naturalWidth") == 16
    audio = section.locator("audio").first
    audio.evaluate("node => node.load()")
    audio.evaluate("node => { node.preload = 'auto'; node.load() }")
    expect(audio).to_have_js_property("duration", value=0.1)
    frame = section.locator("iframe").first
    frame.scroll_into_view_if_needed()
    expect(frame.content_frame.get_by_text("a page")).to_be_visible()
    assert ada.evaluate("window.hacked") is None

    found = Axe().run(ada).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


def test_media_on_a_page_of_their_own_follow_the_slider_too(live_server, ada: Page):
    make_workspace("lab", ada=Role.MEMBER)
    runs = runs_with_media()
    ada.goto(f"{live_server.url}/compare/media/?runs={','.join(run.pk for run in runs)}")
    section = ada.locator("#media")

    section.get_by_label("Step of all media").focus()
    ada.keyboard.press("ArrowLeft")

    expect(ada).to_have_url(re.compile("compare/media/.*mstep=100"))
    expect(section).to_contain_text("step 80, the nearest")
    wide = "nodes => nodes.filter((node) => parseFloat(getComputedStyle(node).minWidth) > 0).length"
    assert section.locator("td.diff").evaluate_all(wide) == 0


def test_the_media_tab_of_a_run_draws_curves_and_figures_and_runs_nothing(live_server, ada: Page):
    make_workspace("lab", ada=Role.MEMBER)
    run = runs_with_media()[0]
    points = {"x": [0, 1], "y": [1, 0], "x_title": "recall", "y_title": "precision"}
    for step in (100, 300):
        put(run, f"curve/pr/{step:012}.curve.json", points)
    figure = go.Figure([go.Scatter(y=[1, 2], name=HOSTILE), go.Histogram(x=[1, 1, 2])])
    put(run, "figure/plotted/000000000100.plotly.json", figure.to_json().encode())
    put(run, "image/drawn/000000000100.svg", DRAWING)
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=media")
    section = ada.locator("#media")
    expect(section).to_contain_text("at step 300")

    section.get_by_label("Step of all media").focus()
    ada.keyboard.press("ArrowLeft")

    expect(ada).to_have_url(re.compile("tab=media.*mstep=100"))
    expect(section).to_contain_text("at step 100")
    expect(section.get_by_label("Step of all media")).to_be_focused()
    section.get_by_label("Step of all media").blur()
    put(run, "text/late/000000000400.txt", b"late")  # the run is running: its page follows
    expect(section).to_contain_text("late")
    expect(section).to_contain_text("at step 100")
    for name in ("pr", "plotted of A first"):
        chart = ada.locator(f'.chart[data-title="{name}"]')
        chart.scroll_into_view_if_needed()
        expect(chart.locator(".main-svg").first).to_be_visible()
    card = ada.locator(".chart-card", has=chart)
    expect(card.locator("[data-chart-legend]")).to_contain_text(HOSTILE)
    card.get_by_text("Data of this chart").click()
    expect(card.locator("tbody tr")).to_have_count(5)
    drawn = section.get_by_alt_text("drawn of A first")
    drawn.scroll_into_view_if_needed()
    expect(drawn).to_have_js_property("complete", value=True)
    assert drawn.evaluate("node => node.naturalWidth") == 40
    ada.set_viewport_size({"width": 390, "height": 800})
    assert ada.evaluate("document.documentElement.scrollWidth") <= 390
    assert ada.evaluate("window.hacked") is None
    found = Axe().run(ada).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []

"""Rows and fields that are as wide as what they hold, in Chromium at the widths between layouts."""

import io
import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments import files
from tests import factories as make
from tests.dashboard.compared_runs import compared_runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1242, 1280, 1440])
def test_the_bars_of_a_project_stay_inside_its_row(ada: Page, live_server, width: int):
    project = make.make_project(make.make_workspace("lab", ada="member"), main_metric="loss")
    for status in ("running", "failed", "completed"):
        make.make_run(project, status=status)
    ada.set_viewport_size({"width": width, "height": 900})
    ada.goto(live_server.url)

    expect(ada.locator(".proj .stat-stack")).to_contain_text("1 running · 1 failed")
    row, bars = (ada.locator(css).bounding_box() for css in (".proj", ".proj .stat-stack"))
    assert row is not None
    assert bars is not None
    assert bars["x"] + bars["width"] <= row["x"] + row["width"] - 10
    assert bars["width"] >= 80


def test_a_long_path_in_an_alert_does_not_widen_the_page(ada: Page, live_server, data_dir):
    run = make.make_run(make.make_project(make.make_workspace("lab", ada="member")))
    path = f"/home/ada/.cache/metascope/{'spool' * 12}/{'0123456789abcdef' * 2}"
    told = {
        "title": "The server refused 1 record of this run",
        "text": f"Kept in {path}",
        "time": 0,
        "level": "error",
    }
    files.put(files.of_run(run), "alerts/1.json", io.BytesIO(json.dumps(told).encode()))
    ada.set_viewport_size({"width": 390, "height": 850})
    ada.goto(f"{live_server.url}/runs/{run.pk}/")

    expect(ada.get_by_text("The server refused 1 record")).to_be_visible()
    assert ada.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [390, 1280, 1440])
def test_values_of_episode_fields_are_not_cut(ada: Page, live_server, width: int):
    make.make_project(make.make_workspace("lab", ada="member"))
    make.make_worker()
    ada.set_viewport_size({"width": width, "height": 900})
    ada.goto(f"{live_server.url}/jobs/new/")

    phase = ada.locator('.episodes input[name="spec.episodes.phase_high"]')
    expect(phase).to_have_value("3.141592653589793")
    assert phase.evaluate("one => one.scrollWidth <= one.clientWidth")
    lines = ada.locator(".episodes .hint").evaluate_all(
        "all => all.map(one => one.offsetHeight / parseFloat(getComputedStyle(one).lineHeight))"
    )
    assert len(lines) == 6
    assert max(lines) < 3.5


@pytest.mark.parametrize("width", [390, 1280, 1440])
def test_the_chosen_queue_of_a_new_job_is_not_cut(ada: Page, live_server, width: int):
    make.make_project(make.make_workspace("lab", ada="member"))
    make.make_worker()
    ada.set_viewport_size({"width": width, "height": 900})
    ada.goto(f"{live_server.url}/jobs/new/")

    queue = ada.get_by_label("Queue", exact=True)
    expect(queue.locator("option:checked")).to_have_text("default, 1 live worker, 0 waiting")
    whole = queue.evaluate(
        "one => { const copy = one.cloneNode(true); copy.style.cssText = 'position: absolute; "
        "width: auto'; one.after(copy); const { width } = copy.getBoundingClientRect(); "
        "copy.remove(); return width; }"
    )
    assert queue.evaluate("one => one.getBoundingClientRect().width") >= whole


def test_the_verdict_of_a_phone_scrolls_in_its_own_place(ada: Page, live_server):
    make.make_workspace("lab", ada="member")
    runs = compared_runs()
    ada.set_viewport_size({"width": 390, "height": 850})
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")

    table = ada.get_by_role("region", name=re.compile("^Differences to .*, scrolls sideways"))
    table.focus()
    expect(table).to_be_focused()
    table.evaluate("one => one.scrollTo(one.scrollWidth, 0)")
    expect(table.get_by_role("columnheader", name="Verdict")).to_be_in_viewport(ratio=0.9)
    assert ada.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("tab", ["", "charts", "adaptation", "console", "params"])
def test_headings_of_a_run_skip_no_level(ada: Page, live_server, tab: str):
    project = make.make_project(make.make_workspace("lab", ada="member"), main_metric="loss")
    run = make.make_run(project, status="completed")
    make.make_evaluation(run)
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab={tab}")

    found = Axe().run(ada).response["violations"]

    assert "heading-order" not in [one["id"] for one in found]


def test_the_bar_of_a_phone_leads_to_every_page(ada: Page, live_server):
    make.make_project(make.make_workspace("lab", ada="member"))
    ada.set_viewport_size({"width": 390, "height": 850})
    ada.goto(live_server.url)
    bar = ada.get_by_role("navigation", name="Main")
    sheet = ada.get_by_role("navigation", name="More")

    for title in ("Home", "Runs", "Compare", "New job", "Queue", "More"):
        label = bar.get_by_text(title, exact=True)
        expect(label).to_be_in_viewport(ratio=1)
        assert label.evaluate("one => one.scrollWidth <= one.parentElement.clientWidth"), title
    expect(sheet).to_be_hidden()
    assert ada.evaluate("document.documentElement.scrollWidth <= innerWidth")
    bar.get_by_role("button", name="More").click()
    theme = ada.evaluate("document.documentElement.dataset.theme")
    sheet.get_by_role("button", name="Light or dark").click()
    assert ada.evaluate("document.documentElement.dataset.theme") != theme
    ada.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")
    violations = Axe().run(ada).response["violations"]
    assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []
    sheet.get_by_role("button", name="Search or jump").click()
    expect(ada.get_by_role("dialog", name="Command palette")).to_be_visible()
    expect(sheet).to_be_hidden()
    ada.keyboard.press("Escape")

    for link, title in (
        ("sinusoid", "Sinusoid"),
        ("New project", ""),
        ("Inbox", "Inbox"),
        ("API tokens", "API tokens"),
    ):
        bar.get_by_role("button", name="More").click()
        sheet.get_by_role("link", name=link).click()
        expect(ada.get_by_role("heading", level=1)).to_contain_text(title)
        expect(sheet).to_be_hidden()

"""The run table and the run page in Chromium: keyboard, live refresh, zoom, themes, axe."""

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments import recording
from experiments.models import Project, Run
from experiments.shapes import SeriesPoints
from tests import factories as make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project(db) -> Project:
    return make.make_project(make.make_workspace("lab", ada="member"), main_metric="loss")


def log(run: Run, first: int, last: int, *, number: int = 0) -> None:
    """Records steps first..last - 1."""
    steps = np.arange(first, last, dtype=np.int64)
    points = SeriesPoints("loss", steps, 1.79e9 + steps, 3.0 / (1 + steps))
    recording.record(run_id=run.pk, client="test", number=number, series=[points])


def drawn(page: Page) -> Page:
    """Waits for the first chart."""
    page.wait_for_selector(".chart .scatterlayer .trace")
    return page


def test_rows_are_selected_by_keyboard_and_compared(ada, live_server, project):
    runs = [make.make_run(project, f"run-{n}", status="completed") for n in range(3)]
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")

    for key in ("j", "x", "j", "x"):
        ada.keyboard.press(key)

    expect(ada.locator("[data-bulk-count]")).to_have_text("2 selected")
    href = ada.locator("[data-bulk-compare]").get_attribute("href")
    assert href == f"/compare/?runs={runs[2].pk},{runs[1].pk}"


def test_the_selection_is_in_the_address_and_outlives_pages_and_reloads(ada, live_server, project):
    runs = [make.make_run(project, f"run-{n}", status="completed") for n in range(3)]
    log(runs[0], 0, 50)
    chosen = f"{runs[2].pk},{runs[0].pk}"
    ada.goto(f"{live_server.url}/p/lab/sinusoid/?limit=1&sort=number")
    ada.get_by_label("Select run-2").check()
    ada.get_by_role("link", name="Next").click()
    expect(ada.get_by_label("Select run-1")).not_to_be_checked()
    ada.get_by_role("link", name="Next").click()
    ada.get_by_label("Select run-0").check()

    ada.reload()

    expect(ada.locator("[data-bulk-count]")).to_have_text("2 selected")
    expect(ada.get_by_label("Select run-0")).to_be_checked()
    assert parse_qs(urlsplit(ada.url).query)["selected"] == [chosen]
    assert ada.locator("[data-bulk-compare]").get_attribute("href") == f"/compare/?runs={chosen}"
    chart = ada.locator(".panel .chart").first.get_attribute("data-chart")
    assert parse_qs(urlsplit(chart).query)["runs"] == [chosen]
    ada.get_by_label("Clear selection").click()
    expect(ada).not_to_have_url(re.compile("selected="))


def test_archive_acts_at_once_and_can_be_undone(ada, live_server, project):
    run = make.make_run(project, "gone", status="completed")
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")

    ada.get_by_label("Select gone").check()
    ada.get_by_role("button", name="Archive").click()
    expect(ada.locator(f"tr[data-run='{run.pk}']")).to_have_count(0)
    ada.get_by_role("button", name="Undo").click()

    expect(ada.locator(f"tr[data-run='{run.pk}']")).to_have_count(1)


def test_rows_of_before_are_dimmed_until_others_come(ada, live_server, project):
    make.make_run(project, status="completed")
    ada.goto(f"{live_server.url}/p/lab/sinusoid/", wait_until="networkidle")
    rows, held = ada.locator(".runs-main"), []
    expect(rows).to_have_css("opacity", "1")
    ada.route("**/p/lab/sinusoid/?sort**", lambda route: held.append(route))

    ada.get_by_role("link", name="Name", exact=True).click()

    expect(rows).to_have_css("opacity", "0.55")
    held[0].continue_()
    expect(ada.locator("th[aria-sort]")).to_contain_text("Name")
    expect(rows).to_have_css("opacity", "1")


def test_typing_a_filter_changes_rows_address_and_chips(ada, live_server, project):
    for name, lr in (("slow", 0.01), ("fast", 0.5)):
        make.make_run(project, name, status="completed", params={"lr": lr})
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")

    ada.keyboard.press("/")
    ada.keyboard.type("params.lr > 0.1")

    expect(ada.locator("#run-rows tr")).to_have_count(1)
    expect(ada.locator("#q")).to_be_focused()
    expect(ada.locator(".chip")).to_contain_text("params.lr")
    ada.wait_for_url("**q=params.lr*")
    ada.keyboard.type(" AND")
    expect(ada.locator("#filter-error")).to_contain_text("still those of the filter before")
    expect(ada.locator("#run-rows tr")).to_have_count(1)
    expect(ada.locator(".runs-split")).to_have_css("border-top-style", "dashed")
    ada.keyboard.type(" params.lr < 1")
    expect(ada.locator("#filter-error")).to_be_hidden()
    expect(ada.locator(".runs-split")).to_have_css("border-top-style", "solid")


def test_new_rows_wait_and_selection_survives_refresh(ada, live_server, project):
    make.make_run(project, "first")
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")
    ada.get_by_label("Select first").check()

    make.make_run(project, "second")

    expect(ada.locator("[data-show-new]")).to_have_text("1 new run. Show them")
    expect(ada.get_by_label("Select first")).to_be_checked()
    ada.locator("[data-show-new]").click()
    expect(ada.locator("#run-rows tr")).to_have_count(2)
    expect(ada.get_by_label("Select first")).to_be_checked()


def test_live_points_join_without_resetting_the_zoom(ada, live_server, project):
    run = make.make_run(project)
    log(run, 0, 50)
    ada.goto(f"{live_server.url}/runs/{run.pk}/")
    drawn(ada)
    ada.evaluate(
        "Plotly.relayout(document.querySelector('.chart'),"
        " {'xaxis.range[0]': 10, 'xaxis.range[1]': 20})"
    )

    log(run, 50, 80, number=1)
    expect(ada.locator("dl.stats")).to_contain_text("step 79")

    shown = ada.evaluate("document.querySelector('.chart')._fullLayout.xaxis.range")
    assert shown == [10, 20]


def test_a_theme_change_redraws_charts_from_tokens(ada, live_server, project):
    run = make.make_run(project, status="completed")
    log(run, 0, 50)
    ada.goto(f"{live_server.url}/runs/{run.pk}/")
    drawn(ada)
    color = "document.querySelector('.chart').data.at(-1).line.color"
    light = ada.evaluate(color)

    ada.keyboard.press("t")

    ada.wait_for_function(f"{color} !== {light!r}")
    assert ada.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_console_follows_new_lines(ada, live_server, project):
    run = make.make_run(project)
    make.make_log(run)
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=console")

    make.make_log(run, "12:00:02 WARNING clipped\n", number=1)

    expect(ada.locator(".console .WARN")).to_contain_text("clipped")


def test_what_is_searched_in_the_console_outlives_a_reload(ada, live_server, project):
    run = make.make_run(project, status="completed")
    make.make_log(run, "12:00:00 INFO started\n12:00:01 WARNING clipped & kept\n")
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=console")
    find = ada.get_by_label("Find in console")

    find.fill("clipped &")
    expect(ada).to_have_url(re.compile("find=clipped"))
    ada.reload()

    expect(find).to_have_value("clipped &")
    expect(ada.locator(".console [data-line]")).to_have_count(1)
    expect(ada.locator(".console .WARN")).to_contain_text("clipped & kept")
    find.fill("nowhere")
    expect(ada.locator(".console")).to_contain_text("No line holds “nowhere”")
    find.fill("")
    expect(ada.locator(".console [data-line]")).to_have_count(2)
    expect(ada).not_to_have_url(re.compile("find="))


def test_whether_the_console_follows_outlives_a_reload(ada, live_server, project):
    run = make.make_run(project)
    make.make_log(run, "12:00:00 INFO a line\n" * 200)
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=console")
    follow = ada.get_by_label("Follow")
    place = "box => box.scrollTop + box.clientHeight - box.scrollHeight"
    at_end, away = (
        f"({place})(document.querySelector('.console')) {end}" for end in ("> -8", "< -99")
    )
    expect(follow).to_be_checked()
    ada.wait_for_function(at_end)

    follow.uncheck()
    expect(ada).to_have_url(re.compile("follow=0"))
    ada.reload()

    expect(follow).not_to_be_checked()
    make.make_log(run, "12:00:02 WARNING clipped\n", number=1)
    expect(ada.locator(".console .WARN")).to_contain_text("clipped")
    ada.wait_for_function(away)
    follow.check()
    ada.wait_for_function(at_end)
    expect(ada).not_to_have_url(re.compile("follow="))
    ada.locator(".console").hover()
    ada.mouse.wheel(0, -2000)
    expect(follow).not_to_be_checked()
    expect(ada).to_have_url(re.compile("follow=0"))


def test_the_palette_opens_a_run(ada, live_server, project):
    run = make.make_run(project, "needle", status="completed")
    ada.goto(live_server.url)

    ada.keyboard.press("Control+k")
    ada.keyboard.type("needle")
    expect(ada.locator("#pal-list [aria-selected='true']")).to_contain_text("needle")
    ada.keyboard.press("Enter")

    ada.wait_for_url(f"**/runs/{run.pk}/")


def test_the_current_tab_is_in_sight_on_a_phone_and_more_are_hinted_at(ada, live_server, project):
    run = make.make_run(project, status="completed")
    ada.set_viewport_size({"width": 390, "height": 850})
    tabs = ada.get_by_role("navigation", name="Run", exact=True)

    ada.goto(f"{live_server.url}/runs/{run.pk}/")
    expect(tabs).to_have_attribute("data-more", "right")
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=code")
    expect(tabs.locator("[aria-current]")).to_be_in_viewport(ratio=1)
    expect(tabs).to_have_attribute("data-more", "left right")
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=history")
    expect(tabs).to_have_attribute("data-more", "left")
    ada.set_viewport_size({"width": 1440, "height": 850})
    expect(tabs).not_to_have_attribute("data-more", re.compile(".*"))


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_and_fit(ada, live_server, project, theme, width):
    run = make.make_run(project, status="completed", tags=("paper",))
    log(run, 0, 50)
    make.make_evaluation(run)
    make.make_job(make.make_run(project, status="queued"))
    make.make_worker()
    ada.emulate_media(color_scheme=theme)
    ada.set_viewport_size({"width": width, "height": 850})

    for path in ("/", "/queue/", "/tokens/", "/p/lab/sinusoid/", f"/runs/{run.pk}/"):
        ada.goto(live_server.url + path, wait_until="networkidle")
        violations = Axe().run(ada).response["violations"]
        serious = [one["id"] for one in violations if one["impact"] in ("serious", "critical")]
        assert serious == [], path
        assert ada.evaluate("document.documentElement.scrollWidth <= innerWidth"), path

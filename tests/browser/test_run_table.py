"""The run table by keyboard and click, in Chromium: groups, baseline, columns, all that match."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from experiments import recording
from experiments.models import Run
from experiments.shapes import SeriesPoints
from tests import factories as make
from tests.browser.test_access import accessible, fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def project(db, data_dir):
    project = make.make_project(make.make_workspace("lab", ada="admin"), main_metric="loss")
    for place, (name, lr) in enumerate(
        (("one", 0.1), ("two", 0.1), ("three", 0.2), ("four", 0.2), (EVIL, 0.3))
    ):
        run = make.make_run(
            project, name, params={"lr": lr, "note": EVIL}, status="completed", seed=place % 2
        )
        log(run, float(place + 1))
    return project


def log(run: Run, loss: float, number: int = 0) -> None:
    points = SeriesPoints("loss", np.array([number]), np.zeros(1), np.array([loss]))
    recording.record(run_id=run.pk, client="c", number=number, series=[points])


@pytest.fixture
def table(live_server, project) -> str:
    return f"{live_server.url}/p/lab/{project.slug}/"


def names(page: Page) -> list[str]:
    return page.locator("#run-rows tr[data-run]").evaluate_all(
        "all => all.map(r => r.dataset.name)"
    )


def columns(page: Page) -> list[str]:
    heads = page.locator("#run-table thead th[data-column]")
    return heads.evaluate_all("all => all.map(one => one.dataset.column)")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_runs_are_grouped_opened_and_measured_against_a_baseline(ada: Page, table, theme, width):
    ada.emulate_media(color_scheme=theme)
    ada.set_viewport_size({"width": width, "height": 900})
    ada.goto(f"{table}?col=metrics.loss&col=params.note&col=seed")
    ada.get_by_role("button", name="Group", exact=True).click()
    ada.locator("#grouppop").get_by_text("lr", exact=True).click()

    expect(ada).to_have_url(re.compile("group=params.lr"))
    expect(ada.locator("tr.group")).to_have_count(3)
    accessible(ada)
    ada.keyboard.press("Escape")
    ada.get_by_role("link", name="2 runs, hidden").first.press("Enter")
    expect(ada.locator("#run-rows tr[data-run]")).to_have_count(2)
    assert names(ada) == ["four", "three"]
    ada.get_by_label("Select four").check()
    ada.keyboard.press("b")
    expect(ada.locator("tbody.baseline")).to_contain_text("four")
    expect(ada.locator("tr.group").first).to_contain_text("worse")
    expect(ada).to_have_url(re.compile("baseline="))
    accessible(ada)
    fits(ada)


def test_columns_are_moved_by_keyboard_and_mouse_and_sized_in_the_address(ada: Page, table):
    ada.goto(f"{table}?col=status&col=metrics.loss&col=seed")
    head = ada.locator("th[data-column='metrics.loss'] a")
    head.focus()
    ada.keyboard.press("Alt+ArrowLeft")
    expect(ada.locator("#run-table thead th[data-column]").first).to_have_attribute(
        "data-column", "metrics.loss"
    )

    ada.locator("th[data-column='seed']").drag_to(ada.locator("th[data-column='status']"))
    expect(ada).to_have_url(re.compile("col=metrics.loss&col=seed&col=status"))
    assert columns(ada) == ["metrics.loss", "seed", "status"]
    ada.get_by_role("separator", name="Width of status").focus()
    before = ada.locator("th[data-column='status']").bounding_box()
    for _ in range(5):
        ada.keyboard.press("ArrowRight")
    after = ada.locator("th[data-column='status']").bounding_box()
    assert before
    assert after
    assert after["width"] >= before["width"] + 50
    expect(ada).to_have_url(re.compile(r"w=status%3A\d+"))
    ada.get_by_role("button", name="Columns").click()
    ada.get_by_label("Keep Status at the left").check()
    expect(ada).to_have_url(re.compile(r"pin=status.*w=status%3A\d+"))
    ada.get_by_role("button", name="Move seed left").press("Enter")
    expect(ada.locator("#run-table thead th[data-column]").nth(1)).to_have_attribute(
        "data-column", "seed"
    )
    assert columns(ada) == ["status", "seed", "metrics.loss"]
    accessible(ada)
    ada.reload()
    assert columns(ada) == ["status", "seed", "metrics.loss"]


def test_a_direction_is_switched_beside_its_column(ada: Page, table, project):
    run = project.runs.get(name="two")
    ada.goto(f"{table}?col=metrics.loss&baseline={run.pk}")
    expect(ada.locator(f"tr[data-run='{project.runs.get(name='one').pk}']")).to_contain_text(
        "better"
    )

    ada.get_by_role("button", name="Columns").click()
    ada.get_by_label("What is better in loss").select_option("higher is better")

    expect(ada.locator(f"tr[data-run='{project.runs.get(name='one').pk}']")).to_contain_text(
        "worse"
    )
    expect(ada).to_have_url(re.compile("better=loss%3Amax"))


def test_rows_are_walked_and_selected_by_keys_and_all_that_match_are_archived(
    ada: Page, table, project
):
    ada.goto(f"{table}?limit=2&q=params.lr+<+0.3")
    ada.get_by_role("link", name="four").focus()
    ada.keyboard.press("Space")
    ada.keyboard.press("ArrowDown")
    ada.keyboard.press("Space")
    expect(ada.get_by_text("2 selected", exact=True)).to_be_visible()

    ada.get_by_role("button", name="Select all 4 that match").click()
    expect(ada.get_by_text("All 4 that match", exact=True)).to_be_visible()
    ada.get_by_role("button", name="Tag").click()
    ada.get_by_label("Tags, separated by commas").fill("kept")
    ada.keyboard.press("Enter")
    expect(ada.get_by_text("4 runs tagged")).to_be_visible()
    ada.get_by_role("button", name="Select all 4 that match").click()
    ada.get_by_role("button", name="Archive").click()
    ada.get_by_role("button", name="Archive them").click()

    expect(ada.get_by_text("4 runs archived")).to_be_visible()
    assert [run.labels for run in project.runs.filter(archived_at=None)] == [[]]
    assert project.runs.filter(tag_rows__name="kept").exclude(archived_at=None).count() == 4


def test_a_condition_is_built_changed_and_written_as_text(ada: Page, table):
    ada.goto(table)
    ada.get_by_role("button", name="+ Condition").click()
    ada.get_by_label("Field", exact=True).select_option("params.lr")
    ada.get_by_label("Comparison").select_option("<")
    ada.get_by_label("Value").fill("0.15")
    ada.keyboard.press("Enter")
    expect(ada.get_by_label("Filter runs")).to_have_value("params.lr < 0.15")
    expect(ada.locator("#run-rows tr[data-run]")).to_have_count(2)

    ada.get_by_role("button", name="Change condition params.lr < 0.15").click()
    ada.get_by_label("Comparison").select_option("IS NOT NULL")
    ada.get_by_role("button", name="Change", exact=True).click()
    expect(ada.get_by_label("Filter runs")).to_have_value("params.lr IS NOT NULL")
    expect(ada.locator("#run-rows tr[data-run]")).to_have_count(5)
    ada.get_by_label("Filter runs").fill('name = "two"')
    expect(ada.get_by_role("button", name='Change condition name = "two"')).to_be_visible()
    accessible(ada)


def test_live_rows_change_in_place_and_new_ones_wait(ada: Page, table, project):
    running = make.make_run(project, "going", params={"lr": 0.1})
    log(running, 7.0)
    ada.goto(f"{table}?sort=metrics.loss&dir=asc&col=metrics.loss")
    assert names(ada)[-1] == "going"
    row = ada.locator(f"tr[data-run='{running.pk}']")
    top = row.bounding_box()

    log(running, 0.5, number=1)
    make.make_run(project, "fresh", params={})

    expect(row).to_contain_text("0.5", timeout=10_000)
    banner = ada.locator("[data-show-new]")
    expect(banner).to_have_text("1 new run. Show them")
    assert row.bounding_box() == top
    assert names(ada)[-1] == "going"
    banner.click()
    expect(ada.locator("#run-rows tr[data-run]").first).to_have_attribute("data-name", "going")
    assert "fresh" in names(ada)

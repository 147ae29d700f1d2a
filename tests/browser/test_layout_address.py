"""How a page is laid out is in its address too, and the keyboard's place can always be seen."""

import re

import pytest
from playwright.sync_api import Page, expect

from experiments import lifecycle, snapshots
from experiments.models import Run
from tests import factories as make
from tests.browser.charting import drawn, shared, two_runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def runs(db) -> list[Run]:
    return two_runs()


def test_an_enlarged_chart_is_in_the_address(live_server, ada: Page, runs: list[Run]):
    ada.goto(f"{live_server.url}/runs/{runs[0].pk}/?tab=charts")
    chart = drawn(ada)
    button = ada.get_by_role("button", name="Enlarge loss")
    small = chart.bounding_box()["height"]
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert chart.bounding_box()["height"] > 1.5 * small

    other = ada.context.new_page()
    other.goto(shared(ada))

    expect(other.locator(".chart-card.wide")).to_have_count(1)
    again = other.get_by_role("button", name="Enlarge loss")
    expect(again).to_have_attribute("aria-pressed", "true")
    drawn(other)
    again.click()
    expect(other.locator(".chart-card.wide")).to_have_count(0)
    assert "wide=" not in other.url
    other.close()


def test_where_the_table_ends_and_its_charts_begin_is_in_the_address(
    live_server, ada: Page, runs: list[Run]
):
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")
    gutter = ada.locator("[data-gutter]")
    before = int(gutter.get_attribute("aria-valuenow"))
    gutter.focus()
    for _ in range(3):
        gutter.press("ArrowLeft")
    assert int(gutter.get_attribute("aria-valuenow")) == before + 72

    other = ada.context.new_page()
    other.goto(shared(ada))

    expect(other.locator("[data-gutter]")).to_have_attribute("aria-valuenow", str(before + 72))
    other.get_by_role("link", name=re.compile("Created")).first.click()
    expect(other).to_have_url(re.compile(f"pane={before + 72}"))
    other.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_focus_is_seen_on_every_button(live_server, ada: Page, runs: list[Run], scheme: str):
    ada.emulate_media(color_scheme=scheme)
    ada.goto(f"{live_server.url}/runs/{runs[0].pk}/?tab=charts")
    drawn(ada)
    seen = set()
    for _ in range(60):
        ada.keyboard.press("Tab")
        kind, focused, blurred = ada.evaluate(
            """() => {
              const element = document.activeElement;
              const look = () => {
                const style = getComputedStyle(element);
                return element.tagName === 'BUTTON' ? style.boxShadow + style.outlineStyle : '';
              };
              const focused = look();
              element.blur();
              const blurred = look();
              element.focus({ focusVisible: true, preventScroll: true });
              return [element.className, focused, blurred];
            }"""
        )
        if focused:
            seen.add(str(kind))
            assert focused != blurred, kind

    assert any("jump" in kind for kind in seen)
    assert any("ghost" in kind for kind in seen)


def test_what_a_job_executes_appears_while_it_runs(live_server, ada: Page, db):
    project = make.make_project(make.make_workspace("lab", ada="member"))
    run = make.make_run(project, status="running")
    ada.goto(f"{live_server.url}/runs/{run.pk}/")
    card = ada.locator('[data-live="source"]')
    expect(card).to_contain_text("not recorded")

    files = {"train.py": b"print(1)\n"}
    stored = snapshots.store(workspace=project.workspace, files=files, git_commit="a" * 40)
    lifecycle.attach_snapshot(run, stored)

    expect(card).to_contain_text("aaaaaaaaaa", timeout=15_000)

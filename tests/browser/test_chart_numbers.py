"""The table behind every chart, for those who do not see it."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments.models import Role, Run
from tests.browser.charting import drag, drawn, note_of, two_runs
from tests.dashboard.compared_runs import compared_runs
from tests.factories import make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def runs(db) -> list[Run]:
    return two_runs()


def test_the_numbers_of_a_chart_are_listed_when_asked_for_and_say_what_they_leave_out(
    live_server, ada: Page, runs: list[Run]
):
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")
    chart = drawn(ada)
    card = ada.locator(".chart-card", has=chart)
    assert card.locator("table").count() == 0

    card.get_by_text("Data of this chart").click()

    expect(card.locator("thead th")).to_have_text(["line", "step", "loss"])
    rows = card.locator("tbody tr")
    expect(rows).to_have_count(200)
    expect(rows.first.locator("th")).to_have_text("A slow")
    expect(card.locator(".chart-data .note")).to_contain_text("200 of ")
    drag(chart, 0.40, 0.50)
    expect(note_of(chart)).to_have_text("")
    expect(rows.first.locator("td").first).to_have_text(re.compile(r"^1[12]\d\d$"))


@pytest.mark.parametrize("extra", ["", "&bands=range&over=group"])
def test_every_figure_of_a_comparison_has_its_numbers(live_server, ada: Page, db, extra: str):
    make_workspace("lab", ada=Role.MEMBER)
    ada.goto(f"{live_server.url}/compare/?runs={','.join(r.pk for r in compared_runs())}{extra}")
    charts = ada.locator(".chart[data-chart]").all()
    assert len(charts) > 5

    for chart in charts:
        chart.scroll_into_view_if_needed()
        card = chart.locator("xpath=ancestor::*[contains(@class, 'chart-card')][1]")
        details = card.locator(".chart-data")
        expect(details).to_have_count(1)
        details.locator("summary").click()
        expect(details.locator("tbody tr, .note").first).to_be_attached()

    found = Axe().run(ada).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []

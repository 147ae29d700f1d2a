"""The table behind every chart, for those who do not see it."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments.models import Role, Run
from tests.browser.charting import drag, drawn, note_of, two_runs
from tests.comparing.building import evaluation
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


def test_episodes_and_heat_maps_list_what_the_pointer_would_be_told(live_server, ada: Page, db):
    make_workspace("lab", ada=Role.MEMBER)
    runs = compared_runs()[:2]
    for step in (100, 200):  # losses so far apart that colours stand for logarithms
        evaluation(np.full((60, 2), [[step, 1.0]]), runs[0], name="validation", step=step)
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")

    def rows_of(chart_id: str) -> list[list[str]]:
        chart = ada.locator(f'.chart[data-chart-id="{chart_id}"]')
        chart.scroll_into_view_if_needed()
        expect(chart.locator(".main-svg").first).to_be_visible()
        card = ada.locator(".chart-card", has=chart)
        card.get_by_text("Data of this chart").click()
        expect(card.locator("tbody tr").first).to_be_visible()
        return [row.inner_text().split("\t") for row in card.locator("tr").all()]

    scatter, heat, shares = (rows_of(one) for one in ("scatter", "heat A", "shares"))
    assert scatter[0] == ["line", "A maml, query loss", "B pretrained, query loss", "more"]
    assert re.fullmatch(r"5105:test:0:\d+", scatter[1][3])
    assert heat[:2] == [["inner step", "meta-step", "A maml", "more"],
                        ["0", "100", "100", "100 ± 0 (95 %) N=60"]]  # fmt: skip
    assert shares[1][-1] == "N = 60"

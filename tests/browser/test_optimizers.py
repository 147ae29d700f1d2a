"""Learned optimizers beside hand-made ones in Chromium: drawn, readable, and at phone width."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from experiments.models import Project, Role
from tests.dashboard.test_optimizer_race import HORIZON, learned_run
from tests.factories import make_project, make_worker, make_workspace
from worker.metalearning import catalog
from worker.trainers import trainers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project(db) -> Project:
    return make_project(make_workspace("lab", ada=Role.MEMBER))


def drawn(page: Page) -> Locator:
    chart = page.locator('.chart[data-chart-id="optimizers"]')
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".main-svg").first).to_be_visible()
    return chart


def serious(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [one["id"] for one in violations if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_horizon_and_every_optimizer_are_drawn(
    live_server, ada: Page, project: Project, width: int, scheme: str
):
    run = learned_run(project)
    ada.emulate_media(color_scheme=scheme)
    ada.set_viewport_size({"width": width, "height": 900})
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=adaptation")

    chart = drawn(ada)

    assert chart.evaluate("node => node.layout.shapes.map((one) => one.x0)") == [HORIZON]
    color = chart.evaluate("node => node.layout.shapes[0].line.color")
    assert color.startswith("#")
    card = ada.locator(".chart-card", has=chart)
    expect(card.locator("[data-chart-legend]")).to_contain_text("Adam, rate 0.2")
    expect(card.locator("[data-chart-note]")).to_contain_text("Not finite on some problems")
    expect(ada.get_by_role("row").filter(has_text="learned is better").first).to_be_visible()
    assert ada.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(ada) == []


def test_the_curves_can_be_read_as_a_table(live_server, ada: Page, project: Project):
    run = learned_run(project)
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=adaptation")
    card = ada.locator(".chart-card", has=drawn(ada))

    card.get_by_text("Data of this chart").click()

    expect(card.get_by_role("columnheader", name="learned")).to_be_visible()
    expect(card.get_by_role("rowheader", name=str(HORIZON), exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_compared_optimizers_are_drawn_with_the_hand_made_ones(
    live_server, ada: Page, project: Project, width: int
):
    runs = [learned_run(project), learned_run(project, 0.2, "second")]
    ada.set_viewport_size({"width": width, "height": 900})
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")

    chart = drawn(ada)

    legend = ada.locator(".chart-card", has=chart).locator("[data-chart-legend]")
    expect(legend).to_contain_text("Adam, rate 0.2")
    assert ada.evaluate("document.documentElement.scrollWidth") <= width


def test_a_learned_optimizer_is_asked_for_by_a_form(live_server, ada: Page, project: Project):
    make_worker(trainers=trainers(), distributions=catalog.describe(None, None))
    ada.set_viewport_size({"width": 390, "height": 900})
    ada.goto(f"{live_server.url}/jobs/new/?algorithm=lstm_optimizer&source=digits_mlp")

    expect(ada.locator('input[name="spec.inner.unroll"]')).to_have_value("20")
    expect(ada.locator('input[name="spec.episodes.batch"]')).to_have_value("128")
    expect(ada.locator('[name="spec.network.preprocessing"]')).to_have_value("log_and_sign")
    assert ada.evaluate("document.documentElement.scrollWidth") <= 390

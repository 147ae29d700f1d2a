"""A run's colour, chosen where it is seen, in Chromium; the reader's palette in both themes."""

import re

import pytest
from playwright.sync_api import Page, expect

from experiments.models import Role, Run
from tests.browser.test_access import accessible, fits
from tests.browser.test_compare import drawn
from tests.dashboard.compared_runs import compared_runs
from tests.factories import make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def runs(db) -> list[Run]:
    make_workspace("lab", ada=Role.MEMBER)
    return compared_runs()


def shown(page: Page, token: str) -> str:
    return page.evaluate(
        "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()", token
    )


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_a_color_chosen_in_the_line_up_is_that_of_the_curve_and_of_the_table(
    live_server, ada: Page, runs, theme, width
):
    ada.emulate_media(color_scheme=theme)
    ada.set_viewport_size({"width": width, "height": 900})
    address = f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}&log=1"
    ada.goto(address)

    ada.get_by_role("link", name="Choose the colour of B pretrained").click()
    dialog = ada.get_by_role("dialog", name="Colour of pretrained")
    expect(dialog).to_be_visible()
    accessible(ada)
    dialog.get_by_role("button", name="Colour 14", exact=True).click()

    expect(ada.get_by_text("pretrained has its colour")).to_be_visible()
    assert ada.url == address
    chart = drawn(ada, "train/query_loss")
    color = ada.evaluate(
        """hex => { const n = parseInt(hex.slice(1), 16);
        return `rgb(${n >> 16}, ${(n >> 8) & 255}, ${n & 255})` }""",
        shown(ada, "--run-14"),
    )
    strokes = chart.locator(".scatterlayer .trace path.js-line").evaluate_all(
        "all => all.map(one => getComputedStyle(one).stroke)"
    )
    assert color in strokes
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")
    expect(ada.locator(f'tr[data-run="{runs[1].pk}"]')).to_have_class(re.compile(r"\bc14\b"))


def test_selected_runs_get_one_color_from_the_table(live_server, ada: Page, runs):
    ada.goto(f"{live_server.url}/p/lab/sinusoid/?selected={runs[0].pk},{runs[1].pk}")

    ada.get_by_role("button", name="Colour", exact=True).click()
    ada.locator("#bulk-color").get_by_role("button", name="Colour 8", exact=True).click()

    for run in runs[:2]:
        expect(ada.locator(f'tr[data-run="{run.pk}"]')).to_have_class(re.compile(r"\bc8\b"))
    expect(ada.locator("[data-bulk-dots] .c8")).to_have_count(2)
    fits(ada)


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1440)])
def test_a_palette_is_chosen_once_and_holds_in_both_themes(
    live_server, ada: Page, runs, theme, width
):
    ada.emulate_media(color_scheme=theme)
    ada.set_viewport_size({"width": width, "height": 900})
    ada.goto(f"{live_server.url}/appearance/")
    standard = shown(ada, "--run-1")
    accessible(ada)
    fits(ada)

    ada.get_by_role("button", name="Use these: Colour-blind safe").click()
    expect(ada.get_by_text("yours")).to_be_visible()
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")

    safe = shown(ada, "--run-1")
    assert safe != standard
    ada.emulate_media(color_scheme="dark" if theme == "light" else "light")
    assert shown(ada, "--run-1") not in (safe, standard)
    drawn(ada, "train/query_loss")
    accessible(ada)

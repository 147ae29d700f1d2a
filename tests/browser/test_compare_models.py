"""Layers of models in Chromium: those that differ, and all of them."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments import model_layers
from experiments.model_layers import Layer
from experiments.models import Role
from tests.factories import make_run, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_layers_that_differ_are_shown_and_all_when_asked(live_server, ada: Page):
    make_workspace("lab", ada=Role.MEMBER)
    runs = [make_run(name="small"), make_run(name="large")]
    for run, width in zip(runs, (4, 8), strict=True):
        same = Layer("head.bias", (2,), "float32")
        model_layers.record(run, "net", [Layer("body.weight", (3, width), "float32"), same])
    ada.goto(f"{live_server.url}/compare/?runs={runs[0].pk},{runs[1].pk}")
    section = ada.locator("#environment")
    section.scroll_into_view_if_needed()

    expect(section).to_contain_text("1 layer differs")
    expect(section.get_by_text("3 × 8 float32")).to_be_visible()
    expect(section.get_by_text("head.bias")).to_be_hidden()
    ada.keyboard.press("d")
    expect(section.get_by_text("head.bias")).to_be_visible()

    ada.goto(f"{live_server.url}/runs/{runs[1].pk}/?tab=environment")
    expect(ada.get_by_role("heading", name="Model net")).to_be_visible()
    expect(ada.get_by_text("26 parameters, 104 B")).to_be_visible()
    found = Axe().run(ada).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []

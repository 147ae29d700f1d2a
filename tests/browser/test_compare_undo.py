"""Undo and redo on the compare page, its live search, and its keys of runs."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from experiments.models import Role
from tests import factories as make
from tests.browser.charting import log

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RUNS = 30


@pytest.fixture
def address(live_server, db) -> str:
    project = make.make_project(make.make_workspace("lab", ada=Role.MEMBER), "sinusoid")
    for place in range(RUNS):
        run = make.make_run(project, status="completed", params={"lr": place})
        log(run, "train/loss", np.full(20, float(place)), pace=1.0)
        log(run, "train/error", np.full(20, float(place)), pace=1.0)
    return f"{live_server.url}/compare/?runs=lab/sinusoid:1-{RUNS}"


def test_what_was_chosen_is_undone_and_redone_by_keys_and_buttons(ada: Page, address: str):
    ada.goto(address)
    undo, redo = (ada.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo"))
    expect(undo).to_be_disabled()
    ada.get_by_label("log y").check()
    ada.wait_for_timeout(350)  # what follows at once is one step with it
    ada.get_by_label("Horizontal axis").select_option("relative")

    ada.get_by_label("Horizontal axis").blur()
    ada.keyboard.press("Control+z")
    expect(ada).not_to_have_url(re.compile("x=relative"))
    expect(ada.get_by_label("Horizontal axis")).to_have_value("step")
    ada.keyboard.press("Control+z")
    expect(ada).not_to_have_url(re.compile("log=1"))
    ada.keyboard.press("Control+z")  # never to the page before
    expect(undo).to_be_disabled()
    ada.keyboard.press("Control+Shift+z")
    expect(ada.get_by_label("log y")).to_be_checked()
    redo.click()
    expect(ada).to_have_url(re.compile("x=relative"))
    expect(redo).to_be_disabled()


def test_panels_are_found_while_typing(ada: Page, address: str):
    ada.goto(address)
    search = ada.get_by_label("Metrics that contain")

    search.press_sequentially("err", delay=20)

    expect(ada.locator("#curves .chart")).to_have_count(1)
    expect(search).to_be_focused()
    expect(search).to_have_value("err")
    search.press_sequentially("zzz", delay=20)
    expect(ada.locator("#curves")).to_contain_text("No metric contains “errzzz”")
    expect(ada.locator("#metrics")).to_contain_text("No metric contains “errzzz”")


def test_any_run_is_hidden_by_keys_and_its_key_pushes_no_tab_out(ada: Page, address: str):
    ada.goto(address)
    tabs = ada.locator("#tabs nav")
    assert tabs.evaluate("node => node.scrollWidth - node.clientWidth") <= 0

    ada.keyboard.press("h")
    for _ in range(RUNS):
        ada.keyboard.press("ArrowRight")
    expect(ada.locator('[data-toggle-run="AD"]')).to_be_focused()
    ada.keyboard.press("Space")

    expect(ada).to_have_url(re.compile("hide=AD"))
    for key in ada.locator("[data-toggle-run]").all()[-3:]:
        assert key.evaluate("node => node.scrollWidth - node.clientWidth") <= 0

"""The code of many runs in Chromium: any pair and any file by keyboard, folds that stay, phones."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments import snapshots
from experiments.models import Role, Run
from tests.factories import make_run, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def runs(db) -> list[Run]:
    """Four runs; the second and the fourth have a train.py of their own, the third another data.py
    and forty more files."""
    lab = make_workspace("lab", ada=Role.MEMBER)
    runs = []
    for place, (train, data) in enumerate([(1, 1), (2, 1), (1, 2), (4, 1)]):
        files = {"src/train.py": f"import torch\nlr = {train}\n", "src/data.py": f"n = {data}\n"}
        if place == 2:
            files |= {f"more/module_{n:02}.py": f"x = {n}\n" for n in range(40)}
        stored = snapshots.store(
            workspace=lab, files={path: text.encode() for path, text in files.items()}
        )
        runs.append(make_run(name=f"run-{'abcd'[place]}", status="completed", snapshot=stored))
    return runs


def address(live_server, runs: list[Run], extra: str = "") -> str:
    return f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}{extra}"


def in_sight(page: Page):
    """The section, once it came."""
    section = page.locator("#code")
    section.scroll_into_view_if_needed()
    expect(section.locator(".tree").first).to_be_visible()
    return section


def test_any_pair_is_chosen_by_keyboard_forwards_and_back(live_server, ada: Page, runs: list[Run]):
    ada.goto(address(live_server, runs))
    code = in_sight(ada)
    code.locator("h2").click()
    old, new = code.locator('select[name="old"]'), code.locator('select[name="new"]')
    expect(new).to_have_value(runs[1].pk)

    ada.keyboard.press(".")
    expect(ada).to_have_url(re.compile(f"new={runs[2].pk}"))
    expect(new).to_have_value(runs[2].pk)
    ada.keyboard.press("<")
    expect(old).to_have_value(runs[3].pk)
    ada.keyboard.press(">")
    expect(new).to_have_value(runs[1].pk)
    ada.keyboard.press(">")

    expect(new).to_have_value(runs[0].pk)
    expect(ada).to_have_url(re.compile(f"old={runs[3].pk}"))


def test_a_run_is_not_stepped_upon_itself(live_server, ada: Page, runs: list[Run]):
    ada.goto(address(live_server, runs))
    code = in_sight(ada)
    code.locator("h2").click()

    ada.keyboard.press(",")

    expect(code.locator('select[name="old"]')).to_have_value(runs[2].pk)


def test_files_are_stepped_through_and_their_list_stays_as_it_was(
    live_server, ada: Page, runs: list[Run]
):
    ada.goto(address(live_server, runs, f"&new={runs[2].pk}&file=more/module_00.py"))
    code = in_sight(ada)
    tree, shown = code.locator(".tree"), code.locator(".tree a[aria-current]")
    expect(shown).to_have_attribute("title", "more/module_00.py")
    code.locator("h2").click()

    ada.keyboard.press("j")
    expect(shown).to_have_attribute("title", "more/module_01.py")
    ada.keyboard.press("k")
    expect(shown).to_have_attribute("title", "more/module_00.py")
    tree.evaluate("node => { node.scrollTop = 300 }")
    code.get_by_title("more/module_20.py").click()
    expect(shown).to_have_attribute("title", "more/module_20.py")
    assert tree.evaluate("node => node.scrollTop") > 200
    code.locator("summary", has_text="more/").click()
    code.get_by_title("src/train.py").click()

    expect(shown).to_have_attribute("title", "src/train.py")
    expect(code.get_by_title("more/module_00.py")).to_be_hidden()


def test_a_letter_of_a_content_leads_to_that_run(live_server, ada: Page, runs: list[Run]):
    ada.goto(address(live_server, runs, "&file=src/data.py"))
    code = in_sight(ada)
    expect(code).to_contain_text("A and B have the same content")

    code.get_by_role("link", name="Compare with C run-c").click()

    expect(code.locator("ins").first).to_have_text("2")
    expect(ada).to_have_url(re.compile(f"new={runs[2].pk}"))


@pytest.mark.parametrize("view", ["split", "unified"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_sides_are_read_on_a_phone(
    live_server, ada: Page, runs: list[Run], view: str, scheme: str
):
    ada.emulate_media(color_scheme=scheme)
    ada.set_viewport_size({"width": 390, "height": 844})
    ada.goto(address(live_server, runs, f"&view={view}"))
    code = in_sight(ada)

    for mark in ("del", "ins"):
        box = code.locator(mark).first.bounding_box()
        assert box is not None
        assert 0 <= box["x"] < box["x"] + box["width"] <= 390
    equal = code.locator(".diff td", has_text="import torch").locator("visible=true")
    expect(equal).to_have_count(1)
    scroller = code.locator(".diff-scroll")
    assert scroller.evaluate("node => node.scrollWidth <= node.clientWidth")
    found = Axe().run(ada, context="#code").response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


def test_a_notebook_is_compared_by_cells_that_unfold(live_server, ada: Page):
    lab = make_workspace("lab", ada=Role.MEMBER)
    runs = []
    for rate in (1, 2):
        cells = [
            {"cell_type": "code", "id": "a", "source": "stays = True"},
            {"cell_type": "code", "id": "b", "source": f"lr = {rate}"},
        ]
        notebook = json.dumps({"nbformat": 4, "cells": cells}).encode()
        runs.append(make_run(snapshot=snapshots.store(workspace=lab, files={"a.ipynb": notebook})))
    ada.goto(address(live_server, runs, "&view=unified"))
    code = in_sight(ada)
    expect(code).to_contain_text("Cell 2 · code · changed")
    expect(code).not_to_contain_text("stays = True")

    code.get_by_role("link", name="1 equal cell: show all").click()

    expect(code).to_contain_text("Cell 1 · code · unchanged")
    expect(code).to_contain_text("stays = True")
    expect(code.locator("ins")).to_have_text("2")

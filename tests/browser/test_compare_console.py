"""Two consoles side by side in Chromium: they come in sight, unfold, and change by keyboard."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments.models import Role
from tests.factories import make_log, make_run, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_console_comes_in_sight_unfolds_and_changes_its_pair_by_keyboard(
    live_server, ada: Page
):
    make_workspace("lab", ada=Role.MEMBER)
    runs = [make_run(name=name) for name in ("first", "second", "third")]
    for run in runs:
        body = "".join(f"12:00:{i:02} INFO line {i}\n" for i in range(30))
        make_log(run, f"{body}12:01:00 STDERR WARNING said by {run.name}\n")
    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")
    section = ada.locator("#console")

    section.scroll_into_view_if_needed()
    fold = section.get_by_role("link", name="27 equal lines: show")
    expect(fold).to_be_visible()
    expect(section).to_contain_text("said by first")
    expect(section.get_by_title("standard error").first).to_be_visible()
    fold.focus()
    ada.keyboard.press("Enter")

    expect(section).to_contain_text("line 7")
    expect(ada).to_have_url(re.compile("unfold=1"))
    expect(section.locator('[data-same-control="1"]')).to_be_focused()

    ada.keyboard.press(".")
    expect(section).to_contain_text("said by third")
    expect(ada).to_have_url(re.compile(f"new={runs[2].pk}"))
    ada.locator("#code").scroll_into_view_if_needed()
    expect(ada.locator('#code select[name="new"]')).to_have_value(runs[2].pk)
    section.scroll_into_view_if_needed()
    ada.go_back()
    expect(section).to_contain_text("said by second")

    ada.evaluate("document.querySelector('#console').scrollIntoView()")
    found = Axe().run(ada).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


def test_the_console_on_a_page_of_its_own_changes_its_pair_by_keyboard(live_server, ada: Page):
    make_workspace("lab", ada=Role.MEMBER)
    runs = [make_run(name=name) for name in ("first", "second", "third")]
    for run in runs:
        make_log(run, f"12:00:00 INFO said by {run.name}\n")
    ada.goto(f"{live_server.url}/compare/console/?runs={','.join(run.pk for run in runs)}")
    section = ada.locator("#console")
    expect(section).to_contain_text("said by second")

    ada.keyboard.press(".")

    expect(section).to_contain_text("said by third")
    expect(ada).to_have_url(re.compile(f"compare/console/.*new={runs[2].pk}"))

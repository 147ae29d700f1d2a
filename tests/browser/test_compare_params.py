"""The params of the compare page in Chromium: lines come while one scrolls, groups fold."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments.models import Role
from tests.factories import make_run, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def address(live_server, db) -> str:
    """Two runs with 3,000 params in thirty groups, all of which differ."""
    make_workspace("lab", ada=Role.MEMBER)
    runs = []
    for by in (1, 2):
        params: dict = {f"group_{n:02}": {} for n in range(30)}
        for n in range(3_000):
            params[f"group_{n // 100:02}"][f"param_{n:04}"] = 10 * n + by
        runs.append(make_run(status="completed", params=params))
    return f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}"


def test_lines_come_as_the_reader_gets_to_them(ada: Page, address: str):
    ada.goto(address)
    rows = ada.locator("#params tr[data-path]")
    expect(rows).not_to_have_count(0)
    more = ada.locator("#params .more-rows")
    known = rows.count()
    assert known < 1_000

    while known < 3_000:
        more.scroll_into_view_if_needed()
        expect(rows).not_to_have_count(known)
        known = rows.count()

    expect(rows).to_have_count(3_000)
    expect(more).to_have_count(0)
    above = """box => box.querySelector('thead th').getBoundingClientRect().top
      - box.getBoundingClientRect().top"""
    assert abs(ada.locator("#params .tall").evaluate(above)) < 5
    last = ada.locator("#params").get_by_role("link", name="group_29")
    last.click()
    expect(last).to_have_attribute("aria-expanded", "false")
    expect(rows).to_have_count(2_900)
    expect(last).to_be_in_viewport()


def test_a_search_and_folds_are_over_all_lines_and_in_the_address(ada: Page, address: str):
    ada.goto(address)
    params = ada.locator("#params")
    params.scroll_into_view_if_needed()

    params.get_by_label("Params that contain").fill("param_2999")
    expect(params.locator("tr[data-path]")).to_have_count(1)
    expect(ada).to_have_url(re.compile("search=param_2999"))
    expect(params.get_by_label("Params that contain")).to_be_focused()
    params.get_by_label("Params that contain").fill("")
    expect(params.locator("tr[data-path]")).not_to_have_count(1)

    params.get_by_role("link", name="Fold all").click()
    expect(params.locator("tr.group")).to_have_count(30)
    expect(params.locator("tr[data-path]")).to_have_count(0)
    last = params.get_by_role("link", name="group_29")
    last.focus()
    ada.keyboard.press("Enter")

    expect(params.locator("tr[data-path]")).to_have_count(100)
    expect(last).to_be_focused()
    expect(last).to_have_attribute("aria-expanded", "true")
    expect(ada).to_have_url(re.compile(r"pfolds=(\*|%2A)(,|%2C)group_29"))
    found = Axe().run(ada, context="#params").response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []

"""*Share view* in Chromium: the address as it is, or a short one that opens exactly that state."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from experiments.models import Role, ShortLink
from tests.factories import make_project, make_run, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_long_state_is_shared_by_a_short_link_that_opens_it(
    live_server, context: BrowserContext, ada: Page
):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    project = make_project(make_workspace("lab", ada=Role.VIEWER), "sinusoid")
    runs = [make_run(project, f"run-{place}") for place in range(3)]
    table = f"{live_server.url}/p/lab/sinusoid/"
    state = f"?q=name%20~%20%22{'x' * 220}%22%20OR%20seed%20%21%3D%203&sort=name&dir=asc"
    copied = "navigator.clipboard.readText()"
    ada.goto(f"{table}?sort=name")
    ada.get_by_role("button", name="Share view").click()
    expect(ada.get_by_text("Link to this exact view copied")).to_be_visible()
    assert ada.evaluate(copied) == f"{table}?sort=name"

    ada.goto(table + state + f"&selected={runs[0].pk},{runs[2].pk}")
    there = ada.evaluate("location.href")
    ada.get_by_role("button", name="Share view").click()
    expect(ada.get_by_text("Short link to this exact view copied")).to_be_visible()
    link = ada.evaluate(copied)

    assert len(link) < 60
    ada.goto("about:blank")
    ada.goto(link)
    assert ada.evaluate("location.href") == there
    ada.keyboard.press("s")
    expect(ada.get_by_text("Short link to this exact view copied")).to_be_visible()
    assert ShortLink.objects.count() == 1

"""Members, invitations, roles in a project and the audit log by click, in Chromium."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from experiments.models import Membership, Project, ProjectRole
from tests import factories as make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project(db, data_dir) -> Project:
    return make.make_project(make.make_workspace("lab", ada="admin", vera="viewer"))


# Colours are judged once nothing fades; what moves for good, as the dot of a run under way, may.
SETTLED = """() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')
  && document.getAnimations().every((one) => one.playState !== 'running'
    || one.effect.getComputedTiming().iterations === Infinity)"""


def accessible(page: Page) -> None:
    page.wait_for_function(SETTLED)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def fits(page: Page) -> None:
    """Nothing is wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_somebody_invited_makes_an_account_on_a_phone(
    ada: Page, live_server, project, chromium: Browser, answered: Callable[[], None]
):
    ada.goto(f"{live_server.url}/tokens/")
    ada.get_by_role("link", name="Members").click()
    ada.get_by_label("Whom").fill("Grace")
    ada.get_by_role("button", name="Make a link").click()
    link = ada.locator("[data-copy-source]").inner_text()
    accessible(ada)

    context = chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    phone = context.new_page()
    phone.goto(link)
    accessible(phone)
    fits(phone)
    phone.get_by_label("User name").fill("grace")
    phone.get_by_label("Password").fill("short")
    phone.get_by_role("button", name="Make an account and join").click()
    expect(phone.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    accessible(phone)
    phone.get_by_label("Password").fill("nano second wire")
    phone.keyboard.press("Enter")

    expect(phone.get_by_role("status").first).to_contain_text("Welcome, grace")
    assert Membership.objects.get(user__username="grace").role == "member"
    answered()
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_role_is_changed_where_it_counts_and_the_log_says_so(
    ada: Page, live_server, project, theme
):
    ada.emulate_media(color_scheme=theme)
    ada.goto(f"{live_server.url}/p/lab/sinusoid/access/")
    accessible(ada)
    with ada.expect_navigation():
        ada.get_by_label("Role of vera in this project").select_option("member")
    assert ProjectRole.objects.get().role == "member"

    ada.goto(f"{live_server.url}/w/lab/")
    ada.get_by_role("button", name="Remove vera").click()
    ada.get_by_role("button", name="Remove member").click()
    expect(ada.get_by_role("status").first).to_contain_text("vera is no member any more")
    accessible(ada)

    ada.get_by_role("link", name="Audit log").click()
    ada.get_by_label("Action").select_option("member.removed")
    ada.get_by_role("button", name="Show", exact=True).click()
    expect(ada.locator("tbody tr")).to_have_count(1)
    expect(ada.locator("tbody tr")).to_contain_text("vera")
    accessible(ada)
    ada.set_viewport_size({"width": 390, "height": 844})
    fits(ada)

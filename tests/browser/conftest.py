"""A signed-in page on Django's live server; static files come from their sources."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from experiments import access
from tests.factories import make_user


@pytest.fixture
def ada(live_server, context: BrowserContext, answered: Callable[[], None]) -> Page:
    """An empty page where ada is signed in; script errors fail the test that caused them.

    It leaves the page it was signed in on, which would read while other fixtures write.
    """
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    secret = access.create_sign_in_link(user=make_user("ada"))
    page.goto(f"{live_server.url}/sign-in/{secret}/")
    page.goto("about:blank")
    answered()
    return page

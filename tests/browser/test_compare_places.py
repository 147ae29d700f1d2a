"""Links to a section of a comparison lead there, though sections above it come later."""

import pytest
from playwright.sync_api import Page, expect

from experiments.models import Run
from tests.browser.test_compare import address, runs  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SETTLED = """name => {
  const place = document.getElementById(name);
  const above = [...document.querySelectorAll('[data-part][data-src]')]
    .filter((part) => part.compareDocumentPosition(place) & Node.DOCUMENT_POSITION_FOLLOWING);
  const top = place.getBoundingClientRect().top;
  return above.every((part) => !part.querySelector('[data-lazy]')) && top > 60 && top < 260;
}"""


@pytest.mark.parametrize("name", ["media", "console", "curves"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_link_to_a_section_leads_there(
    live_server, ada: Page, runs: list[Run], name: str, width: int  # noqa: F811
):  # fmt: skip
    ada.set_viewport_size({"width": width, "height": 900})
    ada.goto(f"{address(live_server, runs)}#{name}")

    expect(ada.locator(f"#{name} h2").first).to_be_in_viewport()
    ada.wait_for_load_state("networkidle")
    ada.wait_for_function(SETTLED, arg=name)
    expect(ada.locator(f'[data-spy] a[href="#{name}"]')).to_have_attribute("aria-current", "true")


def test_who_scrolls_on_is_not_taken_back(live_server, ada: Page, runs: list[Run]):  # noqa: F811
    ada.goto(f"{address(live_server, runs)}#media")
    expect(ada.locator("#media h2").first).to_be_in_viewport()

    ada.locator("#verdict").scroll_into_view_if_needed()
    ada.wait_for_load_state("networkidle")

    expect(ada.locator("#verdict h2").first).to_be_in_viewport()

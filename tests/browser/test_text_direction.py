"""Names that turn text around, in Chromium: what stands beside them stays where it belongs."""

import pytest
from playwright.sync_api import Page, expect

from experiments.models import Role
from tests.factories import make_run, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Whether the last character of an element's text is drawn right of all others.
ENDS_RIGHT = """node => {
  const texts = [];
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (walker.currentNode.data.trim()) texts.push(walker.currentNode);
  const place = (text, at) => {
    const range = document.createRange();
    range.setStart(text, at);
    range.setEnd(text, at + 1);
    return range.getBoundingClientRect().right;
  };
  const last = texts.at(-1);
  const end = place(last, last.data.trimEnd().length - 1);
  return texts.every((text) => place(text, 0) <= end);
}"""


@pytest.mark.parametrize("name", ["gpj\u202eexe", "\u05d0\u05d1\u05d2 12", "a\u2067b\u202e"])
def test_a_sentence_ends_where_it_ends(live_server, ada: Page, name: str):
    make_workspace("lab", ada=Role.MEMBER)
    runs = [make_run(name=name, status="completed") for _ in range(2)]
    ada.set_viewport_size({"width": 1440, "height": 900})

    ada.goto(f"{live_server.url}/compare/?runs={','.join(run.pk for run in runs)}")

    sentence = ada.locator(".page-head .sub")
    expect(sentence).to_contain_text("Every difference is to the baseline")
    assert sentence.evaluate(ENDS_RIGHT)
    link = ada.locator(".lineup a.clip").first
    assert link.evaluate("node => getComputedStyle(node).unicodeBidi") == "isolate"

"""Saved views of the run table by keyboard and click, in Chromium."""

import re

import pytest
from playwright.sync_api import Page, expect

from experiments.models import SavedView
from tests import factories as make
from tests.browser.test_access import accessible

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project(db, data_dir):
    project = make.make_project(make.make_workspace("lab", ada="admin"))
    make.make_run(project, "quick", params={"lr": 0.1})
    make.make_run(project, "slow", params={"lr": 0.9})
    return project


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_the_table_of_this_moment_is_saved_and_found_again(
    ada: Page, live_server, project, theme, width
):
    ada.emulate_media(color_scheme=theme)
    ada.set_viewport_size({"width": width, "height": 800})
    table = f"{live_server.url}/p/lab/{project.slug}/"
    ada.goto(table)
    ada.get_by_label("Filter runs").fill("params.lr < 0.5")
    expect(ada.get_by_role("link", name="slow")).to_have_count(0)
    expect(ada).to_have_url(re.compile("q=params.lr"))

    ada.get_by_role("button", name="Views").press("Enter")
    box = ada.locator("#views").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    accessible(ada)
    ada.get_by_label("Save the table as it is now").fill("Low rates")
    ada.keyboard.press("Enter")

    expect(ada.get_by_role("status").first).to_contain_text("Low rates")
    query = SavedView.objects.get().query
    assert query.startswith("q=params.lr+%3C+0.5&col=")
    expect(ada).to_have_url(f"{table}?{query}")
    ada.goto(table)
    ada.get_by_role("button", name="Views").click()
    with ada.expect_navigation():
        ada.get_by_role("link", name="Low rates").click()
    expect(ada.get_by_label("Filter runs")).to_have_value("params.lr < 0.5")
    ada.get_by_role("button", name="Views").click()
    ada.get_by_role("button", name="Remove the view Low rates").click()
    with ada.expect_navigation():
        ada.get_by_role("button", name="Remove view").click()
    assert not SavedView.objects.exists()

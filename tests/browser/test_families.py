"""Child runs unfolded and groups set in the run table, in Chromium."""

import re

import pytest
from playwright.sync_api import Page, expect

from experiments.models import Run
from tests import factories as make
from tests.browser.test_access import accessible

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project(db, data_dir):
    project = make.make_project(make.make_workspace("lab", ada="admin"))
    sweep = make.make_run(project, "sweep")
    for number in range(2):
        make.make_run(project, f"trial-{number}", parent=sweep, status="completed")
    return project


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_children_unfold_in_place_and_stay_so_in_the_address(
    ada: Page, live_server, project, theme, width
):
    ada.emulate_media(color_scheme=theme)
    ada.set_viewport_size({"width": width, "height": 800})
    ada.goto(f"{live_server.url}/p/lab/{project.slug}/")
    ada.get_by_role("link", name="Nest child runs").click()
    expect(ada.get_by_role("link", name="trial-0")).to_have_count(0)

    ada.get_by_role("link", name="2 child runs of sweep, hidden").press("Enter")

    expect(ada.get_by_role("link", name="trial-0")).to_be_visible()
    sweep = Run.objects.get(name="sweep")
    expect(ada).to_have_url(re.compile(rf"nest=1&open={sweep.pk}$"))
    accessible(ada)
    ada.reload()
    expect(ada.get_by_role("link", name="trial-1")).to_be_visible()
    ada.get_by_role("link", name="2 child runs of sweep, shown").click()
    expect(ada.get_by_role("link", name="trial-1")).to_have_count(0)
    expect(ada).to_have_url(re.compile(r"nest=1$"))


def test_selected_runs_get_a_group_and_the_filter_reads_is_null(ada: Page, live_server, project):
    ada.goto(f"{live_server.url}/p/lab/{project.slug}/")
    ada.get_by_label("Filter runs").fill("parent IS NOT NULL")
    expect(ada.get_by_role("link", name="sweep")).to_have_count(0)
    expect(ada.locator(".chip")).to_have_text(re.compile(r"parent\s*IS NOT\s*NULL"))

    for number in range(2):
        ada.get_by_label(f"Select trial-{number}").check()
    ada.get_by_role("toolbar").get_by_role("button", name="Group").click()
    ada.get_by_label("Put into group").fill("seeds of <b>")
    ada.keyboard.press("Enter")

    expect(ada.get_by_role("status").filter(has_text="2 runs regrouped")).to_be_visible()
    groups = Run.objects.order_by("number").values_list("group", flat=True)
    assert list(groups) == ["", "seeds of <b>", "seeds of <b>"]
    ada.reload()
    ada.get_by_role("link", name="Groups").click()
    ada.get_by_role("link", name="seeds of <b>").click()
    expect(ada.get_by_role("heading", level=1)).to_have_text("seeds of <b>")
    accessible(ada)

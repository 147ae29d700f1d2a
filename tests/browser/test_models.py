"""The registry by click, in Chromium: registered from a run, compared, pointed to by an alias."""

import pytest
from playwright.sync_api import Page, expect

from experiments.models import ModelAlias, ModelVersion
from tests import factories as make
from tests.browser.test_access import accessible
from tests.registering import log_artifact, model_named, put, register

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project(db, data_dir):
    return make.make_project(make.make_workspace("lab", ada="member"))


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_a_model_is_registered_compared_and_pointed_to(
    ada: Page, live_server, project, theme, width
):
    runs = [make.make_run(project, f"run-{n}", params={"lr": n}) for n in range(2)]
    register(model_named(project.workspace), artifact_version=log_artifact(project, run=runs[0]).pk)
    put(runs[1], "model/net", b"other")
    ada.emulate_media(color_scheme=theme)
    ada.set_viewport_size({"width": width, "height": 800})

    ada.goto(f"{live_server.url}/runs/{runs[1].pk}/?tab=files&path=model")
    ada.get_by_role("link", name="Register this folder as model").click()
    expect(ada.get_by_label("Folder of the run’s files")).to_have_value("model")
    accessible(ada)
    ada.get_by_label("Model one that is there").fill("net")
    ada.get_by_role("button", name="Register").press("Enter")

    expect(ada.get_by_role("status")).to_contain_text("It is registered, as version 2.")
    accessible(ada)
    ada.get_by_label("Point here").fill("champion")
    ada.get_by_role("button", name="Set alias").click()
    expect(ada.get_by_role("status")).to_contain_text("champion is version 2 now.")
    assert ModelAlias.objects.get().version.number == 2

    ada.get_by_label("Move to").select_option("Production")
    ada.get_by_role("button", name="Change stage").click()
    ada.get_by_role("dialog").get_by_role("button", name="Change stage").click()
    expect(ada.get_by_role("status")).to_contain_text("in stage Production")
    assert ModelVersion.objects.get(number=2).stage == "Production"

    for number in (1, 2):
        ada.get_by_label(f"Compare version {number}").check()
    ada.get_by_role("button", name="Compare selected").click()
    expect(ada).to_have_url(f"{live_server.url}/w/lab/models/net/compare/?versions=1,2")
    expect(ada.get_by_role("heading", name="Files 1 → 2")).to_be_visible()
    expect(ada.locator("#params")).to_contain_text("1 of 1 differ")
    accessible(ada)
    ada.get_by_role("link", name="Make baseline").click()
    expect(ada).to_have_url(f"{live_server.url}/w/lab/models/net/compare/?versions=2,1&stat=last")


def test_the_empty_list_is_accessible_and_reached_by_keys(ada: Page, live_server, project):
    ada.goto(f"{live_server.url}/queue/")
    ada.keyboard.press("g")
    ada.keyboard.press("m")

    expect(ada.get_by_role("heading", name="No models yet")).to_be_visible()
    expect(ada).to_have_url(f"{live_server.url}/models/")
    accessible(ada)

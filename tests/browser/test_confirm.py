"""What ends work asks once: by keyboard, with the focus back where it was, on every page alike."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from experiments.models import Job, Project, Run
from tests import factories as make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project(db) -> Project:
    return make.make_project(make.make_workspace("lab", ada="member"))


@pytest.fixture
def job(project) -> Job:
    return make.make_job(make.make_run(project, "maml-s0", status="queued"))


def question(page: Page) -> Locator:
    return page.get_by_role("dialog")


def test_the_queue_asks_by_keyboard_and_gives_the_focus_back(ada, live_server, job):
    ada.goto(f"{live_server.url}/queue/")
    button = ada.get_by_role("button", name="Cancel maml-s0")
    button.press("Enter")

    expect(question(ada)).to_contain_text("Cancel maml-s0?")
    expect(question(ada)).to_contain_text("Retry puts it back")
    expect(ada.get_by_role("button", name="Keep it")).to_be_focused()
    make.make_worker()  # changes the page: its live refresh must leave the button alone
    expect(ada.locator("[data-live=workers]")).to_contain_text("box/default")
    ada.keyboard.press("Escape")

    expect(question(ada)).to_be_hidden()
    expect(button).to_be_focused()
    assert Job.objects.get().status == "queued"


def test_a_yes_cancels_the_job(ada, live_server, job):
    ada.goto(f"{live_server.url}/queue/")
    ada.get_by_role("button", name="Cancel maml-s0").click()

    question(ada).get_by_role("button", name="Cancel run").click()

    expect(ada.get_by_role("status").first).to_contain_text("maml-s0 is cancelled.")
    assert Job.objects.get().status == "cancelled"


def test_a_click_beside_the_question_on_the_run_page_means_no(ada, live_server, project):
    run = make.make_run(project, "script")
    ada.goto(f"{live_server.url}/runs/{run.pk}/")
    ada.get_by_role("button", name="Cancel script").click()
    expect(question(ada)).to_contain_text("the program that sends its points goes on")

    ada.mouse.click(5, 5)

    expect(question(ada)).to_be_hidden()
    assert Run.objects.get().status == "running"


def test_selected_runs_are_cancelled_after_one_question(ada, live_server, project, job):
    make.make_run(project, "script")
    make.make_run(project, "done", status="completed")
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")
    for key in ("j", "x", "j", "j", "Shift+X"):
        ada.keyboard.press(key)
    expect(ada.locator("[data-bulk-count]")).to_have_text("3 selected")
    expect(ada.get_by_label("Select all on this page")).to_be_checked()

    ada.get_by_role("toolbar").get_by_role("button", name="Cancel").click()
    question(ada).get_by_role("button", name="Cancel runs").click()

    expect(ada.locator(".toast")).to_contain_text("2 runs cancelled")
    expect(ada.locator("#run-rows .pill.cancelled")).to_have_count(2)
    assert sorted(Run.objects.values_list("status", flat=True)) == [
        "cancelled", "cancelled", "completed",
    ]  # fmt: skip


def test_revoking_a_token_asks_too(ada, live_server, project):
    ada.goto(f"{live_server.url}/tokens/")
    ada.get_by_label("Name").fill("laptop")
    ada.get_by_role("button", name="Create token").click()
    ada.get_by_role("button", name="Revoke laptop").click()

    question(ada).get_by_role("button", name="Revoke token").click()

    expect(ada.get_by_role("status").first).to_contain_text(re.compile("laptop is revoked"))

"""Files, aliases and the trash by click, in Chromium."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from experiments import artifacts, blobs, files
from experiments.models import ArtifactAlias, BlobUpload, Project, Run
from tests import factories as make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project(db, data_dir) -> Project:
    return make.make_project(make.make_workspace("lab", ada="admin"))


def log(project: Project, data: bytes, run: Run) -> None:
    blob = blobs.put(data)
    BlobUpload.objects.create(workspace=project.workspace, blob=blob)
    stored = [artifacts.Stored(path="train.csv", sha256=blob.sha256)]
    artifacts.log_version(
        project=project, user=None, name="split", kind="dataset", stored=stored, run=run,
        aliases=["best"] if data == b"1" else [],
    )  # fmt: skip


def accessible(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_folder_and_a_file_open_and_the_digest_is_copied_whole(ada: Page, live_server, project):
    run = make.make_run(project, "maml-s0", status="completed")
    blob = blobs.put(b"lr = 0.1 <b>bold</b>")
    files.put_blob(files.of_run(run), "logs/notes.txt", blob)
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.goto(f"{live_server.url}/runs/{run.pk}/?tab=files")

    ada.get_by_role("link", name="logs").click()
    ada.get_by_role("link", name="notes.txt", exact=True).click()
    expect(ada.locator("pre.file-text")).to_have_text("lr = 0.1 <b>bold</b>")
    accessible(ada)
    ada.get_by_role("button", name="Copy the SHA-256 of notes.txt").click()

    expect(ada.locator(".toast")).to_contain_text("Copied")
    assert ada.evaluate("navigator.clipboard.readText()") == blob.sha256
    with ada.expect_download() as download:
        ada.get_by_role("link", name="Download notes.txt").click()
    assert download.value.suggested_filename == "notes.txt"


def test_an_alias_moves_and_the_page_with_its_lineage_is_accessible(
    ada: Page, live_server, project
):
    run = make.make_run(project, "maker", status="completed")
    log(project, b"1", run)
    log(project, b"2", run)
    ada.goto(f"{live_server.url}/p/lab/sinusoid/artifacts/split/?version=2&with=1")
    drawing = ada.get_by_role("group", name=re.compile("^Lineage of split:2"))
    expect(drawing.get_by_role("link", name="run maker, 1 step before")).to_be_visible()
    ada.set_viewport_size({"width": 390, "height": 2400})
    ada.reload()  # on a phone it has no room, and starts at the version itself
    expect(drawing.get_by_role("link", name="dataset split:2, this version")).to_be_in_viewport(
        ratio=1
    )
    accessible(ada)

    ada.get_by_label("Point here").fill("best")
    ada.get_by_role("button", name="Set alias").click()

    expect(ada.get_by_role("status").first).to_contain_text("best is version 2 now.")
    assert ArtifactAlias.objects.get().version.number == 2


def test_selected_runs_are_deleted_after_one_question_and_undo_brings_them_back(
    ada: Page, live_server, project
):
    for name in ("one", "two"):
        make.make_run(project, name, status="completed")
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")
    ada.get_by_label("Select all on this page").check()

    ada.get_by_role("toolbar").get_by_role("button", name="Delete").click()
    expect(ada.get_by_role("dialog")).to_contain_text("can be restored for 30 days")
    ada.get_by_role("dialog").get_by_role("button", name="Delete runs").click()

    expect(ada.locator(".toast")).to_contain_text("2 runs moved to the trash")
    expect(ada.locator("#run-rows tr")).to_have_count(0)
    ada.locator(".toast").get_by_role("button", name="Undo").click()
    expect(ada.locator("#run-rows tr")).to_have_count(2)
    assert not Run.objects.exclude(deleted_at=None).exists()


def test_a_run_is_deleted_on_its_page_and_erased_from_the_trash(ada: Page, live_server, project):
    run = make.make_run(project, "mistake", status="completed")
    ada.goto(f"{live_server.url}/runs/{run.pk}/")
    ada.get_by_role("button", name="Delete").click()
    ada.get_by_role("dialog").get_by_role("button", name="Delete run").click()
    expect(ada.locator(".callout")).to_contain_text("This run is in the trash.")
    ada.get_by_role("link", name="Open the trash").click()

    expect(ada.get_by_role("button", name="Restore mistake")).to_be_visible()
    accessible(ada)
    ada.get_by_role("button", name="Erase mistake for good").click()
    expect(ada.get_by_role("dialog")).to_contain_text("Versions of artifacts that it made stay.")
    assert Run.objects.exists()
    ada.get_by_role("dialog").get_by_role("button", name="Erase for good").click()

    expect(ada.get_by_role("status").first).to_contain_text("mistake is erased.")
    assert not Run.objects.exists()


def test_an_admin_deletes_a_project_from_its_menu_and_restores_it(ada: Page, live_server, project):
    ada.goto(f"{live_server.url}/p/lab/sinusoid/")
    ada.get_by_role("button", name="More about this project").click()
    ada.get_by_role("button", name="Delete project").click()
    ada.get_by_role("dialog").get_by_role("button", name="Delete project").click()

    expect(ada.get_by_role("status").first).to_contain_text("sinusoid is in the trash")
    ada.get_by_role("button", name="Restore sinusoid").click()

    expect(ada.get_by_role("heading", name="Sinusoid", level=1)).to_be_visible()
    assert Project.objects.get().deleted_at is None

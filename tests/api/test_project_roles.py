"""Roles in one project: what they give, what they take, and that lists keep to them."""

import io

import pytest
from django.test import Client

from experiments import access, artifacts, uploads
from experiments.models import ArtifactUse, Membership, Role
from tests import factories
from tests.api.conftest import client_for, error_of

SHA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"  # of b"a"
LISTS = (
    "/api/v1/projects/", "/api/v1/projects/?deleted=true", "/api/v1/runs/", "/api/v1/jobs/",
    "/api/v1/artifacts/", "/api/v1/models/", "/api/v1/workers/", "/api/v1/workspaces/",
    "/api/2.0/mlflow/experiments/search",
)  # fmt: skip
PAGES = (
    "/", "/runs/", "/models/", "/queue/", "/compare/", "/jobs/new/", "/trash/", "/palette/?q=hush",
    "/p/lab/open/", "/p/lab/open/artifacts/",
)  # fmt: skip


@pytest.fixture
def hushed(lab):
    """A project "hush" that Otto is shut out of, beside "open", which reads what it made."""
    project = factories.make_project(lab.workspace, slug="hush")
    factories.make_project(lab.workspace, slug="hush-trash", deleted_at="2026-01-01T00:00:00Z")
    for one in lab.workspace.projects.filter(slug__startswith="hush"):
        access.set_project_role(one, member(lab.workspace, "otto"), "none")
    run = factories.make_run(project, "hush-run", status="queued")
    factories.make_job(run)
    factories.make_job(factories.make_run(project, "hush-done", status="failed"), status="failed")
    blob = uploads.receive(lab.workspace, SHA, io.BytesIO(b"a"))
    stored = [{"path": "a.txt", "sha256": blob.pk}]
    open_ = factories.make_project(lab.workspace, slug="open")
    logged = {
        one: artifacts.log_version(
            project=one, user=None, name=f"{one.slug}-data", kind="dataset", stored=stored, run=of
        ).version
        for one, of in ((project, run), (open_, None))
    }
    reader = factories.make_run(open_, "reader", status="completed")
    ArtifactUse.objects.create(run=reader, version=logged[project], role="input")
    ArtifactUse.objects.create(run=run, version=logged[open_], role="input")
    return {"project": project, "run": run, "open": logged[open_], "reader": reader}


def member(workspace, name):
    return Membership.objects.get(workspace=workspace, user__username=name)


def signed_in(name):
    client = Client()
    client.force_login(factories.make_user(name))
    return client


@pytest.mark.parametrize("address", LISTS)
def test_no_list_shows_what_a_member_is_shut_out_of(lab, hushed, address):
    assert b"hush" not in lab.shut_out.get(address).content


@pytest.mark.parametrize("address", PAGES)
def test_no_page_shows_what_a_member_is_shut_out_of(lab, hushed, address):
    answer = signed_in("otto").get(address, follow=True)

    assert answer.status_code == 200
    assert b"hush" not in answer.content.replace(b"q=hush", b"").replace(b'value="hush"', b"")


def test_a_member_who_is_not_shut_out_sees_it_on_each(lab, hushed):
    shown = [one for one in LISTS[:1] + LISTS[2:5] if b"hush" in lab.member.get(one).content]
    assert len(shown) == 4
    ada = signed_in("ada")
    assert all(b"hush" in ada.get(one).content for one in ("/", "/queue/", "/trash/"))


def test_what_is_shared_names_nothing_of_it(lab, hushed):
    version, reader = hushed["open"], hushed["reader"]
    otto = signed_in("otto")
    addresses = [
        f"/api/v1/artifact-versions/{version.pk}/lineage/",
        f"/api/v1/runs/{reader.pk}/artifacts/",
    ]
    pages = [f"/p/lab/open/artifacts/{version.artifact.name}/", f"/runs/{reader.pk}/?tab=files"]

    for address in addresses:
        assert b"hush" in lab.member.get(address).content
        assert b"hush" not in lab.shut_out.get(address).content
    for page in pages:
        assert b"hush" in signed_in("ada").get(page).content
        assert b"hush" not in otto.get(page).content


def test_pages_of_it_are_not_found(lab, hushed):
    otto, run = signed_in("otto"), hushed["run"]
    for page in ("/p/lab/hush/", "/p/lab/hush/artifacts/", f"/runs/{run.pk}/"):
        assert otto.get(page).status_code == 404
    assert otto.post(f"/queue/{run.job.pk}/cancel/").status_code == 404
    assert otto.get(f"/compare/?runs={run.pk},{hushed['reader'].pk}").status_code == 404


def test_nobody_logs_an_artifact_as_made_by_a_run_they_may_not_write_to(lab, hushed):
    """Rita writes to sinusoid, and reads the rest of the lab."""
    body = {
        "project": "lab/sinusoid",
        "name": "n",
        "kind": "file",
        "files": [{"path": "a.txt", "sha256": SHA}],
        "run": hushed["run"].pk,
    }

    refused = lab.raised.post("/api/v1/artifacts/", body, format="json")

    assert (refused.status_code, list(error_of(refused)["fields"])) == (400, ["run"])


def test_an_admin_of_the_workspace_cannot_be_shut_out(lab):
    url = "/api/v1/projects/lab/sinusoid/access/max/"

    refused = lab.admin.put(url, {"role": "none"}, format="json")

    assert (refused.status_code, error_of(refused)["code"]) == (409, "workspace_admin")


def test_who_becomes_admin_of_the_workspace_is_one_in_every_project(lab):
    access.change_role(member(lab.workspace, "otto"), role=Role.ADMIN)

    assert lab.shut_out.get("/api/v1/projects/lab/sinusoid/").status_code == 200
    assert len(lab.shut_out.get("/api/v1/projects/").json()["results"]) == 1


def test_an_own_role_ends_with_the_membership(lab):
    rita = member(lab.workspace, "rita")
    access.remove_member(rita)
    access.add_member(workspace=lab.workspace, username="rita", role=Role.VIEWER)

    assert lab.raised.post("/api/v1/runs/", {"project": "sinusoid"}).status_code == 403


def test_a_role_is_changed_and_dropped_over_rest_and_on_the_page(lab):
    url = "/api/v1/projects/lab/sinusoid/access/"
    assert lab.admin.put(f"{url}vera/", {"role": "admin"}, format="json").json() == {
        "username": "vera", "workspace_role": "viewer", "own": "admin", "role": "admin",
    }  # fmt: skip
    vera = signed_in("vera")
    page = "/p/lab/sinusoid/access/"
    vera.post(f"{page}role/", {"username": "rita", "role": ""})
    roles = {one["username"]: one["role"] for one in lab.viewer.get(url).json()["results"]}

    assert roles == {"ada": "member", "max": "admin", "otto": None, "rita": "viewer",
                     "vera": "admin"}  # fmt: skip
    assert b'aria-label="Role of rita in this project"' in vera.get(page).content
    assert b"Role of rita" not in signed_in("ada").get(page).content
    assert signed_in("ada").post(f"{page}role/", {"username": "rita"}).status_code == 403


def test_points_follow_the_role_in_the_project(lab):
    run = factories.make_run(lab.project)
    points = {"client": "c", "number": 0, "points": [{"key": "a", "step": 0, "value": 1}]}
    url = f"/api/v1/runs/{run.pk}/metrics/"

    assert lab.raised.post(url, points, format="json").status_code == 200
    assert lab.shut_out.post(url, points, format="json").status_code == 404
    access.set_project_role(lab.project, member(lab.workspace, "ada"), "viewer")
    assert lab.member.post(url, points, format="json").status_code == 403


def test_a_narrowed_token_reaches_no_project_elsewhere(lab):
    other = factories.make_workspace("other", rita=Role.ADMIN)
    client = client_for(factories.make_user("rita"), workspace=other)

    assert client.get("/api/v1/projects/lab/sinusoid/").status_code == 404
    assert client.get("/api/v1/projects/").json()["results"] == []

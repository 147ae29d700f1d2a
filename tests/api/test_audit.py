"""The audit log: what gets an entry, whose, who reads it, and that nothing changes it."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from experiments import access, audit, lifecycle
from experiments.models import AuditEntry, Role, Workspace
from experiments.models.audit import Action, AppendOnly
from tests import factories
from tests.api.conftest import client_for, error_of

LOG = "/api/v1/workspaces/lab/audit/"


def signed_in(name, **extra):
    client = Client(**extra)
    client.force_login(factories.make_user(name))
    return client


def last() -> AuditEntry:
    found = AuditEntry.objects.order_by("-id").first()
    assert found is not None
    return found


def test_an_entry_names_who_did_what_from_where_and_by_which_token(lab):
    token = lab.admin.get("/api/v1/users/me/").json()["token"]

    lab.admin.patch("/api/v1/workspaces/lab/members/ada/", {"role": "viewer"},
                    REMOTE_ADDR="192.0.2.7")  # fmt: skip

    one = lab.admin.get(LOG).json()["results"][0]
    del one["id"], one["at"]
    assert one == {
        "action": "member.role_changed", "actor": "max", "token": token, "address": "192.0.2.7",
        "subject": "ada", "details": {"before": "member", "role": "viewer"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "address", "body", "action"),
    [
        ("post", "tokens/", {"name": "x"}, Action.TOKEN_CREATED),
        ("post", "workspaces/", {"slug": "n", "name": "N"}, Action.WORKSPACE_CREATED),
        ("patch", "workspaces/lab/", {"name": "L"}, Action.WORKSPACE_RENAMED),
        ("post", "workspaces/lab/members/", {"username": "sam", "role": "viewer"},
         Action.MEMBER_ADDED),
        ("delete", "workspaces/lab/members/ada/", None, Action.MEMBER_REMOVED),
        ("put", "projects/lab/sinusoid/access/ada/", {"role": "none"},
         Action.PROJECT_ROLE_CHANGED),
        ("delete", "projects/lab/sinusoid/", None, Action.PROJECT_TRASHED),
        ("delete", "runs/{run}/", None, Action.RUN_TRASHED),
        ("post", "runs/{trashed}/restore/", {}, Action.RUN_RESTORED),
        ("post", "runs/{trashed}/erase/", {}, Action.RUN_ERASED),
        ("post", "jobs/{job}/cancel/", {}, Action.JOB_CANCELLED),
    ],
)  # fmt: skip
def test_each_of_these_acts_gets_one_entry(lab, method, address, body, action):
    job = factories.make_job(factories.make_run(lab.project, status="queued"))
    if action == Action.PROJECT_TRASHED:
        job.run.delete()
    ids = {
        "run": factories.make_run(lab.project, status="completed").pk,
        "trashed": lifecycle.trash(factories.make_run(lab.project)).pk,
        "job": job.pk,
    }
    before = AuditEntry.objects.count()

    answer = getattr(lab.admin, method)(f"/api/v1/{address.format(**ids)}", body, format="json")

    assert answer.status_code < 300, answer.content
    assert AuditEntry.objects.count() == before + 1
    assert (last().action, last().actor) == (action, "max")


def test_what_changes_nothing_gets_no_entry(lab):
    job = factories.make_job(factories.make_run(lab.project, status="running"), status="running")
    for _ in range(2):
        lab.member.post(f"/api/v1/jobs/{job.pk}/cancel/", {}, format="json")
    lab.admin.patch("/api/v1/workspaces/lab/members/ada/", {"role": "member"})

    actions = list(AuditEntry.objects.values_list("action", flat=True))
    assert actions.count(Action.JOB_CANCELLED) == 1
    assert Action.MEMBER_ROLE_CHANGED not in actions


def test_an_act_that_fails_leaves_no_entry(lab):
    before = AuditEntry.objects.count()

    refused = lab.admin.delete("/api/v1/workspaces/lab/members/max/")

    assert (refused.status_code, error_of(refused)["code"]) == (409, "last_admin")
    assert AuditEntry.objects.count() == before


class TestSignIn:
    def test_a_password_that_fits_and_one_that_does_not(self, db):
        factories.make_user("pat", password="correct horse")
        client = Client()
        for password in ("wrong", "wrong again", "correct horse"):
            client.post("/sign-in/", {"username": "pat", "password": password})
        client.post("/sign-out/")

        entries = AuditEntry.objects.order_by("id").values_list("action", "actor", "address")
        assert list(entries) == [
            ("user.sign_in_failed", "pat", "127.0.0.1"),  # once a minute
            ("user.signed_in", "pat", "127.0.0.1"),
            ("user.signed_out", "pat", "127.0.0.1"),
        ]
        assert "horse" not in str(list(AuditEntry.objects.values()))

    def test_what_is_typed_for_a_name_is_not_kept(self, db):
        Client().post("/sign-in/", {"username": "my password", "password": "x"})

        assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("is_behind_proxy", "told", "address"),
    [
        (False, "203.0.113.9", "192.0.2.7"),
        (True, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (True, "", "192.0.2.7"),
        (True, "<script>", ""),
    ],
)
def test_only_our_own_proxy_is_believed(settings, rf, is_behind_proxy, told, address):
    settings.BEHIND_HTTPS = is_behind_proxy
    request = rf.get("/", REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR=told)

    assert audit.address_of(request) == address


def test_admins_read_of_tokens_made_at_the_command_line_wherever_their_user_is_a_member(lab):
    factories.make_workspace("annex", max="admin")
    call_command("create_token", "zoe", "--new-user", "Zoe Z", "--workspace", "lab",
                 stdout=StringIO())  # fmt: skip
    access.add_member(workspace=Workspace.objects.get(slug="annex"), username="zoe",
                      role=Role.VIEWER)  # fmt: skip

    for address in (LOG, LOG.replace("lab", "annex")):
        made = lab.admin.get(address + "?action=token.created&actor=command line").json()["results"]
        assert [(one["actor"], one["details"]["user"]) for one in made] == [("command line", "zoe")]
    added = lab.admin.get(LOG + "?action=member.added").json()["results"][0]
    assert (added["actor"], added["subject"]) == ("command line", "zoe")
    assert b"command line" in signed_in("max").get("/w/annex/audit/?action=token.created").content
    elsewhere = lab.stranger.get("/api/v1/workspaces/elsewhere/audit/").json()["results"]
    assert "zoe" not in str(elsewhere)


def test_entries_are_never_changed(lab):
    with pytest.raises(AppendOnly):
        AuditEntry.objects.update(actor="nobody")
    with pytest.raises(AppendOnly):
        AuditEntry.objects.all().delete()
    with pytest.raises(AppendOnly):
        last().delete()
    with pytest.raises(AppendOnly):
        last().save()


def test_admins_read_what_is_theirs_and_nobody_else_does(lab):
    lab.stranger.patch("/api/v1/workspaces/elsewhere/", {"name": "Secret"})
    results = lab.admin.get(f"{LOG}?limit=500").json()["results"]

    assert "Secret" not in str(results)
    assert {one["actor"] for one in results} <= {"", "max", "ada", "vera", "rita", "otto"}
    assert error_of(lab.writer.get(LOG))["code"] == "scope_too_narrow"


@pytest.mark.parametrize(
    ("query", "status", "found"),
    [
        ("?action=workspace.renamed", 200, 2),
        ("?actor=ada", 200, 1),
        ("?since=2999-01-01T00:00:00Z", 200, 0),
        ("?action=nonsense", 400, None),
        ("?since=yesterday", 400, None),
        ("?until=2026-13-01T00:00:00Z", 400, None),
    ],
)
def test_the_log_can_be_narrowed(lab, query, status, found):
    for name in ("A", "B"):
        lab.admin.patch("/api/v1/workspaces/lab/", {"name": name})
    client_for(factories.make_user("ada")).post("/api/v1/tokens/", {"name": "x"})

    answer = lab.admin.get(LOG + query)

    assert answer.status_code == status
    if found is not None:
        assert len(answer.json()["results"]) == found


class TestPages:
    def test_the_page_is_an_admins(self, lab):
        lab.admin.patch("/api/v1/workspaces/lab/", {"name": "Renamed"})
        page = signed_in("max").get("/w/lab/audit/?actor=max&action=workspace.renamed")

        assert b"workspace.renamed" in page.content
        assert b"name: Renamed" in page.content
        assert signed_in("ada").get("/w/lab/audit/").status_code == 403
        assert signed_in("sam").get("/w/lab/audit/").status_code == 404
        assert signed_in("max").get("/w/lab/audit/?from=monday").status_code == 400
        assert b"No entry fits" in signed_in("max").get("/w/lab/audit/?to=2001-01-01").content

    def test_members_are_changed_on_their_page(self, lab):
        max_ = signed_in("max")
        max_.post("/w/lab/role/", {"username": "vera", "role": "member"})
        max_.post("/w/lab/remove/", {"username": "ada"})
        page = signed_in("vera").get("/w/lab/").content.decode()

        assert lab.workspace.memberships.get(user__username="vera").role == "member"
        assert not lab.workspace.memberships.filter(user__username="ada").exists()
        assert "max" in page
        assert "Remove" not in page
        assert signed_in("vera").post("/w/lab/remove/", {"username": "max"}).status_code == 403
        assert max_.post("/w/lab/remove/", {"username": "nobody"}).status_code == 404
        assert max_.post("/w/lab/role/", {"username": "vera", "role": "king"}).status_code == 400
        assert max_.get("/workspaces/").headers["Location"] == "/w/lab/"

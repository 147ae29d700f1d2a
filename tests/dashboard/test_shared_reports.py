"""A report by its link: who gets what, and what a guest never gets."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from experiments import reports
from experiments.models import AuditEntry, ReportLink
from tests import factories
from tests.dashboard.compared_runs import compared_runs
from tests.dashboard.test_reports import TEXT

pytestmark = pytest.mark.django_db


@pytest.fixture
def report():
    lab = factories.make_workspace("lab", ada="member", vera="viewer", max="admin")
    project = factories.make_project(lab, "sinusoid")
    compared_runs(project)
    return reports.create(project, user=factories.make_user("ada"), title="Found", text=TEXT)


@pytest.fixture
def shared(report):
    """The address of a link."""
    _, secret = reports.share(report, user=factories.make_user("ada"), days=7, note="reviewers")
    return f"/shared/{secret}/"


@pytest.fixture
def guest():
    return Client()


def test_a_guest_reads_the_report_and_its_panels(guest, shared):
    page = guest.get(shared)

    assert page.status_code == 200
    assert "<strong>is</strong> enough" in page.content.decode()
    assert f'data-chart="{shared}panels/0/?x=step"' in page.content.decode()
    assert page["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert page["X-Robots-Tag"] == "noindex"
    assert len(guest.get(f"{shared}panels/0/?x=step").json()["legend"]) == 2
    assert guest.get(f"{shared}panels/0/picture.svg").status_code == 200
    assert guest.get(f"{shared}export.html").status_code == 200


def test_a_guest_chooses_neither_runs_nor_metric(guest, shared, report):
    other = report.project.runs.get(name="pretrained")

    asked = guest.get(
        f"{shared}panels/0/?x=step&runs={other.pk}&key=train/grad_norm&metric=train/grad_norm"
    )

    assert asked.json()["legend"] == guest.get(f"{shared}panels/0/?x=step").json()["legend"]
    assert "pretrained" not in [one["name"] for one in asked.json()["legend"]]


def test_a_guest_is_led_nowhere_else(guest, shared, report):
    page = guest.get(shared).content.decode()

    for inside in ("/runs/", "/p/lab", "/compare/", f"/reports/{report.pk}/", "csrf"):
        assert inside not in page
    run = report.project.runs.first()
    for address in (
        f"/reports/{report.pk}/",
        f"/reports/{report.pk}/panels/0/",
        f"/runs/{run.pk}/",
        "/p/lab/sinusoid/",
        "/compare/charts/curve/?runs={run.pk}&key=train/query_loss",
    ):
        assert guest.get(address).status_code == 302
    assert guest.get("/api/v1/runs/").status_code == 401
    assert guest.post(shared).status_code == 405


def test_only_panels_answer_and_others_are_not_there(guest, shared):
    for place in (1, 2, 99):
        gone = guest.get(f"{shared}panels/{place}/")
        assert gone.status_code == 404
        assert "sign-out" not in gone.content.decode()


@pytest.mark.parametrize("end", ["revoked", "expired", "removed", "trashed", "unknown"])
def test_a_link_that_is_over_opens_nothing(guest, shared, report, end):
    if end == "revoked":
        assert reports.revoke_link(ReportLink.objects.get())
    elif end == "expired":
        ReportLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif end == "removed":
        report.delete()
    elif end == "trashed":
        report.project.deleted_at = timezone.now()
        report.project.save()
    address = "/shared/nothing/" if end == "unknown" else shared

    for part in ("", "panels/0/", "panels/0/picture.svg", "export.html"):
        answer = guest.get(address + part)
        assert answer.status_code == 410
        assert "Found" not in answer.content.decode()


def test_the_secret_is_shown_once_and_stored_as_its_digest(client, report):
    client.force_login(factories.make_user("ada"))

    made = client.post(f"/reports/{report.pk}/share/", {"days": "7", "note": "Grace"})

    page = made.content.decode()
    secret = page.partition("/shared/")[2].partition("/")[0]
    assert Client().get(f"/shared/{secret}/").status_code == 200
    assert secret not in str(ReportLink.objects.values_list("digest", "note").get())
    assert secret not in client.get(f"/reports/{report.pk}/").content.decode()
    assert "Grace" in client.get(f"/reports/{report.pk}/").content.decode()


def test_sharing_and_revoking_are_in_the_audit_log(client, report):
    client.force_login(factories.make_user("ada"))
    client.post(f"/reports/{report.pk}/share/", {"days": "7", "note": "Grace"})
    link = ReportLink.objects.get()

    client.post(f"/reports/{report.pk}/links/{link.pk}/revoke/")

    entries = AuditEntry.objects.filter(subject="Found").order_by("id")
    assert [(one.action, one.actor) for one in entries] == [
        ("report.shared", "ada"),
        ("report.link_revoked", "ada"),
    ]


def test_a_guest_sees_what_changed_and_what_is_hostile_as_text(guest, shared, report):
    text = "<script>alert(1)</script>\n\n```metascope-x\n</pre><script>\n```"
    reports.edit(report, user=factories.make_user("ada"), version=1, text=text)

    page = guest.get(shared).content.decode()

    assert "<script>alert" not in page
    assert "</pre><script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert guest.get(f"{shared}panels/0/").status_code == 404

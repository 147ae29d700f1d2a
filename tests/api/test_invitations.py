"""Invitations: one link, one member; by an account that is there or a new one."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from experiments import access
from experiments.models import AuditEntry, Invitation, Membership, Role, User
from tests import factories
from tests.api.conftest import client_for, error_of

URL = "/api/v1/workspaces/lab/invitations/"
ACCEPT = "/api/v1/invitations/accept/"
NEW = {"username": "grace", "name": "Grace Hopper", "password": "nano second wire"}


def invited(lab, **more) -> str:
    """The path of a fresh link."""
    answer = lab.admin.post(URL, {"role": "member", **more}, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()["link"]


def test_somebody_new_makes_an_account_and_is_signed_in(lab):
    link, browser = invited(lab, note="Grace"), Client()
    shown = browser.get(link).content
    assert b"max invites you to the workspace lab as member" in shown

    answer = browser.post(link, NEW, follow=True)

    assert answer.status_code == 200
    assert Membership.objects.get(user__username="grace").role == "member"
    assert User.objects.get(username="grace").get_full_name() == "Grace Hopper"
    assert browser.get("/p/lab/sinusoid/").status_code == 200
    assert Client().login(username="grace", password=NEW["password"])
    actions = list(AuditEntry.objects.order_by("-id").values_list("action", "actor")[:2])
    assert actions == [("user.signed_in", "grace"), ("invitation.accepted", "grace")]


def test_somebody_with_an_account_joins_with_it(lab):
    browser, link = Client(), invited(lab, role="viewer")
    browser.force_login(factories.make_user("sam"))
    assert b"Join as sam" in browser.get(link).content

    browser.post(link)

    assert access.role_in(factories.make_user("sam"), lab.workspace) == Role.VIEWER


def test_a_link_works_once(lab):
    link = invited(lab)
    Client().post(link, NEW)

    again = Client().post(link, {**NEW, "username": "other"})

    assert again.status_code == Client().get(link).status_code == 410
    assert not User.objects.filter(username="other").exists()


@pytest.mark.parametrize("how", ["revoked", "revoked on the page", "expired"])
def test_a_link_that_is_over_opens_nothing(lab, how):
    link = invited(lab)
    one = Invitation.objects.get()
    if how == "revoked":
        assert lab.admin.delete(f"{URL}{one.pk}/").status_code == 204
    elif how == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        max_ = Client()
        max_.force_login(factories.make_user("max"))
        max_.post(f"/w/lab/invitations/{one.pk}/revoke/")

    assert Client().get(link).status_code == 410
    secret = link.removeprefix("/invitations/").strip("/")
    refused = lab.stranger.post(ACCEPT, {"secret": secret}, format="json")
    assert (refused.status_code, error_of(refused)["code"]) == (404, "invitation_over")
    assert lab.admin.get(URL).json()["results"] == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "password123"}, "password"),
        ({"username": "no spaces"}, "username"),
        ({"username": "ada"}, "username"),
        ({"username": ""}, "username"),
    ],
)
def test_what_cannot_be_an_account_is_said_at_its_field(lab, changed, field):
    link = invited(lab)

    answer = Client().post(link, {**NEW, **changed})

    assert answer.status_code == 400
    assert f'id="e-{field}"'.encode() in answer.content
    assert Client().get(link).status_code == 200  # it is still open


def test_a_member_does_not_use_it_up(lab):
    secret = invited(lab).removeprefix("/invitations/").strip("/")

    refused = lab.viewer.post(ACCEPT, {"secret": secret}, format="json")

    assert (refused.status_code, error_of(refused)["code"]) == (409, "already_member")
    assert lab.stranger.post(ACCEPT, {"secret": secret}, format="json").status_code == 200


def test_only_the_digest_of_a_link_is_stored_and_lists_do_not_show_it(lab):
    secret = invited(lab).removeprefix("/invitations/").strip("/")

    assert secret not in str(list(Invitation.objects.values()))
    assert secret not in lab.admin.get(URL).content.decode()


@pytest.mark.parametrize("body", [{"role": "king"}, {"role": "viewer", "days": 0},
                                  {"role": "viewer", "days": 91}, {}])  # fmt: skip
def test_what_cannot_be_an_invitation_is_refused(lab, body):
    assert lab.admin.post(URL, body, format="json").status_code == 400


def test_a_narrowed_token_joins_nothing(lab):
    secret = invited(lab).removeprefix("/invitations/").strip("/")
    sam = factories.make_user("sam")
    client = client_for(sam, workspace=sam.workspaces.get())

    assert client.post(ACCEPT, {"secret": secret}, format="json").status_code == 403


def test_an_admin_makes_a_link_on_the_page_and_nobody_else_does(lab):
    max_, ada = Client(), Client()
    max_.force_login(factories.make_user("max"))
    ada.force_login(factories.make_user("ada"))
    body = {"role": "viewer", "days": "7", "note": "Grace"}

    page = max_.post("/w/lab/invite/", body)

    assert b"/invitations/" in page.content
    assert b"Revoke the invitation of Grace" in max_.get("/w/lab/").content
    assert b"Grace" not in ada.get("/w/lab/").content
    assert ada.post("/w/lab/invite/", body).status_code == 403
    assert max_.post("/w/lab/invite/", {**body, "days": "x"}).status_code == 400

"""Who is calling: tokens, sessions, and nothing by default."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate

from experiments import access
from experiments.api.views import ApiView
from experiments.models import ApiToken, Role, Scope, SignInLink
from tests import factories
from tests.api.conftest import client_for, error_of

ME = "/api/v1/users/me/"


class Undeclared(ApiView):
    """A view whose author forgot to say who may call it."""

    def get(self, request):
        return Response({"secret": 1})


@pytest.mark.django_db
def test_a_view_that_declares_nothing_is_refused_to_everybody():
    request = APIRequestFactory().get("/")
    force_authenticate(request, user=factories.make_user("root"))

    response = Undeclared.as_view()(request)

    assert response.status_code == 403
    assert response.data["error"]["code"] == "denied"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer ms_short", "Basic YTpi", "Bearer ms_" + "a" * 40, "ä"],
)
def test_a_bad_token_is_401_even_with_a_session(lab, header):
    client = APIClient()
    client.force_login(factories.make_user("ada"))

    response = client.get(ME, HTTP_AUTHORIZATION=header.encode().decode("latin-1"))

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    error_of(response)


def test_only_the_digest_of_a_token_is_stored(db):
    _, secret = access.create_token(user=factories.make_user(), name="x")

    row = ApiToken.objects.values().get()

    assert secret.startswith("ms_")
    assert len(secret) == 43
    assert secret not in str(row)


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
    ],
)
def test_a_revoked_or_expired_token_is_401(db, change):
    client = client_for(factories.make_user())
    assert client.get(ME).status_code == 200

    ApiToken.objects.update(**change)

    assert client.get(ME).status_code == 401


def test_an_inactive_user_is_401(db):
    user = factories.make_user()
    client = client_for(user)

    user.is_active = False
    user.save()

    assert client.get(ME).status_code == 401


def test_a_session_may_read_but_needs_the_csrf_token_to_write(lab):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(factories.make_user("ada"))

    assert client.get(ME).json()["username"] == "ada"
    refused = client.post("/api/v1/runs/", {"project": "sinusoid"}, format="json")

    assert refused.status_code == 403
    assert "CSRF" in error_of(refused)["message"]


def test_a_token_needs_no_csrf_token(lab):
    client = client_for(factories.make_user("ada"))
    client.handler.enforce_csrf_checks = True

    response = client.post("/api/v1/runs/", {"project": "sinusoid"}, format="json")

    assert response.status_code == 201


class TestNarrowedTokens:
    @pytest.fixture
    def narrow(self, lab):
        ada = factories.make_user("ada")
        self.other = factories.make_workspace("other", ada=Role.ADMIN)
        self.other_run = factories.make_run(factories.make_project(self.other))
        return client_for(ada, workspace=lab.workspace)

    def test_it_reaches_one_workspace_only(self, narrow):
        assert narrow.get(ME).json()["memberships"][0]["workspace"] == "lab"
        assert len(narrow.get("/api/v1/workspaces/").json()["results"]) == 1
        assert narrow.get(f"/api/v1/runs/{self.other_run.pk}/").status_code == 404
        assert narrow.get("/api/v1/workspaces/other/").status_code == 404
        assert narrow.get("/api/v1/runs/").json()["results"] == []

    def test_it_cannot_make_a_wider_token(self, narrow):
        made = narrow.post("/api/v1/tokens/", {"name": "x"}, format="json").json()
        wider = narrow.post("/api/v1/tokens/", {"name": "x", "workspace": "other"}, format="json")
        new = narrow.post("/api/v1/workspaces/", {"slug": "n", "name": "N"}, format="json")

        assert made["workspace"] == "lab"
        assert (wider.status_code, new.status_code) == (404, 403)

    def test_an_expiring_token_cannot_make_a_longer_one(self, lab):
        soon = timezone.now() + timedelta(hours=1)
        client = client_for(factories.make_user("ada"), expires_at=soon)

        refused = client.post("/api/v1/tokens/", {"name": "x"}, format="json")

        assert refused.status_code == 403
        assert "expires_at" in error_of(refused)["fields"]


class TestScopes:
    @pytest.fixture
    def scoped(self, lab):
        return {one: client_for(factories.make_user("max"), scope=one) for one in Scope}

    @pytest.mark.parametrize(
        ("method", "address", "body", "needed"),
        [
            ("get", "projects/lab/sinusoid/", None, Scope.READ),
            ("get", "tokens/", None, Scope.READ),
            ("post", "runs/", {"project": "sinusoid"}, Scope.WRITE),
            ("patch", "projects/lab/sinusoid/", {"name": "S"}, Scope.WRITE),
            ("patch", "workspaces/lab/", {"name": "L"}, Scope.ADMIN),
            ("post", "tokens/", {"name": "x"}, Scope.ADMIN),
            ("post", "workspaces/", {"slug": "n", "name": "N"}, Scope.ADMIN),
        ],
    )
    def test_a_token_does_what_its_scope_reaches(self, scoped, method, address, body, needed):
        for scope, client in scoped.items():
            response = getattr(client, method)(f"/api/v1/{address}", body, format="json")

            if list(Scope).index(scope) >= list(Scope).index(needed):
                assert response.status_code in (200, 201), scope
            else:
                assert response.status_code == 403
                assert error_of(response)["code"] == "scope_too_narrow"

    def test_points_need_the_scope_write(self, lab, scoped):
        run = factories.make_run(lab.project)
        points = {"client": "c", "number": 0, "points": [{"key": "a", "step": 0, "value": 1}]}
        address = f"/api/v1/runs/{run.pk}/metrics/"

        assert scoped[Scope.READ].post(address, points, format="json").status_code == 403
        assert scoped[Scope.WRITE].post(address, points, format="json").status_code == 200

    def test_a_scope_gives_nothing_that_the_role_does_not(self, lab):
        viewer = client_for(factories.make_user("vera"), scope=Scope.ADMIN)

        refused = viewer.post("/api/v1/runs/", {"project": "sinusoid"}, format="json")

        assert (refused.status_code, error_of(refused)["code"]) == (403, "denied")

    def test_strangers_learn_nothing_from_the_scope(self, lab):
        client = client_for(factories.make_user("sam"), scope=Scope.READ)

        assert client.patch("/api/v1/workspaces/lab/", {"name": "x"}).status_code == 404


def test_a_token_is_shown_once_and_can_be_revoked(lab):
    made = lab.member.post("/api/v1/tokens/", {"name": "box"}, format="json").json()
    fresh = APIClient()
    fresh.credentials(HTTP_AUTHORIZATION=f"Bearer {made['token']}")

    assert fresh.get(ME).json()["token"] == made["prefix"]
    listed = lab.member.get("/api/v1/tokens/").json()["results"][0]
    assert (listed["id"], "token" in listed) == (made["id"], False)
    assert lab.member.delete(f"/api/v1/tokens/{made['id']}/").status_code == 204
    assert fresh.get(ME).status_code == 401


class TestSignInLinks:
    def test_a_link_works_once(self, db):
        user = factories.make_user()
        secret = access.create_sign_in_link(user=user)

        assert access.use_sign_in_link(secret) == user
        assert access.use_sign_in_link(secret) is None

    def test_an_expired_or_unknown_link_does_not_work(self, db):
        secret = access.create_sign_in_link(user=factories.make_user(), lifetime_s=-1)

        assert access.use_sign_in_link(secret) is None
        assert access.use_sign_in_link("x") is None
        assert secret not in str(SignInLink.objects.values().get())


def test_the_first_user_is_made_once(db):
    first = access.ensure_first_user()

    assert access.ensure_first_user() == first
    assert first.username == "admin"
    assert not first.has_usable_password()
    assert access.role_in(first, access.workspaces_of(first).get()) == Role.ADMIN


class TestMembers:
    def test_the_last_admin_stays(self, lab):
        members = "/api/v1/workspaces/lab/members/"

        demoted = lab.admin.patch(f"{members}max/", {"role": "viewer"}, format="json")
        removed = lab.admin.delete(f"{members}max/")

        assert error_of(demoted)["code"] == error_of(removed)["code"] == "last_admin"

    def test_adding_twice_or_a_stranger_is_refused(self, lab):
        members = "/api/v1/workspaces/lab/members/"

        twice = lab.admin.post(members, {"username": "ada", "role": "admin"}, format="json")
        nobody = lab.admin.post(members, {"username": "nobody", "role": "admin"}, format="json")
        bad = lab.admin.post(members, {"username": "sam", "role": "king"}, format="json")

        assert (twice.status_code, error_of(twice)["code"]) == (409, "already_member")
        assert (nobody.status_code, list(error_of(nobody)["fields"])) == (400, ["username"])
        assert (bad.status_code, list(error_of(bad)["fields"])) == (400, ["role"])

    def test_a_removed_member_sees_nothing_any_more(self, lab):
        assert lab.admin.delete("/api/v1/workspaces/lab/members/ada/").status_code == 204

        assert lab.member.get("/api/v1/workspaces/lab/").status_code == 404

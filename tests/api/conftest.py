"""The cast: Ada is a member of the lab, Vera a viewer, Max its admin; Sam belongs elsewhere.

Rita is a viewer who is a member of its projects, Otto a member who is shut out of them. Max has two
tokens of less scope: one that reads, one that writes.
"""

from types import SimpleNamespace

import pytest
from rest_framework.test import APIClient

from experiments import access
from experiments.models import Membership, Role, Scope
from tests import factories


def client_for(user, **options) -> APIClient:
    """A client that calls with a token of the user."""
    _, token = access.create_token(user=user, name="test", **options)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def lab(db):
    """Workspace "lab" with its people as clients, and "elsewhere" with a stranger."""
    workspace = factories.make_workspace("lab", vera=Role.VIEWER, ada=Role.MEMBER, max=Role.ADMIN)
    factories.make_workspace("elsewhere", sam=Role.ADMIN)
    factories.make_workspace("lab", rita=Role.VIEWER, otto=Role.MEMBER)
    names = ("vera", "ada", "max", "sam", "rita", "otto")
    people = {name: client_for(factories.make_user(name)) for name in names}
    project = factories.make_project(workspace)
    give_own_roles(project)
    return SimpleNamespace(
        workspace=workspace,
        project=project,
        anonymous=APIClient(),
        viewer=people["vera"],
        member=people["ada"],
        admin=people["max"],
        stranger=people["sam"],
        raised=people["rita"],
        shut_out=people["otto"],
        reader=client_for(factories.make_user("max"), scope=Scope.READ),
        writer=client_for(factories.make_user("max"), scope=Scope.WRITE),
    )


def give_own_roles(project) -> None:
    """Rita's and Otto's in a project of the lab."""
    for name, role in (("rita", "member"), ("otto", "none")):
        member = Membership.objects.get(workspace=project.workspace, user__username=name)
        access.set_project_role(project, member, role)


def error_of(response) -> dict:
    """The error of an answer, after checking its shape."""
    body = response.json()
    assert set(body) == {"error"}
    of_filters = {"position", "caret"} if body["error"]["code"] == "invalid_filter" else set()
    assert set(body["error"]) == {"code", "message", "fields", *of_filters}
    assert all(
        isinstance(messages, list) and all(isinstance(one, str) for one in messages)
        for messages in body["error"]["fields"].values()
    )
    return body["error"]

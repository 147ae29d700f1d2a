"""The cast: Ada is a member of the lab, Vera a viewer, Max its admin; Sam belongs elsewhere."""

from types import SimpleNamespace

import pytest
from rest_framework.test import APIClient

from experiments import access
from experiments.models import Role
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
    people = {name: client_for(factories.make_user(name)) for name in ("vera", "ada", "max", "sam")}
    return SimpleNamespace(
        workspace=workspace,
        project=factories.make_project(workspace),
        anonymous=APIClient(),
        viewer=people["vera"],
        member=people["ada"],
        admin=people["max"],
        stranger=people["sam"],
    )


def error_of(response) -> dict:
    """The error of an answer, after checking its shape."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "fields"}
    assert all(
        isinstance(messages, list) and all(isinstance(one, str) for one in messages)
        for messages in body["error"]["fields"].values()
    )
    return body["error"]

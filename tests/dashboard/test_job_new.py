"""The submit page: a form made from announced schemas, sent as a plain form."""

import pytest
from django.test import Client

from experiments.models import Job, Role, Run
from tests.factories import make_project, make_user, make_worker, make_workspace

pytestmark = pytest.mark.django_db

URL = "/jobs/new/"


@pytest.fixture
def ada(client: Client) -> Client:
    make_workspace("lab", ada=Role.MEMBER)
    make_project()
    client.force_login(make_user("ada"))
    return client


def test_without_a_worker_the_page_teaches(ada: Client):
    answer = ada.get(URL)

    assert "No worker has said yet what it can run" in answer.content.decode()


def test_get(ada: Client):
    make_worker()
    answer = ada.get(URL)
    assert answer.status_code == 200
    assert "Inner learning rate" in answer.content.decode()

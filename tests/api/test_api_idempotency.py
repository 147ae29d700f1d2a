"""A create that is sent twice with one Idempotency-Key happens once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from experiments.models import ApiToken, IdempotencyRecord, Job, Role, Run
from tests import factories
from tests.api.conftest import client_for, error_of

RUNS = "/api/v1/runs/"


def post(client, body, key="k1", path=RUNS):
    return client.post(path, body, format="json", HTTP_IDEMPOTENCY_KEY=key)


def test_a_repeat_gets_the_first_answer_and_creates_nothing(lab):
    first = post(lab.member, {"project": "sinusoid", "name": "a"})
    again = post(lab.member, {"name": "a", "project": "sinusoid"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "Idempotent-Replay" not in first
    assert again["Idempotent-Replay"] == "true"
    assert Run.objects.count() == 1


def test_another_body_or_address_under_the_same_key_is_409(lab):
    post(lab.member, {"project": "sinusoid"})

    for refused in (
        post(lab.member, {"project": "sinusoid", "name": "b"}),
        post(lab.member, {"slug": "x"}, path="/api/v1/projects/"),
    ):
        assert refused.status_code == 409
        assert error_of(refused)["code"] == "idempotency_key_reused"
    assert Run.objects.count() == 1


def test_keys_belong_to_their_user(lab):
    post(lab.member, {"project": "sinusoid"})
    post(lab.admin, {"project": "sinusoid"})

    assert Run.objects.count() == 2


def test_a_refused_request_stores_nothing(lab):
    refused = post(lab.member, {"project": "sinusoid", "seed": "x"})
    accepted = post(lab.member, {"project": "sinusoid", "seed": 1})

    assert (refused.status_code, accepted.status_code) == (400, 201)


def test_a_failed_create_leaves_no_record(lab, monkeypatch):
    lab.member.raise_request_exception = False
    with monkeypatch.context() as patched:
        patched.setattr("experiments.models.RunTag.objects.bulk_create", lambda *_: 1 / 0)
        assert post(lab.member, {"project": "sinusoid"}).status_code == 500

    assert not Run.objects.exists()
    assert not IdempotencyRecord.objects.exists()
    assert post(lab.member, {"project": "sinusoid"}).status_code == 201


def test_a_key_is_forgotten_after_a_day(lab):
    post(lab.member, {"project": "sinusoid"})
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))

    assert "Idempotent-Replay" not in post(lab.member, {"project": "sinusoid"})
    assert Run.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "ä"])
def test_a_bad_key_is_refused(lab, key):
    response = post(lab.member, {"project": "sinusoid"}, key=key.encode().decode("latin-1"))

    assert list(error_of(response)["fields"]) == ["Idempotency-Key"]


def test_a_replayed_token_is_not_shown_again_nor_stored(lab):
    first = post(lab.member, {"name": "box"}, path="/api/v1/tokens/").json()
    again = post(lab.member, {"name": "box"}, path="/api/v1/tokens/").json()

    assert again == {**first, "token": None}
    assert first["token"] not in str(IdempotencyRecord.objects.values().get())
    assert ApiToken.objects.filter(name="box").count() == 1


def test_two_at_once_create_one(file_database):
    workspace = factories.make_workspace("lab", ada=Role.MEMBER)
    factories.make_project(workspace)
    factories.make_worker()
    clients = [client_for(factories.make_user("ada")) for _ in range(2)]
    body = {"project": "sinusoid", "spec": factories.SHORT_SPEC, "seeds": [0, 1]}
    start, answers = threading.Barrier(2), []

    def send(client):
        try:
            start.wait(timeout=30)
            answers.append(post(client, body, path="/api/v1/jobs/"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert sorted("Idempotent-Replay" in answer for answer in answers) == [False, True]
    assert Job.objects.count() == 2

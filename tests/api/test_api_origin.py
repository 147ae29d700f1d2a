"""A run that its client names by an origin is made once, however often and late it asks."""

import threading

import pytest
from django.db import connection

from experiments.models import IdempotencyRecord, Role, Run
from tests import factories
from tests.api.conftest import client_for, error_of

RUNS = "/api/v1/runs/"


def post(client, **body):
    return client.post(RUNS, {"project": "sinusoid", **body}, format="json")


def test_the_same_origin_again_is_the_first_run_as_it_is_now(lab):
    first = post(lab.member, origin="box-1", name="a")
    lab.member.post(f"{RUNS}{first.json()['id']}/finish/", {}, format="json")

    again = post(lab.member, origin="box-1", name="b")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert (again.json()["name"], again.json()["status"]) == ("a", "completed")
    assert again.json()["origin"] == "box-1"
    assert Run.objects.count() == 1


@pytest.mark.parametrize("origin", [{}, {"origin": None}])
def test_without_an_origin_each_request_makes_a_run(lab, origin):
    answers = [post(lab.member, **origin) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert [answer.json()["origin"] for answer in answers] == [None, None]
    assert Run.objects.count() == 2


def test_an_origin_counts_within_its_project(lab):
    factories.make_project(lab.workspace, slug="other")

    post(lab.member, origin="box-1")
    elsewhere = post(lab.member, origin="box-1", project="other")

    assert elsewhere.status_code == 201
    assert Run.objects.count() == 2


def test_a_key_may_come_along(lab):
    """Within a day the key answers, later the origin."""
    body = {"project": "sinusoid", "origin": "box-1"}

    first = lab.member.post(RUNS, body, format="json", HTTP_IDEMPOTENCY_KEY="k")
    replay = lab.member.post(RUNS, body, format="json", HTTP_IDEMPOTENCY_KEY="k")
    IdempotencyRecord.objects.all().delete()
    later = lab.member.post(RUNS, body, format="json", HTTP_IDEMPOTENCY_KEY="k")

    assert [answer.status_code for answer in (first, replay, later)] == [201, 201, 200]
    assert len({answer.json()["id"] for answer in (first, replay, later)}) == 1


def test_a_known_origin_shows_nobody_a_run_they_may_not_make(lab):
    post(lab.member, origin="box-1")

    statuses = {
        name: post(getattr(lab, name), origin="box-1", project="lab/sinusoid").status_code
        for name in ("anonymous", "viewer", "member", "admin", "stranger")
    }

    assert statuses == {
        "anonymous": 401, "viewer": 403, "member": 200, "admin": 200, "stranger": 404,
    }  # fmt: skip


@pytest.mark.parametrize("origin", ["", "x" * 65, "two words", "ä", "a\nb", 3, ["a"]])
def test_a_bad_origin_is_refused_by_its_name(lab, origin):
    refused = post(lab.member, origin=origin)

    assert refused.status_code == 400
    assert list(error_of(refused)["fields"]) == ["origin"]
    assert not Run.objects.exists()


def test_of_two_at_once_one_makes_the_run_and_both_get_it(file_database):
    factories.make_project(factories.make_workspace("lab", ada=Role.MEMBER))
    clients = [client_for(factories.make_user("ada")) for _ in range(2)]
    start, answers = threading.Barrier(2), []

    def send(client):
        try:
            start.wait(timeout=30)
            answers.append(post(client, origin="box-1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Run.objects.count() == 1

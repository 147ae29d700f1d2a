"""Uploads in parts over MLflow's addresses: whose they are, and what a ticket opens."""

import io
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from experiments import access, blobs, files, lifecycle
from experiments.models import ApiToken, Membership, Role
from tests import factories

PARTS = "/api/2.0/mlflow-artifacts/mpu/"


@pytest.fixture
def run(lab):
    return factories.make_run(lab.project)


@pytest.fixture
def place(lab, run):
    return f"{lab.project.pk}/{run.pk}/artifacts/deep"


def begin(client, place, name="/home/ada/a b.bin", parts=2):
    body = {"path": name, "num_parts": parts}
    return client.post(f"{PARTS}create/{place}", body, format="json")


def send(credential, content=b"part", **changed):
    """As clients do: to the address they were told, with the headers they were told alone."""
    headers = {**credential["headers"], **changed}
    return APIClient().put(
        credential["url"], content, content_type="application/octet-stream", headers=headers
    )


def end(client, verb, place, upload_id, name="a b.bin", **more):
    body = {"path": name, "upload_id": upload_id, **more}
    return client.post(f"{PARTS}{verb}/{place}", body, format="json")


def test_parts_are_sent_by_ticket_and_become_a_file_of_the_run(lab, run, place):
    begun = begin(lab.member, place).json()
    sent = []
    for credential, content in zip(begun["credentials"], (b"one", b"two"), strict=True):
        assert credential["url"].startswith("http://testserver/api/2.0/mlflow-artifacts/mpu/part/")
        answer = send(credential, content)
        assert answer.status_code == 200
        sent.append({"part_number": credential["part_number"], "etag": answer["ETag"]})

    answer = end(lab.member, "complete", place, begun["upload_id"], parts=sent)

    assert answer.status_code == 200
    run.refresh_from_db()
    file = files.find(run.files, "deep/a b.bin")
    assert blobs.read(file.blob_id) == b"onetwo"


def test_a_file_named_by_a_path_of_windows_keeps_its_name(lab, run, place):
    begun = begin(lab.member, place, name="C:\\data\\a.bin", parts=1).json()
    sent = [{"part_number": 1, "etag": send(begun["credentials"][0])["ETag"]}]
    ended = end(lab.member, "complete", place, begun["upload_id"], name="a.bin", parts=sent)
    assert ended.status_code == 200


@pytest.mark.parametrize("verb", ["complete", "abort"])
def test_an_upload_of_another_user_or_file_is_404(lab, place, verb):
    upload_id = begin(lab.member, place).json()["upload_id"]
    for client, where, name in (
        (lab.admin, place, "a b.bin"),
        (lab.member, place, "other.bin"),
        (lab.member, f"{place}er", "a b.bin"),
        (lab.member, place, ""),
    ):
        wrong = end(client, verb, where, upload_id, name=name, parts=[])
        assert wrong.status_code == (404 if name else 400), wrong.json()


def test_a_ticket_opens_its_own_upload_alone(lab, place):
    mine, other = (begin(lab.member, place).json()["credentials"][0] for _ in range(2))
    assert send({**other, "headers": mine["headers"]}).status_code == 401
    for wrong in ("Ticket x", mine["headers"]["Authorization"][:-1], ""):
        assert send(mine, Authorization=wrong).status_code == 401
    elsewhere = APIClient().get("/api/2.0/mlflow/experiments/search", headers=mine["headers"])
    assert elsewhere.status_code == 401
    assert APIClient().get("/api/v1/users/me/", headers=mine["headers"]).status_code == 401


def test_a_ticket_is_worth_what_its_token_is(lab, run, place):
    credential = begin(lab.member, place).json()["credentials"][0]
    token = ApiToken.objects.get(user__username="ada")
    assert send(credential).status_code == 200

    token.expires_at = timezone.now() - timedelta(seconds=1)
    token.save()
    assert send(credential).status_code == 401
    token.expires_at = None
    token.save()
    membership = Membership.objects.get(workspace=lab.workspace, user__username="ada")
    access.change_role(membership, role=Role.VIEWER)
    assert send(credential).status_code == 403
    access.change_role(membership, role=Role.MEMBER)
    assert send(credential).status_code == 200
    access.revoke_token(token)
    assert send(credential).status_code == 401


def test_a_ticket_grows_old(lab, place, monkeypatch):
    credential = begin(lab.member, place).json()["credentials"][0]
    monkeypatch.setattr("experiments.numbered_parts.KEPT", timedelta(0))
    assert send(credential).status_code == 401


def test_a_file_that_cannot_be_is_refused_before_it_is_sent(lab, run, place):
    files.put(files.of_run(run), "deep", io.BytesIO(b"a"))
    taken = begin(lab.member, place)
    assert (taken.status_code, taken.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    for wrong in ({"name": ".."}, {"name": ""}, {"parts": 0}, {"parts": 10_001}, {"parts": "x"}):
        root = place.removesuffix("/deep")
        assert begin(lab.member, root, **wrong).status_code == 400
    lifecycle.trash(run)
    assert begin(lab.member, root).status_code == 400

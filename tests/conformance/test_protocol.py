"""Errors, tokens and addresses as MLflow's clients expect them, and no habit of web frameworks."""

import pytest
import requests


def test_version_and_health_are_plain_texts_for_anybody(server):
    for path, text in (("/version", "3."), ("/health", "OK")):
        answer = requests.get(f"{server.url}{path}", timeout=30)
        assert answer.status_code == 200
        assert answer.text.startswith(text)
        assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["nothing", "runs/nothing/at/all", "/api/3.0/mlflow/traces"])
def test_an_address_that_is_not_served_is_404_in_its_shape(server, method, path):
    answer = server.call(method, path)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_the_server_says_that_it_takes_files_in_parts(server):
    told = server.call("GET", "/api/3.0/mlflow/server-info").json()
    assert told["multipart_uploads_enabled"] is True
    assert told["multipart_downloads_enabled"] is False


def test_a_wrong_method_is_405_in_its_shape(server):
    answer = server.call("GET", "runs/create")
    assert (answer.status_code, answer.json()["error_code"]) == (405, "BAD_REQUEST")


@pytest.mark.parametrize("path", ["experiments/get", "runs/create", "experiments/get/"])
def test_no_token_is_401_and_nothing_redirects(server, path):
    answer = requests.post(
        f"{server.url}/api/2.0/mlflow/{path}", json={}, timeout=30, allow_redirects=False
    )
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


def test_the_token_is_a_bearer_or_a_password(server, client, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", server.token)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wrong")
    assert client.get_experiment("0").name == "Default"
    wrong = requests.get(
        f"{server.url}/api/2.0/mlflow/experiments/get", auth=("ada", "no"), timeout=30
    )
    assert wrong.status_code == 401


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"a"', b"null", b'{"run_id": NaN}', b"\xff", b'{"run_id": 5}'],
)
def test_a_body_that_cannot_be_read_is_400_in_its_shape(server, body):
    answer = server.call("POST", "runs/log-batch", data=body)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_null_is_absent_and_unknown_fields_are_ignored(server, experiment):
    body = {"experiment_id": experiment, "run_name": None, "tags": None, "new_thing": {"a": []}}
    assert server.post("runs/create", body).status_code == 200


def test_json_without_a_content_type_is_read(server, experiment):
    answer = server.call("POST", "runs/create", data=f'{{"experiment_id": "{experiment}"}}')
    assert answer.status_code == 200

"""What an ordinary web framework gets wrong for MLflow's clients, where no other test says it.

The other tests of this folder hold the rest: redirects, status codes and error bodies
(`test_protocol`), the latest value and the history (`test_metrics`), LIKE, orders and pages
(`test_search_runs`), listings and odd names (`test_artifacts`), experiment 0 (`test_tracking`).
"""

import threading

import pytest

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


def test_no_csrf_token_is_asked_for_whatever_cookies_and_origin_come_along(server, experiment):
    headers = {
        "Authorization": f"Bearer {server.token}", "Cookie": "sessionid=x; csrftoken=y",
        "Origin": "https://example.org", "Referer": "https://example.org/",
    }  # fmt: skip
    body = {"experiment_id": experiment}
    answer = server.call("POST", "runs/create", json=body)
    run = answer.json()["run"]["info"]["run_id"]
    for method, path, sent in (
        ("POST", "runs/set-tag", {"run_id": run, "key": "k", "value": "v"}),
        ("POST", "runs/delete-tag", {"run_id": run, "key": "k"}),
    ):
        assert server.call(method, path, json=sent, more=headers).status_code == 200
    where = f"{ROOT}/{experiment}/{run}/artifacts/a.txt"
    assert server.call("PUT", where, data=b"a", more=headers).status_code == 200
    assert server.call("DELETE", where, more=headers).status_code == 200


def test_bodies_of_deletes_and_patches_are_read(server, client, experiment):
    name = f"pitfall {experiment}"
    client.create_registered_model(name, tags={"k": "v"})
    changed = server.call(
        "PATCH", "registered-models/update", json={"name": name, "description": "d"}
    )
    assert changed.status_code == 200
    gone = server.call("DELETE", "registered-models/delete-tag", json={"name": name, "key": "k"})
    assert gone.status_code == 200
    found = client.get_registered_model(name)
    assert (found.description, found.tags) == ("d", {})


def test_a_file_whose_length_nobody_knows_is_taken(server, client, run):
    place = client.get_run(run).info.artifact_uri.removeprefix("mlflow-artifacts:/")
    pieces = (bytes([number]) * 100_000 for number in range(60))
    sent = server.call("PUT", f"{ROOT}/{place}/chunked.bin", data=pieces)
    assert sent.status_code == 200
    assert [one.file_size for one in client.list_artifacts(run)] == [6_000_000]


@pytest.mark.parametrize("name", ["..a", "a..b", "...", "a.", ".hidden", "-", "a=b&c;d"])
def test_names_that_only_look_dangerous_are_names(client, run, tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    client.log_artifact(run, str(tmp_path / name), "in")
    assert [one.path for one in client.list_artifacts(run, "in")] == [f"in/{name}"]


def test_ids_are_texts_and_times_are_whole_milliseconds(server, client, experiment, run):
    client.log_metric(run, "m", 1.0)
    found = server.call("GET", "runs/get", params={"run_id": run}).json()["run"]
    info, (metric,) = found["info"], found["data"]["metrics"]
    assert (info["experiment_id"], info["run_id"]) == (experiment, run)
    assert info["run_uuid"] == run
    for time in (info["start_time"], metric["timestamp"]):
        assert type(time) is int
        assert time > 1_500_000_000_000
    shown = server.call("GET", "experiments/get", params={"experiment_id": experiment}).json()
    assert shown["experiment"]["experiment_id"] == experiment
    assert type(shown["experiment"]["creation_time"]) is int


def test_ten_threads_that_log_all_kinds_at_once_lose_nothing(client, run):
    failed = []

    def write(thread):
        try:
            for number in range(10):
                client.log_param(run, f"p{thread}.{number}", number)
                client.log_metric(run, f"m{thread}", number, step=number)
                client.set_tag(run, f"t{thread}.{number}", str(number))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    data = client.get_run(run).data
    assert len(data.params) == 100
    assert data.metrics == {f"m{thread}": 9.0 for thread in range(10)}
    assert len([key for key in data.tags if key.startswith("t")]) == 100


@pytest.mark.parametrize("name", ['say "a".txt', "50%", "ab:c", "models"])
def test_listing_asks_for_models_of_any_first_name_and_gets_an_answer(client, run, tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "x").write_bytes(b"x")
    client.log_artifacts(run, str(tmp_path))
    assert [one.path for one in client.list_artifacts(run, name)] == [f"{name}/x"]


def test_what_a_caller_did_wrong_is_never_500(server, experiment, run):
    wrong = [
        ("runs/search", {"experiment_ids": [experiment], "order_by": ["metrics.m", "metrics.m"]}),
        ("logged-models/search", {"experiment_ids": [experiment], "filter": "nothing = 'a'"}),
        ("logged-models/search", {"experiment_ids": [experiment], "page_token": "none"}),
        ("runs/update", {"run_id": run, "status": "NOPE"}),
        ("runs/log-metric", {"run_id": run, "key": "m", "value": True, "timestamp": 1}),
        ("runs/log-metric", {"run_id": run, "key": "m", "value": 1, "timestamp": 2**70}),
        ("runs/log-metric", {"run_id": run, "key": "m\0", "value": 1, "timestamp": 1}),
        ("runs/log-batch", {"run_id": run, "metrics": [{"key": "a/../b", "value": 1}]}),
        ("runs/log-batch", {"run_id": run, "metrics": [5]}),
        ("runs/log-batch", {"run_id": [run], "metrics": []}),
        ("experiments/search", {"max_results": -1}),
    ]
    for path, body in wrong:
        answer = server.post(path, body)
        assert answer.status_code < 500, (path, body)
        if answer.status_code >= 400:
            assert set(answer.json()) == {"error_code", "message"}

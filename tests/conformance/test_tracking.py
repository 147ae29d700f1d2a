"""Experiments, runs, params, tags: what the client writes is what it reads."""

import mlflow
import pytest
from mlflow.entities import Param
from mlflow.exceptions import MlflowException


def refused(call, *arguments, **options) -> MlflowException:
    with pytest.raises(MlflowException) as error:
        call(*arguments, **options)
    return error.value


def code_of(call, *arguments, **options) -> str:
    return refused(call, *arguments, **options).error_code


def test_a_plain_script_of_the_fluent_api(server, client):
    mlflow.set_tracking_uri(server.url)
    mlflow.set_experiment("fluent ünïcode/experiment")
    with mlflow.start_run(run_name="first", tags={"team": "a"}, description="*note*") as active:
        mlflow.log_params({"lr": 0.1, "layers": [1, 2], "none": None})
        for step in range(5):
            mlflow.log_metrics({"loss": 1 / (step + 1), "val/acc": step / 5}, step=step)
        mlflow.log_dict({"a": 1}, "out/config.json")

    found = client.get_run(active.info.run_id)

    assert found.info.status == "FINISHED"
    assert found.info.end_time >= found.info.start_time
    assert found.data.params == {"lr": "0.1", "layers": "[1, 2]", "none": "None"}
    assert found.data.metrics == {"loss": 0.2, "val/acc": 0.8}
    assert found.data.tags["team"] == "a"
    assert found.data.tags["mlflow.note.content"] == "*note*"
    assert found.info.run_name == found.data.tags["mlflow.runName"] == "first"
    assert [(m.step, m.value) for m in client.get_metric_history(found.info.run_id, "loss")] == [
        (step, 1 / (step + 1)) for step in range(5)
    ]
    assert mlflow.artifacts.load_dict(f"{found.info.artifact_uri}/out/config.json") == {"a": 1}
    mlflow.set_experiment("fluent ünïcode/experiment")


def test_a_failing_script_ends_its_run_as_failed(server, client, experiment):
    mlflow.set_tracking_uri(server.url)
    with pytest.raises(ZeroDivisionError), mlflow.start_run(experiment_id=experiment) as active:
        raise ZeroDivisionError

    assert client.get_run(active.info.run_id).info.status == "FAILED"


def test_nested_runs_are_child_runs_here(server, client, experiment):
    mlflow.set_tracking_uri(server.url)
    with (
        mlflow.start_run(experiment_id=experiment) as sweep,
        mlflow.start_run(experiment_id=experiment, nested=True) as trial,
    ):
        mlflow.log_metric("loss", 1.0)

    kept = server.call("GET", f"/api/v1/runs/{trial.info.run_id}/").json()
    assert kept["parent"] == sweep.info.run_id
    assert [one.info.run_id for one in client.search_runs(
        [experiment], f"tags.`mlflow.parentRunId` = '{sweep.info.run_id}'"
    )] == [trial.info.run_id]  # fmt: skip
    client.delete_run(sweep.info.run_id)
    assert client.get_run(trial.info.run_id).info.lifecycle_stage == "active"


class TestExperiments:
    def test_experiment_0_is_called_default(self, client):
        assert client.get_experiment("0").name == "Default"
        assert client.get_experiment_by_name("Default").experiment_id == "0"
        run = client.create_run("0")
        assert run.info.experiment_id == "0"
        assert run.info.artifact_uri.startswith(f"mlflow-artifacts:/0/{run.info.run_id}")

    def test_ids_are_texts_of_whole_numbers(self, server, client, experiment):
        assert experiment.isdigit()
        assert code_of(client.get_experiment, "none") == "INVALID_PARAMETER_VALUE"
        assert code_of(client.get_experiment, "99999999") == "RESOURCE_DOES_NOT_EXIST"
        answer = server.call("GET", "experiments/get", params={"experiment_id": experiment})
        assert answer.json()["experiment"]["experiment_id"] == experiment

    def test_names_are_any_text_and_case_matters(self, client):
        names = ["naïve 实验 🎉", "Case", "case", "a/b?c#d", "x" * 500]
        ids = [client.create_experiment(name) for name in names]
        for name, experiment_id in zip(names, ids, strict=True):
            assert client.get_experiment_by_name(name).experiment_id == experiment_id
            assert client.get_experiment(experiment_id).name == name
        assert client.get_experiment_by_name("CASE") is None

    @pytest.mark.parametrize("name", ["", "x" * 501])
    def test_names_without_letters_or_too_long_are_refused(self, server, name):
        answer = server.post("experiments/create", {"name": name})
        assert (answer.status_code, answer.json()["error_code"]) == (
            400, "INVALID_PARAMETER_VALUE",
        )  # fmt: skip

    def test_a_taken_name_is_refused_with_400_also_of_a_deleted_one(self, server, client):
        first = client.create_experiment("taken")
        again = server.post("experiments/create", {"name": "taken"})
        assert (again.status_code, again.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
        server.call("POST", "experiments/delete", json={"experiment_id": first}, token=server.admin)
        assert code_of(client.create_experiment, "taken") == "RESOURCE_ALREADY_EXISTS"
        assert client.get_experiment_by_name("taken").lifecycle_stage == "deleted"
        mlflow.set_tracking_uri(server.url)
        assert "deleted" in str(refused(mlflow.set_experiment, "taken"))

    def test_renaming_moves_the_update_time_and_keeps_the_id(self, client, experiment):
        before = client.get_experiment(experiment)
        client.rename_experiment(experiment, f"renamed {experiment}")
        after = client.get_experiment(experiment)
        assert after.name == f"renamed {experiment}"
        assert after.last_update_time > before.last_update_time
        assert after.creation_time == before.creation_time
        other = client.create_experiment(f"other {experiment}")
        assert code_of(client.rename_experiment, other, after.name) == "RESOURCE_ALREADY_EXISTS"

    def test_deleting_takes_all_runs_along_and_restoring_brings_them_back(
        self, server, client, experiment, monkeypatch
    ):
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.admin)
        runs = [client.create_run(experiment).info.run_id for _ in range(2)]
        client.delete_run(runs[0])

        client.delete_experiment(experiment)

        assert client.get_experiment(experiment).lifecycle_stage == "deleted"
        assert {client.get_run(run).info.lifecycle_stage for run in runs} == {"deleted"}
        assert code_of(client.create_run, experiment) == "INVALID_PARAMETER_VALUE"
        assert code_of(client.delete_experiment, experiment) == "RESOURCE_DOES_NOT_EXIST"
        assert code_of(client.rename_experiment, experiment, "n") == "INVALID_PARAMETER_VALUE"
        assert code_of(client.set_experiment_tag, experiment, "a", "b") == "INVALID_PARAMETER_VALUE"
        client.restore_experiment(experiment)
        assert {client.get_run(run).info.lifecycle_stage for run in runs} == {"active"}
        assert code_of(client.restore_experiment, experiment) == "RESOURCE_DOES_NOT_EXIST"

    def test_a_run_in_an_unknown_experiment_is_404(self, client):
        assert code_of(client.create_run, "99999999") == "RESOURCE_DOES_NOT_EXIST"

    def test_tags_overwrite_and_deleting_an_absent_one_is_404(self, client, experiment):
        client.set_experiment_tag(experiment, "a", "1")
        client.set_experiment_tag(experiment, "a", "2\n🎉")
        assert client.get_experiment(experiment).tags == {"a": "2\n🎉"}
        client.delete_experiment_tag(experiment, "a")
        assert client.get_experiment(experiment).tags == {}
        assert code_of(client.delete_experiment_tag, experiment, "a") == "RESOURCE_DOES_NOT_EXIST"

    def test_a_location_that_the_server_would_read_itself_is_refused(self, client):
        for location in ("/etc", "file:///etc", "runs:/a/b", "s3://b/c?d", "s3://b/c#d", "../up"):
            assert (
                code_of(client.create_experiment, f"at {location}", location)
                == "INVALID_PARAMETER_VALUE"
            )
        outside = client.create_experiment("outside", "s3://bucket/folder")
        run = client.create_run(outside)
        assert run.info.artifact_uri == f"s3://bucket/folder/{run.info.run_id}/artifacts"


class TestRuns:
    def test_a_run_without_a_name_gets_one(self, client, experiment):
        run = client.create_run(experiment)
        assert run.info.run_name
        assert run.data.tags["mlflow.runName"] == run.info.run_name

    def test_two_different_names_are_refused(self, client, experiment):
        tags = {"mlflow.runName": "a"}
        assert client.create_run(experiment, tags=tags).info.run_name == "a"
        assert client.create_run(experiment, run_name="a", tags=tags).info.run_name == "a"
        assert code_of(client.create_run, experiment, run_name="b", tags=tags) == (
            "INVALID_PARAMETER_VALUE"
        )

    def test_name_and_tag_of_the_name_follow_each_other(self, client, run):
        client.update_run(run, name="renamed")
        assert client.get_run(run).data.tags["mlflow.runName"] == "renamed"
        client.set_tag(run, "mlflow.runName", "by tag " + "x" * 300)
        assert client.get_run(run).info.run_name == "by tag " + "x" * 300

    def test_start_time_and_user_are_kept_as_sent(self, server, experiment):
        body = {"experiment_id": experiment, "user_id": "eve", "start_time": 1_234}
        info = server.post("runs/create", body).json()["run"]["info"]
        assert (info["start_time"], info["user_id"]) == (1_234, "eve")
        assert info["run_id"] == info["run_uuid"]

    def test_a_run_that_ended_can_be_resumed_and_end_again(self, client, run):
        for status in ("FINISHED", "RUNNING", "FAILED", "SCHEDULED", "KILLED"):
            client.update_run(run, status=status)
            assert client.get_run(run).info.status == status
        client.set_terminated(run, end_time=5_000)
        found = client.get_run(run).info
        assert (found.status, found.end_time) == ("FINISHED", 5_000)

    def test_an_unknown_status_is_400(self, server, run):
        assert server.post("runs/update", {"run_id": run, "status": "NOPE"}).status_code == 400
        answer = server.post("runs/update", {"run_id": run, "status": 3})
        assert answer.json()["run_info"]["status"] == "FINISHED"

    def test_either_name_of_the_run_id_does(self, server, run):
        for name in ("run_id", "run_uuid"):
            assert server.call("GET", "runs/get", params={name: run}).status_code == 200
        assert server.call("GET", "runs/get", params={"run_id": ""}).status_code == 400

    def test_a_deleted_run_is_still_read_but_not_written(self, client, run):
        client.log_metric(run, "m", 1.0)
        client.delete_run(run)
        client.delete_run(run)
        assert client.get_run(run).info.lifecycle_stage == "deleted"
        writes = [
            (client.log_metric, run, "m", 2.0), (client.log_param, run, "p", 1),
            (client.set_tag, run, "t", 1), (client.delete_tag, run, "mlflow.runName"),
            (client.update_run, run, "FINISHED"),
        ]  # fmt: skip
        assert {code_of(*write) for write in writes} == {"INVALID_PARAMETER_VALUE"}
        client.restore_run(run)
        client.restore_run(run)
        client.log_metric(run, "m", 2.0, step=1)
        assert client.get_run(run).data.metrics == {"m": 2.0}

    def test_an_unknown_run_is_404(self, client):
        for call in (client.get_run, client.delete_run, client.restore_run):
            assert code_of(call, "0" * 32) == "RESOURCE_DOES_NOT_EXIST"
        assert code_of(client.log_metric, "0" * 32, "m", 1.0) == "RESOURCE_DOES_NOT_EXIST"


class TestParamsAndTags:
    def test_a_param_keeps_its_first_value(self, server, client, run):
        client.log_param(run, "p", 1)
        client.log_param(run, "p", 1)
        assert server.post(
            "runs/log-parameter", {"run_id": run, "key": "p", "value": "2"}
        ).json()["error_code"] == "INVALID_PARAMETER_VALUE"  # fmt: skip
        assert client.get_run(run).data.params == {"p": "1"}

    def test_a_changed_param_refuses_its_whole_batch(self, server, client, run):
        client.log_param(run, "p", 1)
        answer = server.post(
            "runs/log-batch",
            {
                "run_id": run,
                "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 0}],
                "params": [{"key": "q", "value": "1"}, {"key": "p", "value": "2"}],
                "tags": [{"key": "t", "value": "1"}],
            },
        )
        assert answer.status_code == 400
        data = client.get_run(run).data
        assert (data.params, data.metrics, data.tags.get("t")) == ({"p": "1"}, {}, None)

    def test_a_param_twice_in_a_batch_is_400(self, server, run):
        params = [{"key": "p", "value": "1"}] * 2
        assert server.post("runs/log-batch", {"run_id": run, "params": params}).status_code == 400

    def test_values_are_any_text_also_empty(self, client, run):
        values = {"empty": "", "lines": "a\nb", "emoji": "🎉", "long": "x" * 6000, "num": "1e-05"}
        for key, value in values.items():
            client.log_param(run, key, value)
            client.set_tag(run, key, value)
        data = client.get_run(run).data
        assert data.params == values
        assert {key: data.tags[key] for key in values} == values

    @pytest.mark.parametrize("key", ["a/b.c-d:e_f g", "é", "k" * 250])
    def test_keys_that_are_legal(self, client, run, key):
        client.log_param(run, key, "1")
        client.log_metric(run, key, 1.0)
        client.set_tag(run, key, "1")
        data = client.get_run(run).data
        assert (data.params, data.metrics) == ({key: "1"}, {key: 1.0})

    @pytest.mark.parametrize("key", ["", "/a", "a//b", "a/../b", "./a", "a?", "k" * 251, "a/"])
    def test_keys_that_are_not_legal_are_400(self, server, run, key):
        point = {"value": 1, "timestamp": 1}
        for path, more in (
            ("log-metric", point), ("log-parameter", {"value": ""}), ("set-tag", {"value": ""}),
        ):  # fmt: skip
            assert server.post(f"runs/{path}", {"run_id": run, "key": key, **more}).status_code == (
                400
            )

    def test_limits_of_a_batch(self, server, client, run):
        metric = {"key": "m", "value": 1, "timestamp": 1}
        too_many = {
            "metrics": [{**metric, "step": step} for step in range(1001)],
            "params": [{"key": f"p{n}", "value": ""} for n in range(101)],
            "tags": [{"key": f"t{n}", "value": ""} for n in range(101)],
        }
        for name, items in too_many.items():
            assert server.post("runs/log-batch", {"run_id": run, name: items}).status_code == 400
        long = [{"key": f"p{n}", "value": "é" * 6000} for n in range(100)]
        assert server.post("runs/log-batch", {"run_id": run, "params": long}).status_code == 200
        assert len(client.get_run(run).data.params) == 100

    def test_long_values_are_cut_as_by_the_server_of_mlflow(self, client, run):
        for _ in range(2):  # sent again they are the same value
            client.log_param(run, "one", "x" * 6001)
            client.log_batch(run, params=[Param("many", "é" * 7000)])
        client.set_tag(run, "note", "y" * 8001)

        data = client.get_run(run).data
        assert data.params == {"one": "x" * 6000, "many": "é" * 6000}
        assert data.tags["note"] == "y" * 8000

    def test_tags_overwrite_and_the_last_of_a_batch_wins(self, server, client, run):
        tags = [{"key": "t", "value": "1"}, {"key": "t", "value": "2"}]
        assert server.post("runs/log-batch", {"run_id": run, "tags": tags}).status_code == 200
        assert client.get_run(run).data.tags["t"] == "2"
        client.delete_tag(run, "t")
        assert code_of(client.delete_tag, run, "t") == "RESOURCE_DOES_NOT_EXIST"

"""Datasets that runs read, models that they log: found, measured, filled with files."""

import pytest
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
)  # fmt: skip

from tests.conformance.test_tracking import code_of


def reads(name="d", digest="1", context="training", **more):
    dataset = Dataset(name=name, digest=digest, source_type="local", source="{}", **more)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


@pytest.fixture
def model(client, experiment, run):
    return client.create_logged_model(
        experiment, name="net", source_run_id=run, model_type="torch",
        tags={"t": "1"}, params={"p": "x" * 6000},
    )  # fmt: skip


class TestInputs:
    def test_a_dataset_is_noted_once_with_its_first_tags(self, client, run):
        schema = '{"columns": "é"}'
        client.log_inputs(run, [reads(schema=schema, profile="{}")])
        client.log_inputs(run, [reads(context="test"), reads(digest="2", context="test")])
        found = client.get_run(run).inputs.dataset_inputs
        assert [(one.dataset.digest, one.tags[0].value) for one in found] == [
            ("1", "training"), ("2", "test"),
        ]  # fmt: skip
        assert found[0].dataset.schema == schema

    @pytest.mark.parametrize(
        "wrong", [{"name": ""}, {"digest": ""}, {"digest": "x" * 37}, {"name": "x" * 501}]
    )
    def test_a_dataset_beyond_the_limits_is_400(self, server, run, wrong):
        dataset = {"name": "d", "digest": "1", "source_type": "s", "source": "s", **wrong}
        body = {"run_id": run, "datasets": [{"dataset": dataset}]}
        assert server.post("runs/log-inputs", body).status_code == 400

    def test_runs_are_found_by_their_datasets(self, client, experiment, run):
        client.create_run(experiment)
        client.log_inputs(run, [reads("Iris", "abc", "eval")])
        texts = [
            "dataset.name = 'Iris'", "datasets.digest LIKE 'a%'", "dataset.context = 'eval'",
            "datasets.name IN ('x', 'Iris')", "datasets.context ILIKE 'EVAL'",
        ]  # fmt: skip
        for text in texts:
            assert [one.info.run_id for one in client.search_runs([experiment], text)] == [run]
        assert client.search_runs([experiment], "dataset.name = 'iris'") == []

    def test_models_read_and_made_are_listed(self, client, run, model):
        client.log_inputs(run, models=[LoggedModelInput(model.model_id)])
        client.log_outputs(run, [LoggedModelOutput(model.model_id, step=3)])
        found = client.get_run(run)
        assert [one.model_id for one in found.inputs.model_inputs] == [model.model_id]
        assert [(one.model_id, one.step) for one in found.outputs.model_outputs] == [
            (model.model_id, 3)
        ]


class TestLoggedModels:
    def test_it_is_pending_then_filled_then_ready(self, client, experiment, run, model, tmp_path):
        assert model.model_id.startswith("m-")
        assert model.status == LoggedModelStatus.PENDING
        assert (model.source_run_id, model.model_type) == (run, "torch")
        (tmp_path / "weights.bin").write_bytes(b"weights")

        client.log_model_artifacts(model.model_id, str(tmp_path))
        client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)

        found = client.get_logged_model(model.model_id)
        assert found.status == LoggedModelStatus.READY
        assert found.params == {"p": "x" * 6000}
        assert found.tags == {"t": "1"}
        listed = client.list_logged_model_artifacts(model.model_id)
        assert [one.path for one in listed] == ["weights.bin"]
        # Under its run it is found by its name.
        assert [one.path for one in client.list_artifacts(run, "net")] == ["net/weights.bin"]

    @pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", " "])
    def test_names_that_are_not_legal_are_400(self, client, experiment, name):
        assert code_of(client.create_logged_model, experiment, name) == "INVALID_PARAMETER_VALUE"

    def test_without_a_name_it_gets_one(self, client, experiment):
        assert client.create_logged_model(experiment).name

    def test_tags_and_params(self, client, model):
        client.set_logged_model_tags(model.model_id, {"t": "2", "u": "3"})
        client.delete_logged_model_tag(model.model_id, "u")
        client.log_model_params(model.model_id, {"q": "1"})
        found = client.get_logged_model(model.model_id)
        assert found.tags == {"t": "2"}
        assert sorted(found.params) == ["p", "q"]
        assert code_of(client.delete_logged_model_tag, model.model_id, "u") == (
            "RESOURCE_DOES_NOT_EXIST"
        )

    def test_a_deleted_one_is_gone_but_for_who_asks_for_deleted_ones(
        self, server, client, experiment, model
    ):
        client.delete_logged_model(model.model_id)
        assert code_of(client.get_logged_model, model.model_id) == "RESOURCE_DOES_NOT_EXIST"
        path = f"logged-models/{model.model_id}"
        answer = server.call("GET", path, params={"allow_deleted": "true"})
        assert answer.json()["model"]["info"]["name"] == "net"
        assert client.search_logged_models([experiment]) == []

    def test_a_metric_with_a_model_is_on_both(self, client, run, model):
        client.log_metric(
            run, "acc", 0.5, step=2, timestamp=9, model_id=model.model_id,
            dataset_name="d", dataset_digest="1",
        )  # fmt: skip
        client.log_batch(run, [Metric("acc", 0.6, 10, 3, model_id=model.model_id)])
        assert client.get_run(run).data.metrics == {"acc": 0.6}
        found = client.get_logged_model(model.model_id).metrics
        assert [(m.value, m.step, m.timestamp, m.run_id) for m in found] == [
            (0.5, 2, 9, run), (0.6, 3, 10, run),
        ]  # fmt: skip
        assert (found[0].dataset_name, found[0].dataset_digest) == ("d", "1")

    def test_search_by_everything_and_in_order(self, client, experiment, run):
        made = {}
        for number, name in enumerate(("one", "two", "three")):
            model = client.create_logged_model(
                experiment, name, source_run_id=run, params={"p": name}, tags={"t": name}
            )
            client.log_metric(
                run, "m", number, model_id=model.model_id, dataset_name=f"d{number}",
                dataset_digest="1",
            )  # fmt: skip
            made[name] = model.model_id

        def names(text=None, **options):
            found = client.search_logged_models([experiment], text, **options)
            return [one.name for one in found]

        assert names() == ["three", "two", "one"]
        assert names("name = 'two'") == ["two"]
        assert names("attributes.name LIKE 't%' AND params.p != 'two'") == ["three"]
        assert names(f"source_run_id = '{run}' AND tags.t IN ('one', 'x')") == ["one"]
        assert names("metrics.m >= 1") == ["three", "two"]
        assert names("metrics.m >= 0", datasets=[{"dataset_name": "d1"}]) == ["two"]
        order = [{"field_name": "metrics.m"}]
        assert names(order_by=order) == ["one", "two", "three"]
        assert names("creation_timestamp > 0", order_by=[{"field_name": "name"}]) == [
            "one", "three", "two",
        ]  # fmt: skip
        for text in ("it's.txt", "name = 'it's.txt'", "metric.m > 1", "nothing = 'a'"):
            assert code_of(names, text) == "INVALID_PARAMETER_VALUE"
        page = client.search_logged_models([experiment], max_results=2)
        rest = client.search_logged_models([experiment], max_results=2, page_token=page.token)
        assert [one.name for one in [*page, *rest]] == ["three", "two", "one"]
        assert not rest.token

    def test_metrics_of_an_unknown_model_are_404(self, client, run):
        assert code_of(client.log_metric, run, "m", 1.0, model_id="m-" + "0" * 32) == (
            "RESOURCE_DOES_NOT_EXIST"
        )

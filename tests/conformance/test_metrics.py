"""Metrics: the whole history, each point once, and which point is the latest."""

import itertools
import math
import threading

import pytest
from mlflow.entities import Metric

from tests.conformance.test_tracking import code_of


def points(client, run, key="m"):
    return [(m.timestamp, m.step, m.value) for m in client.get_metric_history(run, key)]


def post(server, run, **fields):
    body = {"run_id": run, "key": "m", "value": 1.0, "timestamp": 1, **fields}
    return server.post("runs/log-metric", body)


class TestLatest:
    @pytest.mark.parametrize("together", [True, False])
    def test_is_of_the_largest_step_then_time_then_value(self, client, experiment, together):
        best = (3, 20, 5.0)  # step, time, value
        others = [(3, 20, 1.0), (3, 10, 9.0), (2, 30, 8.0), (-1, 99, 7.0)]
        for place in range(len(others) + 1):
            run = client.create_run(experiment).info.run_id
            sent = [*others[:place], best, *others[place:]]
            metrics = [Metric("m", value, time, step) for step, time, value in sent]
            for batch in [metrics] if together else [[metric] for metric in metrics]:
                client.log_batch(run, metrics=batch)
            assert client.get_run(run).data.metrics == {"m": 5.0}

    def test_nan_counts_as_0_where_it_is_compared(self, client, run):
        for value in (-1.0, math.nan):
            client.log_metric(run, "m", value, timestamp=1, step=1)
        assert math.isnan(client.get_run(run).data.metrics["m"])
        client.log_metric(run, "m", 1.0, timestamp=1, step=1)
        assert client.get_run(run).data.metrics["m"] == 1.0

    def test_holds_with_ten_threads_that_write_at_once(self, client, run):
        def write(thread):
            for step in range(thread, 200, 10):
                client.log_batch(run, [Metric("m", float(step), 1_000, step)])

        threads = [threading.Thread(target=write, args=(n,)) for n in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert client.get_run(run).data.metrics == {"m": 199.0}
        assert points(client, run) == [(1_000, step, float(step)) for step in range(200)]


class TestHistory:
    def test_is_ordered_by_time_then_step_then_value(self, client, run):
        sent = list(itertools.product((3, 1, 2), (1, -1, 0), (2.0, 1.0)))
        client.log_batch(run, [Metric("m", value, time, step) for time, step, value in sent])
        assert points(client, run) == sorted(sent)

    def test_a_point_that_comes_again_is_stored_once(self, server, client, run):
        sent = [(time, step, value) for time in (1, 2) for step in (0, 5) for value in (0.5, 1.5)]
        metrics = [Metric("m", value, time, step) for time, step, value in sent]
        client.log_batch(run, metrics + metrics[:3])
        client.log_batch(run, metrics[2:] + [Metric("m", 0.5, 3, 9)])
        for time, step, value in sent:
            client.log_metric(run, "m", value, timestamp=time, step=step)
            assert post(server, run, value=value, timestamp=str(time), step=step).ok
        assert points(client, run) == [*sorted(sent), (3, 9, 0.5)]

    def test_a_nan_that_comes_again_is_stored_once(self, server, client, run):
        for _ in range(2):
            assert post(server, run, value="NaN").ok
        assert len(points(client, run)) == 1

    def test_unknown_keys_have_none(self, client, run):
        assert client.get_metric_history(run, "none") == []

    def test_comes_in_pages_with_a_token_only_if_more_follows(self, server, client, run):
        client.log_batch(run, [Metric("m", float(n), n, n) for n in range(10)])
        found, token = [], ""
        for size in (5, 5):
            query = {"run_id": run, "metric_key": "m", "max_results": size, "page_token": token}
            page = server.call("GET", "metrics/get-history", params=query).json()
            found += [one["value"] for one in page["metrics"]]
            token = page.get("next_page_token", "")
        assert (found, token) == ([float(n) for n in range(10)], "")
        for wrong in ({"max_results": 0}, {"page_token": "no token"}):
            query = {"run_id": run, "metric_key": "m", **wrong}
            assert server.call("GET", "metrics/get-history", params=query).status_code == 400

    def test_is_whole_after_thousands_of_points_at_one_step(self, client, run):
        """Without a step all points are of step 0."""
        for start in range(0, 6_000, 1_000):
            metrics = [Metric("m", float(n), 1_000 + n, 0) for n in range(start, start + 1_000)]
            client.log_batch(run, metrics)
            client.log_batch(run, metrics[:10])
        assert points(client, run) == [(1_000 + n, 0, float(n)) for n in range(6_000)]


class TestValues:
    def test_nan_and_infinity_travel_as_texts(self, server, client, run):
        for key, value in {"n": math.nan, "p": math.inf, "m": -math.inf}.items():
            client.log_metric(run, key, value)
        metrics = client.get_run(run).data.metrics
        assert math.isnan(metrics["n"])
        assert (metrics["p"], metrics["m"]) == (math.inf, -math.inf)
        raw = server.call("GET", "runs/get", params={"run_id": run}).json()["run"]["data"]
        assert {one["value"] for one in raw["metrics"]} == {"NaN", "Infinity", "-Infinity"}

    def test_steps_and_values_of_64_bits(self, client, run):
        for step in (-(2**63), 2**63 - 1, 0):
            client.log_metric(run, "m", 1e308, step=step, timestamp=7)
        assert points(client, run) == [(7, step, 1e308) for step in (-(2**63), 0, 2**63 - 1)]

    def test_whole_numbers_may_come_as_texts(self, server, client, run):
        assert post(server, run, value="1.5", timestamp="12", step="3").ok
        assert points(client, run) == [(12, 3, 1.5)]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"value": None}, {"value": True}, {"value": "x"}, {"value": ""}, {"timestamp": None},
            {"timestamp": -1}, {"timestamp": 1.5}, {"timestamp": 2**63}, {"step": 2**63},
            {"step": "a"}, {"key": None}, {"key": 5},
        ],
    )  # fmt: skip
    def test_wrong_fields_are_400_and_nothing_is_stored(self, server, client, run, wrong):
        answer = post(server, run, **wrong)
        assert (answer.status_code, answer.json()["error_code"]) == (
            400, "INVALID_PARAMETER_VALUE",
        )  # fmt: skip
        good = {"key": "g", "value": 1, "timestamp": 1}
        bad = {"key": "m", "value": 1, "timestamp": 1, **wrong}
        assert server.post("runs/log-batch", {"run_id": run, "metrics": [good, bad]}).status_code
        assert client.get_run(run).data.metrics == {}

    def test_a_metric_of_an_unknown_run_is_404(self, client):
        assert code_of(client.log_metric, "a" * 32, "m", 1.0) == "RESOURCE_DOES_NOT_EXIST"

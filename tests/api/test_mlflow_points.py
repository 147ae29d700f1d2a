"""Points of MLflow's clients: the quick way reads what is usual, the general way all else."""

import json

import pytest

from experiments import reading
from experiments.api.mlflow.points import BatchParser, OneMetricParser, read
from tests import factories

pytestmark = pytest.mark.django_db

POINT = {"key": "loss", "value": 0.5, "timestamp": 1, "step": 0}
M = "/api/2.0/mlflow/runs"


@pytest.mark.parametrize(
    "body",
    [
        {"run_id": "r", "metrics": [POINT]},
        {"run_uuid": "r", "metrics": [POINT], "params": [], "tags": None},
        {"run_id": "r", "run_uuid": "r", "metrics": [{**POINT, "value": "NaN"}, POINT]},
        {"run_id": "r", "metrics": [{**POINT, "step": None, "model_id": None}]},
        {"run_id": "r", "metrics": [{"key": "é", "value": 1, "timestamp": 1}]},
        {"run_id": "r", "metrics": [{**POINT, "model_id": ""}]},
    ],
)
def test_what_clients_send_is_read_the_quick_way(body):
    text = json.dumps(body, indent=2, ensure_ascii=False).encode()

    assert read(BatchParser.decoder, text).run_id == "r"


@pytest.mark.parametrize("escaped", ["loss", "l\\u006fss"])
@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("log-metric", '{"run_id": "RUN", "key": "KEY", "value": 1, "timestamp": 1, "value": 2}'),
        ("log-metric", '{"run_id": "RUN", "key": "a", "value": 1, "timestamp": 1, "key": "KEY"}'),
        ("log-metric", '{"run_id": "", "run_id": "RUN", "key": "KEY", "value": 1, "timestamp": 1}'),
        ("log-batch", '{"run_id": "RUN", "metrics": [], "metrics": [METRIC]}'),
        ("log-batch", '{"run_id": "RUN", "metrics": [METRIC, {"step": 1, "step": 2, REST}]}'),
        ("log-batch", '{"run_id": "RUN", "metrics": [METRIC], "other": {"a": 1, "a": 2}}'),
    ],
)  # fmt: skip
def test_a_key_given_twice_is_refused_as_everywhere(lab, escaped, address, body):
    run = factories.make_run(lab.project)
    rest = '"key": "KEY", "value": 1, "timestamp": 1'
    body = body.replace("METRIC", f"{{{rest}}}").replace("REST", rest)
    body = body.replace("RUN", run.pk).replace("KEY", escaped)

    answer = lab.member.generic("POST", f"{M}/{address}", body, "application/json")

    assert answer.status_code == 400
    assert "twice" in answer.json()["message"]
    assert not reading.series_keys([run.pk]).get(run.pk)


def test_one_point_of_a_client_is_read_the_quick_way():
    assert read(OneMetricParser.decoder, json.dumps({"run_id": "r", **POINT}).encode())

"""What the pages of trackers ask their servers for, and what is in the answers."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import peer_data as data
import urllib3

CONNECTIONS = 6  # of a browser to one server
OURS = "metascope"
TIME_SERIES = "/data/plugin/timeseries/timeSeries"
STATUSES = ("STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING")


@dataclass
class Connection:
    """Of a client to a server: asks, and counts the bytes that came."""

    address: str
    headers: dict[str, str] = field(default_factory=dict)
    came: int = 0
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=CONNECTIONS)
    )

    def ask(self, method: str, path: str, **sent: Any) -> bytes:
        headers = {"Accept-Encoding": "gzip, deflate", **self.headers}
        answer = self.pool.request(
            method,
            self.address + path,
            headers=headers,
            preload_content=False,
            redirect=False,
            **sent,
        )
        raw = answer.read(decode_content=False)
        assert answer.status == 200, (answer.status, raw[:500])
        self.came += len(raw)
        if answer.headers.get("Content-Encoding") == "gzip":
            return urllib3.response.GzipDecoder().decompress(raw)
        return raw


# Charts: from an answer to each run's largest value and last step.


def metascope_curves(answer: bytes) -> list[tuple[float, int]]:
    return [
        (max(x for x in one["high"] if x is not None), one["last_step"])
        for one in json.loads(answer)["results"]
    ]


def trackio_curves(answer: bytes) -> list[tuple[float, int]]:
    return [
        (max(row[data.KEY] for row in one["logs"]), max(row["step"] for row in one["logs"]))
        for one in json.loads(answer)["data"]
    ]


def mlflow_curves(answer: bytes) -> list[tuple[float, int]]:
    found: dict[str, tuple[float, int]] = {}
    for row in json.loads(answer)["metrics"]:
        most, last = found.get(row["run_id"], (row["value"], 0))
        found[row["run_id"]] = (max(most, row["value"]), max(last, row["step"]))
    return list(found.values())


def tensorboard_curves(answer: bytes) -> list[tuple[float, int]]:
    series = json.loads(answer)[0].get("runToSeries", {}).values()
    return [(max(row["value"] for row in one), one[-1]["step"]) for one in series]


CURVES = {
    OURS: metascope_curves, "trackio": trackio_curves,
    "mlflow": mlflow_curves, "tensorboard": tensorboard_curves,
}  # fmt: skip


def draw_trackio(connection: Connection) -> bytes:
    """The project's runs, then the points of up to 64 of them at once."""
    runs = trackio_runs(connection)
    named = [{"run": run["name"], "run_id": run["id"]} for run in runs]
    for first in range(0, len(named), 64):
        asked = {"project": data.PROJECT, "runs": named[first : first + 64], "scalar_only": True}
        answer = connection.ask("POST", "/api/get_logs_batch", json=asked)
    return answer


def trackio_runs(connection: Connection) -> list[dict[str, Any]]:
    answer = connection.ask("POST", "/api/get_runs_for_project", json={"project": data.PROJECT})
    found: list[dict[str, Any]] = json.loads(answer)["data"]
    return found


def draw_mlflow(connection: Connection, ids: list[str]) -> bytes:
    """Up to 320 points of each of up to 100 runs."""
    asked = [("run_ids", one) for one in ids[:100]]
    asked += [("metric_key", data.KEY), ("max_results", "320")]
    address = f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{urlencode(asked)}"
    return connection.ask("GET", address)


def draw_tensorboard(connection: Connection) -> bytes:
    """The "Time Series" tab, with one request a tag."""
    asked = json.dumps([{"plugin": "scalars", "tag": data.KEY}])
    return connection.ask("POST", TIME_SERIES, fields={"requests": asked})


# Tables: a filter by a param and a metric, sorted by another metric, where the tracker has that.


def search_mlflow(connection: Connection) -> bytes:
    where = f"params.model = '{data.MODEL}' and metrics.`{data.FILTERED}` > {data.LEAST}"
    order = [f"metrics.`{data.SORTED}` ASC"]
    asked = {"experiment_ids": ["1"], "filter": where, "order_by": order, "max_results": 100}
    return connection.ask("POST", "/ajax-api/2.0/mlflow/runs/search", json=asked)


def search_tensorboard(connection: Connection) -> bytes:
    """The "HParams" tab."""
    columns = [
        {"hparam": "model", "filterDiscrete": [data.MODEL]},
        {"metric": {"tag": data.FILTERED, "group": ""},
         "filterInterval": {"minValue": data.LEAST, "maxValue": 1e9}},
        {"metric": {"tag": data.SORTED, "group": ""}, "order": "ORDER_ASC"},
    ]  # fmt: skip
    asked = {
        "experimentName": "", "allowedStatuses": STATUSES, "colParams": columns,
        "startIndex": 0, "sliceSize": 100,
    }  # fmt: skip
    return connection.ask("POST", "/data/plugin/hparams/session_groups", json=asked)


def list_trackio(connection: Connection) -> bytes:
    """All runs: the summary of each by itself, since the page has neither filter nor pages."""

    def summary(run: dict[str, Any]) -> bytes:
        asked = {"project": data.PROJECT, "run": run["name"], "run_id": run["id"]}
        return connection.ask("POST", "/api/get_run_summary", json=asked)

    connection.ask("POST", "/api/get_project_summary", json={"project": data.PROJECT})
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        answers = list(threads.map(summary, trackio_runs(connection)))
    return answers[-1]


SEARCHES = {"mlflow": search_mlflow, "tensorboard": search_tensorboard, "trackio": list_trackio}

"""Metrics over REST: what is accepted, refused with what words, and read back."""

import numpy as np
import pytest

from experiments import access, folding, reading, recording
from experiments.models import MetricBatch, Role, Series
from experiments.shapes import SeriesPoints
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return factories.make_run()


def headers_of(name, role=Role.MEMBER, workspace="lab"):
    factories.make_workspace(workspace, **{name: role})
    _, token = access.create_token(user=factories.make_user(name), name="test")
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def headers(run):
    return headers_of("ada")


@pytest.fixture
def post(client, run, headers):
    def send(body, expected=200):
        answer = client.post(
            f"/api/v1/runs/{run.id}/metrics/", body, "application/json", headers=headers
        )
        assert answer.status_code == expected, answer.json()
        return answer.json()

    return send


@pytest.fixture
def get(client, run, headers):
    def fetch(path, expected=200, **query):
        answer = client.get(path.replace("RUN", run.id), query, headers=headers)
        assert answer.status_code == expected, answer.json()
        return answer.json()

    return fetch


def columns(**changes):
    one = {"key": "loss", "steps": [0, 1], "times": [10.5, 11.0], "values": [1.5, 0.5], **changes}
    return {"client": "box-1", "number": 0, "series": [one]}


def test_columns_are_stored_and_read_back(post, get):
    body = columns(steps=[0, 1, 2**63 - 1], times=[1, 2, 3], values=[1.5, "nan", "-inf"])
    assert post(body) == {"points": 3, "series": 1, "duplicate": False}
    points = get("/api/v1/runs/RUN/metrics/points/", key="loss")
    assert points["results"] == [
        {"step": 0, "time": 1.0, "value": 1.5},
        {"step": 1, "time": 2.0, "value": "nan"},
        {"step": 2**63 - 1, "time": 3.0, "value": "-inf"},
    ]
    (summary,) = get("/api/v1/runs/RUN/metrics/")["results"]
    assert (summary["last"], summary["least"], summary["nonfinite"]) == ("-inf", 1.5, 2)
    (curve,) = get("/api/v1/runs/RUN/series/", keys="loss")["results"]
    assert curve["mean"] == [1.5, None, None]
    assert curve["bad"] == [{"step": 1, "kind": "nan"}, {"step": 2**63 - 1, "kind": "-inf"}]


def test_rows_are_stored_with_the_time_of_acceptance(post, get):
    rows = [
        {"key": "loss", "step": 1, "value": 2},
        {"key": "accuracy", "step": 1, "value": 0.5, "time": 7},
        {"key": "loss", "step": 0, "value": "inf"},
    ]
    body = {"client": "c", "number": 3, "points": rows}
    assert post(body) == {"points": 3, "series": 2, "duplicate": False}
    points = get("/api/v1/runs/RUN/metrics/points/", key="loss")["results"]
    assert [(p["step"], p["value"]) for p in points] == [(0, "inf"), (1, 2.0)]
    assert all(p["time"] > 1e9 for p in points)
    assert post(body)["duplicate"] is True  # though the time of acceptance would be another


def test_a_repeat_is_a_no_op_and_other_content_a_conflict(post, run):
    post(columns())
    assert post(columns())["duplicate"] is True
    folding.fold_run(run.id)
    assert post(columns())["duplicate"] is True
    error = post(columns(values=[1.5, 0.25]), expected=409)["error"]
    assert error["code"] == "batch_number_used"
    assert error["fields"]["points"] == ["2"]  # of the content that is known
    assert Series.objects.get(run=run).count == 2


STEP_RANGE = f"use a whole number from {-(2**63)} to {2**63 - 1}."
BAD = [
    (columns(steps=[0, True]), "series[0].steps[1]", f"is True; {STEP_RANGE}"),
    (columns(steps=[0, 1.5]), "series[0].steps[1]", f"is 1.5; {STEP_RANGE}"),
    (columns(steps=[0, "1"]), "series[0].steps[1]", f"is '1'; {STEP_RANGE}"),
    (columns(steps=[0, None]), "series[0].steps[1]", f"is missing; {STEP_RANGE}"),
    (columns(steps=[0, 1e300]), "series[0].steps[1]", f"is 1e+300; {STEP_RANGE}"),
    (columns(steps=[0, 2**63]), "series[0].steps[1]", "Is out of range"),
    (columns(steps=[0]), "series[0]", "1 steps, 2 times and 2 values"),
    (columns(steps=[], times=[], values=[]), "series[0].steps", "list of 1 to 100000"),
    (columns(steps="01"), "series[0].steps", "list of 1 to 100000"),
    (columns(times=[0, -1]), "series[0].times[1]", "is -1; use seconds"),
    (columns(times=[1.7e12, 0]), "series[0].times[0]", "not milliseconds"),
    (columns(times=[0, "now"]), "series[0].times[1]", "is 'now'; use seconds"),
    (columns(times=[True, 0]), "series[0].times[0]", "is True; use seconds"),
    (columns(values=[0, "NaN"]), "series[0].values[1]", "use a number, or"),
    (columns(values=[0, None]), "series[0].values[1]", "is missing; use a number"),
    (columns(values=[False, 1]), "series[0].values[0]", "is False; use a number"),
    (columns(values=[[], 1]), "series[0].values[0]", "use a number"),
    (columns(key=""), "series[0].key", "1 to 250 characters"),
    (columns(key="x" * 251), "series[0].key", "1 to 250 characters"),
    (columns(key=7), "series[0].key", "1 to 250 characters"),
    (columns(key="a\nb"), "series[0].key", "control characters"),
    (columns(key="a\0b"), "series[0].key", "NUL"),
    (columns(unit="s"), "series[0].unit", "is not known"),
    ({**columns(), "number": -1}, "number", "whole number from 0"),
    ({**columns(), "number": 1.5}, "number", "whole number from 0"),
    ({**columns(), "client": "a b"}, "client", "visible ASCII"),
    ({**columns(), "client": "job-1"}, "client", "workers' own"),
    ({**columns(), "note": 1}, "note", "is not known"),
    ({"series": columns()["series"]}, "client", "sent again count once"),
    ({"client": "c", "series": []}, "number", "is required"),
    ({"client": "c", "number": 0}, "series", "give either"),
    ({"client": "c", "number": 0, "series": []}, "series", "list of 1 to 1000"),
    ({**columns(), "series": columns()["series"] * 2}, "series[1].key", "key of series[0] too"),
    ({"client": "c", "number": 0, "points": [7]}, "points[0]", "use an object"),
    (
        {"client": "c", "number": 0, "points": [{"key": "a", "step": 0}]},
        "points[0].value",
        "is missing; use a number",
    ),
    (
        {"client": "c", "number": 0, "points": [{"key": "a", "step": 0.5, "value": 1}]},
        "points[0].step",
        "is 0.5",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "field", "words"), BAD)
def test_bad_input_names_its_place_and_stores_nothing(post, run, body, field, words):
    error = post(body, expected=400)["error"]
    ((place, messages),) = error["fields"].items()
    assert place == field
    assert words in messages[0]
    assert not MetricBatch.objects.exists()
    assert not Series.objects.exists()


@pytest.mark.parametrize("body", [[], 7, "x", None])
def test_a_body_that_is_no_object_is_refused(post, body):
    assert post(body, expected=400)["error"]["code"] in ("invalid_points", "malformed_json")


def test_a_batch_over_the_limits_is_refused_whole(post):
    half = {"steps": list(range(50_001)), "values": [0] * 50_001}
    body = {"client": "c", "number": 0, "series": [{"key": k, **half} for k in "ab"]}
    assert "at most 100000" in post(body, expected=400)["error"]["message"]
    many = [{"key": str(i), "steps": [0], "values": [0]} for i in range(1001)]
    post({"client": "c", "number": 0, "series": many}, expected=400)
    assert not MetricBatch.objects.exists()


def test_curves_of_several_runs(client, get, run):
    other = factories.make_run(run.project)
    for number, one in enumerate((run, other)):
        points = SeriesPoints("a,b", np.arange(5), np.zeros(5), np.full(5, float(number)))
        recording.record(run_id=one.id, client="c", number=0, series=[points])
    query = {"runs": f"{other.id},{run.id}", "key": "a,b", "width": 2, "last_step": 3}
    first, second = get("/api/v1/series/", **query)["results"]
    assert (first["run"], first["mean"], first["counts"]) == (other.id, [1.0, 1.0], [2, 2])
    assert (second["run"], second["mean"], second["steps"]) == (run.id, [0.0, 0.0], [1, 3])


def test_points_come_in_pages(client, get, run, headers):
    points = SeriesPoints("loss", np.zeros(7, np.int64), np.zeros(7), np.arange(7.0))
    recording.record(run_id=run.id, client="c", number=0, series=[points])
    values, url = [], f"/api/v1/runs/{run.id}/metrics/points/?key=loss&limit=3"
    while url:
        page = client.get(url, headers=headers).json()
        values += [point["value"] for point in page["results"]]
        url = page["next"]
    assert values == list(range(7))


def test_summaries_come_in_pages(get, run):
    for key in "cab":
        recording.record(
            run_id=run.id, client=key, number=0,
            series=[SeriesPoints(key, np.zeros(1, np.int64), np.zeros(1), np.zeros(1))],
        )  # fmt: skip
    page = get("/api/v1/runs/RUN/metrics/", limit=2)
    assert [row["key"] for row in page["results"]] == ["c", "a"]
    assert page["next"] is not None


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/api/v1/runs/RUN/series/", {}, "keys"),
        ("/api/v1/runs/RUN/series/", {"keys": "a", "width": "0"}, "width"),
        ("/api/v1/runs/RUN/series/", {"keys": "a", "width": "1e3"}, "width"),
        ("/api/v1/runs/RUN/series/", {"keys": "a", "first_step": str(2**63)}, "first_step"),
        ("/api/v1/runs/RUN/series/", {"keys": "a", "last_step": "x"}, "last_step"),
        ("/api/v1/runs/RUN/metrics/points/", {}, "key"),
        ("/api/v1/runs/RUN/metrics/points/", {"key": "a", "limit": "10001"}, "limit"),
        ("/api/v1/runs/RUN/metrics/points/", {"key": "a", "after": "x"}, "after"),
        ("/api/v1/runs/RUN/metrics/points/", {"key": "a", "after": "0:-1"}, "after"),
        ("/api/v1/series/", {"keys": "a"}, "runs"),
    ],
)
def test_bad_queries_name_the_parameter(get, path, query, field):
    assert list(get(path, expected=400, **query)["error"]["fields"]) == [field]


def test_unknown_series_are_empty(get):
    assert get("/api/v1/runs/RUN/metrics/points/", key="x") == {"results": [], "next": None}
    assert get("/api/v1/runs/RUN/series/", keys="x") == {"results": []}


def test_who_may(client, run):
    url = f"/api/v1/runs/{run.id}/metrics/"
    viewer = headers_of("vera", Role.VIEWER)
    stranger = headers_of("sam", workspace="elsewhere")

    def post(who):
        return client.post(url, columns(), "application/json", headers=who).status_code

    assert [post(None), post(viewer), post(stranger)] == [401, 403, 404]
    assert client.get(url, headers=viewer).status_code == 200
    answer = client.get(f"/api/v1/series/?runs={run.id}&keys=loss", headers=stranger)
    assert answer.status_code == 404
    assert reading.series_keys([run.id]) == {run.id: []}

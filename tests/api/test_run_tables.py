"""/runs/groups/ and /runs/export/: shapes, what is refused, and CSV that is exact and harmless."""

import csv
import io
import math

import numpy as np
import pytest

from experiments import recording, run_export
from experiments.shapes import SeriesPoints
from tests import factories
from tests.api.conftest import error_of


def made(lab, name, losses=(), **fields):
    run = factories.make_run(lab.project, name, **fields)
    if losses:
        steps = np.arange(len(losses))
        points = SeriesPoints("loss", steps, np.zeros(len(losses)), np.array(losses, float))
        recording.record(run_id=run.pk, client="c", number=0, series=[points])
    return run


@pytest.fixture
def runs(lab):
    return [
        made(lab, "a", [3.0, 1.0], params={"lr": 0.1, "seed": 0}),
        made(lab, "b", [3.0, 2.0], params={"lr": 0.1, "seed": 1}, status="failed"),
        made(lab, "c", [0.5, float("nan")], params={"lr": 0.2, "seed": 0}),
    ]


def groups(client, query):
    return client.get(f"/api/v1/runs/groups/?project=lab/sinusoid&{query}")


def test_groups_come_with_their_numbers(lab, runs):
    query = "by=params.lr&column=metrics.loss&column=params.seed&sort=metrics.loss"
    answer = groups(lab.viewer, query).json()

    first, second = answer["results"]
    assert answer["next"] is None
    assert first == {
        "run": runs[0].pk,
        "values": ["0.1"],
        "runs": 2,
        "run_ids": [runs[1].pk, runs[0].pk],
        "statuses": {"failed": 1, "running": 1},
        "metrics": {
            "metrics.loss": {"mean": 1.5, "sd": math.sqrt(0.5), "count": 2, "nonfinite": 0}
        },
        "held": {"params.seed": ["0", "1"]},
    }
    assert second["metrics"]["metrics.loss"] == {
        "mean": None, "sd": None, "count": 0, "nonfinite": 1,
    }  # fmt: skip


def test_pages_of_groups_join_and_the_filter_narrows_them(lab, runs):
    first = groups(lab.viewer, "by=seedless&limit=1&sort=runs").json()
    second = lab.viewer.get(first["next"]).json()

    assert [first["results"][0]["runs"], second["results"][0]["runs"]] == [1, 2]
    assert second["next"] is None
    assert groups(lab.viewer, "by=group&filter=seed=9").json()["results"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "by"),
        ("by=metrics.loss", "by"),
        ("by=group&sort=duration", "sort"),
        ("by=group&column=status", "column"),
        ("by=group&archived=all", "archived"),
        ("by=group&filter=lr+%3D", "filter"),
        ("by=group&limit=0", "limit"),
        ("by=group&cursor=IngiCg", "cursor"),
    ],
)
def test_groups_that_cannot_be_asked_for_are_refused_by_name(lab, query, field):
    answer = groups(lab.viewer, query)

    assert answer.status_code == 400
    assert field in error_of(answer)["fields"]


def exported(client, query=""):
    answer = client.get(f"/api/v1/runs/export/?project=lab/sinusoid&{query}")
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode()
    return list(csv.reader(io.StringIO(text)))


def test_the_export_holds_every_run_found_in_order_with_exact_values(lab, runs, monkeypatch):
    monkeypatch.setattr(run_export, "AT_ONCE", 2)
    made(lab, "d", [0.1 + 0.2], params={"lr": 1e-7, "deep": {"on": True}, "n": 2**60})

    columns = "&".join(
        f"column={name}"
        for name in ("status", "params.lr", "params.deep.on", "params.n", "metrics.loss",
                     "metrics.loss(min)")
    )  # fmt: skip
    head, *lines = exported(lab.viewer, f"{columns}&sort=metrics.loss")

    assert head == ["id", "name", "status", "params.lr", "params.deep.on", "params.n",
                    "metrics.loss", "metrics.loss(min)", "metrics.loss(min) step"]  # fmt: skip
    assert [line[1:] for line in lines] == [
        ["d", "running", "1e-07", "true", str(2**60), repr(0.1 + 0.2), repr(0.1 + 0.2), "0"],
        ["a", "running", "0.1", "", "", "1.0", "1.0", "1"],
        ["b", "failed", "0.1", "", "", "2.0", "2.0", "1"],
        ["c", "running", "0.2", "", "", "nan", "0.5", "0"],
    ]
    assert [line[1] for line in exported(lab.viewer, "filter=params.lr=0.2")[1:]] == ["c"]


def test_an_export_of_no_named_columns_has_all_of_them(lab, runs):
    head, *lines = exported(lab.viewer)

    assert head[:4] == ["id", "name", "number", "status"]
    assert {"params.lr", "params.seed", "metrics.loss"} <= set(head)
    assert len(lines) == 3


def test_text_that_a_spreadsheet_would_run_is_made_harmless(lab):
    text = '=HYPERLINK("http://x.test","a, b")\n+1'
    made(lab, "@run", group="-1+1", params={"=key": text, "neg": -3}, tags=["+t"])

    columns = "column=params.%3Dkey&column=params.neg&column=group&column=tags"
    head, line = exported(lab.viewer, columns)

    assert head[2] == "params.=key"
    assert line[1:] == ["'@run", f"'{text}", "-3", "'-1+1", "'+t"]


def test_a_long_param_is_exported_whole(lab):
    text = "x" * 4_000
    made(lab, "a", params={"net.arch": {"note": text}})

    assert exported(lab.viewer, "column=params.net.arch.note")[1][2] == text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("column=colour", "column"),
        ("column=tags.x", "column"),
        ("sort=colour", "sort"),
        ("archived=maybe", "archived"),
        ("filter=lr+%3D", "filter"),
    ],
)
def test_an_export_that_cannot_be_made_is_refused_before_its_first_line(lab, query, field):
    answer = lab.viewer.get(f"/api/v1/runs/export/?project=lab/sinusoid&{query}")

    assert answer.status_code == 400
    assert field in error_of(answer)["fields"]


def test_projects_of_others_are_not_found(lab):
    for name in ("groups/?by=group&", "export/?"):
        answer = lab.stranger.get(f"/api/v1/runs/{name}project=lab/sinusoid")
        assert answer.status_code == 404
        assert "project" in error_of(answer)["fields"]

"""Curves, Plotly figures and SVG that runs logged: what is drawn of them, and that strangers' files
do nothing else."""

import base64
import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from django.test import Client

from dashboard.media.plotly_figures import drawn_figure
from experiments.models import Role, Run
from tests.dashboard.media_files import put
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>parent.hacked = 1</script></svg>'
LINK = "<a href='https://evil.example'>free</a> <b>x</b><br>y"


@pytest.fixture
def ada(client: Client) -> Client:
    make_workspace("lab", ada=Role.VIEWER)
    client.force_login(make_user("ada"))
    return client


def put_curve(run: Run, step: int, y: list[Any], **titles: str) -> None:
    content = {"x": [0, 0.5, 1], "y": y, "x_title": "recall", "y_title": "precision", **titles}
    put(run, f"curve/pr/{step:012}.curve.json", content)


def curves(client: Client, runs: list[Run], extra: str = "") -> Any:
    names = ",".join(run.pk for run in runs)
    answered = client.get(f"/compare/charts/media-curve/?runs={names}&curve=pr{extra}")
    assert answered.status_code == 200, answered.content
    return answered.json()


def figure(client: Client, run: Run, content: Any) -> Any:
    put(run, "figure/f/000000000001.plotly.json", content)
    there = "media/figure/f/000000000001.plotly.json"
    answered = client.get(f"/runs/{run.pk}/files/figure/?path={there}")
    assert answered.status_code == 200, answered.content
    return answered.json()


def test_curves_of_compared_runs_are_lines_of_one_chart_each_at_its_nearest_step(ada: Client):
    runs = [make_run(name="first"), make_run(name="second")]
    put_curve(runs[0], 100, [1, 0.8, 0])
    put_curve(runs[1], 80, [1, "nan", 0])
    put_curve(runs[1], 400, [0, 0, 0])

    body = curves(ada, runs, "&mstep=100")

    first, second = body["figure"]["data"]
    assert (first["name"], first["y"]) == ("A first", [1, 0.8, 0])
    assert second["y"] == [1, None, 0]
    assert body["figure"]["layout"]["xaxis"]["title"]["text"] == "recall"
    assert body["note"] == "A step 100; B step 80."
    assert [one["name"] for one in body["legend"]] == ["A first", "B second"]


@pytest.mark.parametrize(
    "y", [["nan", "inf", "nan"], [1, 2], "no list", [1e300, 1e300, 1e300], [[1], [2], [3]]]
)
def test_a_curve_without_points_says_so(ada: Client, y: Any):
    run = make_run()
    put_curve(run, 1, y)

    body = curves(ada, [run])

    assert body["figure"] is None
    assert "not drawn: no " in body["empty"]


def test_titles_of_curves_are_text(ada: Client):
    run = make_run()
    put_curve(run, 1, [1, 2, 3], x_title=LINK)

    title = curves(ada, [run])["figure"]["layout"]["xaxis"]["title"]["text"]

    assert title.startswith("&lt;a href=")


def test_the_media_tab_shows_every_kind_of_one_run(ada: Client):
    run = make_run()
    put_curve(run, 1, [1, 2, 3])
    put(run, "figure/f/000000000001.plotly.json", go.Figure(go.Bar(y=[1])).to_json().encode())
    put(run, "image/drawn/000000000002.svg", SVG)
    put(run, "text/note/000000000001.txt", b"<script>1</script>")

    page = ada.get(f"/runs/{run.pk}/?tab=media").content.decode()
    found = ada.get(f"/runs/{run.pk}/?tab=media&media=curve&mstep=1").content.decode()

    assert "4 names, at step 2" in page
    assert "/compare/charts/media-curve/?runs=" in page
    assert f"/runs/{run.pk}/files/figure/?path=media/figure/f/000000000001.plotly.json" in page
    assert f'<img src="/runs/{run.pk}/files/drawing/?path=media/image/drawn/' in page
    assert "&lt;script&gt;1&lt;/script&gt;" in page
    assert "Over the baseline" not in page
    assert f'action="/runs/{run.pk}/"' in page
    assert '<input type="hidden" name="tab" value="media">' in page
    assert "1 of 4 names, at step 1" in found
    assert "note" not in found[found.index("1 of 4 names") : found.index("media-chart")]


def test_a_run_without_media_says_how_they_come(ada: Client):
    page = ada.get(f"/runs/{make_run().pk}/?tab=media").content.decode()

    assert "No media yet" in page
    assert "run.log_image(" in page


def test_an_svg_is_a_picture_that_runs_and_fetches_nothing(ada: Client):
    run = make_run()
    put(run, "image/x/000000000001.svg", SVG)
    put(run, "text/x/000000000001.svg", SVG)
    put(run, "image/x/000000000002.svg", b'<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>')
    put(run, "image/x/000000000003.svg", b"<html></html>")
    there = f"/runs/{run.pk}/files/drawing/?path=media/"

    answer = ada.get(f"{there}image/x/000000000001.svg")

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer["X-Content-Type-Options"] == "nosniff"
    for other in ("text/x/000000000001", "image/x/000000000002", "image/x/000000000003"):
        assert ada.get(f"{there}{other}.svg").status_code == 404


def test_a_plotly_figure_is_drawn_in_our_style_from_its_data(ada: Client):
    given = go.Figure(
        [go.Scatter(x=np.arange(3), y=[1.0, np.nan, 3.0], name="one"), go.Bar(y=[1, 2])],
        {"title": "A <b>figure</b>", "xaxis": {"title": "epoch", "type": "log"}},
    )

    body = figure(ada, make_run(), given.to_json().encode())

    first, second = body["figure"]["data"]
    assert (first["x"], first["y"]) == ([0, 1, 2], [1.0, None, 3.0])
    assert (first["type"], second["type"]) == ("scatter", "bar")
    assert first["line"]["color"] == "var(--run-1)"
    assert second["marker"]["color"] == "var(--run-2)"
    layout = body["figure"]["layout"]
    assert (layout["xaxis"]["title"]["text"], layout["xaxis"]["type"]) == ("epoch", "log")
    assert layout["paper_bgcolor"] == "rgba(0,0,0,0)"
    assert layout["template"] is None
    assert body["note"] == "A figure"
    assert [one["name"] for one in body["legend"]] == ["one", "trace 2"]


def test_what_a_figure_could_fetch_or_link_to_is_left_out(ada: Client):
    hostile = {
        "data": [
            {
                "type": "scatter", "y": [1, 2], "name": LINK, "text": [LINK, LINK],
                "hovertemplate": LINK, "marker": {"color": "url(https://evil.example)"},
                "customdata": [1], "xaxis": "x<script>", "unknown": {"a": 1},
            }
        ],
        "layout": {
            "images": [{"source": "https://evil.example/x.png"}],
            "updatemenus": [{"buttons": []}], "sliders": [{}], "template": {"layout": {}},
            "annotations": [{"text": LINK, "x": 0, "y": "a"}, "no annotation"],
            "xaxis": {"title": {"text": LINK}}, "map": {"style": "https://evil.example"},
        },
        "frames": [{"data": []}], "config": {"plotlyServerURL": "https://evil.example"},
    }  # fmt: skip

    body = figure(ada, make_run(), hostile)

    assert set(body["figure"]) == {"data", "layout"}
    text = json.dumps(body["figure"])
    assert "<a " not in text
    assert "url(" not in text
    assert "evil.example/x.png" not in text
    for left_out in ("hovertemplate", "images", "updatemenus", "sliders", "map", "customdata"):
        assert f'"{left_out}"' not in text
    (trace,) = body["figure"]["data"]
    assert trace["name"] == "&lt;a href='https://evil.example'>free&lt;/a> <b>x</b><br>y"
    assert "xaxis" not in trace
    assert trace["marker"]["color"] == "var(--run-1)"
    assert "Its frames are not drawn." in body["note"]


def packed(values: Any, dtype: str) -> dict[str, str]:
    return {"dtype": dtype, "bdata": base64.b64encode(np.array(values, dtype).tobytes()).decode()}


def test_packed_columns_are_opened_and_values_that_are_not_finite_are_gaps():
    data = [
        {"x": packed([1, 2], "i2"), "y": packed([1.5, np.inf], "f8")},
        {"type": "heatmap", "z": {**packed([1, 2, 3, 4], "u1"), "shape": "2, 2"}},
    ]

    found = drawn_figure(json.dumps({"data": data}).encode()).figure["data"]

    assert (found[0]["x"], found[0]["y"]) == ([1, 2], [1.5, None])
    assert found[1]["z"] == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[" * 50_000, "no JSON"),
        ({"data": "x"}, "no Plotly figure"),
        ({"data": [1]}, "no Plotly figure"),
        ({"data": [{"type": "surface", "z": [[1]]}]}, "no trace of a kind that is drawn here"),
        ({"data": [{"type": ["bar"]}]}, "no trace of a kind"),
        ({"data": [{"y": 3}]}, "y: no list"),
        ({"data": [{"y": {"dtype": "O", "bdata": "AA=="}}]}, "y: no packed column"),
        ({"data": [{"y": {"dtype": "f8", "bdata": "???"}}]}, "y: no packed column"),
        ({"data": [{"y": {"dtype": "f8", "bdata": "AAAA"}}]}, "y: no packed column"),
        ({"data": [{"type": "heatmap", "z": [1, 2]}]}, "z: no list"),
        ({"data": [{"y": [0] * 200_001}]}, "y: more than 200,000 values"),
    ],
)
def test_a_figure_of_another_shape_is_not_drawn_and_says_why(ada: Client, content: Any, why: str):
    body = figure(ada, make_run(), content)

    assert body["figure"] is None
    assert body["empty"].startswith("Not drawn: ")
    assert why in body["empty"]


def test_only_figures_that_were_logged_as_such_are_drawn(ada: Client):
    run = make_run()
    put(run, "text/f/000000000001.plotly.json", {"data": [{"y": [1]}]})

    answer = ada.get(f"/runs/{run.pk}/files/figure/?path=media/text/f/000000000001.plotly.json")

    assert answer.status_code == 404


def test_media_of_foreign_runs_are_not_found(ada: Client):
    foreign = make_run(make_project(make_workspace("other"), "theirs"))
    put_curve(foreign, 1, [1, 2, 3])

    for address in (
        f"/runs/{foreign.pk}/?tab=media",
        f"/runs/{foreign.pk}/files/drawing/?path=x",
        f"/runs/{foreign.pk}/files/figure/?path=x",
        f"/compare/charts/media-curve/?runs={foreign.pk}&curve=pr",
    ):
        assert ada.get(address).status_code == 404

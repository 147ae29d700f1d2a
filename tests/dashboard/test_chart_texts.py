"""Names and values of strangers are no markup in charts: Plotly makes links of <a href=...>."""

import json

import numpy as np

from dashboard.charts import theme
from dashboard.charts.drawing import Label, draw
from dashboard.charts.episode_scatter import EpisodePairs, episode_scatter
from dashboard.charts.layer_norms import layer_heat
from dashboard.charts.relations import Dot, Line, parallel, scatter

LINK = '<a href="https://evil.example">x</a>'


def markup(figure) -> str:
    """The figure as its page gets it, without what its templates mark on purpose."""
    return json.dumps(figure.to_plotly_json(), default=str)


def test_a_value_that_is_a_text_is_no_link_at_its_tick():
    figure = scatter([Dot("a", 1, LINK, 1.0, "r1"), Dot("b", 2, "plain", 2.0, "r2")], x=LINK, y="y")

    axis = figure.layout.xaxis
    assert axis.tickvals == (LINK, "plain")  # as a drag's filter needs it
    assert axis.ticktext == (LINK.replace("<", "&lt;"), "plain")
    assert "<a" not in axis.title.text
    assert "<a" not in figure.data[0].text[0]
    assert "%{x}" not in figure.data[0].hovertemplate


def test_names_of_axes_and_runs_are_no_links():
    lines = [Line(LINK, "red", ["k", LINK]), Line("b", "blue", ["l", "m"])]

    assert "<a" not in markup(parallel([LINK, "b"], lines))


def test_names_of_compared_runs_are_no_links():
    values = np.array([1.0, 2.0])
    pairs = EpisodePairs(
        names=(LINK, "%{customdata}"), slots=(1, 2), metric="loss", ids=("e1", "e2"),
        a=values, b=values[::-1],
    )  # fmt: skip

    assert "<a" not in markup(episode_scatter(pairs))
    templates = [trace.hovertemplate or "" for trace in episode_scatter(pairs).data]
    assert not any("%{customdata}" in text for text in templates)


def test_layers_that_a_script_names_are_no_links():
    figure = layer_heat([LINK], np.arange(2), np.ones((1, 2)), [None])

    assert "<a" not in figure.layout.yaxis.ticktext[0]


def test_pictures_show_titles_as_they_are():
    figure = theme.figure([theme.line(np.arange(2), np.arange(2.0), color="red", name="n")],
                          x={"title": "a < b & c"})  # fmt: skip

    drawing = draw(figure.to_plotly_json())
    assert "a < b & c" in [shape.text for shape in drawing.shapes if isinstance(shape, Label)]

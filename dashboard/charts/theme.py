"""The house style of figures: tokens instead of colours, one layout.

Colours are CSS variables, resolved by js/charts.js when it draws: "var(--run-1)", or with an alpha
"var(--run-1/0.2)" or "var(--run-1/--chart-band)". A theme change so redraws without the server.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from dashboard.charts.texts import plain

DASHES = ("solid", "6px,3px", "2px,2px", "9px,3px,2px,3px", "12px,4px", "dot")
MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "star")
LINE_WIDTH = 2
LINE_WIDTH_OF_MANY = 1  # a hairline: canvases stroke wider ones several times as slowly
RUN_SLOTS = 10  # a run's own; a second shade of each follows them in tokens.css
HOVER = "<b>%{y:.4~g}</b>"


def run_color(slot: int, alpha: float | str | None = None) -> str:
    """The token of a run's colour slot (1 to 20), with an alpha number or alpha token."""
    return token(f"run-{slot}", alpha)


def token(name: str, alpha: float | str | None = None) -> str:
    """`var(--name)`, as figures write colours."""
    return f"var(--{name})" if alpha is None else f"var(--{name}/{alpha})"


def axis(**options: Any) -> dict[str, Any]:
    """An axis in the house style, with options of Plotly; `title` is a text."""
    title = options.pop("title", None)
    found: dict[str, Any] = {
        "gridcolor": token("chart-grid"),
        "gridwidth": 1,
        "zeroline": False,
        "linecolor": token("chart-axis"),
        "showline": False,
        "ticks": "",
        "tickfont": {"size": 11, "color": token("chart-text")},
        "automargin": True,
        "ticklabeloverflow": "allow",  # to find out which overflow takes longer than to draw them
        "exponentformat": "SI",
        **options,
    }
    if title:
        font = {"size": 11, "color": token("chart-text")}
        found["title"] = {"text": title, "font": font, "standoff": 6}
    return found


def figure(
    traces: Sequence[Any] = (),
    *,
    x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None,
    marks_floor: bool = False,
    **layout: Any,
) -> go.Figure:
    """A figure in the house style."""
    laid_out = frame(x=x, y=y, marks_floor=marks_floor, **layout)
    return go.Figure(data=list(traces), layout=laid_out)


def frame(
    *,
    x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None,
    marks_floor: bool = False,
    **layout: Any,
) -> dict[str, Any]:
    """The layout of a figure. `x` and `y` are axis options, whose texts are no markup;
    `marks_floor` adds the hidden axis y2 (0 at the bottom) on which crosses of non-finite values
    sit."""
    font = {"family": "var(--sans)", "size": 11, "color": token("chart-text")}
    options: dict[str, Any] = {
        "template": None,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "margin": {"l": 44, "r": 12, "t": 8, "b": 34},
        "hovermode": "x unified",
        "dragmode": "zoom",
        "uirevision": "keep",
        "font": font,
        "hoverlabel": {
            "bgcolor": token("chart-hover"),
            "bordercolor": token("line"),
            "font": {"family": "var(--sans)", "size": 12, "color": token("text")},
            "namelength": -1,
        },
        "xaxis": axis(**{"showgrid": False, "showline": True, **_spikes(), **_as_text(x or {})}),
        "yaxis": axis(**_as_text(y or {})),
    }
    if marks_floor:
        hidden = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}
        options["yaxis2"] = hidden
    return {**options, **layout}


def _as_text(options: Mapping[str, Any]) -> dict[str, Any]:
    """Names of runs and of values stand in titles and at ticks, where Plotly reads tags."""
    found = dict(options)
    if "title" in found:
        found["title"] = plain(found["title"])
    if "ticktext" in found:
        found["ticktext"] = [plain(text) for text in found["ticktext"]]
    return found


def _spikes() -> dict[str, Any]:
    return {
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikedash": "solid",
        "spikecolor": token("chart-axis"),
    }


def line(
    x: Sequence[float] | npt.NDArray[Any],
    y: Sequence[float] | npt.NDArray[Any],
    *,
    color: str,
    name: str = "",
    width: float = LINE_WIDTH,
    dash: str = "solid",
    hover: str | None = HOVER,
    **options: Any,
) -> go.Scatter:
    """One line. Gaps (NaN) stay gaps. `hover=None`: it does not answer to the pointer."""
    look = line_look(color=color, name=name, width=width, dash=dash, hover=hover)
    return go.Scatter({"x": listed(x), "y": listed(y), **look, **options})


def line_look(
    *,
    color: str,
    name: str = "",
    width: float = LINE_WIDTH,
    dash: str = "solid",
    hover: str | None = HOVER,
) -> dict[str, Any]:
    """What a line is beside its points."""
    answers = {"hoverinfo": "skip"} if hover is None else {"hovertemplate": hover}
    return {
        "mode": "lines",
        "name": name,
        "line": {"color": color, "width": width, "dash": dash},
        "connectgaps": False,
        **answers,
    }


def band(
    x: Sequence[float] | npt.NDArray[Any],
    low: Sequence[float] | npt.NDArray[Any],
    high: Sequence[float] | npt.NDArray[Any],
    *,
    slot: int,
) -> list[go.Scatter]:
    """The filled area between two curves in a run's colour."""
    edge: dict[str, Any] = {
        "x": listed(x),
        "mode": "lines",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    fill = {"fill": "tonexty", "fillcolor": run_color(slot, "--chart-band")}
    return [go.Scatter(y=listed(low), **edge), go.Scatter(y=listed(high), **edge, **fill)]


def bad_mark(
    x: float | str, text: str, *, color: str = "var(--failed)", height: float = 0, label: str = ""
) -> go.Scatter:
    """A cross where values stop being finite: on the floor, or at a part of the height, with a
    label above it. The figure needs `marks_floor`."""
    return go.Scatter(
        x=[x],
        y=[height],
        yaxis="y2",
        mode="markers+text" if label else "markers",
        text=label,
        textposition="top center",
        textfont={"color": color},
        cliponaxis=False,
        marker={
            "symbol": "x",
            "size": 9,
            "color": color,
            "line": {"width": 1, "color": token("surface")},
        },
        name=text,
        hovertemplate=f"{text}<extra></extra>",
    )


def listed(values: Sequence[float] | npt.NDArray[Any]) -> list[Any]:
    """Plain numbers, for short columns; long ones are packed (`packing.py`)."""
    return np.asarray(values).tolist()  # type: ignore[no-any-return]

"""Figures of metrics against params: scatter, parallel coordinates, boxes, importances."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.charts import theme

LEAST_BOXED = 5
UNSEEN = "rgba(0,0,0,0)"
POINT = {"size": 9, "line": {"width": 1, "color": theme.token("surface")}}


@dataclass(frozen=True)
class Dot:
    """A run as a point."""

    label: str
    slot: int
    x: float | str
    y: float


def scatter(dots: Sequence[Dot], *, x: str, y: str) -> go.Figure:
    """One point for each run, in its colour."""
    marker = {**POINT, "color": [theme.run_color(dot.slot) for dot in dots]}
    trace = go.Scatter(
        x=[dot.x for dot in dots],
        y=[dot.y for dot in dots],
        text=[dot.label for dot in dots],
        mode="markers",
        name=y,
        marker=marker,
        hovertemplate="<b>%{text}</b><br>%{x}: %{y:.4~g}<extra></extra>",
    )
    return theme.figure([trace], x={"title": x}, y={"title": y}, hovermode="closest")


def parallel(axes: Sequence[tuple[str, Sequence[float | str]]], *, metric: str) -> go.Figure:
    """One line for each run through its values; the last axis, the metric, colours it."""
    dimensions = [_dimension(name, values) for name, values in axes]
    trace = go.Parcoords(
        dimensions=dimensions,
        line={"color": dimensions[-1]["values"], "colorscale": "Viridis", "showscale": False},
        labelfont={"size": 11, "color": theme.token("text")},
        tickfont={"size": 10, "color": theme.token("text-2")},
        rangefont={"size": 10, "color": theme.token("text-3")},
        name=metric,
    )
    return theme.figure([trace], margin={"l": 70, "r": 50, "t": 44, "b": 20})


@dataclass(frozen=True)
class Group:
    """The values of runs that belong together, and what they are called."""

    name: str
    slot: int
    values: Sequence[float]
    labels: Sequence[str]


def boxes(groups: Sequence[Group], *, y: str) -> go.Figure:
    """Every run as a point; a box around them where it says more than they do."""
    return theme.figure([_box(one) for one in groups], y={"title": y}, hovermode="closest")


def _box(group: Group) -> go.Box:
    color = theme.run_color(group.slot)
    has_box = len(group.values) >= LEAST_BOXED
    return go.Box(
        y=list(group.values),
        text=list(group.labels),
        name=f"{group.name} (N = {len(group.values)})",
        boxpoints="all",
        pointpos=0,
        jitter=0.4,
        line={"width": 1.5, "color": color if has_box else UNSEEN},
        fillcolor=theme.run_color(group.slot, "--chart-band") if has_box else UNSEEN,
        marker={"color": color, "size": 6},
        hovertemplate="<b>%{text}</b><br>%{y:.4~g}<extra></extra>",
    )


def importance_bars(rows: Sequence[tuple[str, float, float, str]]) -> go.Figure:
    """Key, importance, its deviation over shuffles, and what the hover adds; the first on top."""
    ordered: list[Any] = list(reversed(rows))
    trace = go.Bar(
        x=[max(0.0, row[1]) for row in ordered],
        y=[row[0] for row in ordered],
        orientation="h",
        name="importance",
        customdata=[row[3] for row in ordered],
        error_x={"array": [row[2] for row in ordered], "thickness": 1, "width": 3,
                 "color": theme.token("chart-axis")},
        marker={"color": theme.token("accent")},
        hovertemplate="<b>%{y}</b> %{x:.3~g}<br>%{customdata}<extra></extra>",
    )  # fmt: skip
    return theme.figure(
        [trace],
        x={"title": "R² lost when shuffled", "rangemode": "tozero"},
        y={"automargin": True},
        hovermode="closest",
    )


def _dimension(name: str, values: Sequence[float | str]) -> dict[str, Any]:
    if all(isinstance(value, float | int) for value in values):
        return {"label": name, "values": list(values)}
    kinds = sorted({str(value) for value in values})
    places = [kinds.index(str(value)) for value in values]
    ticks = list(range(len(kinds)))
    return {"label": name, "values": places, "tickvals": ticks, "ticktext": kinds}

"""Figures of metrics against params: scatter, parallel coordinates, boxes, importances."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.texts import templated

LEAST_BOXED = 5
MOST_KINDS = 12
UNSEEN = "rgba(0,0,0,0)"
POINT = {"size": 9, "line": {"width": 1, "color": theme.token("surface")}}


@dataclass(frozen=True)
class Dot:
    """A run as a point."""

    label: str
    slot: int
    x: float | str
    y: float
    run_id: str = ""


def scatter(
    dots: Sequence[Dot], *, x: str, y: str, fields: tuple[str, str] | None = None
) -> go.Figure:
    """One point for each run, in its colour. With `fields`, what filters call x and y, a drag picks
    runs instead of zooming."""
    marker = {**POINT, "color": [theme.run_color(dot.slot) for dot in dots]}
    trace = go.Scatter(
        x=[dot.x for dot in dots],
        y=[dot.y for dot in dots],
        text=[templated(dot.label) for dot in dots],
        mode="markers",
        name=y,
        marker=marker,
        hovertemplate="<b>%{text}</b><br>%{x}: %{y:.4~g}<extra></extra>",
    )
    across: dict[str, Any] = {"title": x}
    kinds = list(dict.fromkeys(dot.x for dot in dots if isinstance(dot.x, str)))
    if kinds:
        across |= {"type": "category", "tickvals": kinds, "ticktext": kinds}
        trace.text = [templated(f"{dot.label}, {dot.x}") for dot in dots]
        trace.hovertemplate = "<b>%{text}</b>: %{y:.4~g}<extra></extra>"
    picks: dict[str, Any] = {}
    if fields is not None:
        trace.customdata = [dot.run_id for dot in dots]
        picks = {"dragmode": "select", "meta": {"x": fields[0], "y": fields[1]}}
    return theme.figure([trace], x=across, y={"title": y}, hovermode="closest", **picks)


@dataclass(frozen=True)
class Line:
    """A run through its values on every axis; `color` is a token as figures name it."""

    label: str
    color: str
    values: Sequence[float | str]
    run_id: str = ""


def parallel(
    axes: Sequence[str], lines: Sequence[Line], *, fields: Sequence[str] = ()
) -> go.Figure:
    """One line for each run, on axes of their own scales beside each other. Not Plotly's own kind,
    which needs WebGL and knows no run by its colour. With `fields`, what filters call the axes, a
    drag picks runs instead of zooming."""
    scales = [_Scale.of([line.values[place] for line in lines]) for place in range(len(axes))]
    names = [f"{place}" for place in range(len(axes))]
    traces = [
        go.Scatter(
            x=names,
            y=[scale.place(value) for scale, value in zip(scales, line.values, strict=True)],
            mode="lines+markers",
            name=templated(line.label),
            line={"width": 1.5, "color": line.color},
            marker={"size": 5, "color": line.color},
            text=[
                templated(f"{axis} {_told(value)}")
                for axis, value in zip(axes, line.values, strict=True)
            ],
            hovertemplate=f"<b>{templated(line.label)}</b><br>%{{text}}<extra></extra>",
            customdata=[line.run_id] * len(axes) if fields else None,
        )
        for line in lines
    ]
    ends = [
        _end(names[place], end, text)
        for place, scale in enumerate(scales)
        for end, text in scale.marks
    ]
    rules = [
        {"type": "line", "x0": name, "x1": name, "y0": 0, "y1": 1, "layer": "below",
         "line": {"width": 1, "color": theme.token("chart-axis")}}
        for name in names
    ]  # fmt: skip
    across = {
        "type": "category",
        "tickvals": names,
        "ticktext": list(axes),
        "showline": False,
        "showspikes": False,
        "range": [-0.25, len(axes) - 0.55],
    }
    down = {"showgrid": False, "showticklabels": False, "range": [-0.12, 1.12]}
    picks: dict[str, Any] = {}
    if fields:
        told = zip(fields, scales, strict=True)
        picks = {
            "dragmode": "select",
            "meta": {"axes": [{"field": field, **asdict(scale)} for field, scale in told]},
        }
    return theme.figure(
        traces, x=across, y=down, hovermode="closest", shapes=rules, annotations=ends, **picks
    )


@dataclass(frozen=True)
class _Scale:
    """From values to 0 to 1: numbers in proportion, other texts in their order."""

    least: float
    most: float
    kinds: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[float | str]) -> "_Scale":
        if values and all(isinstance(value, float) for value in values):
            numbers = [float(value) for value in values]
            return cls(min(numbers), max(numbers), ())
        kinds = tuple(sorted({str(value) for value in values}))
        return cls(0, len(kinds) - 1, kinds)

    def place(self, value: float | str) -> float:
        number = self.kinds.index(str(value)) if self.kinds else float(value)
        return (number - self.least) / (self.most - self.least) if self.most > self.least else 0.5

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Heights and texts: the ends of numbers, every kind of few."""
        if not self.kinds:
            ends = dict.fromkeys((self.least, self.most))
            return [(self.place(end), _told(end)) for end in ends]
        return [(self.place(kind), kind[:16]) for kind in self.kinds[:MOST_KINDS]]


def _end(axis: str, height: float, text: str) -> dict[str, Any]:
    return {
        "x": axis,
        "y": height,
        "text": templated(text),
        "showarrow": False,
        "xanchor": "left",
        "xshift": 5,
        "bgcolor": theme.token("surface"),
        "font": {"size": 10, "color": theme.token("text-3")},
    }


def _told(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"


@dataclass(frozen=True)
class Group:
    """The values of runs that belong together, and what they are called."""

    name: str
    letter: str
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
        x=[group.letter] * len(group.values),
        text=[
            templated(f"{label}, of {group.name}, N = {len(group.values)}")
            for label in group.labels
        ],
        name=templated(group.name),
        boxpoints="all",
        pointpos=0,
        jitter=0.4,
        line={"width": 1.5, "color": color if has_box else UNSEEN},
        fillcolor=theme.run_color(group.slot, "--chart-band") if has_box else UNSEEN,
        marker={"color": color, "size": 6},
        hovertemplate="<b>%{text}</b><br>%{y:.4~g}<extra></extra>",
    )


def importance_bars(
    rows: Sequence[tuple[str, float, float, str]], *, title: str = "R² lost when shuffled"
) -> go.Figure:
    """Key, importance, its deviation over shuffles, and what the hover adds; the first on top."""
    ordered: list[Any] = list(reversed(rows))
    trace = go.Bar(
        x=[max(0.0, row[1]) for row in ordered],
        y=[templated(row[0]) for row in ordered],
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
        x={"title": title, "rangemode": "tozero"},
        y={"automargin": True},
        hovermode="closest",
    )

"""Plotly figures that runs logged, drawn anew from their plain data in the style of our charts."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.charts import heat_colors, theme
from dashboard.charts.texts import unmarked
from dashboard.media import plotly_rules as rules

MOST_TRACES = 60
MOST_AXES = 40
MOST_MARKS = 100  # shapes, and annotations
# As they are drawn: Plotly's cartesian bundle has these, and draws what WebGL would.
TYPES = {
    "scatter": "scatter", "scattergl": "scatter", "bar": "bar", "box": "box", "violin": "violin",
    "histogram": "histogram", "histogram2d": "histogram2d", "heatmap": "heatmap",
    "contour": "contour", "pie": "pie",
}  # fmt: skip
FIELDS = ("heatmap", "contour", "histogram2d")  # whose colours stand for values
_AXIS = re.compile(r"[xy]axis([2-9]|[1-9]\d)?")


@dataclass(frozen=True)
class Drawn:
    """A figure as our charts take it; `names` are its lines with their colours, `note` says what
    of the file is not drawn."""

    figure: dict[str, Any]
    names: tuple[tuple[str, str], ...]
    note: str


def drawn_figure(data: bytes) -> Drawn:
    """A figure as `log_figure` writes it. Raises ValueError for what is none, or has nothing that
    is drawn here."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("no JSON") from error
    given = found.get("data") if isinstance(found, dict) else None
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise ValueError("no Plotly figure")
    known = [one for one in given if _type(one) is not None]
    if not known:
        raise ValueError(f"it has no trace of a kind that is drawn here: {', '.join(TYPES)}")
    traces = [_trace(one, place) for place, one in enumerate(known[:MOST_TRACES])]
    layout = found["layout"] if isinstance(found.get("layout"), dict) else {}
    return Drawn(
        {"data": traces, "layout": _layout(layout)},
        tuple((unmarked(one["name"]), _color(one)) for one in traces),
        _note(layout, len(given) - len(traces), is_moving=bool(found.get("frames"))),
    )


def _type(trace: Mapping[str, Any]) -> str | None:
    kind = trace.get("type", "scatter")
    return TYPES.get(kind) if isinstance(kind, str) else None


def _trace(given: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The trace by the rules; one without a colour of its own has the next of ours."""
    kind = _type(given)
    trace = {
        "type": kind,
        "name": f"trace {place + 1}",
        **rules.followed(rules.TRACE, given, rules.DATA),
    }
    if kind in FIELDS:
        return {"colorscale": heat_colors.scale(), "colorbar": heat_colors.bar(), **trace}
    if kind == "pie":
        return {"textinfo": "label+percent", **trace}
    color = theme.run_color(place % 10 + 1)
    marker, line = trace.get("marker", {}), trace.get("line", {})
    shade = marker.get("color")
    trace["marker"] = {"color": line.get("color", color), **marker}
    if kind != "histogram":
        trace["line"] = {"color": shade if isinstance(shade, str) else color, **line}
    return trace


def _color(trace: Mapping[str, Any]) -> str:
    for part in (trace.get("line", {}), trace.get("marker", {})):
        if isinstance(part.get("color"), str):
            return str(part["color"])
    return theme.token("text-3")


def _layout(given: Mapping[str, Any]) -> dict[str, Any]:
    axes = {
        name: rules.followed(rules.AXIS, axis)
        for name, axis in list(given.items())
        if _AXIS.fullmatch(name) and isinstance(axis, dict)
    }
    layout = theme.frame(hovermode="closest", **rules.followed(rules.LAYOUT, given))
    for name in list({"xaxis": None, "yaxis": None, **axes})[:MOST_AXES]:
        layout[name] = theme.axis(**{"showspikes": False, **axes.get(name, {})})
    layout["shapes"] = _listed(given, "shapes", rules.SHAPE)
    layout["annotations"] = _listed(given, "annotations", rules.ANNOTATION)
    return layout


def _listed(given: Mapping[str, Any], name: str, rule: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = given.get(name)
    marks = found[:MOST_MARKS] if isinstance(found, list) else []
    return [rules.followed(rule, one) for one in marks if isinstance(one, dict)]


def _note(layout: Mapping[str, Any], left_out: int, *, is_moving: bool) -> str:
    parts = []
    if title := rules.followed({"title": rules.title}, layout).get("title"):
        parts.append(unmarked(title))
    if left_out:
        traces = "1 trace is" if left_out == 1 else f"{left_out} traces are"
        parts.append(f"{traces} of a kind that is not drawn here, or past the first {MOST_TRACES}.")
    if is_moving:
        parts.append("Its frames are not drawn.")
    return " ".join(parts)

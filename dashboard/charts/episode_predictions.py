"""A regression episode opened: support points, query points, and the fit after an inner step."""

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.sinusoid_fits import fit_name

EARLY = ("seq-2", "2px,2px")  # before adaptation
CHOSEN = "seq-5"
MOST_INPUTS = 16


@dataclass(frozen=True)
class Fit:
    """One episode with inputs of one number. `grid`, `true` and `curves` are empty where the true
    function is not known; `curves` and `predicted` are by place in `inner_steps`."""

    inner_steps: tuple[int, ...]
    support: tuple[tuple[float, ...], tuple[float, ...]]
    query: tuple[tuple[float, ...], tuple[float, ...]]
    predicted: tuple[tuple[float | None, ...], ...]
    grid: tuple[float, ...] = ()
    true: tuple[float, ...] = ()
    curves: tuple[tuple[float | None, ...], ...] = ()


def fit_of(document: Any) -> Fit | None:
    """The answers of an episode as a fit; None for another kind."""
    if not isinstance(document, dict) or document.get("kind") != "regression":
        return None
    support, query = document["support"], document["query"]
    # Of several inputs a curve is drawn against the first: the oracle is told the others.
    most = MOST_INPUTS if "curve" in document else 1
    if not all(0 < len(one) <= most for part in (support, query) for one in part.get("x", [[]])):
        return None
    curve = document.get("curve", {})
    return Fit(
        inner_steps=tuple(document["inner_steps"]),
        support=(tuple(one[0] for one in support["x"]), tuple(support["y"])),
        query=(tuple(one[0] for one in query["x"]), tuple(query["y"])),
        predicted=tuple(map(tuple, document["predicted"])),
        grid=tuple(curve.get("x", ())),
        true=tuple(curve.get("true", ())),
        curves=tuple(map(tuple, curve.get("predicted", ()))),
    )


def fit_figure(fit: Fit, *, place: int) -> go.Figure:
    """The fit after `inner_steps[place]`, with that before adaptation faint behind it."""
    step = fit.inner_steps[place]
    traces: list[Any] = []
    if fit.grid:
        traces.append(
            theme.line(fit.grid, fit.true, color=theme.token("text-3"), name="true", width=1.5)
        )
        if place:
            color, dash = theme.token(EARLY[0]), EARLY[1]
            traces.append(
                theme.line(fit.grid, _gaps(fit.curves[0]), color=color, name="before", dash=dash)
            )
        curve = _gaps(fit.curves[place])
        traces.append(theme.line(fit.grid, curve, color=theme.token(CHOSEN), name=fit_name(step)))
    traces += [
        _points(fit.support, "support", "triangle-up", theme.token("accent"), size=10),
        _points(fit.query, "query", "circle-open", theme.token("text-2"), size=7),
    ]
    if not fit.grid:
        predicted = (fit.query[0], tuple(_gaps(fit.predicted[place])))
        traces.append(_points(predicted, fit_name(step), "x", theme.token(CHOSEN), size=7))
    return theme.figure(traces, x={"title": "x", "showspikes": False}, hovermode="closest")


def _gaps(values: tuple[float | None, ...]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _points(
    both: tuple[tuple[float, ...], tuple[float, ...]], name: str, symbol: str, color: str, *,
    size: int,
) -> go.Scatter:  # fmt: skip
    return go.Scatter(
        x=list(both[0]),
        y=list(both[1]),
        mode="markers",
        name=name,
        marker={"symbol": symbol, "size": size, "color": color, "line": {"width": 1.5}},
        hovertemplate=f"{name} (%{{x:.3f}}, %{{y:.3f}})<extra></extra>",
    )

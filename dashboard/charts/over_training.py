"""Adaptation over meta-training: a heat map of the mean by meta-step and inner step."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import heat_colors, log_scale, theme
from dashboard.measured import measured
from experiments.shapes import FloatArray, IntArray, OverTraining

MOST_COLUMNS = 300  # more meta-steps are thinned out evenly
COLOR_SPREAD = 5.0  # from here on colours stand for logarithms: eyes tell few of them apart


def kept_columns(found: OverTraining) -> IntArray:
    """Which of the evaluations are drawn: all, or so many evenly from first to last."""
    count = len(found.steps)
    return np.unique(np.linspace(0, count - 1, min(count, MOST_COLUMNS)).astype(np.int64))


def over_training_heat(found: OverTraining, *, bounds: tuple[float, float] | None) -> go.Figure:
    """Meta-steps across, inner steps upwards, the mean as colour, the strongest the best. `bounds`
    are the ends of the colours, the same for figures that stand side by side."""
    places = kept_columns(found)
    mean = found.mean[places].T
    is_log = bounds is not None and found.metric != "accuracy" and _is_log(bounds)
    shown = np.log10(np.where(mean > 0, mean, np.nan)) if is_log else mean
    heat: dict[str, Any] = {
        "x": theme.listed(found.steps[places]),
        "y": list(range(mean.shape[0])),
        "z": _nullable(shown),
        "customdata": _texts(found, places),
        "hovertemplate": f"meta-step %{{x:,}}, {found.axis.title} %{{y}}<br>"
        "<b>%{customdata[0]}</b> (95 %) N=%{customdata[1]}<extra></extra>",
        "hoverongaps": False,
        "meta": {"log10": is_log},
        "colorscale": heat_colors.scale(is_reversed=found.metric != "accuracy"),
        "colorbar": _colorbar(found.metric, bounds, is_log=is_log),
    }
    if bounds is not None:
        low, high = np.log10(bounds) if is_log else bounds
        heat |= {"zmin": float(low), "zmax": float(high)}
    return theme.figure(
        [go.Heatmap(heat)],
        x={"title": "meta-step", "showspikes": False},
        y={"title": found.axis.title, "dtick": max(1, mean.shape[0] // 8), "showgrid": False},
        hovermode="closest",
        shapes=_trained_mark(found),
    )


def bounds_of(*found: OverTraining) -> tuple[float, float] | None:
    """The smallest and the largest mean of all; None without any."""
    values = [log_scale.finite(one.mean) for one in found]
    all_values = np.concatenate(values) if values else np.array([])
    return (float(all_values.min()), float(all_values.max())) if len(all_values) else None


def _is_log(bounds: tuple[float, float]) -> bool:
    return log_scale.is_logarithmic(np.array(bounds), COLOR_SPREAD)


def _colorbar(metric: str, bounds: tuple[float, float] | None, *, is_log: bool) -> dict[str, Any]:
    bar = heat_colors.bar()
    if metric == "accuracy":
        bar["tickformat"] = "~%"
    if is_log and bounds is not None:
        bar |= log_scale.tick_options(*bounds)
    return bar


def _texts(found: OverTraining, places: IntArray) -> list[list[list[Any]]]:
    """Mean with half width, and N, of each cell as drawn: by inner step, then meta-step."""
    return [
        [
            [
                str(measured(found.mean[place, step], found.half_width[place, step], found.metric)),
                int(found.counts[place, step]),
            ]
            for place in places
        ]
        for step in range(found.mean.shape[1])
    ]


def _nullable(table: FloatArray) -> list[list[float | None]]:
    return [[v if np.isfinite(v) else None for v in row] for row in table.tolist()]


def _trained_mark(found: OverTraining) -> list[dict[str, Any]]:
    """A line along the inner step that was trained with."""
    step = found.trained_inner_steps
    if not step or step >= found.mean.shape[1]:
        return []
    line = {"color": theme.token("accent"), "width": 1.5, "dash": "2px,2px"}
    return [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}
        for y in (step - 0.5, step + 0.5)
    ]

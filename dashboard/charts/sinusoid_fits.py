"""The picture of the MAML paper's Figure 2: support points, true sine, fits before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.charts import theme

# Fits by inner step, from pale to strong: the sequential palette.
FIT_COLORS = ("seq-2", "seq-3", "seq-4", "seq-5")
FIT_DASHES = ("2px,2px", "6px,3px", "solid", "solid")


@dataclass(frozen=True)
class SinusoidFit:
    """One episode: support points, the true curve and predictions by inner step on `grid`."""

    episode_id: str
    grid: Sequence[float]
    true: Sequence[float]
    support_x: Sequence[float]
    support_y: Sequence[float]
    predictions: Sequence[tuple[int, Sequence[float]]]


def sinusoid_fits(illustration: Any) -> list[SinusoidFit]:
    """The stored illustration of an evaluation as shapes; empty when it has another form."""
    if not isinstance(illustration, dict):
        return []
    grid = illustration.get("grid", [])
    return [
        SinusoidFit(
            episode_id=str(episode["id"]),
            grid=grid,
            true=episode["true"],
            support_x=episode["support"]["x"],
            support_y=episode["support"]["y"],
            predictions=sorted(
                (int(step), curve) for step, curve in episode["predictions"].items()
            ),
        )
        for episode in illustration.get("episodes", [])
    ]


def sinusoid_figure(fit: SinusoidFit) -> go.Figure:
    """The true sine, the support points, and one line per number of inner steps."""
    true = theme.line(fit.grid, fit.true, color=theme.token("text-3"), name="true", width=1.5)
    traces: list[Any] = [true]
    for step, curve in fit.predictions:
        color, dash = fit_look(fit, step)
        traces.append(theme.line(fit.grid, curve, color=color, name=fit_name(step), dash=dash))
    traces.append(
        go.Scatter(
            x=list(fit.support_x),
            y=list(fit.support_y),
            mode="markers",
            name="support",
            marker={"symbol": "triangle-up", "size": 9, "color": theme.token("accent")},
            hovertemplate="support (%{x:.2f}, %{y:.2f})<extra></extra>",
        )
    )
    return theme.figure(traces, x={"title": "x"})


def fit_look(fit: SinusoidFit, step: int) -> tuple[str, str]:
    """Colour token and dash of the fit after `step` inner steps."""
    place = [one for one, _ in fit.predictions].index(step)
    last = len(FIT_COLORS) - 1
    shifted = min(last, place + max(0, len(FIT_COLORS) - len(fit.predictions)))
    return theme.token(FIT_COLORS[shifted]), FIT_DASHES[min(place, last)]


def fit_name(step: int) -> str:
    """ "before", "after 1", "after 10": inner steps, or examples seen."""
    return f"after {step}" if step else "before"

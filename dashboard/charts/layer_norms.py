"""Norms by layer and step as a heat map: which layer grows, vanishes or breaks, and when."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import heat_colors, log_scale, theme
from experiments.shapes import FloatArray, IntArray


def layer_heat(
    layers: Sequence[str], steps: IntArray, norms: FloatArray, first_bad: Sequence[int | None]
) -> go.Figure:
    """Steps across, the first layer on top; colours stand for logarithms of the norms. A cross is
    where a layer's norm was not finite first."""
    positive = np.where(np.isfinite(norms) & (norms > 0), norms, np.nan)
    shown = np.log10(positive)
    known = log_scale.finite(positive)
    bar = heat_colors.bar()
    if len(known) and known.max() > known.min():
        bar |= log_scale.tick_options(float(known.min()), float(known.max()))
    heat = go.Heatmap(
        x=theme.listed(steps),
        y=list(range(len(layers))),
        z=[[v if np.isfinite(v) else None for v in row] for row in shown.tolist()],
        customdata=[[[layer, f"{v:.4g}"] for v in row] for layer, row in _rows(layers, norms)],
        hovertemplate="<b>%{customdata[0]}</b>, step %{x:,}<br>norm %{customdata[1]}"
        "<extra></extra>",
        hoverongaps=False,
        meta={"log10": True},
        colorscale=heat_colors.scale(),
        colorbar=bar,
    )
    y = {"tickmode": "array", "tickvals": list(range(len(layers))), "ticktext": list(layers)}
    return theme.figure(
        [heat, *_crosses(layers, first_bad)],
        x={"title": "step", "showspikes": False},
        y={**y, "title": "layer", "autorange": "reversed", "showgrid": False},
        hovermode="closest",
    )


def _rows(layers: Sequence[str], norms: FloatArray) -> list[tuple[str, list[float]]]:
    return list(zip(layers, norms.tolist(), strict=True))


def _crosses(layers: Sequence[str], first_bad: Sequence[int | None]) -> list[go.Scatter]:
    bad = [(row, step) for row, step in enumerate(first_bad) if step is not None]
    if not bad:
        return []
    return [
        go.Scatter(
            x=[step for _, step in bad],
            y=[row for row, _ in bad],
            mode="markers",
            name="not finite",
            marker={"symbol": "x", "size": 9, "color": theme.token("failed")},
            text=[layers[row] for row, _ in bad],
            hovertemplate="%{text} is not finite at step %{x:,}<extra></extra>",
        )
    ]

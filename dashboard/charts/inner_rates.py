"""Learned inner rates at one meta-step as a heat map: layers down, inner steps across."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import heat_colors, theme
from experiments.shapes import FloatArray

MOST_TEXTS = 120  # cells with their numbers written in


def rates_heat(
    layers: Sequence[str], columns: Sequence[str], rates: FloatArray, *, largest: float
) -> go.Figure:
    """`rates` (L, S). Colours run from -`largest` to `largest`, so that they stay while a slider
    moves: a rate below zero climbs the loss, and has the other colour."""
    texts = [[f"{rate:.3g}" if np.isfinite(rate) else "" for rate in row] for row in rates]
    heat = go.Heatmap(
        x=list(columns),
        y=list(range(len(layers))),
        z=[[rate if np.isfinite(rate) else None for rate in row] for row in rates.tolist()],
        text=texts,
        texttemplate="%{text}" if rates.size <= MOST_TEXTS else None,
        customdata=[[layer] * len(columns) for layer in layers],
        hovertemplate="<b>%{customdata}</b>, %{x}: rate %{text}<extra></extra>",
        hoverongaps=False,
        zmin=-largest,
        zmax=largest,
        colorscale=heat_colors.diverging(),
        colorbar=heat_colors.bar(),
    )
    return theme.figure(
        [heat],
        x={"title": "inner step", "showspikes": False, "type": "category"},
        y={
            "title": "layer",
            "tickmode": "array",
            "tickvals": list(range(len(layers))),
            "ticktext": list(layers),
            "autorange": "reversed",
            "showgrid": False,
        },
        hovermode="closest",
    )

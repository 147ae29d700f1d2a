"""Histograms by step as a heat map: how the values of a layer spread, drift or die."""

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import heat_colors, theme
from experiments.shapes import FloatArray, IntArray


def distribution_heat(
    steps: IntArray, edges: FloatArray, shares: FloatArray, counts: IntArray
) -> go.Figure:
    """Steps across, values upwards (the middles of the bins), colours the share of a step's values.

    `edges` has shape (B + 1,), `shares` (M, B), `counts` (M,). Empty bins stay blank.
    """
    middles = (edges[:-1] + edges[1:]) / 2
    shown = np.where(shares > 0, shares, np.nan).T
    texts = [
        [
            [f"{low:.4g} to {high:.4g}", f"{100 * share:.3g} %", f"{count:,}"]
            for share, count in zip(row, counts.tolist(), strict=True)
        ]
        for low, high, row in zip(edges, edges[1:], shares.T.tolist(), strict=False)
    ]
    heat = go.Heatmap(
        x=theme.listed(steps),
        y=theme.listed(middles),
        z=[[v if np.isfinite(v) else None for v in row] for row in shown.tolist()],
        customdata=texts,
        hovertemplate="step %{x:,}: %{customdata[0]}<br><b>%{customdata[1]}</b> of "
        "%{customdata[2]} values<extra></extra>",
        hoverongaps=False,
        zmin=0.0,
        colorscale=heat_colors.scale(),
        colorbar=heat_colors.bar(tickformat="~%"),
    )
    return theme.figure(
        [heat],
        x={"title": "step", "showspikes": False},
        y={"title": "value", "showgrid": False},
        hovermode="closest",
    )

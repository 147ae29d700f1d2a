"""Marks of what people said about points of a curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from dashboard.charts import theme


@dataclass(frozen=True)
class Remark:
    x: float
    y: float
    text: str


def remarks(found: Sequence[Remark]) -> list[go.Scatter]:
    """One trace of rings; nothing where there is nothing to mark."""
    if not found:
        return []
    return [
        go.Scatter(
            x=[one.x for one in found],
            y=[one.y for one in found],
            # Plotly takes some HTML in a hover text.
            text=[escape(one.text).replace("\n", " ") for one in found],
            mode="markers",
            marker={
                "symbol": "diamond",
                "size": 10,
                "color": theme.token("accent"),
                "line": {"width": 2, "color": theme.token("surface")},
            },
            name="comments",
            hovertemplate="%{text}<extra></extra>",
        )
    ]

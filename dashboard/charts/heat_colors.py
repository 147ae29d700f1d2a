"""Colours of heat maps: the palettes, and the bar that explains it."""

from typing import Any

from dashboard.charts import theme

PALETTE = [f"seq-{place}" for place in range(6)]


def scale(*, is_reversed: bool = False) -> list[list[Any]]:
    """From the palest to the strongest, or the other way round."""
    names = PALETTE[::-1] if is_reversed else PALETTE
    return [[place / (len(names) - 1), theme.token(name)] for place, name in enumerate(names)]


def diverging() -> list[list[Any]]:
    """From what is below the middle to what is above it."""
    names = ("div-neg", "div-mid", "div-pos")
    return [[place / 2, theme.token(name)] for place, name in enumerate(names)]


def bar(**options: Any) -> dict[str, Any]:
    """A colour bar as all heat maps have it; `options` of Plotly beside that."""
    font = {"size": 11, "color": theme.token("chart-text")}
    return {"thickness": 10, "outlinewidth": 0, "tickfont": font, **options}

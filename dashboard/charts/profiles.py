"""Performance profiles: what part of all seeds and episodes was at least as good as a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.charts import log_scale, theme
from experiments.comparing.two_level import Profile

WIDE = 20  # times the least threshold: the axis is logarithmic


@dataclass(frozen=True, eq=False)
class ProfileLine:
    """One group's profile and how it looks; `slot` is the colour of its first run."""

    profile: Profile
    name: str
    slot: int
    dash: str


def profile_figure(lines: Sequence[ProfileLine], *, is_accuracy: bool) -> go.Figure:
    """Every group's profile with its pointwise interval. Higher is better at each value."""
    traces: list[Any] = []
    for one in lines:
        found = one.profile
        if found.low is not None and found.high is not None:
            traces += theme.band(found.thresholds, found.low, found.high, slot=one.slot)
        color = theme.run_color(one.slot)
        traces.append(
            theme.line(
                found.thresholds, found.part, color=color, name=one.name, dash=one.dash,
                hover="<b>%{y:.1%}</b>",
            )
        )  # fmt: skip
    title = "query accuracy of at least" if is_accuracy else "query loss of at most"
    x: dict[str, Any] = {"title": title}
    if is_accuracy:
        x["tickformat"] = "~%"
    elif any(_is_wide(one.profile) for one in lines):
        ends = [float(one.profile.thresholds[place]) for one in lines for place in (0, -1)]
        places, texts = log_scale.ticks(min(ends), max(ends))
        x |= {"type": "log", "tickmode": "array", "tickvals": [10**one for one in places]}
        x["ticktext"] = texts
    y = {"title": "seeds and episodes", "tickformat": "~%", "range": [-0.02, 1.02]}
    return theme.figure(traces, x=x, y=y)


def _is_wide(profile: Profile) -> bool:
    """A few hard episodes would press all others into the edge of a linear axis."""
    least, most = float(profile.thresholds[0]), float(profile.thresholds[-1])
    return least > 0 and most > WIDE * least

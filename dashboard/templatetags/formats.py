"""How numbers, times and sizes read on every page."""

import math
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone

from dashboard.markdown import render
from experiments import search
from experiments.models import Run

register = template.Library()
register.filter("markdown", render)

MINUTE, HOUR, DAY = 60, 3600, 86_400


@register.filter
def figures(value: Any) -> str:
    """A measured number with four significant digits; NaN and infinities in words."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e6):
        return whole(int(value))
    text = f"{value:.4g}"
    return text.replace("-", "−")


@register.filter
def percent(value: float | None) -> str:
    """A share as "93.1 %"."""
    return "–" if value is None else f"{100 * value:.1f} %"


@register.filter
def tag_filter(tag: str) -> str:
    """The filter of a run table that finds the runs with a tag."""
    return f"tags = {search.quoted(tag)}"


@register.filter
def whole(value: Any) -> str:
    """A count or step with thousands separators: 41,200."""
    return "–" if value is None or value == "" else f"{int(value):,}".replace("-", "−")


@register.filter
def duration(seconds: Any) -> str:
    """Seconds in the two largest units: "1 h 38 min"."""
    if seconds is None or seconds == "":
        return "–"
    left = max(0, round(float(seconds)))
    if left < MINUTE:
        return f"{left} s"
    if left < HOUR:
        return f"{left // MINUTE} min {left % MINUTE} s" if left < 600 else f"{left // MINUTE} min"
    if left < DAY:
        return f"{left // HOUR} h {left % HOUR // MINUTE} min"
    return f"{left // DAY} d {left % DAY // HOUR} h"


@register.filter
def ago(moment: datetime | None) -> str:
    """How long before now, in one unit: "3 min ago"."""
    if moment is None:
        return "never"
    seconds = max(0, round((timezone.now() - moment).total_seconds()))
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


@register.filter
def when(moment: datetime | None) -> str:
    """A moment in UTC, to the minute."""
    return "–" if moment is None else f"{moment:%d %b %Y, %H:%M} UTC"


@register.filter
def size(count: Any) -> str:
    """Bytes in the unit that fits: "1.4 MB"."""
    if count is None or count == "":
        return "–"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


@register.filter
def plural(count: int, word: str) -> str:
    """ "1 run", "2 runs"."""
    return f"{whole(count)} {word}" if count == 1 else f"{whole(count)} {word}s"


@register.filter
def lasted(run: Run) -> str:
    """How long a run ran, or has been running."""
    if run.started_at is None:
        return "–"
    end = run.finished_at or timezone.now()
    return duration((end - run.started_at).total_seconds())


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """The value under a key that only the page knows; None if missing."""
    return mapping.get(key) if mapping else None

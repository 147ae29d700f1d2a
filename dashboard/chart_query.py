"""What the address of a chart of curves asks for: axis, zoom, smoothing and width."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from dashboard.charts.learning_curves import Look
from dashboard.scope import number_in
from experiments import reading
from experiments.errors import Invalid
from experiments.shapes import Axis, SeriesView, Window

WIDEST = 2000
MOST_SMOOTH = 0.99
# What a unit of the drawn axis is in units of the window: minutes are counted in seconds.
UNITS: dict[Axis, float] = {"step": 1, "relative": 60, "time": 1, "metric": 1}
METRIC = "metric:"


@dataclass(frozen=True)
class ChartQuery:
    """`smooth` is the weight of the moving average; `width` the most points to draw of a line;
    `clips` leaves out what lies far off."""

    window: Window
    smooth: float
    width: int
    is_log: bool = False
    is_log_x: bool = False
    clips: bool = False

    @classmethod
    def of(cls, request: HttpRequest, *, width: int = 800) -> "ChartQuery":
        """`?x=step|relative|time|metric:KEY&first=&last=&smooth=&width=&log=&logx=&clip=`: `first`
        and `last` are ends of the axis, in steps, minutes, seconds since 1970 or values of the
        metric. Raises Invalid; an unknown axis means step.
        """
        return cls(
            window=_window(request),
            smooth=_number(request, "smooth", 0, MOST_SMOOTH) or 0.0,
            width=number_in(request, "width", default=width, least=10, most=WIDEST),
            is_log=bool(request.GET.get("log")),
            is_log_x=bool(request.GET.get("logx")),
            clips=bool(request.GET.get("clip")),
        )

    @property
    def axis(self) -> Axis:
        return self.window.axis

    @property
    def look(self) -> Look:
        """How the axes of the figure are."""
        return Look(self.window.axis, self.window.against, self.is_log, self.is_log_x, self.clips)

    def read(self, run_ids: Sequence[str], keys: Sequence[str]) -> list[SeriesView]:
        """The series of these runs and keys, as asked."""
        return reading.charted(run_ids, keys, self.window, smooth=self.smooth, width=self.width)


def _window(request: HttpRequest) -> Window:
    name = request.GET.get("x", "")
    against = name.removeprefix(METRIC) if name.startswith(METRIC) else ""
    known: tuple[Axis, ...] = ("relative", "time")
    axis: Axis = "metric" if against else next((one for one in known if one == name), "step")
    ends = (_number(request, name, -math.inf, math.inf) for name in ("first", "last"))
    first, last = (None if end is None else end * UNITS[axis] for end in ends)
    return Window(axis, first, last, against)


def _number(request: HttpRequest, name: str, least: float, most: float) -> float | None:
    """A number of the query string; None when it is not there. Raises Invalid."""
    text = request.GET.get(name, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and least <= value <= most):
        limits = "Use a number." if math.isinf(most) else f"Use {least:g} to {most:g}."
        raise Invalid(f"{name} is {text[:40]!r}. {limits}", fields={name: [limits]})
    return value

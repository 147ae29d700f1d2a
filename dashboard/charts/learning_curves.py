"""Learning curves: series against step or time, smoothed on request, bad values marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dashboard.charts import theme
from dashboard.charts.outliers import Clipped, clipped
from dashboard.charts.packing import Shared, packed
from experiments.shapes import Axis, SeriesView

X_TITLES: dict[Axis, str] = {
    "step": "",
    "relative": "minutes since its first point",
    "time": "time (UTC)",
    "metric": "",
}
# Of the token --chart-raw: the unsmoothed line behind a smoothed one.
RAW = "--chart-raw"
BAD_LABELS = {"nan": "NaN", "inf": "∞", "-inf": "−∞"}


# Of more lines than this bands and raw lines would hide each other.
FEW = 10
# A list of more values than this beside the pointer hides the chart: only the nearest line tells.
LISTED = 6
ROOM_FOR_POINTS = 4  # px between an axis and its labels: a point at its beginning is round it


@dataclass(frozen=True, eq=False)
class Curve:
    """One series and how it looks. `color` is a token, without "var()": "run-3", "seq-4"; `letter`
    is what the page calls its run."""

    view: SeriesView
    name: str
    color: str
    dash: str = "solid"
    letter: str = ""


@dataclass(frozen=True)
class Look:
    """How the axes of a figure are: `against` is the metric along x where `x` is "metric";
    `clips` cuts off what lies far off."""

    x: Axis = "step"
    against: str = ""
    is_log: bool = False
    is_log_x: bool = False
    clips: bool = False

    @property
    def revision(self) -> str:
        """A zoom belongs to its axis: minutes are not steps. As addresses name it."""
        return f"{self.x}:{self.against}" if self.against else self.x


STEPS = Look()


def learning_curves(curves: Sequence[Curve], look: Look = STEPS) -> dict[str, Any]:
    """All curves in one figure, columns packed (`packing.py`, read by js/chart-data.js). Reduced
    series show the range of each bucket as a band; behind a smoothed line the raw one stays faint.

    Of more than FEW curves only the lines are drawn, by js/chart-lines.js on a canvas.
    """
    # Without a number there is no height to draw to: the crosses stand amid the chart.
    has_values = any(np.isfinite(curve.view.last).any() for curve in curves)
    drawing = _Drawing(look.x, is_many=len(curves) > FEW, marks_only=not has_values)
    for curve in curves:
        drawing.add(curve)
    firsts = [c.view.first_step for c in curves if c.view.first_step is not None]
    return framed(
        drawing.traces,
        look,
        has_values=has_values,
        is_many=drawing.is_many,
        first_step=min(firsts, default=None),
        only_step=_only_step([curve.view for curve in curves]),
        is_constant=_is_constant([curve.view for curve in curves]),
        has_marks=any(len(curve.view.bad_steps) for curve in curves),
        heights=clipped_range([curve.view for curve in curves], look),
    )


def framed(
    traces: list[dict[str, Any]],
    look: Look,
    *,
    has_values: bool,
    is_many: bool,
    first_step: int | None = None,
    only_step: int | None = None,
    is_constant: bool = False,
    has_marks: bool = False,
    heights: Clipped | None = None,
) -> dict[str, Any]:
    """A figure of traces whose columns may be packed."""
    title = look.against or X_TITLES[look.x]
    # Labels and title have room; moments take two lines.
    across: dict[str, Any] = {"title": title, "automargin": look.x == "time"}
    if look.x == "time":
        across["type"] = "date"
    elif look.is_log_x:
        across["type"] = "log"
    elif look.x == "step" and first_step is not None:
        # A bucket is drawn at its last step; the axis begins where the points do.
        across["autorangeoptions"] = {"include": first_step}
    if look.x == "step" and only_step is not None and not look.is_log_x:
        # Plotly draws one step on an axis 2 wide: of whole steps, and none before the first.
        across |= {"dtick": 1, "tickformat": ",d"}
        across |= {"rangemode": "nonnegative"} if only_step >= 0 else {}
    # Plotly would centre a constant on an axis 2 wide, where 0.001 looks like 0.
    down: dict[str, Any] = {"ticklabelstandoff": ROOM_FOR_POINTS}
    if is_constant:
        down["rangemode"] = "tozero"
    if look.is_log:
        down["type"] = "log"
    if heights is not None:
        down["range"] = [heights.low, heights.high]
    named = sum("name" in trace for trace in traces)
    layout = theme.frame(
        x=across,
        y=down if has_values else {**down, "showticklabels": False, "showgrid": False},
        marks_floor=has_marks,
        uirevision=look.revision,
        hovermode="x unified" if named <= LISTED else "closest",
        meta={"many": is_many},
    )
    return {"data": traces, "layout": layout}


def clipped_range(views: Sequence[SeriesView], look: Look) -> Clipped | None:
    """The heights to show, where the reader wants to see none that lie far off and some do."""
    if not look.clips:
        return None
    return clipped([line_of(view) for view in views], is_log=look.is_log)


def _only_step(views: Sequence[SeriesView]) -> int | None:
    """The step that every point has; None where they have several, or there is none."""
    steps = {int(step) for view in views for step in (*view.x[:2], *view.bad_steps[:2])}
    return steps.pop() if len(steps) == 1 else None


def _is_constant(views: Sequence[SeriesView]) -> bool:
    """Whether all that is drawn is one finite value."""
    columns = [column for view in views for column in (view.low, view.high) if len(column)]
    values = np.concatenate(columns) if columns else np.empty(0)
    return bool(len(values) and (values == values[0]).all())


def drawn_note(views: Sequence[SeriesView], look: Look = STEPS) -> str:
    """What the reader does not see at first: "60,000 logged points drawn as 1,000"."""
    is_many = len(views) > FEW
    reduced = [view for view in views if not view.exact]
    parts = []
    if reduced:
        points = sum(view.points for view in reduced)
        drawn = sum(len(view.x) for view in reduced)
        how = "means, without bands" if is_many else "extremes kept"
        parts.append(f"{points:,} logged points drawn as {drawn:,}, {how}")
    if is_many and any(view.smoothed is not None for view in views):
        parts.append("raw lines left out")
    if (heights := clipped_range(views, look)) is not None:
        parts.append(heights.note)
    bad = sum(view.bad_count for view in views)
    if bad:
        parts.append(f"{bad:,} not finite, first marked")
    return "; ".join(parts)


class _Drawing:
    """The traces of a figure as they come; equal columns along x are in it once."""

    def __init__(self, x: Axis, *, is_many: bool, marks_only: bool) -> None:
        self.is_many = is_many
        self.traces: list[dict[str, Any]] = []
        self._x = x
        self._marks_only = marks_only
        self._shared = Shared()

    def add(self, curve: Curve) -> None:
        """The band of a curve, its raw line, its line and its mark, as far as there are any."""
        view = curve.view
        across = places_of(view, self._x)
        if not view.exact and not self.is_many:
            self._add_range(across, curve)
        y = np.where(view.counts == 1, view.last, view.mean)
        if view.smoothed is not None:
            if not self.is_many:
                color = theme.token(curve.color, RAW)
                look = theme.line_look(color=color, width=1, hover=None)
                self._add(across, y, look, exact=view.exact)
            y = view.smoothed
        look = theme.line_look(
            color=theme.token(curve.color),
            name=curve.name,
            dash=curve.dash,
            width=theme.LINE_WIDTH_OF_MANY if self.is_many else theme.LINE_WIDTH,
        )
        if curve.letter:
            look["meta"] = curve.letter
        # One point is no line: show where it is.
        if len(across) == 1:
            marker = {"color": theme.token(curve.color), "size": 7}
            look |= {"mode": "markers", "marker": marker, "cliponaxis": False}
        self._add(across, y, look, exact=view.exact)
        if len(view.bad_steps):
            self._add_mark(across, curve)

    def _add(
        self, across: npt.NDArray[Any], y: npt.NDArray[Any], look: dict[str, Any], *, exact: bool
    ) -> None:
        x = self._shared.packed(across, len(self.traces))
        self.traces.append({"type": "scatter", "x": x, "y": packed(y, exact=exact), **look})

    def _add_range(self, across: npt.NDArray[Any], curve: Curve) -> None:
        """Lowest to highest value of each bucket."""
        edge: dict[str, Any] = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        fill = {"fill": "tonexty", "fillcolor": theme.token(curve.color, "--chart-band")}
        self._add(across, curve.view.low, edge, exact=False)
        self._add(across, curve.view.high, {**edge, **fill}, exact=False)

    def _add_mark(self, across: npt.NDArray[Any], curve: Curve) -> None:
        step, kind = int(curve.view.bad_steps[0]), curve.view.bad_kinds[0]
        text = f"{curve.name}: {kind} at step {step:,}"
        place = min(int(np.searchsorted(curve.view.x, step)), len(across) - 1)
        where = step if self._x == "step" else across[place].item()
        amid: dict[str, Any] = (
            {"height": 0.5, "label": BAD_LABELS[kind]} if self._marks_only else {}
        )
        self.traces.append(theme.bad_mark(where, text, **amid).to_plotly_json())


def line_of(view: SeriesView) -> npt.NDArray[Any]:
    """The heights that the line of a series goes through."""
    if view.smoothed is not None:
        return view.smoothed
    return np.where(view.counts == 1, view.last, view.mean)


def places_of(view: SeriesView, x: Axis) -> npt.NDArray[Any]:
    """Steps, minutes, values of a metric, or milliseconds since 1970, as figures write moments."""
    if view.along is not None:
        return view.along
    if x == "step":
        return view.x
    return np.round(view.times * 1000) if x == "time" else (view.times - view.origin) / 60

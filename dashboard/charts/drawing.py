"""A figure of curves as plain shapes, for pictures that need no script: SVG, PDF.

It draws what `learning_curves` and the like are made of: lines, bands, points, crosses on a floor,
on linear, logarithmic and time axes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from dashboard.charts.packing import unpacked
from dashboard.charts.texts import unmarked

Floats = npt.NDArray[np.float64]
Anchor = Literal["start", "middle", "end"]
Kind = Literal["linear", "log", "date"]
Point = tuple[float, float]

LEFT, RIGHT, TOP, BOTTOM = 56.0, 12.0, 10.0, 30.0
FONT = 11.0
TICKS_DOWN, TICKS_ACROSS = 5, 6
MARK = 4.0


@dataclass(frozen=True)
class Line:
    points: tuple[Point, ...]
    color: str  # as figures write it
    width: float = 1.0
    dash: tuple[float, ...] = ()


@dataclass(frozen=True)
class Area:
    points: tuple[Point, ...]
    color: str


@dataclass(frozen=True)
class Dot:
    at: Point
    radius: float
    color: str


@dataclass(frozen=True)
class Label:
    at: Point
    text: str
    color: str
    anchor: Anchor = "start"


Shape = Line | Area | Dot | Label


@dataclass(frozen=True)
class Drawing:
    """Shapes in the order they are painted; y grows downwards."""

    width: float
    height: float
    shapes: tuple[Shape, ...]


def draw(packed: Mapping[str, Any], *, width: float = 640, height: float = 260) -> Drawing:
    """The figure without its interaction; its columns may be packed."""
    figure = go.Figure(unpacked(packed), packed["layout"])
    traces = [trace for trace in figure.data if trace.type == "scatter"]
    across = _Axis.of(figure.layout.xaxis, [t.x for t in traces], LEFT, width - RIGHT)
    main = [t for t in traces if t.yaxis != "y2"]
    down = _Axis.of(figure.layout.yaxis, [t.y for t in main], height - BOTTOM, TOP)
    floor = _Axis(0.0, 1.0, height - BOTTOM, TOP)
    shapes: list[Shape] = [*_frame(across, down, width, height, has_values=bool(down.ticks))]
    low: list[Point] = []
    for trace in traces:
        vertical = floor if trace.yaxis == "y2" else down
        points = list(zip(across.places(trace.x), vertical.places(trace.y), strict=True))
        if trace.fill == "tonexty":
            shapes += _band(low, points, str(trace.fillcolor))
        elif trace.line.width != 0:
            shapes += _trace(trace, points)
        low = points
    return Drawing(width, height, tuple(shapes))


def _frame(
    across: "_Axis", down: "_Axis", width: float, height: float, *, has_values: bool
) -> Iterator[Shape]:
    floor = height - BOTTOM
    for place, text in down.ticks if has_values else ():
        yield Line(((LEFT, place), (width - RIGHT, place)), "var(--chart-grid)")
        yield Label((LEFT - 6, place + 4), text, "var(--chart-text)", "end")
    yield Line(((LEFT, floor), (width - RIGHT, floor)), "var(--chart-axis)")
    for place, text in across.ticks:
        yield Label((place, floor + 15), text, "var(--chart-text)", "middle")
    if across.title:
        yield Label((width - RIGHT, floor + 27), across.title, "var(--chart-text)", "end")


def _band(low: Sequence[Point], high: Sequence[Point], color: str) -> Iterator[Shape]:
    """Between two curves, where both are numbers."""
    both = [
        (one, other)
        for one, other in zip(low, high, strict=False)
        if all(map(math.isfinite, (*one, *other)))
    ]
    if len(both) > 1:
        yield Area((*(one for one, _ in both), *(other for _, other in reversed(both))), color)


def _trace(trace: Any, points: Sequence[Point]) -> Iterator[Shape]:
    mode = trace.mode or "lines"
    if "lines" in mode:
        color, width = str(trace.line.color), float(trace.line.width or 1)
        for part in _unbroken(points):
            yield Line(part, color, width, _dashes(trace.line.dash))
    if "markers" in mode:
        color = str(trace.marker.color)
        for x, y in points:
            if not math.isfinite(x) or not math.isfinite(y):
                continue
            if trace.marker.symbol == "x":
                yield Line(((x - MARK, y - MARK), (x + MARK, y + MARK)), color, 2)
                yield Line(((x - MARK, y + MARK), (x + MARK, y - MARK)), color, 2)
            else:
                yield Dot((x, y), float(trace.marker.size or 6) / 2, color)


def _unbroken(points: Sequence[Point]) -> Iterator[tuple[Point, ...]]:
    """Parts between gaps."""
    part: list[Point] = []
    for point in (*points, (math.nan, math.nan)):
        if math.isfinite(point[0]) and math.isfinite(point[1]):
            part.append(point)
            continue
        if len(part) > 1:
            yield tuple(part)
        part = []


def _dashes(dash: str | None) -> tuple[float, ...]:
    if not dash or dash == "solid":
        return ()
    if dash == "dot":
        return (2.0, 3.0)
    return tuple(float(one.removesuffix("px")) for one in dash.split(","))


@dataclass(frozen=True)
class _Axis:
    """From values to places between `start` and `end`."""

    least: float
    most: float
    start: float
    end: float
    kind: Kind = "linear"
    title: str = ""
    is_empty: bool = False

    @classmethod
    def of(cls, axis: Any, values: Sequence[Any], start: float, end: float) -> "_Axis":
        kind: Kind = axis.type if axis.type in ("log", "date") else "linear"
        numbers = [_numbers(one, kind) for one in values if one is not None]
        known = np.concatenate(numbers) if numbers else np.zeros(0)
        if kind == "log":
            known = np.log10(known[known > 0])
        known = known[np.isfinite(known)]
        title = unmarked(str(axis.title.text or ""))
        if not len(known):
            return cls(0, 1, start, end, kind, title, is_empty=True)
        low, high = float(known.min()), float(known.max())
        if axis.rangemode == "tozero" and kind == "linear":
            low, high = min(low, 0.0), max(high, 0.0)
        room = (high - low) * 0.04 if start > end else 0.0
        if high == low:
            room = abs(low) * 0.1 or 1.0
        return cls(low - room, high + room, start, end, kind, title)

    def places(self, values: Any) -> list[float]:
        numbers = _numbers(values, self.kind)
        if self.kind == "log":
            numbers = np.log10(np.where(numbers > 0, numbers, np.nan))
        span = self.most - self.least
        found = self.start + (numbers - self.least) / span * (self.end - self.start)
        return np.round(found, 2).tolist()  # type: ignore[no-any-return]

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where ticks stand, and what they say."""
        if self.is_empty:
            return []
        count = TICKS_DOWN if self.start > self.end else TICKS_ACROSS
        if self.kind == "date":
            values = list(np.linspace(self.least, self.most, count)[1:-1])
            return [(self._place(one), _moment(one, self.most - self.least)) for one in values]
        if self.kind == "log" and self.most - self.least >= 1:
            powers = range(math.ceil(self.least), math.floor(self.most) + 1)
            every = max(1, len(powers) // count)
            return [(self._place(one), number(10.0**one)) for one in powers[::every]]
        if self.kind == "log":
            step = _step(10**self.most - 10**self.least, count)
            low = math.ceil(10**self.least / step) * step
            steps = np.arange(low, 10**self.most + step / 100, step)
            return [(self._place(math.log10(one)), number(one)) for one in steps if one > 0]
        step = _step(self.most - self.least, count)
        first = math.ceil(self.least / step - 1e-9) * step
        steps = np.arange(first, self.most + step / 100, step)
        return [(self._place(one), number(round(one / step) * step)) for one in steps]

    def _place(self, value: float) -> float:
        span = self.most - self.least
        return round(self.start + (value - self.least) / span * (self.end - self.start), 2)


def _numbers(values: Any, kind: Kind) -> Floats:
    """Values of an axis; moments, which are texts or milliseconds, as seconds since 1970."""
    listed = [] if values is None else list(values)
    if listed and isinstance(listed[0], str):
        return np.array(listed, dtype="datetime64[ms]").astype(np.float64) / 1000
    found = np.array([math.nan if one is None else one for one in listed], dtype=np.float64)
    return found / 1000 if kind == "date" else found


def _step(span: float, count: int) -> float:
    """A round distance between about `count` ticks."""
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(one * power for one in (1, 2, 5, 10) if one * power >= rough * 0.999)


def _moment(seconds: float, span: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%H:%M:%S}" if span < 3600 else f"{moment:%d %b %H:%M}"


def number(value: float) -> str:
    """A tick: 20k, 0.05, 1e−6."""
    size = abs(value)
    if size < 1e-12:
        return "0"
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if limit <= size < limit * 1000:
            return f"{value / limit:.4g}{letter}".replace("-", "−")
    return f"{value:.3g}".replace("e-0", "e-").replace("-", "−")

"""Frozen dataclasses that cross boundaries: points in, series, tables and episodes out. No Django.

Arrays are one-dimensional unless their comment gives a shape. Times are seconds since 1970 (UTC).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from experiments.axes import INNER_STEPS, EpisodeAxis

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Axis = Literal["step", "relative", "time", "metric"]


@dataclass(frozen=True, eq=False)
class SeriesPoints:
    """Points of one series as sent, in the order they were made.

    A time of NaN stands for "when it was accepted". Values may be NaN or infinite.
    """

    key: str
    steps: IntArray
    times: FloatArray
    values: FloatArray


@dataclass(frozen=True)
class Recorded:
    """The answer to an accepted batch. `duplicate`: it had been stored before; nothing changed."""

    points: int
    series: int
    duplicate: bool


@dataclass(frozen=True)
class Logged:
    """The answer to accepted console lines. `duplicate`: as for points."""

    lines: int
    duplicate: bool


@dataclass(frozen=True)
class Point:
    step: int
    time: float
    value: float  # may be NaN or infinite


@dataclass(frozen=True)
class PointPage:
    """Raw points in (step, arrival) order. `next` continues after the last one; None: no more."""

    points: tuple[Point, ...]
    next: str | None


@dataclass(frozen=True)
class Window:
    """The part of an axis that is looked at, its ends included; None: no end on that side.

    Ends are steps, seconds since the series' first point ("relative") or since 1970 ("time"), or
    values of the run's metric `against` ("metric").
    """

    axis: Axis = "step"
    first: float | None = None
    last: float | None = None
    against: str = ""

    @property
    def is_whole(self) -> bool:
        return self.first is None and self.last is None


@dataclass(frozen=True, eq=False)
class SeriesView:
    """One series reduced to buckets for drawing; all bucket arrays have one length.

    `exact`: each bucket is one point, so low, high, mean and last are its value. Otherwise a bucket
    stands for `counts` neighbouring points: x and times belong to its last point; low, high, mean
    and last are over its finite values, NaN where it has none. NaN and infinities are marks
    (`bad_steps` with the kinds "nan", "inf", "-inf"): one per bad point when exact, else the first
    of each bucket; `bad_count` counts them all.

    `smoothed` is the mean over the bucket of a moving average that ran over every point of the
    series. `origin` is when the series' first point was made, in the range
    or not; NaN where it was not asked for. `along` is where each bucket is on the axis of a metric.
    """

    run_id: str
    key: str
    x: IntArray
    times: FloatArray
    low: FloatArray
    high: FloatArray
    mean: FloatArray
    last: FloatArray
    counts: IntArray
    bad_steps: IntArray
    bad_kinds: tuple[str, ...]
    bad_count: int
    points: int  # points in the asked range, drawn or not
    first_step: int | None  # of the points in the range
    last_step: int | None
    exact: bool
    origin: float
    smoothed: FloatArray | None
    along: FloatArray | None = None


@dataclass(slots=True)
class SeriesSummary:
    """One metric of one run in numbers. `least` and `most` are over finite values.

    `last` is the value at the largest step, of equal steps the latest, of equal times the largest
    (may be NaN or infinite); the steps of `least` and `most` are the first that reached them.
    Not frozen, which makes them three times as slow to make: every batch of points makes many.
    """

    key: str
    count: int
    nonfinite: int
    first_step: int
    last_step: int
    last: float
    last_time: float | None  # None: recorded before this was kept
    least: float | None
    least_step: int | None
    most: float | None
    most_step: int | None
    first_bad_step: int | None


@dataclass(frozen=True, eq=False)
class Episodes:
    """Every episode of an evaluation; column s of the tables is after s inner steps."""

    ids: tuple[str, ...]
    losses: FloatArray  # (N, S + 1)
    accuracies: FloatArray | None  # (N, S + 1)


@dataclass(frozen=True, eq=False)
class AdaptationCurve:
    """Query loss or accuracy against the inner step, over the episodes of one evaluation.

    `mean` and `half_width` (95 % t interval; NaN where fewer than two) are over the `counts`
    episodes whose number is finite at that inner step; the other `nonfinite` ones are left out.
    """

    run_id: str
    evaluation_id: str
    metric: str  # "loss" or "accuracy"
    inner_steps: IntArray  # 0..S
    mean: FloatArray
    half_width: FloatArray
    counts: IntArray
    nonfinite: IntArray
    episode_count: int
    trained_inner_steps: int | None
    axis: EpisodeAxis = INNER_STEPS


@dataclass(frozen=True, eq=False)
class OverTraining:
    """One quantity of all evaluations of a name, against meta-step and inner step.

    Rows are meta-steps, columns inner steps; `half_width` is of the 95 % t interval over `counts`
    episodes. NaN where an evaluation has no such inner step or no finite number.
    """

    name: str
    metric: str  # "loss" or "accuracy"
    steps: IntArray  # (M,), ascending
    mean: FloatArray  # (M, S + 1)
    half_width: FloatArray  # (M, S + 1)
    counts: IntArray  # (M, S + 1)
    trained_inner_steps: int | None
    axis: EpisodeAxis = INNER_STEPS


@dataclass(frozen=True, eq=False)
class Gap:
    """How far a split is from that trained on, at the same parameters, by meta-step.

    `gap` is the mean of `name` less the mean of "train", both after `inner_step` steps;
    `half_width` is of Welch's 95 % t interval, over episodes of both.
    """

    name: str  # "validation" or "test"
    metric: str
    inner_step: int
    steps: IntArray
    gap: FloatArray
    half_width: FloatArray
    counts: IntArray  # (M, 2): episodes of `name` and of "train"
    axis: EpisodeAxis = INNER_STEPS


@dataclass(frozen=True)
class LogLine:
    """One line of console output; `number` counts from 1 over all attempts and never changes.
    `stream`: "stdout" or "stderr"; those of jobs are one, "stdout"."""

    number: int
    attempt: int
    text: str
    stream: str = "stdout"


@dataclass(frozen=True)
class LogPage:
    """Console lines in order. `next`: pass it as `after` to continue, also when more is written.

    `total` counts all lines of the run, matching or not.
    """

    lines: tuple[LogLine, ...]
    next: int
    total: int


@dataclass(frozen=True)
class RunRow:
    """One run in the run table. Params hold JSON scalars; a key the run lacks is absent."""

    id: str
    name: str
    number: int
    status: str
    status_reason: str
    group: str
    seed: int | None
    color_slot: int
    tags: tuple[str, ...]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    archived_at: datetime | None
    progress_step: int | None
    progress_total: int | None
    created_by: str
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, SeriesSummary] = field(default_factory=dict)

    @property
    def duration_s(self) -> float | None:
        """Seconds from start to end; None until both are known."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True)
class GroupSummary:
    """The listed runs of a group in numbers.

    `mean` and `sd` are of the last values of one metric, over the `count` runs in which it is a
    finite number; in `nonfinite` more it is not.
    """

    name: str
    statuses: Mapping[str, int]
    newest_at: datetime
    mean: float | None
    sd: float | None
    count: int
    nonfinite: int

    @property
    def runs(self) -> int:
        """How many they are."""
        return sum(self.statuses.values())


@dataclass(frozen=True)
class Spread:
    """A metric over the runs of a group: of the `count` whose number is finite; `nonfinite` more
    have the metric without one. `sd` is None below two."""

    mean: float | None
    sd: float | None
    count: int
    nonfinite: int


@dataclass(frozen=True)
class RunGroup:
    """Runs that are alike, in numbers. `id`: of its oldest run; `values`: what they hold in the
    fields that they are grouped by, None where they lack it; `run_ids`: of the newest ones.

    `held`: by column, the values that its runs hold, None for nothing; of many, the first few.
    """

    id: str
    values: tuple[str | None, ...]
    runs: int
    run_ids: tuple[str, ...]
    statuses: Mapping[str, int]
    metrics: Mapping[str, Spread]
    held: Mapping[str, tuple[str | None, ...]]


@dataclass(frozen=True)
class GroupPage:
    """One page of groups; `total` groups of `runs` runs are on all pages."""

    groups: tuple[RunGroup, ...]
    total: int
    runs: int
    offset: int
    limit: int

    @property
    def has_more(self) -> bool:
        return self.offset + len(self.groups) < self.total


@dataclass(frozen=True)
class RunTable:
    """One page of a project's runs, filtered and sorted by the database."""

    rows: tuple[RunRow, ...]
    total: int  # runs that match the filter, on all pages
    offset: int
    limit: int
    columns: tuple[str, ...]  # as asked: "params.KEY", "metrics.KEY"
    sort: str
    descending: bool

    @property
    def has_more(self) -> bool:
        return self.offset + len(self.rows) < self.total


@dataclass(frozen=True)
class RunColumns:
    """What a run table of a project can show, sort and filter by."""

    params: tuple[str, ...]
    metrics: tuple[str, ...]

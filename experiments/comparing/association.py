"""Which of the differences go along with a metric, over the runs of a project. Not why.

Each param by itself: what share of the spread of the metric's ranks it accounts for. For numbers
that is the square of Spearman's rank correlation (1904); for anything else, and for numbers of two
values alone, epsilon squared of Kruskal and Wallis (1952), H / (N - 1). p values are corrected by
Holm. Params that were changed together cannot be told apart: this is association, not cause.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import chdtrc, stdtr
from scipy.stats import rankdata

from experiments.comparing import statistics
from experiments.comparing.metrics import Stat
from experiments.models import Param, Project, Series
from experiments.shapes import FloatArray

MOST_RUNS = 2_000  # the newest
MOST_PARAMS = 100
LEAST_RUNS = 5  # fewer say nothing
MOST_LEVELS = 20  # texts with more values than that name runs, not settings
COLUMNS: Mapping[Stat, str] = {"last": "last", "min": "least", "max": "most"}

Kind = Literal["number", "level"]


@dataclass(frozen=True)
class Association:
    """`share` is 0 to 1. `correlation` is Spearman's, None for levels. `runs` is N.

    `levels` are the values, the most frequent first, each with its number of runs and the median
    of the metric; only of levels.
    """

    key: str
    kind: Kind
    share: float
    correlation: float | None
    p_value: float
    holm_p: float
    runs: int
    levels: tuple[tuple[str, int, float], ...]


@dataclass(frozen=True)
class Associations:
    """`rows` are the strongest first; `untold` the keys of which too little is known."""

    rows: tuple[Association, ...]
    untold: tuple[str, ...]
    runs: int


@dataclass(frozen=True)
class _Found:
    kind: Kind
    share: float
    correlation: float | None
    p_value: float
    runs: int
    levels: tuple[tuple[str, int, float], ...]


def rank(project: Project, keys: Sequence[str], *, metric: str, stat: Stat) -> Associations:
    """The params `keys` by their association with `metric` over the project's newest runs."""
    rows = Series.objects.filter(
        project=project, key=metric, run__archived_at=None, **{f"{COLUMNS[stat]}__isnull": False}
    )
    newest = rows.order_by("-run_id").values_list("run_id", COLUMNS[stat])[:MOST_RUNS]
    values = {run_id: float(value) for run_id, value in newest}
    asked = list(keys[:MOST_PARAMS])
    found = {key: _associated(values, logged) for key, logged in _params(asked, values).items()}
    told = {key: one for key, one in found.items() if one is not None}
    corrected = statistics.holm([one.p_value for one in told.values()])
    ranked = [
        Association(
            key=key,
            kind=one.kind,
            share=one.share,
            correlation=one.correlation,
            p_value=one.p_value,
            holm_p=holm_p,
            runs=one.runs,
            levels=one.levels,
        )
        for (key, one), holm_p in zip(told.items(), corrected, strict=True)
    ]
    ranked.sort(key=lambda one: (-one.share, one.key))
    return Associations(tuple(ranked), tuple(k for k in asked if k not in told), len(values))


def spearman(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """The rank correlation and its two-sided p by the t distribution."""
    a, b = rankdata(x), rankdata(y)
    correlation = float(np.corrcoef(a, b)[0, 1])
    if abs(correlation) >= 1:
        return correlation, 0.0
    freedom = len(x) - 2
    t = correlation * np.sqrt(freedom / (1 - correlation**2))
    return correlation, float(2 * stdtr(freedom, -abs(t)))


def kruskal(levels: Sequence[str], y: FloatArray) -> tuple[float, float]:
    """Epsilon squared, and the p of Kruskal and Wallis's test by the chi-squared distribution."""
    ranks, names = rankdata(y), np.array(levels)
    count, mean = len(y), (len(y) + 1) / 2
    kinds = sorted(set(levels))
    between = sum(
        np.count_nonzero(names == one) * (ranks[names == one].mean() - mean) ** 2 for one in kinds
    )
    spread = float(((ranks - mean) ** 2).sum()) / (count - 1)
    h = float(between) / spread
    return h / (count - 1), float(chdtrc(len(kinds) - 1, h))


def _params(
    keys: Sequence[str], values: Mapping[str, float]
) -> dict[str, dict[str, tuple[str, float | None]]]:
    """By key and run: text and number."""
    found: dict[str, dict[str, tuple[str, float | None]]] = {key: {} for key in keys}
    ids = list(values)
    for start in range(0, len(ids), 500):  # SQLite binds so many
        rows = Param.objects.filter(run_id__in=ids[start : start + 500], key__in=keys)
        for key, run_id, text, number in rows.values_list("key", "run_id", "text", "number"):
            found[key][run_id] = text, number
    return found


def _associated(
    values: Mapping[str, float], logged: Mapping[str, tuple[str, float | None]]
) -> _Found | None:
    """None where fewer than LEAST_RUNS have it, or neither it nor the metric varies."""
    ids = list(logged)
    y = np.array([values[run_id] for run_id in ids])
    texts = [logged[run_id][0] for run_id in ids]
    kinds = Counter(texts)
    if len(ids) < LEAST_RUNS or len(kinds) < 2 or np.ptp(y) == 0:
        return None
    numbers = [number for _, number in logged.values() if number is not None]
    if len(numbers) == len(ids) and len(set(numbers)) > 2:
        correlation, p_value = spearman(np.array(numbers), y)
        return _Found("number", correlation**2, correlation, p_value, len(ids), ())
    if len(kinds) > MOST_LEVELS or max(kinds.values()) < 2:
        return None
    share, p_value = kruskal(texts, y)
    array = np.array(texts)
    levels = tuple(
        (text, count, float(np.median(y[array == text]))) for text, count in kinds.most_common()
    )
    return _Found("level", share, None, p_value, len(ids), levels)

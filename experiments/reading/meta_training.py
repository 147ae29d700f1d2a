"""Evaluations over meta-training: how adaptation changes, and how far held-out episodes are from
those of the training split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments import intervals
from experiments.axes import INNER_STEPS, axis_of
from experiments.models import Evaluation
from experiments.shapes import Gap, OverTraining

SEEN = "train"  # the evaluation on episodes of the split that was trained on
HELD_OUT = ("validation", "test")
ADAPTED_BY = ("inner_lr", "adapts", "query")  # of a protocol; where they differ, results do


@dataclass(frozen=True)
class _Row:
    """One evaluation by its summary."""

    name: str
    step: int
    episodes: int
    protocol: Mapping[str, Any]
    means: Sequence[float | None]
    half_widths: Sequence[float | None]
    nonfinite: Sequence[int]

    def at(self, inner_step: int) -> tuple[float, float, int]:
        """Mean, half width and N after an inner step; NaN and 0 where there is none."""
        if inner_step >= len(self.means):
            return np.nan, np.nan, 0
        left_out = self.nonfinite[inner_step] if inner_step < len(self.nonfinite) else 0
        mean, half = self.means[inner_step], self.half_widths[inner_step]
        return (
            np.nan if mean is None else mean,
            np.nan if half is None else half,
            self.episodes - left_out,
        )

    @property
    def trained(self) -> int | None:
        steps = self.protocol.get("inner_steps_trained")
        return steps if isinstance(steps, int) else None


def over_training(run_id: str, name: str = "validation", metric: str = "loss") -> OverTraining:
    """Every evaluation of that name that has the metric, by meta-step."""
    rows = _rows(run_id, (name,), metric)
    width = max((len(row.means) for row in rows), default=0)
    cells = [[row.at(step) for step in range(width)] for row in rows]
    table = np.array(cells, dtype=np.float64).reshape(len(rows), width, 3)
    return OverTraining(
        name=name,
        metric=metric,
        steps=np.array([row.step for row in rows], dtype=np.int64),
        mean=table[..., 0],
        half_width=table[..., 1],
        counts=table[..., 2].astype(np.int64),
        trained_inner_steps=rows[-1].trained if rows else None,
        axis=axis_of(rows[-1].protocol) if rows else INNER_STEPS,
    )


def gaps(run_id: str, *, metric: str = "loss", inner_step: int | None = None) -> list[Gap]:
    """How far validation and test are from the training split, where both were evaluated at the
    same meta-step and adapted alike. `inner_step` None: the one trained with."""
    rows = _rows(run_id, (SEEN, *HELD_OUT), metric)
    seen = {row.step: row for row in rows if row.name == SEEN}
    found = (_gap(name, metric, inner_step, rows, seen) for name in HELD_OUT)
    return [gap for gap in found if len(gap.steps)]


def _gap(
    name: str, metric: str, inner_step: int | None, rows: Sequence[_Row], seen: Mapping[int, _Row]
) -> Gap:
    pairs = [
        (row, seen[row.step])
        for row in rows
        if row.name == name and row.step in seen and _alike(row, seen[row.step])
    ]
    last = min((len(row.means) for pair in pairs for row in pair), default=1) - 1
    wanted = (pairs[-1][0].trained if pairs else None) if inner_step is None else inner_step
    step = min(last if wanted is None else wanted, last)
    both = [(held.at(step), known.at(step)) for held, known in pairs]
    found = np.array([intervals.welch(held, known) for held, known in both]).reshape(-1, 2)
    return Gap(
        name=name,
        metric=metric,
        inner_step=step,
        steps=np.array([held.step for held, _ in pairs], dtype=np.int64),
        gap=found[:, 0],
        half_width=found[:, 1],
        counts=np.array([(a[2], b[2]) for a, b in both], dtype=np.int64).reshape(-1, 2),
        axis=axis_of(pairs[-1][0].protocol) if pairs else INNER_STEPS,
    )


def _alike(a: _Row, b: _Row) -> bool:
    return all(a.protocol.get(key) == b.protocol.get(key) for key in ADAPTED_BY)


def _rows(run_id: str, names: Sequence[str], metric: str) -> list[_Row]:
    found = Evaluation.objects.filter(run=run_id, name__in=names).order_by("step", "name")
    values = found.values_list("name", "step", "episode_count", "protocol", "summary")
    return [
        _Row(
            name,
            step,
            episodes,
            protocol,
            summary[metric].get("mean", []),
            summary[metric].get("half_width", []),
            summary[metric].get("nonfinite", []),
        )
        for name, step, episodes, protocol, summary in values
        if metric in summary
    ]

"""Learned inner rates by layer and inner step, as algorithms record them below "inner_lr/"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.inner_rates import rates_heat
from dashboard.metric_names import natural
from experiments import reading
from experiments.shapes import FloatArray, IntArray

PREFIX = "inner_lr/"
COLUMNS = 200  # moments of meta-training that a slider stops at
_STEP = re.compile(r"/step_(\d{1,4})$")


@dataclass(frozen=True, eq=False)
class InnerRates:
    """Rates by layer, inner step and meta-step; a layer whose rate is one for all inner steps has
    it in the only column. NaN where nothing was recorded."""

    layers: tuple[str, ...]
    inner_steps: tuple[int, ...]  # 1 to S, or (0,) where rates do not differ by step
    steps: IntArray  # (M,) meta-steps
    rates: FloatArray  # (M, L, S)


def inner_rates(run_id: str) -> InnerRates | None:
    """All that a run recorded; None where it learned no rates."""
    keys = reading.series_keys([run_id])[run_id]
    places = {key: _place(key) for key in sorted(keys, key=natural) if key.startswith(PREFIX)}
    if not places:
        return None
    layers = tuple(dict.fromkeys(layer for layer, _ in places.values()))
    columns = tuple(sorted({step for _, step in places.values()}))
    views = reading.series([run_id], list(places), width=COLUMNS)
    steps = np.unique(np.concatenate([view.x for view in views]))
    rates = np.full((len(steps), len(layers), len(columns)), np.nan)
    for view in views:
        layer, column = places[view.key]
        at = np.searchsorted(steps, view.x)
        rates[at, layers.index(layer), columns.index(column)] = view.last
    return InnerRates(layers, columns, steps, rates)


def _place(key: str) -> tuple[str, int]:
    """Layer and inner step of a key such as "inner_lr/head.weight/step_2"."""
    found = _STEP.search(key)
    if not found:
        return key.removeprefix(PREFIX), 0
    return key[len(PREFIX) : found.start()], int(found[1])


def moment(found: InnerRates, at: int) -> int:
    """The place of the last meta-step at or before one, else of the first."""
    return max(0, int(np.searchsorted(found.steps, at, side="right")) - 1)


def column_names(inner_steps: Sequence[int]) -> list[str]:
    """What a column is called."""
    return [f"step {step}" if step else "all steps" for step in inner_steps]


def largest_rate(found: InnerRates) -> float:
    """Of all meta-steps, above or below zero; 1 where there is none."""
    finite = np.abs(found.rates[np.isfinite(found.rates)])
    return float(finite.max(initial=0.0)) or 1.0


def rates_figure(found: InnerRates, place: int, *, largest: float) -> tuple[go.Figure, str]:
    """The rates at that place of meta-training on colours up to `largest`, and what to note."""
    columns = column_names(found.inner_steps)
    figure = rates_heat(found.layers, columns, found.rates[place], largest=largest)
    note = f"After meta-step {found.steps[place]:,}. A rate below zero climbs the loss."
    if found.inner_steps == (0,):
        note += " Each is the mean over the layer's parameters."
    return figure, note

"""Norms of gradients and weights by layer, as `watch` of the client records them."""

from dataclasses import dataclass

import numpy as np

from dashboard.metric_names import natural
from experiments import reading
from experiments.shapes import FloatArray, IntArray, SeriesView

KINDS = ("gradients", "weights", "activations")
TOTAL = "norm"  # of all layers together: no layer
MOST_LAYERS = 60
COLUMNS = 200


@dataclass(frozen=True, eq=False)
class LayerNorms:
    """Norms by layer and step; NaN where a layer has no finite norm there. `first_bad` are the
    steps from which on they are not finite, None for those that always are."""

    kind: str
    layers: tuple[str, ...]
    steps: IntArray  # (M,)
    norms: FloatArray  # (L, M)
    first_bad: tuple[int | None, ...]  # (L,)
    left_out: int  # layers


def kinds_of(keys: list[str]) -> list[str]:
    """Which kinds of norms a run has."""
    return [kind for kind in KINDS if any(_layer(key, kind) for key in keys)]


def layer_norms(run_id: str, kind: str) -> LayerNorms | None:
    """All norms of a kind on the same steps; None where the run has none."""
    keys = reading.series_keys([run_id])[run_id]
    wanted = sorted((key for key in keys if _layer(key, kind)), key=natural)
    if not wanted:
        return None
    views = reading.series([run_id], wanted[:MOST_LAYERS], width=COLUMNS)
    steps = np.unique(np.concatenate([view.x for view in views]))
    return LayerNorms(
        kind=kind,
        layers=tuple(_layer(view.key, kind) for view in views),
        steps=steps,
        norms=np.array([_on(view, steps) for view in views]),
        first_bad=tuple(int(v.bad_steps[0]) if len(v.bad_steps) else None for v in views),
        left_out=max(0, len(wanted) - MOST_LAYERS),
    )


def _layer(key: str, kind: str) -> str:
    """The layer of a key of that kind; "" for any other."""
    name = key.removeprefix(f"{kind}/") if key.startswith(f"{kind}/") else ""
    return "" if name == TOTAL else name


def _on(view: SeriesView, steps: IntArray) -> FloatArray:
    found = np.full(len(steps), np.nan)
    found[np.searchsorted(steps, view.x)] = view.last
    return found

"""The models of several runs layer by layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments import model_layers
from experiments.comparing import documents
from experiments.comparing.documents import Row
from experiments.model_layers import Layer, Model
from experiments.models import Run

MOST_ROWS = 2_000


@dataclass(frozen=True)
class ModelRows:
    """A model by its name; `sizes` has None for runs without it. `left_out` counts rows that are
    not told."""

    name: str
    sizes: tuple[Model | None, ...]
    rows: tuple[Row, ...]
    differing: int
    left_out: int


def compare(runs: Sequence[Run], *, baseline: int = 0) -> list[ModelRows]:
    """Models of the same name beside each other; a single one of each run is the same model,
    whatever its name. A run that tells nothing of a model differs in nothing."""
    told = model_layers.of_runs(runs)
    found = [{model.name: model for model in told[run.pk]} for run in runs]
    if all(len(one) <= 1 for one in found):
        names = list(dict.fromkeys(name for one in found for name in one))
        models = [next(iter(one.values()), None) for one in found]
        return [_rows(" / ".join(names[:3]), models, baseline)] if names else []
    names = sorted({name for one in found for name in one})
    return [_rows(name, [one.get(name) for one in found], baseline) for name in names]


def _rows(name: str, models: Sequence[Model | None], baseline: int) -> ModelRows:
    told = [
        {layer.name: shown(layer) for layer in model.layers} if model else None for model in models
    ]
    rows = documents.rows(told, baseline=baseline)
    differing = sum(row.differs for row in rows)
    return ModelRows(
        name, tuple(models), tuple(rows[:MOST_ROWS]), differing, max(0, len(rows) - MOST_ROWS)
    )


def shown(layer: Layer) -> str:
    """ "64 × 1 float32", with what is not trained saying so."""
    shape = " × ".join(map(str, layer.shape)) or "one number"
    return f"{shape} {layer.dtype}{'' if layer.trained else ', not trained'}".strip()

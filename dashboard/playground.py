"""What the playground shows: a run's initialisation beside others, and the sines to draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from experiments import initialisations
from experiments.errors import NotFound
from experiments.initialisations import Initialisation, Layer
from experiments.models import Run, RunStatus

MOST_BESIDE = 3  # initialisations beside the run's own and the random one
MOST_CHOICES = 50  # the newest runs
RANDOM_SLOT = 10
RANDOM_SEED = 0
PRETRAINED = "pretrained"
FALLBACK = {"shot": 10, "amplitude_low": 0.1, "amplitude_high": 5.0, "phase_high": np.pi,
            "x_range": 5.0}  # fmt: skip


@dataclass(frozen=True)
class Start:
    """An initialisation to adapt; `run` is None for the random one."""

    title: str
    about: str
    slot: int
    initialisation: Initialisation
    run: Run | None = None

    def plain(self) -> dict[str, Any]:
        """As the page's scripts read it."""
        return {"title": self.title, **msgspec.to_builtins(self.initialisation)}


@dataclass(frozen=True)
class Choice:
    run: Run
    algorithm: str
    is_shown: bool


def starts(run: Run, beside: list[Run]) -> list[Start]:
    """The run's own first, then those chosen, then a random one of the same shape. Raises
    NotFound where the run keeps none; others that keep none are left out."""
    own = initialisations.of_run(run)
    found = [_start(run, own)]
    for other in beside:
        try:
            found.append(_start(other, initialisations.of_run(other)))
        except NotFound:  # replaced by a file of another shape since it was listed
            continue
    about = "never trained; this run’s shape and rates"
    return [*found, Start("Random", about, RANDOM_SLOT, random_like(own))]


def _start(run: Run, initialisation: Initialisation) -> Start:
    return Start(run.name, _about(run, initialisation), run.color_slot, initialisation, run)


def _about(run: Run, initialisation: Initialisation) -> str:
    if initialisation.rates != "fixed":
        return f"{algorithm_of(run)}, learned rates"
    rates = sorted({layer.weight_rate[0] for layer in initialisation.layers} - {0.0})
    return f"{algorithm_of(run)}, inner rate {', '.join(f'{rate:g}' for rate in rates)}"


def random_like(initialisation: Initialisation) -> Initialisation:
    """The same layers and rates with weights as `nn.Linear` draws them: uniform within
    1 / sqrt(inputs). Always the same ones, so that a link shows what its sender saw."""
    generator = np.random.default_rng(RANDOM_SEED)

    def fresh(layer: Layer) -> Layer:
        bound = 1 / np.sqrt(layer.inputs)
        weight = generator.uniform(-bound, bound, len(layer.weight)).tolist()
        bias = generator.uniform(-bound, bound, len(layer.bias)).tolist()
        return msgspec.structs.replace(layer, weight=weight, bias=bias)

    layers = [fresh(layer) for layer in initialisation.layers]
    return msgspec.structs.replace(initialisation, layers=layers)


def choices(run: Run, wanted: list[str] | None) -> list[Choice]:
    """The newest finished runs of the project that keep an initialisation, without this one;
    shown are those wanted, or the newest pretrained one where nothing was said."""
    kept = initialisations.having_one(
        Run.objects.filter(project=run.project, status=RunStatus.COMPLETED)
        .filter(archived_at=None, deleted_at=None)
        .exclude(pk=run.pk)
    )
    runs = list(kept.order_by("-id")[:MOST_CHOICES])
    if wanted is None:
        wanted = [one.pk for one in runs if algorithm_of(one) == PRETRAINED][:1]
    shown = set([one.pk for one in runs if one.pk in wanted][:MOST_BESIDE])
    return [Choice(one, algorithm_of(one), one.pk in shown) for one in runs]


def algorithm_of(run: Run) -> str:
    """As its spec says; "other" for a run without one."""
    return str(run.params.get("algorithm", "other"))[:40]


def sines(run: Run) -> dict[str, float]:
    """The ranges of the run's own episodes; the paper's for what its params do not say."""
    episodes = run.params.get("episodes")
    said: Mapping[str, Any] = episodes if isinstance(episodes, dict) else {}
    return {name: _positive(said.get(name), float(value)) for name, value in FALLBACK.items()}


def _positive(value: object, otherwise: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value <= 1000 else otherwise  # type: ignore[operator,arg-type]

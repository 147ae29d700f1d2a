"""Trained initialisations as plain numbers, which readers adapt to points of their own.

A worker writes one among the files of a run, as `initialisation.json`: what its test tried. Only
networks of one input and one output are told (`worker.metalearning.initialisation`). Files can be
replaced by whoever may write to the run: one that has another shape is as one that is not there.
"""

import io
import json
import logging
from typing import Annotated, Any, Literal

import msgspec
from django.db.models import QuerySet

from experiments import blobs, files
from experiments.errors import DomainError, NotFound
from experiments.models import ManifestFile, Run

logger = logging.getLogger(__name__)
PATH = "initialisation.json"
LARGEST = 2_000_000  # bytes
MOST_PARAMETERS = 20_000
MOST_STEPS = 1_000  # inner steps with rates of their own

Size = Annotated[int, msgspec.Meta(ge=1, le=MOST_PARAMETERS)]


class Layer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`weight` is `(outputs, inputs)` row by row; each tensor has the rates of its descent."""

    inputs: Size
    outputs: Size
    weight: list[float]
    bias: list[float]
    weight_rate: list[float]
    bias_rate: list[float]


class Initialisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Layers from input to output with rectifiers between them. A rate is one number ("fixed"),
    one for each inner step, the last going on ("per_step"), or one an element ("elementwise")."""

    format: Literal[1]
    rates: Literal["fixed", "per_step", "elementwise"]
    layers: Annotated[list[Layer], msgspec.Meta(min_length=1, max_length=11)]


def record(run: Run, document: dict[str, Any]) -> None:
    """Keeps one among the run's files. Raises as `files.put` does, ValueError for another shape."""
    content = json.dumps(document, allow_nan=False).encode()
    parsed(content)
    files.put(files.of_run(run), PATH, io.BytesIO(content))


def of_run(run: Run) -> Initialisation:
    """What the run's test tried. Raises NotFound where that was not kept, or has another shape."""
    row = ManifestFile.objects.filter(manifest=run.files_id, path=PATH).first()
    if run.files_id is None or row is None or row.blob_id is None or (row.size or 0) > LARGEST:
        raise _missing(run)
    try:
        return parsed(blobs.read(row.blob_id))
    except ValueError as error:
        raise _missing(run) from error
    except DomainError as error:  # a store that is away, or damaged bytes: said where it is kept
        logger.error("The initialisation of run %s cannot be read: %s", run.pk, error)
        raise


def having_one(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Those of these runs that keep one, whatever shape it has."""
    kept = ManifestFile.objects.filter(path=PATH, blob__isnull=False, size__lte=LARGEST)
    return runs.filter(files__in=kept.values("manifest"))


def parsed(content: bytes) -> Initialisation:
    """Raises ValueError for anything but what this module's docstring says."""
    try:
        found = msgspec.json.decode(content, type=Initialisation)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    widths = [1, *(layer.outputs for layer in found.layers)]
    if widths[-1] != 1 or [layer.inputs for layer in found.layers] != widths[:-1]:
        raise ValueError("layers do not follow each other from one input to one output")
    if sum(layer.outputs * (layer.inputs + 1) for layer in found.layers) > MOST_PARAMETERS:
        raise ValueError(f"more than {MOST_PARAMETERS} parameters")
    for layer in found.layers:
        _check(layer.weight, layer.weight_rate, layer.outputs * layer.inputs, found.rates)
        _check(layer.bias, layer.bias_rate, layer.outputs, found.rates)
    return found


def _check(values: list[float], rates: list[float], size: int, kind: str) -> None:
    if len(values) != size:
        raise ValueError("a tensor has another number of elements")
    expected = {"fixed": {1}, "elementwise": {1, size}}.get(kind)
    if not rates or (len(rates) > MOST_STEPS if expected is None else len(rates) not in expected):
        raise ValueError("a tensor has another number of rates")


def _missing(run: Run) -> NotFound:
    return NotFound(
        f"Run {run.pk} keeps no initialisation as plain numbers: workers write one at the end of "
        "jobs that adapt a fully connected network to sinusoids by gradient descent.",
        code="initialisation_not_found",
    )

"""What models are made of: layers with their shapes, told by whoever has the model, or by files.

    models/<name>.layers.json
    {"layers": [{"name": ..., "shape": [...], "dtype": ..., "trained": true}, ...]}

Clients and workers write such a file among the files of a run. Safetensors files that a run made
as artifacts of the kind "model", or keeps below `models/`, tell the same in their headers; no
weight is read. Files come from strangers: what has another shape is passed over.
"""

import io
import json
import logging
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

from django.db.models import F, Q, QuerySet

from experiments import blobs, files
from experiments.errors import DomainError
from experiments.models import ArtifactKind, ArtifactUse, ManifestFile, Run

logger = logging.getLogger(__name__)
FOLDER = "models"
ENDING = ".layers.json"
SAFETENSORS = ".safetensors"
MOST_MODELS = 10  # of a run
MOST_USES = 500  # versions that several runs made
MOST_LAYERS = 5_000  # of a model
MOST_AXES = 16
LARGEST_AXIS = 2**48
LARGEST = 4_000_000  # bytes of a description, or of a header

_BITS = {"bool": 8, "half": 16, "bfloat16": 16, "bf16": 16, "double": 64, "float": 32}


@dataclass(frozen=True)
class Layer:
    """One array of numbers under its name."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    trained: bool = True

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int | None:
        """None for a type of number that says no width."""
        bits = _BITS.get(self.dtype.lower()) or _digits(self.dtype)
        return None if bits is None else self.parameters * bits // 8


@dataclass(frozen=True)
class Model:
    """A model of a run by its layers."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def trained(self) -> int:
        return sum(layer.parameters for layer in self.layers if layer.trained)

    @property
    def bytes(self) -> int | None:
        """None where a layer does not tell."""
        sizes = [layer.bytes for layer in self.layers]
        return None if None in sizes else sum(size or 0 for size in sizes)


def of_run(run: Run) -> list[Model]:
    """The models of a run by name: those described, then those whose files tell it."""
    return of_runs([run])[run.pk]


def of_runs(runs: Sequence[Run]) -> dict[str, list[Model]]:
    """The same for several runs by their ids, in as many statements as for one."""
    told = Q(path__endswith=ENDING) | Q(path__endswith=SAFETENSORS)
    trees = {run.files_id: run.pk for run in runs if run.files_id is not None}
    rows: dict[str, list[tuple[ManifestFile, str]]] = {run.pk: [] for run in runs}
    for row in files.below_any(trees, FOLDER).filter(told, blob__isnull=False).order_by("path"):
        rows[trees[row.manifest_id]].append((row, _name(row.path[len(FOLDER) + 1 :])))
    uses = list(_made_by(runs))
    kept = files.below_any({use.version.files_id for use in uses}, "")
    weights: dict[int, list[ManifestFile]] = {}
    for row in kept.filter(path__endswith=SAFETENSORS, blob__isnull=False).order_by("path"):
        weights.setdefault(row.manifest_id, []).append(row)
    for use in uses:
        version = use.version
        title = f"{version.artifact.name}:{version.number}"
        rows[use.run_id] += [
            (row, f"{title} {_name(row.path)}") for row in weights.get(version.files_id, ())
        ]
    return {pk: _models(found[:MOST_MODELS]) for pk, found in rows.items()}


def _made_by(runs: Sequence[Run]) -> QuerySet[ArtifactUse]:
    """Models of the runs' own projects, the newest first."""
    return (
        ArtifactUse.objects.filter(
            run__in=runs,
            role=ArtifactUse.Role.OUTPUT,
            version__artifact__kind=ArtifactKind.MODEL,
            version__artifact__project=F("run__project"),
        )
        .select_related("version__artifact")
        .defer("version__metadata")
        .order_by("-id")[:MOST_USES]
    )


def _models(found: Sequence[tuple[ManifestFile, str]]) -> list[Model]:
    return [model for row, name in found if (model := _model(row, name)) is not None]


def record(run: Run, name: str, layers: Sequence[Layer]) -> None:
    """Keeps a description among the run's files. Raises as `files.put` does."""
    content = json.dumps({"layers": [asdict(layer) for layer in layers]}).encode()
    files.put(files.of_run(run), f"{FOLDER}/{name}{ENDING}", io.BytesIO(content))


def _name(path: str) -> str:
    return path.removesuffix(ENDING).removesuffix(SAFETENSORS)


def _model(row: ManifestFile, name: str) -> Model | None:
    assert row.blob_id is not None
    try:
        with blobs.open_blob(row.blob_id) as file:
            read = _described if row.path.endswith(ENDING) else _header
            layers = tuple(read(file))
    except (ValueError, RecursionError):
        return None
    except DomainError as error:  # the rest of the page has nothing to do with this file
        logger.error("Layers in %s cannot be read: %s", row.path, error)
        return None
    return Model(name, layers[:MOST_LAYERS])


def _described(file: IO[bytes]) -> Iterator[Layer]:
    document = _json(file.read(LARGEST + 1))
    found = document.get("layers")
    if not isinstance(found, list):
        raise ValueError("no layers")
    for layer in found:
        if not isinstance(layer, dict):
            raise ValueError("no layer")
        yield _layer(layer.get("name"), layer, trained=layer.get("trained") is not False)


def _header(file: IO[bytes]) -> Iterator[Layer]:
    """Eight bytes tell how long the JSON is that follows them and names every tensor."""
    size = int.from_bytes(file.read(8), "little")
    if not 0 < size <= LARGEST:
        raise ValueError("no header")
    for name, tensor in _json(file.read(size)).items():
        if name != "__metadata__":
            yield _layer(name, tensor, trained=True)


def _json(data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST:
        raise ValueError("too long")
    document = json.loads(data)
    if not isinstance(document, dict):
        raise ValueError("no object")
    return document


def _layer(name: object, told: object, *, trained: bool) -> Layer:
    if not isinstance(told, dict) or not isinstance(name, str):
        raise ValueError("no layer")
    shape, dtype = told.get("shape"), told.get("dtype")
    if not isinstance(shape, list) or len(shape) > MOST_AXES or not all(map(_is_axis, shape)):
        raise ValueError("no shape")
    return Layer(name[:300], tuple(shape), str(dtype or "")[:40], trained)


def _is_axis(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_AXIS


def _digits(dtype: str) -> int | None:
    """How many bits "float32", "F16" or "int8" have."""
    found = re.match(r"[A-Za-z]+(8|16|32|64|128)(?!\d)", dtype)
    return int(found[1]) if found else None

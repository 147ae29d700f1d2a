"""The file `MLmodel` that MLflow's clients put beside a model: what loads it, and what it takes.

It is text that somebody uploaded: it is parsed as plain data, in bounded size, and shown as text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from experiments import blobs, files
from experiments.errors import DomainError
from experiments.models import Manifest

FILE_NAME = "MLmodel"
LARGEST = 100_000  # bytes
MOST_COLUMNS = 100


@dataclass(frozen=True)
class Column:
    """An input or an output of the model, with its type as told."""

    name: str
    type: str


@dataclass(frozen=True)
class MlModel:
    flavors: list[str]
    inputs: list[Column]
    outputs: list[Column]


class _NoAliases(yaml.SafeLoader):
    """References within the text are refused: a few of them make gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Raises YAMLError at an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("There is an alias.")
        return super().compose_node(parent, index)


def read(tree: Manifest | None, folder: str) -> MlModel | None:
    """What the file says; None where there is none, or none that can be read."""
    try:
        file = files.find(tree, f"{folder}/{FILE_NAME}".lstrip("/"))
        blob = files.blob_of(file)
        text = blobs.read(blob.sha256) if blob.size <= LARGEST else b""
    except DomainError:
        return None
    return parse(text)


def parse(text: bytes) -> MlModel | None:
    """The same of the file's bytes."""
    try:
        found = yaml.load(text, Loader=_NoAliases)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if not isinstance(found, Mapping):
        return None
    flavors, signature = found.get("flavors"), found.get("signature")
    told = signature if isinstance(signature, Mapping) else {}
    return MlModel(
        flavors=[str(name)[:100] for name in flavors] if isinstance(flavors, Mapping) else [],
        inputs=_columns(told.get("inputs")),
        outputs=_columns(told.get("outputs")),
    )


def _columns(told: object) -> list[Column]:
    """Of a JSON list of columns, {"name", "type"}, or tensors with a "tensor-spec"."""
    try:
        listed = json.loads(told) if isinstance(told, str) else None
    except (ValueError, RecursionError):
        return []
    known = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    return [
        Column(str(one.get("name") or place)[:200], _type_of(one))
        for place, one in enumerate(known[:MOST_COLUMNS])
    ]


def _type_of(column: Mapping[str, Any]) -> str:
    spec = column.get("tensor-spec")
    if isinstance(spec, Mapping):
        return f"{spec.get('dtype')} {spec.get('shape')}"[:200]
    return str(column.get("type", ""))[:200]

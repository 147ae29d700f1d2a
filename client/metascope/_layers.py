"""What a model is made of, told by the model itself: neither torch nor Keras is imported."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MOST_LAYERS = 5_000
_NOT_IN_NAMES = re.compile(r"[^\w.\-]+")


def name_of(model: Any) -> str:
    """The name of its class, as files may be named."""
    return _NOT_IN_NAMES.sub("-", type(model).__name__).strip("-.")[:100] or "model"


def described(model: Any) -> bytes | None:
    """Layers with shapes as JSON; None for what tells none."""
    found = list(_layers(model))[:MOST_LAYERS]
    return json.dumps({"layers": found}).encode() if found else None


def _layers(model: Any) -> Iterator[dict[str, Any]]:
    """Parameters and buffers of a PyTorch module, or the weights of a Keras model."""
    if hasattr(model, "named_parameters"):
        for name, one in model.named_parameters():
            yield _layer(name, one, one.requires_grad)
        for name, one in getattr(model, "named_buffers", list)():
            yield _layer(name, one, False)
    else:
        for one in getattr(model, "weights", ()):
            yield _layer(getattr(one, "path", None) or one.name, one, one.trainable)


def _layer(name: str, array: Any, trained: Any) -> dict[str, Any]:
    dtype = getattr(array.dtype, "name", None) or str(array.dtype)
    shape = [int(size) for size in array.shape]
    return {
        "name": str(name), "shape": shape, "dtype": dtype.removeprefix("torch."),
        "trained": bool(trained),
    }  # fmt: skip

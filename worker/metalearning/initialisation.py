"""A trained initialisation as plain numbers, for readers that have no PyTorch.

Told are fully connected networks adapted by gradient descent on the mean squared error, with the
rates the descent has: those of the spec, tuned or learned. What adapts otherwise is not told.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from worker.metalearning.adapters import Adapter, GradientAdapter
from worker.metalearning.inner_loops import InnerLoop, LoopAdapter
from worker.metalearning.networks import Mlp, Parameters

MOST_PARAMETERS = 20_000


def plain_initialisation(adapter: Adapter, params: Parameters) -> dict[str, Any] | None:
    """Layers from input to output: `weight` is `(outputs, inputs)` row by row, and each tensor has
    the rates its gradient is multiplied with. `rates` says what these are: one number for all
    ("fixed"), one for each inner step, the last going on ("per_step"), or one for each element
    ("elementwise"). None for what adapts by another rule, has more than MOST_PARAMETERS, or numbers
    that are not finite."""
    rule = _rule(adapter)
    if rule is None or not isinstance(rule.formulation.network, Mlp) or rule.own:
        return None
    network = rule.formulation.network
    if sum(parameter.numel() for parameter in network.parameters()) > MOST_PARAMETERS:
        return None
    if not all(bool(param.isfinite().all()) for param in params.values()):
        return None
    layers = []
    for place, layer in enumerate(network.layers):
        told: dict[str, Any] = {"inputs": layer.in_features, "outputs": layer.out_features}
        for kind in ("weight", "bias"):
            name = f"layers.{place}.{kind}"
            told[kind] = _numbers(params[name])
            told[f"{kind}_rate"] = _rates(rule, params, name)
        layers.append(told)
    return {"format": 1, "rates": rule.rates, "layers": layers}


def _rule(adapter: Adapter) -> InnerLoop | None:
    if isinstance(adapter, GradientAdapter) and adapter.adapts:
        return InnerLoop(adapter.formulation, adapter.lr, adapter.steps)
    return adapter.loop if isinstance(adapter, LoopAdapter) else None


def _rates(rule: InnerLoop, params: Parameters, name: str) -> list[float]:
    if rule.adapted is not None and name not in rule.adapted:
        return [0.0]
    if rule.rates == "fixed":
        return [rule.lr]
    return _numbers(params[f"inner_lr/{name}"])


def _numbers(tensor: Tensor) -> list[float]:
    numbers: list[float] = tensor.detach().cpu().flatten().tolist()
    return numbers

"""What a network must not do in an inner loop, told with the module that does it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from worker.metalearning.calling import Functional
from worker.metalearning.errors import SpecError
from worker.metalearning.networks import Parameters

_REASONS = (
    ("item()", "decides by the values of tensors, which differ by episode: use torch.where"),
    ("data-dependent control flow", "decides by the values of tensors, which differ by episode: "
     "use torch.where"),
    ("mutate a captured", "writes into a buffer or a shared tensor in place, which episodes would "
     "share: keep that state out of forward"),
    ("inplace arithmetic", "writes into a buffer or a shared tensor in place, which episodes would "
     "share: keep that state out of forward"),
    ("in-place", "writes into a shared tensor in place: use the operation that returns a new one"),
    ("dynamic shape", "makes tensors whose size depends on values: pad and mask instead"),
    ("is not implemented", "uses an operation without the second derivative that meta-gradients "
     "need: write it with basic operations, or train with fomaml or reptile"),
    ("not differentiable", "uses an operation without the second derivative that meta-gradients "
     "need: write it with basic operations, or train with fomaml or reptile"),
)  # fmt: skip


def check(network: nn.Module) -> None:
    """Refuses modules that cannot be adapted at all. Raises SpecError."""
    for name, module in network.named_modules():
        where = f"{name or 'the network'} ({type(module).__name__})"
        if isinstance(module, torch.jit.ScriptModule):
            raise SpecError(
                "network", f"{where} is a compiled ScriptModule, whose parameters cannot be put in "
                "place of its own: pass the nn.Module that it was made of",
            )  # fmt: skip
        if isinstance(module, nn.Embedding) and (module.max_norm is not None or module.sparse):
            raise SpecError(
                "network", f"{where} has max_norm or sparse gradients, which change its weights in "
                "place: use a plain embedding",
            )  # fmt: skip
        for parameter in module.parameters(recurse=False):
            if isinstance(parameter, nn.parameter.UninitializedParameter):
                raise SpecError(
                    "network", f"{where} does not know its shapes yet: call the network once with "
                    "an example before it is given here",
                )  # fmt: skip


@contextlib.contextmanager
def explained(call: Functional, params: Parameters, x: Tensor) -> Iterator[None]:
    """Turns what torch says of a network that cannot be batched or derived into a SpecError."""
    try:
        yield
    except (RuntimeError, NotImplementedError) as error:
        text = str(error)
        for mark, reason in _REASONS:
            if mark in text:
                where = _culprit(call.module, params, x)
                raise SpecError("network", f"{where} {reason}. torch says: {_first(text)}") from (
                    error
                )  # fmt: skip
        raise


def _first(text: str) -> str:
    return text.strip().splitlines()[0][:300]


def _culprit(network: nn.Module, params: Parameters, x: Tensor) -> str:
    """The innermost module that was running when the network failed; found by failing again."""
    again = copy.deepcopy(network)
    open_now: list[str] = []
    for name, module in again.named_modules():
        label = f"{name or 'the network'} ({type(module).__name__})"
        module.register_forward_pre_hook(lambda *_, label=label: open_now.append(label))
        module.register_forward_hook(lambda *_: open_now.pop() and None)

    def total(p: Parameters, x: Tensor) -> Tensor:
        outputs: Tensor = functional_call(again, p, (x,))
        return outputs.sum()

    with contextlib.suppress(RuntimeError, NotImplementedError):
        vmap(grad(total), randomness="different")(params, x)
    return open_now[-1] if open_now else f"the network ({type(network).__name__})"

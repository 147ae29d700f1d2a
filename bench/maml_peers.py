"""MAML's meta-step by other libraries and by plain PyTorch: the same episodes, one loop each.

Every function here makes `step(sets) -> {name: meta-gradient}` for a network, its loss and its
inner loop, as that library's own manual has it.
"""

import importlib
import subprocess
import sys
import tarfile
import types
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

LEARN2LEARN = "0.2.0"
Gradients = dict[str, Tensor]
Step = Callable[[tuple[Tensor, ...]], Gradients]


def learn2learn_from(folder: Path) -> type:
    """learn2learn's own MAML class, from its source archive.

    Its C extensions (data sets) do not build on Python 3.11: the sent C code wants a header that is
    gone. The MAML class is pure Python and is loaded unchanged, without the rest of the package.
    """
    root = folder / f"learn2learn-{LEARN2LEARN}"
    if not root.exists():
        command = [
            sys.executable, "-m", "pip", "download", "-q", f"learn2learn=={LEARN2LEARN}",
            "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "-d", str(folder),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        with tarfile.open(next(folder.glob("learn2learn-*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
    for name, place in (("learn2learn", "."), ("learn2learn.algorithms", "algorithms")):
        module = types.ModuleType(name)
        module.__path__ = [str(root / "learn2learn" / place)]
        sys.modules[name] = module
    helpers = importlib.import_module("learn2learn.utils")
    for helper in ("clone_module", "update_module"):
        setattr(sys.modules["learn2learn"], helper, getattr(helpers, helper))
    return importlib.import_module("learn2learn.algorithms.maml").MAML


def learn2learn(
    maml_class: type, network: nn.Module, loss: Callable, lr: float, steps: int, first: bool
) -> Step:
    """clone, adapt, backward (its README)."""
    maml = maml_class(network, lr=lr, first_order=first)

    def step(sets: tuple[Tensor, ...]) -> Gradients:
        network.zero_grad()
        for support_x, support_y, query_x, query_y in zip(*sets, strict=True):
            learner = maml.clone()
            for _ in range(steps):
                learner.adapt(loss(learner(support_x), support_y))
            (loss(learner(query_x), query_y) / len(sets[0])).backward()
        return {name: p.grad.clone() for name, p in network.named_parameters()}

    return step


def higher(network: nn.Module, loss: Callable, lr: float, steps: int, first: bool) -> Step:
    """innerloop_ctx with SGD (its maml-omniglot example)."""
    library = importlib.import_module("higher")
    optimizer = torch.optim.SGD(network.parameters(), lr=lr)

    def step(sets: tuple[Tensor, ...]) -> Gradients:
        network.zero_grad()
        for support_x, support_y, query_x, query_y in zip(*sets, strict=True):
            context = library.innerloop_ctx(
                network, optimizer, copy_initial_weights=False, track_higher_grads=not first
            )
            with context as (functional, inner):
                for _ in range(steps):
                    inner.step(loss(functional(support_x), support_y))
                query = loss(functional(query_x), query_y) / len(sets[0])
                if first:
                    found = torch.autograd.grad(query, list(functional.parameters()))
                    for parameter, gradient in zip(network.parameters(), found, strict=True):
                        held = parameter.grad
                        parameter.grad = gradient if held is None else held + gradient
                else:
                    query.backward()
        return {name: p.grad.clone() for name, p in network.named_parameters()}

    return step


def torchopt(network: nn.Module, loss: Callable, lr: float, steps: int, first: bool) -> Step:
    """MetaSGD with extracted and recovered states (its few-shot example)."""
    library = importlib.import_module("torchopt")
    inner = library.MetaSGD(network, lr=lr)

    def step(sets: tuple[Tensor, ...]) -> Gradients:
        names = [name for name, _ in network.named_parameters()]
        parameters = list(network.parameters())
        start = library.extract_state_dict(network, by="reference")
        state = library.extract_state_dict(inner, by="reference")
        total = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
        for support_x, support_y, query_x, query_y in zip(*sets, strict=True):
            for _ in range(steps):
                inner.step(loss(network(support_x), support_y))
            found = torch.autograd.grad(loss(network(query_x), query_y), parameters)
            for name, gradient in zip(names, found, strict=True):
                total[name] += gradient / len(sets[0])
            library.recover_state_dict(network, start)
            library.recover_state_dict(inner, state)
        return total

    return step


def plain_loop(network: nn.Module, loss: Callable, lr: float, steps: int, first: bool) -> Step:
    """torch.autograd.grad over functional_call, one episode after the other."""

    def step(sets: tuple[Tensor, ...]) -> Gradients:
        theta = dict(network.named_parameters())
        total = {name: torch.zeros_like(p) for name, p in theta.items()}
        for support_x, support_y, query_x, query_y in zip(*sets, strict=True):
            phi = theta
            for _ in range(steps):
                inner = loss(functional_call(network, phi, (support_x,)), support_y)
                found = torch.autograd.grad(inner, list(phi.values()), create_graph=not first)
                phi = {n: p - lr * g for (n, p), g in zip(phi.items(), found, strict=True)}
            query = loss(functional_call(network, phi, (query_x,)), query_y)
            wanted = phi if first else theta
            found = torch.autograd.grad(query, list(wanted.values()))
            for name, gradient in zip(theta, found, strict=True):
                total[name] += gradient / len(sets[0])
        return total

    return step


def vmap_of_grad(network: nn.Module, loss: Callable, lr: float, steps: int, first: bool) -> Step:
    """torch.func: vmap over episodes of the gradient of an adapted loss, eager."""
    inner = grad(lambda p, x, y: loss(functional_call(network, p, (x,)), y))

    def adapted(p: Gradients, support_x: Tensor, support_y: Tensor) -> Gradients:
        for _ in range(steps):
            found = inner(p, support_x, support_y)
            p = {n: value - lr * found[n] for n, value in p.items()}
        return p

    def query(p: Gradients, *sets: Tensor) -> Tensor:
        p = adapted(p, *sets[:2])
        return loss(functional_call(network, p, (sets[2],)), sets[3])

    def first_order(p: Gradients, *sets: Tensor) -> Gradients:
        return inner(adapted(p, *sets[:2]), *sets[2:])

    each = vmap(first_order if first else grad(query), in_dims=(None, 0, 0, 0, 0))

    def step(sets: tuple[Tensor, ...]) -> Gradients:
        theta = {name: p.detach() for name, p in network.named_parameters()}
        return {name: found.mean(0) for name, found in each(theta, *sets).items()}

    return step

"""Any network for many episodes at once: by vmap, or by graphs that vmap was recorded into.

Both call the same operations in the same order and give the same numbers, bit for bit. `Routed`
begins at once; `Traced` spends a second or two on each kind of set that it meets first, and is
several times faster then. Never the gradient of vmap: on torch 2.13 `grad(vmap(...))` is silently
wrong in second order with native batch, layer and instance norm.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import grad_and_value, vjp, vmap

from worker.metalearning.adaptation import Gradients
from worker.metalearning.calling import Functional
from worker.metalearning.networks import Parameters
from worker.metalearning.tracing import graphs
from worker.metalearning.tracing.refusals import explained
from worker.metalearning.tracing.routes import Routes, unfused

Loss = Callable[[Tensor, Tensor], Tensor]  # outputs (M, outputs) and targets (M, ...), to ()


class Routed:
    """vmap over episodes of one episode's gradient. See adaptation.Formulation."""

    def __init__(self, network: nn.Module, loss: Loss, *, drops: bool = True) -> None:
        self.network = network
        self._loss_of = loss
        self._drops = drops
        self._call = Functional(network)

    def at_test(self) -> Routed:
        """The same without dropout."""
        return Routed(self.network, self._loss_of, drops=False)

    def _outputs(self, params: Parameters, x: Tensor) -> Tensor:
        with Routes(drops=self._drops):
            outputs: Tensor = self._call(params, x)
        return outputs

    def _loss(self, params: Parameters, rest: Parameters, x: Tensor, y: Tensor) -> tuple[
        Tensor, Tensor
    ]:  # fmt: skip
        outputs = self._outputs({**params, **rest}, x)
        return self._loss_of(outputs, y), outputs

    def _found(self, params: Parameters, rest: Parameters, x: Tensor, y: Tensor) -> tuple[
        Parameters, tuple[Tensor, Tensor]
    ]:  # fmt: skip
        found: tuple[Parameters, tuple[Tensor, Tensor]] = grad_and_value(self._loss, has_aux=True)(
            params, rest, x, y
        )
        return found

    def _with_product(
        self, params: Parameters, rest: Parameters, x: Tensor, y: Tensor, vector: Parameters
    ) -> tuple[Parameters, tuple[Tensor, Tensor], Parameters]:
        gradient, pull, aux = vjp(
            lambda p, r: self._found(p, r, x, y), params, rest, has_aux=True
        )
        by_params, by_rest = pull(vector)
        return gradient, aux, {**by_params, **by_rest}

    def outputs(self, params: Parameters, x: Tensor) -> Tensor:
        """See Formulation."""
        with torch.no_grad(), unfused(), explained(self._call, params, x):
            outputs: Tensor = vmap(self._outputs, randomness="different")(params, x)
        return outputs

    def gradients(
        self, params: Parameters, x: Tensor, y: Tensor, *, second_order: bool,
        wrt: Collection[str] | None = None,
    ) -> Gradients:  # fmt: skip
        """See Formulation; the pullback runs forward and backward again, with the same dropout."""
        chosen, rest = chosen_of(params, wrt)
        state = torch.get_rng_state() if second_order else None
        with unfused(), explained(self._call, params, x):
            gradients, (losses, outputs) = vmap(self._found, randomness="different")(
                chosen, rest, x, y
            )

        def pullback(vector: Parameters) -> Parameters:
            assert state is not None
            with torch.random.fork_rng(devices=[]), unfused(), explained(self._call, params, x):
                torch.set_rng_state(state)
                products: Parameters = vmap(self._with_product, randomness="different")(
                    chosen, rest, x, y, vector
                )[2]
            return products

        return Gradients(losses, outputs, gradients, pullback if second_order else None)


def chosen_of(
    params: Parameters, wrt: Collection[str] | None
) -> tuple[Parameters, Parameters]:
    """The parameters derived by, and the others."""
    if wrt is None:
        return params, {}
    chosen = {name: params[name] for name in wrt}
    return chosen, {name: param for name, param in params.items() if name not in chosen}


@dataclass(frozen=True)
class _Graphs:
    """What one kind of set needs: its gradient, and what follows from a vector."""

    gradient: graphs.Graph
    product: graphs.Graph | None
    outputs: int  # of the gradient's results; what comes behind is for the product


class Traced(Routed):
    """The same, recorded at first use of each shape and run without Python ever after."""

    def __init__(self, network: nn.Module, loss: Loss, *, drops: bool = True) -> None:
        super().__init__(network, loss, drops=drops)
        self._graphs: dict[object, _Graphs] = {}
        self._lock = threading.Lock()

    def at_test(self) -> Routed:
        """Without dropout; evaluations have sets of many shapes, met once each."""
        return Routed(self.network, self._loss_of, drops=False)

    def gradients(
        self, params: Parameters, x: Tensor, y: Tensor, *, second_order: bool,
        wrt: Collection[str] | None = None,
    ) -> Gradients:  # fmt: skip
        """See Formulation."""
        chosen, rest = chosen_of(params, wrt)
        names, others = list(chosen), list(rest)
        inputs = [
            tensor.detach().contiguous() for tensor in (*chosen.values(), *rest.values(), x, y)
        ]
        key = (second_order, *names, None, *others, *((t.shape, t.dtype, t.device) for t in inputs))
        found = self._graphs.get(key)
        if found is None:
            with self._lock:
                found = self._graphs.get(key)
                if found is None:
                    found = self._record(names, others, inputs, second_order)
                    self._graphs[key] = found
        losses, outputs, *results = found.gradient(*inputs)
        gradients = dict(zip(names, results, strict=False))
        kept = results[len(names) :]
        product = found.product
        if product is None:
            return Gradients(losses, outputs, gradients, None)

        def pullback(vector: Parameters) -> Parameters:
            products = product(*kept, *(vector[name].contiguous() for name in names))
            by_name = dict(zip((*names, *others), products, strict=True))
            return {name: by_name[name] for name in params}

        return Gradients(losses, outputs, gradients, pullback)

    def _record(
        self, names: list[str], others: list[str], inputs: list[Tensor], second_order: bool
    ) -> _Graphs:
        count, more = len(names), len(others)

        def flat(*tensors: Tensor) -> list[Tensor]:
            chosen = dict(zip(names, tensors, strict=False))
            rest = dict(zip(others, tensors[count:], strict=False))
            x, y, *vectors = tensors[count + more :]
            if not second_order:
                gradient, (losses, outputs) = vmap(self._found, randomness="different")(
                    chosen, rest, x, y
                )
                return [losses, outputs, *gradient.values()]
            gradient, (losses, outputs), products = vmap(
                self._with_product, randomness="different"
            )(chosen, rest, x, y, dict(zip(names, vectors, strict=True)))
            by_name = [products[name] for name in (*names, *others)]
            return [losses, outputs, *gradient.values(), *by_name]

        params = dict(zip((*names, *others), inputs, strict=False))
        vectors = [torch.zeros_like(tensor) for tensor in inputs[:count]] if second_order else []
        with unfused(), explained(self._call, params, inputs[count + more]):
            graph = graphs.record(flat, [*inputs, *vectors])
        if not second_order:
            return _Graphs(graphs.compiled(graph, inputs), None, 2 + count)
        first, second = graphs.split(graph, count, 2 + count)
        gradient = graphs.compiled(first, inputs)
        state = torch.get_rng_state()
        kept = gradient(*inputs)[2 + count :]
        torch.set_rng_state(state)
        return _Graphs(gradient, graphs.compiled(second, [*kept, *vectors]), 2 + count)

"""Any network for many episodes at once: by vmap, or by graphs that vmap was recorded into.

Both call the same operations; rounding apart, they give the same numbers. `Routed` begins at once;
`Traced` spends a second or two on each kind of set that it meets first, and is several times
faster then. Never the gradient of vmap: on torch 2.13 `grad(vmap(...))` is silently
wrong in second order with native batch, layer and instance norm.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.func import grad_and_value, vjp, vmap

from worker.metalearning.adaptation import Formulation, Gradients
from worker.metalearning.calling import Functional
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters
from worker.metalearning.tracing import graphs
from worker.metalearning.tracing.refusals import explained
from worker.metalearning.tracing.routes import Routes, prepared, unfused

Loss = Callable[[Tensor, Tensor], Tensor]  # outputs (M, outputs) and targets (M, ...), to ()


@dataclass(frozen=True)
class Descent:
    """What one meta-step of MAML finds."""

    gradient: Parameters  # by the initial parameters, summed over episodes
    query_losses: Tensor  # (E,)
    query_outputs: Tensor  # (E, M, outputs)
    support_losses: Tensor | None  # (E,), before adaptation; None without inner steps


class Routed:
    """vmap over episodes of one episode's gradient. See adaptation.Formulation."""

    def __init__(self, network: nn.Module, loss: Loss, *, drops: bool = True) -> None:
        self.network = network
        self._loss_of = loss
        self._drops = drops
        self._call = Functional(prepared(network, drops=drops))

    def at_test(self) -> Formulation:
        """See Formulation."""
        return Routed(self.network, self._loss_of, drops=False)

    def _outputs(self, params: Parameters, x: Tensor) -> Tensor:
        with Routes(drops=self._drops) as routes:
            outputs: Tensor = routes.current(self._call(params, x))
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
        gradient, pull, aux = vjp(  # type: ignore[misc]
            lambda p, r: self._found(p, r, x, y), params, rest, has_aux=True
        )  # fmt: skip
        by_params, by_rest = pull(vector)
        return gradient, aux, {**by_params, **by_rest}

    @staticmethod
    def _batched(function: Callable[..., Any]) -> Callable[..., Any]:
        """Over episodes, with random numbers of each episode's own."""
        batched: Callable[..., Any] = vmap(function, randomness="different")
        return batched

    def outputs(self, params: Parameters, x: Tensor) -> Tensor:
        """See Formulation."""
        with torch.no_grad(), unfused(), explained(self._call, params, x):
            outputs: Tensor = self._batched(self._outputs)(params, x)
        return outputs

    def gradients(
        self, params: Parameters, x: Tensor, y: Tensor, *, second_order: bool,
        wrt: Collection[str] | None = None,
    ) -> Gradients:  # fmt: skip
        """See Formulation; the pullback runs forward and backward again, with the same dropout."""
        chosen, rest = chosen_of({name: p.contiguous() for name, p in params.items()}, wrt)
        state = torch.get_rng_state() if second_order else None
        with unfused(), explained(self._call, params, x):
            gradients, (losses, outputs) = self._batched(self._found)(chosen, rest, x, y)

        def pullback(vector: Parameters) -> Parameters:
            assert state is not None
            with torch.random.fork_rng(devices=[]), unfused(), explained(self._call, params, x):
                torch.set_rng_state(state)
                products: Parameters = self._batched(self._with_product)(
                    chosen, rest, x, y, vector
                )[2]
            return products

        return Gradients(losses, outputs, gradients, pullback if second_order else None)


def chosen_of(params: Parameters, wrt: Collection[str] | None) -> tuple[Parameters, Parameters]:
    """The parameters derived by, and the others."""
    if wrt is None:
        return params, {}
    chosen = {name: params[name] for name in wrt}
    return chosen, {name: param for name, param in params.items() if name not in chosen}


class _Kind:
    """The graphs of one kind of set: of these shapes, by these parameters, to this order."""

    def __init__(self, gradient: fx.Graph, product: fx.Graph | None) -> None:
        self.gradient = gradient  # inputs, to losses, outputs, gradients and what a product reads
        self.product = product  # that and a vector, to the second derivative times the vector
        self._calls: dict[fx.Graph, graphs.Call] = {}

    def call(self, graph: fx.Graph, inputs: list[Tensor]) -> list[Tensor]:
        """The graph's outputs; it is compiled when it is first called."""
        call = self._calls.get(graph)
        if call is None:
            call = self._calls[graph] = graphs.compiled(graph, inputs)
        return call(*inputs)


class Traced(Routed):
    """The same, recorded at first use of each shape and run without Python ever after."""

    def __init__(
        self, network: nn.Module, loss: Loss, *, drops: bool = True,
        tried_by: Formulation | None = None,
    ) -> None:  # fmt: skip
        super().__init__(network, loss, drops=drops)
        self._tried_by = tried_by
        self._kinds: dict[object, _Kind] = {}
        self._descents: dict[object, graphs.Call] = {}
        self._lock = threading.RLock()

    def at_test(self) -> Formulation:
        """Nothing is recorded there: evaluations have sets of many shapes and meet each once."""
        return self._tried_by or super().at_test()

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
        kind = self._kind(names, others, inputs, second_order)
        losses, outputs, *results = kind.call(kind.gradient, inputs)
        gradients = dict(zip(names, results, strict=False))
        kept = results[len(names) :]
        if kind.product is None:
            return Gradients(losses, outputs, gradients, None)

        def pullback(vector: Parameters) -> Parameters:
            assert kind.product is not None
            vectors = [vector[name].contiguous() for name in names]
            products = kind.call(kind.product, [*kept, *vectors])
            by_name = dict(zip((*names, *others), products, strict=True))
            return {name: by_name[name] for name in params}

        return Gradients(losses, outputs, gradients, pullback)

    def descent(
        self, params: Parameters, batch: EpisodeBatch, *, lr: float, steps: int,
        second_order: bool,
    ) -> Descent:  # fmt: skip
        """All of MAML's meta-step in one graph: what adapt, a query gradient and pulled_back do,
        summed over the episodes."""
        names = list(params)
        sets = (batch.support_x, batch.support_y, batch.query_x, batch.query_y)
        inputs = [tensor.detach().contiguous() for tensor in (*params.values(), *sets)]
        key = (lr, steps, second_order, *_shapes(names, inputs))
        call = self._descents.get(key)
        if call is None:
            with self._lock:
                call = self._descents.get(key) or self._write_descent(
                    names, inputs, lr, steps, second_order
                )
                self._descents[key] = call
        found = call(*inputs)
        count = len(names)
        support = found[count + 2] if steps else None
        return Descent(
            dict(zip(names, found, strict=False)), found[count], found[count + 1], support
        )

    def _write_descent(
        self, names: list[str], inputs: list[Tensor], lr: float, steps: int, second_order: bool
    ) -> graphs.Call:
        count, episodes = len(names), inputs[-1].shape[0]
        phis = [tensor.expand(episodes, *tensor.shape).contiguous() for tensor in inputs[:count]]
        support = self._kind(names, [], [*phis, *inputs[count : count + 2]], second_order)
        query = self._kind(names, [], [*phis, *inputs[count + 2 :]], False)
        graph = graphs.empty()
        given = [graph.placeholder(f"input_{place}") for place in range(len(inputs))]
        phi = [
            graph.call_method(
                "contiguous", (graph.call_method("expand", (node, episodes, *tensor.shape)),)
            )
            for node, tensor in zip(given, inputs[:count], strict=False)
        ]

        def moved(points: list[fx.Node], along: list[fx.Node]) -> list[fx.Node]:
            return [
                graph.call_method(
                    "contiguous",
                    (graph.call_function(torch.sub, (point, step), {"alpha": lr}),),
                )
                for point, step in zip(points, along, strict=True)
            ]

        taken = []
        for _ in range(steps):
            found = graphs.inlined(support.gradient, graph, [*phi, *given[count : count + 2]])
            phi = moved(phi, found[2 : 2 + count])
            taken.append(found)
        losses, outputs, *vector = graphs.inlined(
            query.gradient, graph, [*phi, *given[count + 2 :]]
        )
        for found in reversed(taken if second_order else []):
            assert support.product is not None
            vector = [graph.call_method("contiguous", (node,)) for node in vector]
            products = graphs.inlined(support.product, graph, [*found[2 + count :], *vector])
            vector = moved(vector, products)
        sums = [graph.call_method("sum", (node, 0)) for node in vector]
        graph.output([*sums, losses, outputs, *(found[0] for found in taken[:1])])
        return graphs.compiled(graph, inputs)

    def _kind(
        self, names: list[str], others: list[str], inputs: list[Tensor], second_order: bool
    ) -> _Kind:
        key = (second_order, *others, *_shapes(names, inputs))
        kind = self._kinds.get(key)
        if kind is None:
            with self._lock:
                kind = self._kinds.get(key) or self._record(names, others, inputs, second_order)
                self._kinds[key] = kind
        return kind

    def _record(
        self, names: list[str], others: list[str], inputs: list[Tensor], second_order: bool
    ) -> _Kind:
        count, more = len(names), len(others)
        self._call.own()  # copying it is not to be recorded

        def flat(*tensors: Tensor) -> list[Tensor]:
            chosen = dict(zip(names, tensors, strict=False))
            rest = dict(zip(others, tensors[count:], strict=False))
            x, y, *vectors = tensors[count + more :]
            if not second_order:
                gradient, (losses, outputs) = self._batched(self._found)(chosen, rest, x, y)
                return [losses, outputs, *gradient.values()]
            vector = dict(zip(names, vectors, strict=True))
            gradient, (losses, outputs), products = self._batched(self._with_product)(
                chosen, rest, x, y, vector
            )
            by_name = [products[name] for name in (*names, *others)]
            return [losses, outputs, *gradient.values(), *by_name]

        params = dict(zip((*names, *others), inputs, strict=False))
        vectors = [torch.zeros_like(tensor) for tensor in inputs[:count]] if second_order else []
        with (
            torch.random.fork_rng(devices=[]),
            unfused(),
            explained(self._call, params, inputs[count + more]),
        ):
            graph = graphs.record(flat, [*inputs, *vectors])
        if not second_order:
            return _Kind(graph, None)
        return _Kind(*graphs.split(graph, count, 2 + count))


def _shapes(names: list[str], inputs: list[Tensor]) -> tuple[object, ...]:
    return (*names, *((tensor.shape, tensor.dtype, tensor.device) for tensor in inputs))

"""Recording a function of tensors as a graph, cleaning it, and running it without Python.

Cleaning changes no bit of any result: equal operations are done once, operations that change
nothing or whose results nobody reads are left out, and a chain of views becomes one view. What
Python would spend on each operation, more than small networks' arithmetic, is gone as well.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch._functorch.compile_utils import fx_graph_cse
from torch.fx.experimental.proxy_tensor import make_fx
from torch.jit._fuser import optimized_execution

from worker.metalearning.tracing.patches import INLINED

Tensors = Sequence[Tensor]
Call = Callable[..., list[Tensor]]

_aten = torch.ops.aten
_VIEWS = {
    _aten.view.default, _aten._unsafe_view.default, _aten.permute.default,
    _aten.transpose.int, _aten.t.default, _aten.expand.default, _aten.unsqueeze.default,
    _aten.squeeze.dim, _aten.squeeze.dims, _aten.squeeze.default, _aten.detach.default,
    _aten.alias.default,
}  # fmt: skip
_UNKNOWN_ARGUMENT = "unsupported argument type in the JIT tracer"
_ZEROS = {_aten.zeros_like.default, _aten.zeros.default, _aten.new_zeros.default}


def record(function: Callable[..., list[Tensor]], inputs: Tensors) -> fx.Graph:
    """The operations of one call, for inputs of these shapes and memory layouts."""
    with torch.no_grad():
        module = make_fx(function)(*inputs)
    graph: fx.Graph = module.graph
    _describe_constants(module)
    _drop_idle(graph)
    graph = fx_graph_cse(graph)
    _join_views(graph)
    graph.eliminate_dead_code()
    graph = fx_graph_cse(graph)
    graph.owning_module = module
    return graph


def is_random(graph: fx.Graph) -> bool:
    """Whether the graph draws random numbers."""
    return any(
        torch.Tag.nondeterministic_seeded in node.target.tags
        for node in graph.nodes
        if isinstance(node.target, torch._ops.OpOverload)
    )


def split(graph: fx.Graph, late: int, early_outputs: int) -> tuple[fx.Graph, fx.Graph]:
    """The graph in two: what does not need the last `late` inputs, and what does.

    The first returns the first `early_outputs` outputs and then whatever the second reads of it;
    the second takes that and the last inputs, and returns the other outputs.
    """
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    outputs = _outputs(graph)
    needs = set(inputs[len(inputs) - late :])
    for node in graph.nodes:
        if any(source in needs for source in node.all_input_nodes):
            needs.add(node)
    needs.discard(_output(graph))
    read: dict[fx.Node, None] = {}
    for node in graph.nodes:
        if node in needs:
            read |= {source: None for source in node.all_input_nodes if source not in needs}
    read |= {node: None for node in outputs[early_outputs:] if node not in needs}
    first, second = fx.Graph(graph.owning_module), fx.Graph(graph.owning_module)
    _copy(graph, first, set(inputs[: len(inputs) - late]) | (set(graph.nodes) - needs),
          outputs[:early_outputs] + list(read))  # fmt: skip
    places = {node: second.placeholder(node.name) for node in read}
    _copy(graph, second, needs, outputs[early_outputs:], places)
    return first, second


def _copy(
    graph: fx.Graph, into: fx.Graph, nodes: set[fx.Node], outputs: list[fx.Node],
    known: dict[fx.Node, fx.Node] | None = None,
) -> None:  # fmt: skip
    known = dict(known or {})
    for node in graph.nodes:
        if node in nodes and node.op != "output" and node not in known:
            known[node] = into.node_copy(node, known.__getitem__)
    into.output([known[node] for node in outputs])
    into.eliminate_dead_code()


def inlined(graph: fx.Graph, into: fx.Graph, inputs: Sequence[fx.Node]) -> list[fx.Node]:
    """Copies a graph into a larger one, on these inputs; returns its outputs there."""
    known: dict[fx.Node, fx.Node] = {}
    given = iter(inputs)
    for node in graph.nodes:
        if node.op == "placeholder":
            known[node] = next(given)
        elif node.op == "get_attr":
            known[node] = _constant(into, operator.attrgetter(node.target)(graph.owning_module))
        elif node.op != "output":
            known[node] = into.node_copy(node, known.__getitem__)
    return [known[node] for node in _outputs(graph)]


def _constant(graph: fx.Graph, value: Tensor) -> fx.Node:
    """A tensor as a node of the graph; the same node for the same tensor."""
    root = graph.owning_module
    assert root is not None
    name = f"constant_{id(value)}"
    if not hasattr(root, name):
        root.register_buffer(name, value)
    return graph.get_attr(name)


def empty() -> fx.Graph:
    """A graph to write into."""
    graph = fx.Graph()
    graph.owning_module = fx.GraphModule(torch.nn.Module(), graph)
    return graph


def compiled(graph: fx.Graph, inputs: Tensors) -> Call:
    """The graph as a function that runs outside Python, for inputs of these shapes."""
    for node in graph.nodes:
        if node.op == "call_function":
            node.target = INLINED.get(node.target, node.target)
    module = fx.GraphModule(graph.owning_module or torch.nn.Module(), graph)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer's: shapes are fixed, which is the point
        try:
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                lambda *tensors: tuple(module(*tensors)), tuple(inputs), check_trace=False
            )
        except RuntimeError as error:
            if _UNKNOWN_ARGUMENT not in str(error):
                raise
            traced = module  # the same operations, each called by Python

    def run(*tensors: Tensor) -> list[Tensor]:
        with torch.no_grad(), optimized_execution(False):
            return list(traced(*tensors))

    return run


def _output(graph: fx.Graph) -> fx.Node:
    return cast("fx.Node", list(graph.nodes)[-1])


def _outputs(graph: fx.Graph) -> list[fx.Node]:
    return list(cast("list[fx.Node]", _output(graph).args[0]))


def _fact(node: Any) -> Tensor | None:
    """A tensor without memory of the shape and layout that the node has."""
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return value if isinstance(value, Tensor) else None


def _alike(one: Tensor | None, other: Tensor | None) -> bool:
    return (
        one is not None and other is not None and one.shape == other.shape
        and one.stride() == other.stride() and one.dtype == other.dtype
    )  # fmt: skip


def _describe_constants(module: fx.GraphModule) -> None:
    """Gives the network's buffers in the graph the facts that other nodes have."""
    for node in module.graph.nodes:
        if node.op == "get_attr":
            node.meta.setdefault("val", operator.attrgetter(node.target)(module))


def _drop_idle(graph: fx.Graph) -> None:
    """Leaves out additions of zero and multiplications by one that change no layout."""
    for node in list(graph.nodes):
        kept = None
        if node.target is _aten.add.Tensor and len(node.args) == 2 and not node.kwargs:
            one, other = node.args
            if isinstance(one, fx.Node) and one.target in _ZEROS:
                kept = other
            elif isinstance(other, fx.Node) and other.target in _ZEROS:
                kept = one
        elif node.target in (_aten.mul.Scalar, _aten.mul.Tensor) and node.args[1] == 1:
            kept = node.args[0]
        if kept is not None and _alike(_fact(kept), _fact(node)):
            node.replace_all_uses_with(kept)


def _join_views(graph: fx.Graph) -> None:
    """A chain of views becomes one `as_strided` of what it views, or nothing."""
    bases: dict[fx.Node, fx.Node] = {}
    for node in list(graph.nodes):
        if node.target not in _VIEWS:
            continue
        source = node.args[0]
        base = bases.get(source, source)
        seen, under = _fact(node), _fact(base)
        if seen is None or under is None or seen.dtype != under.dtype:
            continue
        bases[node] = base
        if _alike(seen, under):
            node.replace_all_uses_with(base)
        elif source is not base or node.target is _aten._unsafe_view.default:
            with graph.inserting_before(node):
                joined = graph.call_function(
                    _aten.as_strided.default,
                    (base, list(seen.shape), list(seen.stride())),
                )
            joined.meta = dict(node.meta)
            bases[joined] = base
            node.replace_all_uses_with(joined)

"""The way back: a signature that is to be what it was before sigpb spliced anything for it.

Where all endpoints are to have the types of the tensors that they stood for before earlier patches,
nothing is converted once more: the signature feeds and fetches these tensors again, and
`tf.saved_model.load` gets the function that computes them. That is right if no dtype in between
loses values, and if nothing that the earlier patches bound or added is left out, such as steps that
they asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sigpb import protos
from sigpb.graphs.added_nodes import is_added, is_spliced, original_names
from sigpb.graphs.cone import needed
from sigpb.graphs.origins import Chain, Origins
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import Interface
from sigpb.rewrite.port import Port, Side, WantedType
from sigpb.rewrite.signature_function import FunctionPorts, is_chain, is_wrapper
from sigpb.saved_model.model import MetaGraph
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.steps.conversion import holds
from sigpb.tf.called_functions import CALL_OPS
from sigpb.tf.tensor_names import canonical, output_number, producer
from sigpb.tf.tensor_types import (
    TensorType,
    declared_type,
    encoding_of,
    is_compatible,
    shape_of,
)

# What leaves the shape of a value as it is.
_ELEMENTWISE = {"AsString", "Cast", "EnsureShape", "Identity", "StringToNumber"}


@dataclass(frozen=True)
class Restoration:
    """What a signature was before earlier patches, and is to be again.

    Attributes:
        origins: The tensors that its endpoints stood for first, by those that they stand for.
        inputs: The types of the inputs that change, by their keys in the model.
        outputs: The same for outputs.
        ports: The function that computes it; None if the model has no object graph.
        leftovers: The nodes that sigpb added for it, some of which others may use.
    """

    origins: Mapping[str, str]
    inputs: Mapping[str, TensorType]
    outputs: Mapping[str, TensorType]
    ports: FunctionPorts | None
    leftovers: frozenset[str]


def origin_type(meta_graph: MetaGraph, info: protos.TensorInfo) -> TensorType | None:
    """Returns the type of the tensor that an endpoint stood for before sigpb spliced anything.

    None if sigpb did not, if that tensor is not known, or if steps compute other values.
    """
    if not is_added(info.name):
        return None
    graph = GraphParts(meta_graph).top
    origins = Origins(graph)
    chain = origins.of(info.name)
    if is_added(chain[-1]) or origins.computed_by(chain):
        return None
    return _type_of(chain[-1], graph)


def _type_of(tensor: str, graph: TopLevelGraph) -> TensorType | None:
    """Returns what the graph says of the type of an origin."""
    type_, node = graph.type_of(tensor), graph.node(producer(tensor))
    if type_ is not None and type_.shape is None and node is not None and is_spliced(node):
        # It keeps the shape that it had as a plain placeholder.
        return TensorType(type_.dtype, shape_of(node.attr["shape"].shape))
    return type_


def restoration_of(signature: Interface, parts: GraphParts) -> Restoration | None:
    """Returns how a signature is restored; None if it is not to be what it was, or cannot be."""
    is_spliced_for = any(map(is_added, signature.tensors)) or any(signature.named())
    bound = any(end.bound is not None for end in signature.inputs.values())
    named = any(end.node_name for end in signature.named())
    if not is_spliced_for or bound or named or signature.added or signature.ref.copy_of is not None:
        return None
    return _Survey(signature, parts).run()


class _NotRestorable(Exception):
    """The signature cannot be what it was before the first patch."""


class _Survey:
    """The work of one call of `restoration_of`."""

    def __init__(self, signature: Interface, parts: GraphParts) -> None:
        self._signature, self._parts = signature, parts
        self._graph, self._origins = parts.top, Origins(parts.top)
        self._chains: dict[tuple[Side, str, int], Chain] = {}

    def run(self) -> Restoration | None:
        try:
            inputs = dict(self._types("input"))
            outputs = dict(self._types("output"))
            leftovers = self._leftovers()
            self._check_that_nothing_is_left_out(leftovers)
            ports = self._ports()
        except _NotRestorable:
            return None
        origins = {chain[0]: chain[-1] for chain in self._chains.values()}
        return Restoration(origins, inputs, outputs, ports, frozenset(leftovers))

    def _types(self, side: Side) -> Iterator[tuple[str, TensorType]]:
        for end in self._signature.kept(side):
            if end.type is not None and end.type.steps:
                raise _NotRestorable
            chains = [self._origins.of(tensor) for tensor in end.tensors]
            if end.node_name is None and any(map(self._origins.named, itertools.chain(*chains))):
                raise _NotRestorable  # It keeps its name.
            if any(map(self._origins.computed_by, chains)):
                raise _NotRestorable  # A patch asked for steps; nothing says that they are to go.
            for position, chain in enumerate(chains):
                self._chains[side, end.source, position] = chain
            if end.type is None and all(len(chain) == 1 for chain in chains):
                continue
            if encoding_of(end.info) == "dense":
                yield end.source, self._type(side, end, chains[0])
            else:
                yield end.source, self._type_of_parts(end, chains)

    def _type_of_parts(self, end: Port, chains: Sequence[Chain]) -> TensorType:
        """Returns the type of a sparse or composite endpoint, of which the dtype can change."""
        now = declared_type(end.info)
        wanted = (end.type or WantedType()).of(now)
        for tensor, chain in zip(end.tensors, chains, strict=True):
            is_value = tensor == end.info.coo_sparse.values_tensor_name
            dtypes = self._origins.dtypes(chain, now.dtype if is_value else 0)
            kept = [dtype for dtype in dtypes if dtype]
            if is_added(chain[-1]) or not (
                _is_lossless(dtypes, wanted.dtype) if is_value else len(set(kept)) < 2
            ):
                raise _NotRestorable
        return wanted

    def _type(self, side: Side, end: Port, chain: Chain) -> TensorType:
        """Returns the type that an endpoint is to have, which has to be that of its origin."""
        first, now = _type_of(chain[-1], self._graph), declared_type(end.info)
        if is_added(chain[-1]) or first is None:
            raise _NotRestorable
        dtypes, shape = self._origins.dtypes(chain, now.dtype), first.shape
        change = end.type or WantedType()
        wanted = change.of(now)
        if side == "output" and change.shape == "same" and shape is not None:
            wanted = TensorType(wanted.dtype, shape)
        if side == "output" and self._keeps_shape(chain):
            fits = is_compatible(shape, wanted.shape)
        else:
            fits = shape == wanted.shape and (side == "input" or shape is not None)
        if not fits or not _is_lossless(dtypes, wanted.dtype):
            raise _NotRestorable
        return wanted

    def _keeps_shape(self, chain: Chain) -> bool:
        nodes = self._graph.nodes
        steps = (producer(tensor) for tensor in chain[:-1])
        return all(nodes[name].op in _ELEMENTWISE or self._origins.original(name) for name in steps)

    def _leftovers(self) -> set[str]:
        """Returns the nodes that sigpb added which lead to what the endpoints stand for."""
        names = {
            producer(tensor)
            for tensor in (*self._signature.tensors, *itertools.chain(*self._chains.values()))
            if self._origins.named(tensor) is not None
        }

        def is_ours(name: str) -> bool:
            return is_added(name) or name in names

        neighbours: dict[str, set[str]] = {}
        for name, node in self._graph.nodes.items():
            for tensor in node.input:
                if is_ours(name) and is_ours(source := producer(tensor)):
                    neighbours.setdefault(name, set()).add(source)
                    neighbours.setdefault(source, set()).add(name)
        waiting = [*map(producer, self._signature.tensors)]
        waiting += [producer(tensor) for chain in self._chains.values() for tensor in chain]
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if is_ours(name) and name not in found:
                found.add(name)
                waiting += neighbours.get(name, ())
        return found

    def _check_that_nothing_is_left_out(self, leftovers: set[str]) -> None:
        """Makes sure that the inputs that there are, are all that the outputs are computed from.

        An input that an earlier patch bound to a constant would be missing.
        """
        inputs = [chain for (side, *_), chain in self._chains.items() if side == "input"]
        outputs = [chain for (side, *_), chain in self._chains.items() if side == "output"]
        fed = {canonical(chain[-1]) for chain in inputs}
        own = {producer(tensor) for chain in inputs for tensor in chain}
        # Constants among the copies are such as an open batch size needs, not bound inputs.
        stand_ins = (name for name in self._origins.stand_ins if not original_names(name))
        if any(name in leftovers and name not in own for name in stand_ins):
            raise _NotRestorable
        nodes = self._graph.nodes
        for name in needed(nodes, [chain[-1] for chain in outputs], fed):
            if is_added(name) or (nodes[name].op == "Placeholder" and name not in fed):
                raise _NotRestorable

    def _dense_origins(self, side: Side) -> dict[str, str]:
        """Returns the origins of endpoints, none of which is made of several tensors."""
        found = {key: chain[-1] for (each, key, _), chain in self._chains.items() if each == side}
        if len(found) < sum(each == side for each, *_ in self._chains):
            raise _NotRestorable
        return found

    def _ports(self) -> FunctionPorts | None:
        """Returns the function that the object graph is to name."""
        graph, key = self._parts.meta_graph.object_graph, self._signature.ref.source
        if graph is None or key not in (nodes := graph.signature_nodes):
            return None
        if (ports := self._chained_ports(graph, nodes[key])) is not None:
            return ports
        inputs, outputs = self._dense_origins("input"), self._dense_origins("output")
        calls = {producer(tensor) for tensor in outputs.values()}
        call = self._graph.node(calls.pop()) if len(calls) == 1 else None
        if call is None or call.op not in CALL_OPS:
            raise _NotRestorable
        name, taken = call.attr["f"].func.name, [canonical(tensor) for tensor in call.input]
        functions = graph.proto.concrete_functions
        if name not in functions or is_wrapper(name):
            raise _NotRestorable
        now = functions[graph.function_name(nodes[key])].bound_inputs
        arguments = {key: taken.index(tensor) for key, tensor in inputs.items() if tensor in taken}
        if (
            list(functions[name].bound_inputs) != list(now)
            or sorted(arguments.values()) != list(range(len(self._signature.inputs)))
            or len(taken) != len(arguments) + len(now)
        ):
            raise _NotRestorable
        results = {key: (output_number(tensor),) for key, tensor in outputs.items()}
        captured = tuple(range(len(arguments), len(taken)))
        return FunctionPorts(name, arguments, captured, results, named=False)

    def _chained_ports(self, graph: ObjectGraph, place: int) -> FunctionPorts | None:
        """Returns the function of two signatures in one if the signature calls it in a wrapper.

        In sessions no single call computes what such a function does.
        """
        from sigpb.rewrite.wrapper_function import call_in

        wrapper = self._parts.library.get(graph.function_name(place))
        inside = call_in(wrapper) if wrapper is not None else None
        if inside is None or not is_chain(inside.function):
            return None
        keys, bound = graph.argument_keys(place), graph.concrete_function(place).bound_inputs
        taken = [inside.arguments.get(at) for at in range(len(keys) + len(bound))]
        arguments = {key: at for key, at in zip(keys, taken, strict=False) if at is not None}
        captured = tuple(range(len(keys), len(taken)))
        outputs = enumerate(graph.output_keys(place))
        found = {key: (inside.results[at],) for at, key in outputs if at in inside.results}
        kept = self._dense_origins("output").keys()
        passed = {*arguments.values(), *captured}
        if passed != {*range(len(taken))} or not kept <= found.keys():
            raise _NotRestorable
        results = {key: found[key] for key in kept}
        return FunctionPorts(inside.function, arguments, captured, results, named=False)


def _is_lossless(dtypes: Sequence[int], wanted: int) -> bool:
    """Whether dtypes, from an endpoint to its origin, end in the one wanted and hold its values."""
    return 0 not in dtypes and dtypes[-1] == wanted and all(holds(each, wanted) for each in dtypes)


def remove_leftovers(
    graph: TopLevelGraph, leftovers: frozenset[str], fetched: Iterable[str]
) -> None:
    """Removes nodes that sigpb added and that nothing needs any more.

    Args:
        graph: The graph; nodes for other signatures are added to it already.
        leftovers: The nodes.
        fetched: The tensors that signatures feed and fetch from now on.
    """
    # A placeholder that takes what sigpb computes becomes what it was.
    plain = {
        name: _without_default(node)
        for name, node in graph.nodes.items()
        if is_spliced(node) and producer(node.input[0]) in leftovers
    }
    nodes = {**graph.nodes, **plain}
    others = (node for name, node in nodes.items() if name not in leftovers)
    mentioned = (tensor for node in (*others, *graph.changed_nodes) for tensor in node.input)
    used = needed(nodes, [*mentioned, *fetched])
    # But not where a copy of the signature goes on feeding what it takes.
    behind = {name: needed(graph.nodes, graph.nodes[name].input[:1]) & leftovers for name in plain}
    while kept := [name for name in behind if behind[name] & used]:
        for name in kept:
            used |= behind.pop(name)
    graph.remove(leftovers - used)
    for name in behind:
        graph.replace(plain[name])


def _without_default(node: protos.NodeDef) -> protos.NodeDef:
    after = protos.NodeDef()
    after.CopyFrom(node)
    after.op = "Placeholder"
    del after.input[0]
    return after

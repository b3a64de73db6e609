"""Inputs that are fed at a tensor inside of the graph, and inputs that go because of that.

What only an input that goes was needed for is not computed any more. An input that something still
needs cannot go, and one that nothing needs any more cannot stay: clients would send it in vain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from sigpb import protos
from sigpb.errors import PatchError, did_you_mean
from sigpb.graphs.added_nodes import computed_copy
from sigpb.graphs.cone import needed, reached
from sigpb.graphs.effects import has_no_effect
from sigpb.graphs.function_body import InnerTensor, find, find_in, names_in_functions
from sigpb.graphs.interior import (
    Cut,
    call_with_arguments,
    type_problem,
    with_arguments,
    without_waiting,
)
from sigpb.rewrite.graph_parts import FunctionLibrary, GraphParts
from sigpb.rewrite.interface import Interface
from sigpb.rewrite.port import Port, WantedType
from sigpb.rewrite.signature_function import FunctionPorts
from sigpb.steps.graph_body import dtype_attr, shape_attr
from sigpb.tf.called_functions import Functions, functions_in_attributes
from sigpb.tf.control_flow import surroundings
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.ops import PLACEHOLDERS
from sigpb.tf.stated_shapes import OUTPUT_SHAPES
from sigpb.tf.tensor_names import canonical, full, node_name, producer
from sigpb.tf.tensor_types import shape_proto, tensor_names, value_dtype
from sigpb.visible_text import natural

_MOST_NAMES = 12
"""How many nodes of a path a message names."""


class Refed(NamedTuple):
    """A signature with inputs at other tensors.

    Attributes:
        signature: The signature, whose inputs say what they are fed for.
        nodes: The nodes that differ for it, by name.
        stand_ins: Nodes that stand for what is fed inside of functions until it is there.
    """

    signature: Interface
    nodes: Mapping[str, protos.NodeDef]
    stand_ins: Mapping[str, protos.NodeDef]


class _ParsedOnce:
    """The functions of a library, each of which is parsed once."""

    def __init__(self, library: FunctionLibrary) -> None:
        self.get, self.add_variant = cache(library.get), library.add_variant


def refed(signature: Interface, nodes: Mapping[str, protos.NodeDef], parts: GraphParts) -> Refed:
    """Works out how a signature is computed that is fed elsewhere.

    Args:
        signature: What is wanted of it.
        nodes: The nodes that compute its outputs as it is.
        parts: The graph; its library receives variants of functions.

    Raises:
        PatchError: With all that is in the way.
    """
    return _Refeeding(signature, nodes, parts).run()


class _Refeeding:
    """The work of one call of `refed`."""

    def __init__(
        self, signature: Interface, nodes: Mapping[str, protos.NodeDef], parts: GraphParts
    ) -> None:
        self._signature, self._nodes, self._parts = signature, nodes, parts
        self._functions: Functions = _ParsedOnce(parts.library)
        self._before = parts.meta_graph.signatures[signature.ref.source].inputs
        self._gone = [
            key
            for key, port in signature.inputs.items()
            if key in self._before and (port.tensor is not None or port.is_gone)
        ]

    def run(self) -> Refed:
        fed = self._find()
        cut = Cut(self._nodes, self._tensors(self._gone), self._functions, [*fed.values()])
        if problems := [*self._still_needed(cut)]:
            raise PatchError(problems)
        stand_ins, ports = self._stand_ins(fed)
        nodes = self._changed(cut, fed, stand_ins)
        after = {**self._nodes, **nodes, **stand_ins}
        if problems := [*self._side_effects(cut, after, fed), *self._useless(after, ports, fed)]:
            raise PatchError(problems)
        inputs = {**self._signature.inputs, **ports}
        signature = replace(self._signature, inputs=inputs, gone=tuple(self._gone))
        return Refed(signature, nodes, stand_ins)

    def _tensors(self, keys: Iterable[str]) -> list[str]:
        return [canonical(each) for key in keys for each in tensor_names(self._before[key])]

    def _fetched(self) -> list[tuple[str, str]]:
        """Returns the tensors of the outputs that stay, each with the output's key."""
        outputs = self._signature.kept("output")
        return [(port.source, tensor) for port in outputs for tensor in port.tensors]

    def _find(self) -> dict[str, InnerTensor]:
        """Returns the tensors that inputs are to be fed at, by the keys of these."""
        found, problems = dict[str, InnerTensor](), []
        for port in self._signature.interior:
            try:
                found[port.key] = self._located(port)
            except PatchError as error:
                where = f"input {port.key!r} cannot be fed at {port.tensor!r}"
                problems += [f"{where}: {problem}" for problem in error.problems]
        places: dict[tuple[tuple[str, ...], str], str] = {}
        for key, tensor in found.items():
            other = places.setdefault((tensor.path, tensor.tensor), key)
            if other != key:
                problems.append(f"inputs {other!r} and {key!r} are the same tensor.")
        if problems:
            raise PatchError(problems)
        return found

    def _located(self, port: Port) -> InnerTensor:
        parts, wanted = self._parts, port.tensor or ""
        tensor = canonical(computed_copy(wanted, self._nodes))
        node = self._nodes.get(producer(tensor))
        if parts.meta_graph.has_object_graph and node is not None:
            raise PatchError(
                "it is outside of the function that tf.saved_model.load calls; name a tensor "
                "inside of it."
            )
        if not parts.meta_graph.has_object_graph and (type_ := parts.top.type_of(tensor)):
            inside = surroundings(tensor, parts.top.nodes)
            found = [InnerTensor((), tensor, type_, inside)]
        else:
            found = find(wanted, self._nodes.values(), parts.library, parts.op_defs)
        if len(found) != 1:
            raise PatchError(_not_found(wanted, found, self._nodes, parts.library))
        if found[0].inside is not None:
            raise PatchError(f"it is inside of {found[0].inside}.")
        if problem := type_problem(found[0]):
            raise PatchError(f"it is {problem}.")
        if found[0].type.shape is None and (port.type or WantedType()).shape == "same":
            raise PatchError("its shape is not known; state it with 'shape'.")
        return found[0]

    def _still_needed(self, cut: Cut) -> Iterator[str]:
        """Yields why inputs cannot go."""
        said = set[str]()
        for key, tensor in self._fetched():
            if cut.is_lost(tensor):
                path = cut.path(tensor)
                if path[0] not in said:
                    said.add(path[0])
                    yield (
                        f"input {self._key_of(path[0])!r} cannot go, since output {key!r} is "
                        f"computed from it by way of {_listed(path[1:])}; feed a tensor on that "
                        "way, bind the input to a constant, or drop the output."
                    )

    def _key_of(self, node: str) -> str:
        """Returns the key of the input that goes and that a node is fed for."""
        tensors = {producer(each): key for key in self._gone for each in self._tensors([key])}
        return tensors[node]

    def _stand_ins(
        self, fed: Mapping[str, InnerTensor]
    ) -> tuple[dict[str, protos.NodeDef], dict[str, Port]]:
        """Returns nodes that stand for what is fed in functions, and the inputs."""
        stand_ins, ports = dict[str, protos.NodeDef](), dict[str, Port]()
        for port in self._signature.interior:
            found = fed[port.key]
            type_ = found.type._replace(dtype=value_dtype(found.type.dtype))
            name, shape = found.tensor, shape_proto(type_.shape)
            if found.path:
                name = self._parts.top.fresh_name(node_name("fed", self._signature.key, port.key))
                stand_in = protos.NodeDef(name=name, op="Placeholder")
                stand_in.attr["dtype"].CopyFrom(dtype_attr(type_.dtype))
                stand_in.attr["shape"].CopyFrom(shape_attr(shape))
                stand_in.attr[OUTPUT_SHAPES].list.shape.append(shape)
                stand_ins[name] = stand_in
            info = protos.TensorInfo(name=full(name), dtype=type_.dtype, tensor_shape=shape)
            wanted = port.type or WantedType()
            is_converted = bool(wanted.steps) or wanted.of(type_) != type_
            node = self._parts.top.node(producer(name))
            as_it_is = node is not None and node.op in PLACEHOLDERS and not is_converted
            ports[port.source] = replace(
                port,
                infos={port.source: info},
                type=None if as_it_is else wanted,
                found=name,
            )
        return stand_ins, ports

    def _changed(
        self,
        cut: Cut,
        fed: Mapping[str, InnerTensor],
        stand_ins: Mapping[str, protos.NodeDef],
    ) -> dict[str, protos.NodeDef]:
        """Returns the nodes that differ, by name."""
        passed = dict(zip((key for key in fed if fed[key].path), stand_ins, strict=True))
        changed = dict[str, protos.NodeDef]()
        for name, node in self._nodes.items():
            if name in cut.lost:
                continue
            after = without_waiting(node, cut)
            if name in cut.calls:
                after = after or protos.NodeDef.FromString(node.SerializeToString())
                names = [passed[key] for key in fed if fed[key].path[:1] == (name,)]
                op_defs = self._parts.op_defs
                call_with_arguments(after, cut.calls[name], names, self._functions, op_defs)
            if after is not None:
                changed[name] = after
        return changed

    def _side_effects(
        self, cut: Cut, after: Mapping[str, protos.NodeDef], fed: Mapping[str, InnerTensor]
    ) -> Iterator[str]:
        """Yields what would not be done any more."""
        at_top = {each.tensor for each in fed.values() if not each.path}
        others = self._tensors(self._before.keys() - {*self._gone})
        kept = needed(after, [tensor for _, tensor in self._fetched()], {*at_top, *others})
        nodes = (node for name, node in self._nodes.items() if name not in kept)
        found = {node.name: node for node in (*cut.all_lost(), *nodes)}
        for name in sorted(found):
            if not has_no_effect(found[name], self._functions, self._parts.op_defs):
                yield (
                    f"the node {name!r} would not run any more. Its op, {found[name].op}, may "
                    "change a state or have effects that sigpb does not know, so the signature "
                    "may depend on it."
                )

    def _useless(
        self,
        after: Mapping[str, protos.NodeDef],
        ports: Mapping[str, Port],
        fed: Mapping[str, InnerTensor],
    ) -> Iterator[str]:
        """Yields inputs that no output depends on: new ones, and others that one did before."""
        at_top = [each for each in fed.values() if not each.path]

        def is_used(
            tensors: Iterable[str],
            nodes: Mapping[str, protos.NodeDef],
            fed: Sequence[InnerTensor] = (),
        ) -> bool:
            cut = Cut(nodes, tensors, self._functions, fed)
            return any(cut.is_lost(tensor) for _, tensor in self._fetched())

        for port in ports.values():
            if not is_used([port.found], after, [e for e in at_top if e.tensor != port.found]):
                yield f"input {port.key!r}: no output depends on the tensor {port.tensor!r}."
        if not ports:
            return
        for port in self._signature.taken:
            if port.source in self._gone or port.tensor is not None:
                continue
            tensors = [canonical(each) for each in port.tensors]
            if is_used(tensors, self._nodes) and not is_used(tensors, after, at_top):
                key = port.source
                yield (
                    f"nothing is computed from input {key!r} any more, but clients would still "
                    f'send it; take it out: input {{ key: "{key}" drop: true }}.'
                )


def _listed(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        half = _MOST_NAMES // 2
        names = [*names[:half], f"… {len(names) - 2 * half} more …", *names[-half:]]
    return " → ".join(names)


def _not_found(
    wanted: str,
    found: Sequence[InnerTensor],
    nodes: Mapping[str, protos.NodeDef],
    functions: Functions,
) -> str:
    if found:
        paths = ", ".join(sorted("/".join(each.path) for each in found))
        return f"there are {len(found)} such tensors, in the functions that are called by {paths}."
    name = producer(wanted)
    known = names_in_functions(nodes.values(), functions) or set(nodes)
    if name in known:
        return f"the node {name!r} has no such output, or sigpb does not know its op."
    if place := _in_branch(name, nodes.values(), functions):
        return f"it is inside of a loop or a branch, in the function {place!r}."
    return f"the signature computes no such tensor; {did_you_mean(name, known)}."


def _in_branch(name: str, nodes: Iterable[protos.NodeDef], functions: Functions) -> str | None:
    """Returns a function that is called at times only, or again and again, and has a node."""

    def body(function: str) -> Collection[protos.NodeDef]:
        found = functions.get(function)
        return found.node_def if found else ()

    def called(nodes: Iterable[protos.NodeDef]) -> Iterator[str]:
        return (each for node in nodes for each in functions_in_attributes(node))

    names = reached(called(nodes), lambda function: called(body(function)))
    return next((e for e in sorted(names) if any(n.name == name for n in body(e))), None)


def refed_function(
    function: protos.FunctionDef,
    ports: FunctionPorts,
    interface: Interface,
    library: FunctionLibrary,
    op_defs: OpDefs,
) -> tuple[protos.FunctionDef, FunctionPorts]:
    """Returns a function that takes what a signature is fed, and how it does.

    Args:
        function: The function as it is.
        ports: How that takes inputs.
        interface: The signature.
        library: The functions of the model; receives variants.
        op_defs: The ops of the model.

    Raises:
        PatchError: If there can be no such function.
    """
    name, interior = function.signature.name, interface.interior
    fed = [_inside(port, name, library, op_defs) for port in interior]
    positions = {ports.arguments[key] for key in interface.gone}
    cut = Cut.of_function(function, positions, library, fed)
    lost = {
        key: cut.path(function.ret[function.signature.output_arg[each].name])
        for key in (port.source for port in interface.kept("output"))
        for each in ports.results[key]
        if each in cut.lost_results
    }
    if lost:
        raise PatchError(
            [
                f"output {key!r} is computed, in the function {name!r} that tf.saved_model.load "
                f"calls, from an input that goes, by way of {_listed(path)}."
                for key, path in sorted(lost.items(), key=lambda each: natural(each[0]))
            ]
        )
    kept = [at for at in range(len(function.signature.input_arg)) if at not in positions]
    after = {old: new for new, old in enumerate(kept)}
    arguments = {key: after[at] for key, at in ports.arguments.items() if at in after}
    arguments |= {port.source: len(kept) + number for number, port in enumerate(interior)}
    captured = tuple(after[at] for at in ports.captured)
    variant = with_arguments(function, cut, library, op_defs)
    return variant, ports._replace(arguments=arguments, captured=captured)


def _inside(port: Port, caller: str, library: FunctionLibrary, op_defs: OpDefs) -> InnerTensor:
    found = find_in(port.tensor or "", caller, library, op_defs)
    if len(found) != 1:
        raise PatchError(
            f"input {port.key!r} cannot be fed: tf.saved_model.load calls {caller!r}, in which "
            f"there are {len(found)} tensors {port.tensor!r}."
        )
    return found[0]

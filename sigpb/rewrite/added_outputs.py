"""The tensors of outputs that are added to a signature, and functions that return them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from sigpb import protos
from sigpb.errors import PatchError, did_you_mean
from sigpb.graphs.added_nodes import computed_copy, is_added, is_spliced
from sigpb.graphs.cone import needed
from sigpb.graphs.function_body import (
    InnerTensor,
    call_with_results,
    find,
    find_in,
    names_in_functions,
    results_of,
    with_results,
)
from sigpb.graphs.origins import Origins
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.rewrite.graph_parts import FunctionLibrary
from sigpb.rewrite.interface import Interface
from sigpb.rewrite.port import Port, Result
from sigpb.rewrite.signature_function import FunctionPorts, function_of
from sigpb.tf.called_functions import CALL_OPS, Functions
from sigpb.tf.control_flow import surroundings
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import TensorType, encoding_of, tensor_type


class AddedTensor(NamedTuple):
    """The tensor of an output that is added.

    Attributes:
        output: The output.
        tensor: Its tensor at the top level of the graph.
        type: The tensor's type.
        result: The result of a function that the patch names by what the top level calls it.
    """

    output: Port
    tensor: str
    type: TensorType
    result: Result | None = None


def made_of_outputs(signature: Interface) -> list[AddedTensor]:
    """Returns the tensors of the outputs that are made of others.

    Raises:
        PatchError: With all that cannot be.
    """
    made, problems = [], []
    for output in signature.added:
        key = output.made_of("output")
        if key is None:
            continue
        port = signature.outputs.get(key)
        if port is None:
            known = did_you_mean(key, signature.outputs)
            problems.append(_unmade(output, f"there is no output {key!r}; {known}."))
        elif encoding_of(port.info) != "dense":
            problems.append(_unmade(output, f"output {key!r} is made of several tensors."))
        else:
            made.append(AddedTensor(output, port.info.name, tensor_type(port.info)))
    if problems:
        raise PatchError(problems)
    return made


def sent_type(output: Port, signature: Interface, sent: Mapping[str, Port]) -> TensorType:
    """Returns the type of what clients send as the input that an output returns.

    Args:
        output: The output.
        signature: What is wanted of the signature.
        sent: The inputs that it has then, by their keys in the model.

    Raises:
        PatchError: They send no such tensor.
    """
    key = output.made_of("input") or ""
    if key in sent and encoding_of(sent[key].info) == "dense":
        return sent[key].outside
    if key in sent:
        why = f"input {key!r} is made of several tensors."
    elif key in signature.inputs:
        why = f"clients do not send the input {key!r} any more."
    else:
        why = f"there is no input {key!r}; {did_you_mean(key, sent)}."
    raise PatchError(_unmade(output, why))


def _unmade(output: Port, why: str) -> str:
    return f"output {output.key!r} cannot be added: {why}"


def at_top_level(
    outputs: Sequence[Port],
    type_of: Callable[[str], TensorType | None],
    computing: Collection[str],
) -> list[AddedTensor]:
    """Returns the outputs whose tensors are at the top level of the graph.

    Args:
        outputs: The outputs to add.
        type_of: What the graph says of the type of a tensor.
        computing: The names of the nodes that compute the outputs that there are. Where an earlier
            patch had nodes copied for the signature, it is the copies that it computes.
    """
    tensors = ((output, computed_copy(output.tensor or "", computing)) for output in outputs)
    found = ((output, tensor, type_of(tensor)) for output, tensor in tensors)
    return [AddedTensor(output, tensor, type_) for output, tensor, type_ in found if type_]


def named_by_calls(
    outputs: Sequence[Port],
    type_of: Callable[[str], TensorType | None],
    nodes: Mapping[str, protos.NodeDef],
) -> list[AddedTensor]:
    """Returns the outputs whose tensors are outputs of calls, which functions return already.

    Args:
        outputs: The outputs to add, to a signature that `tf.saved_model.load` calls a function for.
        type_of: What the graph says of the type of a tensor.
        nodes: The nodes that compute the outputs that there are.

    Raises:
        PatchError: With all other tensors of these nodes.
    """
    found, problems = [], []
    for output in outputs:
        tensor = computed_copy(output.tensor or "", nodes)
        node, number = nodes.get(producer(tensor)), output_number(tensor)
        if node is None:
            continue
        type_ = type_of(tensor)
        if node.op in CALL_OPS and type_ is not None:
            result = Result(node.attr["f"].func.name, number, type_)
            found.append(AddedTensor(output, tensor, type_, result))
        else:
            problems.append(_outside(output, tensor, node))
    if problems:
        raise PatchError(problems)
    return found


def _outside(output: Port, tensor: str, node: protos.NodeDef) -> str:
    where = f"output {output.key!r} cannot be added"
    if node.op in CALL_OPS:
        last = len(node.attr["Tout"].list.type) - 1
        return (
            f"{where}: the outputs of {node.name!r} are 0 to {last}, not {output_number(tensor)}."
        )
    return (
        f"{where}: {tensor!r} is outside of the function that tf.saved_model.load calls; name a "
        "tensor inside of it."
    )


def inside_control_flow(
    added: Sequence[AddedTensor], nodes: Mapping[str, protos.NodeDef]
) -> Iterator[str]:
    """Yields why tensors of the top level cannot be outputs.

    Args:
        added: The tensors.
        nodes: All nodes of the graph.
    """
    for each in added:
        if inside := surroundings(each.tensor, nodes):
            yield _hidden(each.output, inside)


def _hidden(output: Port, inside: str) -> str:
    return f"output {output.key!r} cannot be added: {output.tensor!r} is inside of {inside}."


def replaced_for(own: Collection[str], graph: TopLevelGraph) -> set[str]:
    """Returns the nodes that earlier patches put others in the place of, for a signature.

    Clients of the signature do not feed them any longer, so that one with a default would go on
    returning that, and a bound one is not what the signature computes with.

    Args:
        own: The nodes that the signature feeds, and that compute its outputs.
        graph: The graph.
    """
    if not any(map(is_added, own)):
        return set()
    stand_ins = Origins(graph).stand_ins.items()
    replaced = {producer(old) for name, olds in stand_ins if name in own for old in olds}
    return {name for name in replaced if not is_spliced(graph.nodes[name])}


def unfed(
    added: Sequence[AddedTensor],
    nodes: Mapping[str, protos.NodeDef],
    fed: Collection[str],
    replaced: Collection[str],
) -> Iterator[str]:
    """Yields why a signature cannot compute tensors of the top level.

    Args:
        added: The tensors.
        nodes: All nodes of the graph.
        fed: The tensors that the signature's clients feed, as `canonical` spells them.
        replaced: The nodes that other nodes take the place of for the signature.
    """
    for output, tensor, *_ in added:
        names = needed(nodes, [tensor], fed)
        missing = sorted(
            name for name in names if nodes[name].op == "Placeholder" or name in replaced
        )
        if missing:
            yield (
                f"output {output.key!r} cannot be added: {tensor!r} is computed from "
                f"{', '.join(map(repr, missing))}, which the signature does not feed."
            )


def in_functions(
    outputs: Sequence[Port],
    nodes: Mapping[str, protos.NodeDef],
    functions: Functions,
    op_defs: OpDefs,
) -> tuple[list[AddedTensor], dict[str, protos.NodeDef]]:
    """Has functions return the tensors of outputs.

    Args:
        outputs: The outputs to add.
        nodes: The nodes that compute the outputs that there are.
        functions: The functions that they call; receives variants of them.
        op_defs: The ops of the graph.

    Returns:
        The tensors, and the nodes that call variants, by name.

    Raises:
        PatchError: With all tensors that there are not, or not only once, or only at times.
    """
    problems: list[str] = []
    by_call: dict[str, list[tuple[Port, InnerTensor]]] = defaultdict(list)
    for output in outputs:
        found = find(output.tensor or "", nodes.values(), functions, op_defs)
        if len(found) == 1 and found[0].inside is not None:
            problems.append(_hidden(output, found[0].inside))
        elif len(found) == 1:
            by_call[found[0].path[0]].append((output, found[0]))
        else:
            problems.append(_problem(output, found, nodes, functions))
    if problems:
        raise PatchError(problems)
    added, changed = [], {}
    for name, members in by_call.items():
        changed[name] = protos.NodeDef()
        changed[name].CopyFrom(nodes[name])
        inner = [tensor.below for _, tensor in members]
        first = call_with_results(changed[name], inner, functions, op_defs)
        for number, (output, tensor) in enumerate(members, first):
            added.append(AddedTensor(output, f"{name}:{number}", tensor.type))
    return added, changed


def _problem(
    output: Port,
    found: Sequence[InnerTensor],
    nodes: Mapping[str, protos.NodeDef],
    functions: Functions,
) -> str:
    where = f"output {output.key!r} cannot be added"
    if found:
        paths = ", ".join(sorted("/".join(each.path) for each in found))
        return (
            f"{where}: there are {len(found)} tensors {output.tensor!r}, in the functions that are "
            f"called by {paths}."
        )
    known = names_in_functions(nodes.values(), functions) or nodes
    name = producer(output.tensor or "")
    if name in known:
        number = output_number(output.tensor or "")
        return f"{where}: the node {name!r} has no output {number}, or sigpb does not know its op."
    return (
        f"{where}: the signature computes no tensor {output.tensor!r}; {did_you_mean(name, known)}."
    )


def with_variant(
    ports: FunctionPorts, interface: Interface, library: FunctionLibrary, op_defs: OpDefs
) -> FunctionPorts:
    """Returns the ports of a function that takes and returns what a signature is to.

    Args:
        ports: Those of the function as it is.
        interface: What the function is to take and return. The shapes of its inputs are those that
            the signature states; functions of TensorFlow 1.15 to 2.2 do not state them.
        library: The functions of the model; receives variants.
        op_defs: The ops of the model.

    Raises:
        PatchError: If there can be no such function.
    """
    function = function_of(ports.function, library)
    if interface.is_refed:
        from sigpb.rewrite.interior_inputs import refed_function

        function, ports = refed_function(function, ports, interface, library, op_defs)
    if interface.computed:
        tensors = [_inner(function, port, library, op_defs) for port in interface.computed]
        function = with_results(function, tensors, library, op_defs)
    for size in interface.relaxed:
        from sigpb.batch_size.dimension import BatchError, relax_function

        places = ports.arguments
        beside = (position for key, position in places.items() if key in size.beside)
        axes = dict.fromkeys((*(places[key] for key in size.relaxed), *beside), size.axis)
        inputs = interface.inputs
        shapes = {at: tensor_type(inputs[key].info).shape for key, at in places.items()}
        try:
            function, _ = relax_function(function, axes, size.before, library, shapes)
        except BatchError as error:
            raise PatchError(error.problems) from error
    return ports._replace(function=library.add_variant(function))


def _inner(
    function: protos.FunctionDef, added: Port, library: FunctionLibrary, op_defs: OpDefs
) -> InnerTensor:
    """Finds the tensor of an output that is added in the function or in those that it calls."""
    caller, result = function.signature.name, added.result
    where = f"output {added.key!r} cannot be added: tf.saved_model.load calls {caller!r}"
    if result is None:
        found = find_in(added.tensor or "", caller, library, op_defs)
        what = f"in which there are {len(found)} tensors {added.tensor!r}"
    else:
        found = results_of(result.function, result.number, result.type, caller, library)
        what = f"which calls {result.function!r}, whose result it is, {len(found)} times"
    if len(found) != 1:
        raise PatchError(f"{where}, {what}.")
    return found[0]

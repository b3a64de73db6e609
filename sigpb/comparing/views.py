"""What the two views of a model say of its signatures, and where they contradict each other.

Each view says which arguments and results of which function the keys of a signature stand for: the
object graph names the function, and at the top level of the graph a node calls it. What sigpb
wrapped around a function is looked through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sigpb import protos
from sigpb.comparing.lineage import GraphView
from sigpb.graphs.added_nodes import is_added
from sigpb.graphs.function_body import ADDED_RESULT
from sigpb.graphs.origins import Origins
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.object_graph import contradictions
from sigpb.rewrite.port import Side
from sigpb.rewrite.wrapper_function import call_in
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.called_functions import CALL_OPS, nodes_by_name
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import TensorType, encoding_of, shape_of, tensor_names, type_text


@dataclass(frozen=True)
class SignaturePorts:
    """The function that a signature's keys stand for arguments and results of.

    Attributes:
        function: The function's name.
        inputs: Positions of its arguments by key.
        outputs: Positions of its results by key; only of those that are one dense tensor.
    """

    function: str
    inputs: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, int] = field(default_factory=dict)


def function_behind(view: GraphView, key: str) -> str | None:
    """Returns the function that the object graph names for a signature, behind any wrapper."""
    ports = ports_of_object_graph(view, key)
    return ports.function if ports else None


def ports_of_object_graph(view: GraphView, key: str) -> SignaturePorts | None:
    """Returns the ports that a signature's keys are to `tf.saved_model.load`, or None."""
    graph = view.meta_graph.object_graph
    node_id = graph.signature_nodes.get(key) if graph else None
    if graph is None or node_id is None or not graph.has_node(node_id):
        return None
    inputs = {name: position for position, name in enumerate(graph.argument_keys(node_id))}
    outputs, count = {}, 0
    results = graph.concrete_function(node_id).output_signature.dict_value.fields
    for name in sorted(results):
        components = results[name].type_spec_value.num_flat_components
        if not components:
            outputs[name] = count
        count += components or 1
    return _behind_wrappers(SignaturePorts(graph.function_name(node_id), inputs, outputs), view)


def _behind_wrappers(ports: SignaturePorts, view: GraphView) -> SignaturePorts:
    """Returns the ports of the function that is called behind all wrappers."""
    passed = set[str]()
    while ports.function not in passed:
        passed.add(ports.function)
        function = view.library.get(ports.function)
        inside = call_in(function) if function else None
        if inside is not None:
            ports = SignaturePorts(
                inside.function,
                _through(ports.inputs, inside.arguments),
                _through(ports.outputs, inside.results),
            )
    return ports


def _through(ports: Mapping[str, int], positions: Mapping[int, int]) -> dict[str, int]:
    """Turns positions in a wrapper into positions in the function that the wrapper calls."""
    return {key: positions[number] for key, number in ports.items() if number in positions}


def ports_of_session(view: GraphView, origins: Origins, key: str) -> SignaturePorts | None:
    """Returns the ports that a signature's keys are to session clients.

    None unless its outputs are computed by a single call.
    """
    signature = view.meta_graph.signatures[key]
    fetched = {
        name: _call_output(info.name, view)
        for name, info in signature.outputs.items()
        if encoding_of(info) == "dense"
    }
    calls = {producer(tensor) for tensor in fetched.values()}
    node = view.node(calls.pop()) if len(calls) == 1 else None
    if node is None or node.op not in CALL_OPS:
        return None
    sources = {origins.source(tensor): position for position, tensor in enumerate(node.input)}
    inputs = {}
    for name, info in signature.inputs.items():
        tensors = tensor_names(info)
        if len(tensors) == 1 and producer(tensors[0]) in sources:
            inputs[name] = sources[producer(tensors[0])]
    outputs = {name: output_number(tensor) for name, tensor in fetched.items()}
    return SignaturePorts(node.attr["f"].func.name, inputs, outputs)


def _call_output(tensor: str, view: GraphView) -> str:
    """Returns the output of a call that the steps of sigpb lead back to."""
    while is_added(tensor):
        node = view.node(producer(tensor))
        if node is None or node.op in CALL_OPS or not node.input:
            break
        tensor = node.input[0]
    return tensor


def name_in_function(tensor: str, view: GraphView) -> str | None:
    """Returns the name of a tensor inside a function, as a patch spells it: ``pool/Mean:0``.

    It is looked for in the functions that the function calls, as deep as the tensor comes from
    variants of functions that sigpb made to return it.

    Args:
        tensor: An output of a call at the top level.
        view: The graph.
    """
    node = view.node(producer(tensor))
    number = output_number(tensor)
    name = None
    while node is not None and node.op in CALL_OPS:
        function = view.library.get(node.attr["f"].func.name)
        if function is None or number >= len(function.signature.output_arg):
            break
        result = function.signature.output_arg[number].name
        spelled = function.ret[result]
        nodes = nodes_by_name(function.node_def)
        node = nodes.get(producer(spelled))
        if node is not None and node.op == "Identity" and node.name.startswith(ADDED_RESULT):
            spelled = node.input[0]
            node = nodes.get(producer(spelled))
        if node is None:
            break  # An argument.
        index = view.op_defs.output_index(node, spelled)
        if index is None:
            break
        name, number = f"{node.name}:{index}", index
        if not result.startswith(ADDED_RESULT):
            break
    return name


class BothTypes(NamedTuple):
    """The types that the two views state for one endpoint.

    Attributes:
        side: Whether it is an input or an output.
        key: Its key.
        spec: Its type in the object graph.
        declared: Its type in `signature_def`.
    """

    side: Side
    key: str
    spec: TensorType
    declared: TensorType


def both_types(
    graph: ObjectGraph, node_id: int, signature_def: protos.SignatureDef
) -> Iterator[BothTypes]:
    """Yields the types of those dense inputs and outputs of a signature that both views have."""
    for (side, key), spec in graph.endpoint_types(node_id).items():
        infos = signature_def.inputs if side == "input" else signature_def.outputs
        if key in infos:
            info = infos[key]
            yield BothTypes(side, key, spec, TensorType(info.dtype, shape_of(info.tensor_shape)))


def disagreements(view: GraphView, origins: Origins) -> tuple[str, ...]:
    """Returns what `signature_def` and the object graph say differently, in whole sentences."""
    graph = view.meta_graph.object_graph
    if graph is None or graph.signature_map is None:
        return ()
    found: list[str] = []
    draft = MetaGraphDraft.of(view.meta_graph)
    for signature in draft.signatures.values():
        problems = list(contradictions(draft, signature))
        found += problems
        if not problems:
            key = signature.ref.key
            found += _types(view, key)
            ports = ports_of_session(view, origins, key), ports_of_object_graph(view, key)
            if ports[0] and ports[1] and _comparable(ports[0], ports[1], view):
                found += _wiring(key, ports[0], ports[1])
    for key in sorted(set(graph.signature_nodes) - set(view.meta_graph.signatures)):
        found.append(f"the object graph has signature {key!r}, but signature_def does not.")
    return tuple(found)


def _types(view: GraphView, key: str) -> Iterator[str]:
    signature, graph = view.meta_graph.signatures[key], view.meta_graph.object_graph
    assert graph is not None
    for each in sorted(both_types(graph, graph.signature_nodes[key], signature)):
        infos = signature.inputs if each.side == "input" else signature.outputs
        if encoding_of(infos[each.key]) == "dense" and each.declared != each.spec:
            yield (
                f"signature {key!r}: {each.side} {each.key!r} is {type_text(each.declared)} in "
                f"signature_def, but {type_text(each.spec)} in the object graph."
            )


def _comparable(first: SignaturePorts, second: SignaturePorts, view: GraphView) -> bool:
    """Whether two functions are one, or variants of one."""
    if first.function == second.function:
        return True
    functions = [view.library.get(ports.function) for ports in (first, second)]
    counts = {len(each.signature.input_arg) if each else -1 for each in functions}
    stems = {re.sub(r"(_\d+)+$", "", ports.function) for ports in (first, second)}
    return len(counts) == 1 and len(stems) == 1


def _wiring(key: str, session: SignaturePorts, object_graph: SignaturePorts) -> Iterator[str]:
    for side, first, second in (
        ("input", session.inputs, object_graph.inputs),
        ("output", session.outputs, object_graph.outputs),
    ):
        crossed = sorted(name for name in first if second.get(name, first[name]) != first[name])
        if crossed:
            what = "argument" if side == "input" else "result"
            yield (
                f"signature {key!r}: signature_def and the object graph take different {what}s of "
                f"the function {session.function!r} for the {side}s "
                f"{', '.join(map(repr, crossed))}."
            )

"""Which arguments and results of which function the keys of a signature stand for.

Two views tell: the object graph, which names a function, and the top level of the graph, where a
node calls one. What sigpb wrapped around a function is looked through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sigpb import protos
from sigpb.diff.lineage import GraphView
from sigpb.graph.added_nodes import is_added
from sigpb.graph.function_body import ADDED_RESULT
from sigpb.graph.origins import Origins
from sigpb.rewrite.signature_function import is_wrapper
from sigpb.tf.called_functions import CALL_OPS
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import encoding_of, tensor_names


@dataclass(frozen=True)
class Ports:
    """What the keys of a signature stand for.

    Attributes:
        function: The name of the function.
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


def ports_of_object_graph(view: GraphView, key: str) -> Ports | None:
    """Returns what `tf.saved_model.load` takes the keys of a signature for, or None."""
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
    return _behind_wrappers(Ports(graph.function_name(node_id), inputs, outputs), view)


def _behind_wrappers(ports: Ports, view: GraphView) -> Ports:
    function = view.library.get(ports.function)
    while function is not None and is_wrapper(ports.function):
        calls = [node for node in function.node_def if node.op in CALL_OPS]
        if len(calls) != 1:
            break
        nodes = {node.name: node for node in function.node_def}
        arguments = {
            _first_behind(tensor, nodes, calls[0].name): position
            for position, tensor in enumerate(calls[0].input)
        }
        signature = function.signature
        inputs = {
            key: arguments[signature.input_arg[position].name]
            for key, position in ports.inputs.items()
            if position < len(signature.input_arg)
            and signature.input_arg[position].name in arguments
        }
        outputs = {}
        for key, position in ports.outputs.items():
            if position < len(signature.output_arg):
                result = function.ret[signature.output_arg[position].name]
                result = _first_behind(result, nodes, calls[0].name)
                if producer(result) == calls[0].name:
                    outputs[key] = output_number(result)
        ports = Ports(calls[0].attr["f"].func.name, inputs, outputs)
        function = view.library.get(ports.function)
    return ports


def _first_behind(tensor: str, nodes: Mapping[str, protos.NodeDef], call: str) -> str:
    """Returns what the first inputs of nodes lead to: a call, an argument or a constant."""
    while (name := producer(tensor)) in nodes and name != call and nodes[name].input:
        tensor = nodes[name].input[0]
    return tensor


def ports_of_session(view: GraphView, origins: Origins, key: str) -> Ports | None:
    """Returns what session clients take the keys of a signature for.

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
    return Ports(node.attr["f"].func.name, inputs, outputs)


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
        nodes = {each.name: each for each in function.node_def}
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

"""Writes signatures for concrete functions as TensorFlow's exporter would have written them.

See `canonicalize_signatures` in tensorflow/python/saved_model/signature_serialization.py for the
function, and `_generate_signatures` in tensorflow/python/saved_model/save.py for the nodes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sigpb import protos
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import Interface, SignatureRef
from sigpb.rewrite.metadata import insert_signature_defs, rewrite_ops
from sigpb.rewrite.object_graph import write as write_objects
from sigpb.rewrite.port import Port
from sigpb.rewrite.signature_function import STEM, FunctionPorts, Wrapper, function_of
from sigpb.rewrite.structured_value import dictionary_of_specs, keyword_parameters
from sigpb.rewrite.wrapper_function import call
from sigpb.saved_model.concrete_functions import ConcreteFunction, NamedTensor
from sigpb.saved_model.model import MetaGraph
from sigpb.saved_model.object_graph import SIGNATURES, ObjectGraph, new_signature_map
from sigpb.steps.graph_body import dtype_attr, shape_attr
from sigpb.tf.endpoint_keys import are_adapted, argument_name
from sigpb.tf.serving import PREDICT
from sigpb.tf.tensor_names import full
from sigpb.tf.tensor_types import shape_proto
from sigpb.wire import Edits

_UNFIT = re.compile(r"[^A-Za-z0-9_.\\-]")
_UNFIT_START = re.compile(r"^[^A-Za-z0-9.]+")


class MadeSignature(NamedTuple):
    """A signature to make.

    Attributes:
        key: Its key.
        function: What it calls.
        captured: The tensors outside of functions that the function captures, as nodes spell them,
            in the order of its captured inputs.
    """

    key: str
    function: ConcreteFunction
    captured: tuple[str, ...]


def disagreement(function: ConcreteFunction, captured: int, parts: GraphParts) -> str:
    """Returns in what graph and object graph disagree about a function; empty if they agree.

    Args:
        function: The function as the object graph describes it.
        captured: How many inputs it captures there.
        parts: The graph.
    """
    signature = function_of(function.name, parts.library).signature
    stated = [each.type.dtype for each in function.arguments]
    taken = [each.type for each in signature.input_arg]
    if len(taken) != len(stated) + captured or taken[: len(stated)] != stated:
        return "the graph has it with other arguments than the object graph"
    if [each.type for each in signature.output_arg] != [
        each.type.dtype for each in function.results
    ]:
        return "the graph has it with other results than the object graph"
    return ""


def make_signatures(
    edits: Edits, meta_graph: MetaGraph, objects: ObjectGraph, made: Sequence[MadeSignature]
) -> None:
    """Adds signatures to every view of a MetaGraph.

    Args:
        edits: Receives what changes.
        meta_graph: The MetaGraph.
        objects: Its object graph.
        made: What to add; their keys are free.
    """
    parts = GraphParts(meta_graph)
    after = protos.SavedObjectGraph()
    after.CopyFrom(objects.proto)
    signatures = _signature_map(after, objects.signature_map)
    defs = {}
    for each in made:
        wrapper = _wrapper(each, parts)
        function = wrapper.build(parts.library.fresh_name(STEM), parts.library, parts.op_defs)
        parts.library.add(function)
        defs[each.key] = _signature_def(each, wrapper, function, parts)
        adapted = are_adapted(meta_graph.tensorflow_release)
        _add_object(after, signatures, each, function.signature.name, adapted=adapted)
    write_objects(edits, meta_graph, objects.proto, after)
    ops = {node.op for node in parts.top.changed_nodes}
    ops |= parts.library.rewrite(edits, set(after.concrete_functions))
    parts.top.rewrite(edits)
    rewrite_ops(edits, meta_graph.message, ops)
    insert_signature_defs(edits, meta_graph.message, defs)


def _wrapper(made: MadeSignature, parts: GraphParts) -> Wrapper:
    """Returns the function around a function that takes and returns in the order of the keys."""
    function = made.function
    first = len(function.arguments)
    ports = FunctionPorts(
        function.name,
        {each.key: position for position, each in enumerate(function.arguments)},
        tuple(range(first, first + len(made.captured))),
        {each.key: (position,) for position, each in enumerate(function.results)},
    )
    inputs, outputs = (_ports(each) for each in (function.arguments, function.results))
    interface = Interface(SignatureRef(made.key), made.key, PREDICT, PREDICT, inputs, outputs)
    return Wrapper(interface, ports, function_of(function.name, parts.library))


def _ports(tensors: Sequence[NamedTensor]) -> dict[str, Port]:
    infos = {key: _info(key, NamedTensor(key, type_)) for key, type_ in tensors}
    return {key: Port(key, key, infos) for key in sorted(infos)}


def _info(name: str, tensor: NamedTensor) -> protos.TensorInfo:
    shape = shape_proto(tensor.type.shape)
    return protos.TensorInfo(name=name, dtype=tensor.type.dtype, tensor_shape=shape)


def _signature_def(
    made: MadeSignature, wrapper: Wrapper, function: protos.FunctionDef, parts: GraphParts
) -> protos.SignatureDef:
    """Adds what sessions feed and run, and returns the SignatureDef that names it."""
    signature = protos.SignatureDef(method_name=PREDICT)
    arguments = {each.key: each for each in made.function.arguments}
    passed: list[str] = []
    for each in wrapper.arguments:
        if each.port is None:
            continue
        tensor = arguments[each.port.key]
        shape = shape_proto(tensor.type.shape)
        attributes = {"dtype": dtype_attr(tensor.type.dtype), "shape": shape_attr(shape)}
        name = _placeholder_name(made.key, tensor.key)
        passed += parts.top.add("Placeholder", name, [], attributes, shape)
        signature.inputs[tensor.key].CopyFrom(_info(full(passed[-1]), tensor))
    name = call(parts.top, function, [*passed, *made.captured], parts.op_defs)
    results = {each.key: each for each in made.function.results}
    for position, outcome in enumerate(wrapper.results):
        tensor = results[outcome.port.key]
        signature.outputs[tensor.key].CopyFrom(_info(f"{name}:{position}", tensor))
    return signature


def _placeholder_name(signature: str, argument: str) -> str:
    """Returns what the exporter calls the placeholder of an argument (``_to_safe_name_scope``)."""
    return _UNFIT.sub("_", _UNFIT_START.sub("", f"{signature}_{argument}")) or "placeholder"


def _signature_map(objects: protos.SavedObjectGraph, place: int | None) -> protos.SavedObject:
    """Returns the node whose children are the signatures, added if there is none."""
    if place is not None:
        return objects.nodes[place]
    objects.nodes.append(new_signature_map())
    objects.nodes[0].children.add(local_name=SIGNATURES, node_id=len(objects.nodes) - 1)
    return objects.nodes[-1]


def _add_object(
    objects: protos.SavedObjectGraph,
    signatures: protos.SavedObject,
    made: MadeSignature,
    function: str,
    *,
    adapted: bool,
) -> None:
    """Adds a signature to the object graph."""
    arguments = sorted(made.function.arguments, key=lambda each: argument_name(each.key))
    spelled: Mapping[str, NamedTensor] = {
        argument_name(each.key) if adapted else each.key: each for each in arguments
    }
    node = objects.nodes.add()
    bare = node.bare_concrete_function
    bare.concrete_function_name = function
    bare.argument_keywords.extend(each.key for each in arguments)
    bare.allowed_positional_arguments = int(len(arguments) == 1)
    bare.function_spec.fullargspec.CopyFrom(keyword_parameters(list(spelled)))
    bare.function_spec.input_signature.none_value.SetInParent()
    concrete = objects.concrete_functions[function]
    concrete.bound_inputs.extend(objects.concrete_functions[made.function.name].bound_inputs)
    taken = concrete.canonicalized_input_signature.tuple_value.values
    taken.add().tuple_value.SetInParent()
    taken.add().CopyFrom(dictionary_of_specs(spelled))
    results = {each.key: each for each in made.function.results}
    concrete.output_signature.CopyFrom(dictionary_of_specs(results))
    signatures.children.add(local_name=made.key, node_id=len(objects.nodes) - 1)

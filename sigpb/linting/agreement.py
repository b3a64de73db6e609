"""Where the two views of a MetaGraph's signatures differ, and how one follows the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from sigpb import protos
from sigpb.comparing.views import both_types
from sigpb.errors import PatchError
from sigpb.linting.linted_model import LintedGraph
from sigpb.linting.rule import Fixing
from sigpb.rewrite import structured_value
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.object_graph import contradictions
from sigpb.saved_model.deterministic_bytes import rewrite_map
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.called_functions import CALL_OPS
from sigpb.tf.endpoint_keys import argument_name
from sigpb.tf.serving import PREDICT
from sigpb.tf.tensor_names import full, producer
from sigpb.tf.tensor_types import TensorType, encoding_of, shape_proto, type_text
from sigpb.wire import Edits

View = Literal["signature_def", "object_graph"]
SignatureDefs = Mapping[str, protos.SignatureDef]

_SIGNATURE_DEF = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
_OBJECT_GRAPH = protos.MetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER
_FUNCTIONS = protos.SavedObjectGraph.CONCRETE_FUNCTIONS_FIELD_NUMBER


def view_contradictions(graph: LintedGraph) -> Iterator[tuple[str, str]]:
    """Yields what the two views say differently, after the name of the part that it is about."""
    object_graph = graph.meta_graph.object_graph
    if object_graph is None:
        return
    draft = MetaGraphDraft.of(graph.meta_graph)
    for signature in draft.signatures.values():
        found = list(contradictions(draft, signature))
        yield from ((graph.where(signature.key), message) for message in found)
        if not found:
            yield from _different_types(graph, object_graph, signature.key)
    for key in sorted(set(object_graph.signature_nodes) - set(graph.meta_graph.signatures)):
        yield (
            graph.where(key),
            f"the object graph has signature {key!r}, but signature_def does not.",
        )


def _different_types(
    graph: LintedGraph, object_graph: ObjectGraph, signature: str
) -> Iterator[tuple[str, str]]:
    node_id = object_graph.signature_nodes[signature]
    function = object_graph.function_name(node_id)
    for each in both_types(object_graph, node_id, graph.meta_graph.signatures[signature]):
        if each.spec != each.declared:
            yield (
                graph.where(signature, each.side, each.key),
                f"it is {type_text(each.declared)} in signature_def, but {type_text(each.spec)} in "
                f"object_graph_def.concrete_functions[{function!r}].",
            )


def follow_object_graph(fixing: Fixing, index: int) -> None:
    """Makes `signature_def` say what the object graph says.

    Raises:
        PatchError: If what the object graph says cannot be determined.
    """
    _write_signature_defs(fixing, index, types="object_graph")


def follow_signature_def(fixing: Fixing, index: int) -> None:
    """Makes the object graph say what `signature_def` says.

    The keys of the object graph become those of `signature_def` as they do when a patch renames
    them: in every place, and with a function of its own where the order of the keys changes. So
    `signature_def` gets the keys of the object graph first.

    Raises:
        PatchError: If the object graph lacks something, or cannot have it.
    """
    graph = _graph(fixing, index)
    wanted, tags = graph.signatures, graph.meta_graph.tags
    _write_signature_defs(fixing, index, types="signature_def")
    fixing.patch(_patch_between(tags, _graph(fixing, index).signatures, wanted))
    _write_types(fixing, index)


def _graph(fixing: Fixing, index: int) -> LintedGraph:
    return LintedGraph(fixing.model.meta_graphs[index], "")


def _write_signature_defs(fixing: Fixing, index: int, *, types: View) -> None:
    graph = _graph(fixing, index)
    before = graph.meta_graph.signatures
    internal = {key: before[key] for key in before.keys() - graph.signatures.keys()}
    after = internal | _as_object_graph_says(graph, types)
    edits = Edits(fixing.model.buffer)
    rewrite_map(edits, graph.meta_graph.message, _SIGNATURE_DEF, before, after)
    fixing.rewrite(edits)


def _as_object_graph_says(graph: LintedGraph, types: View) -> dict[str, protos.SignatureDef]:
    """Returns `signature_def` with the keys of the object graph.

    Args:
        graph: The MetaGraph.
        types: The view whose types are taken where both views state a type.
    """
    object_graph = graph.meta_graph.object_graph
    if object_graph is None or object_graph.signature_map is None:
        raise PatchError("The object graph has no place for signatures, so nothing can follow it.")
    after = {}
    for key, node_id in object_graph.signature_nodes.items():
        if not object_graph.has_node(node_id):
            raise PatchError(f"The object graph does not have the node of signature {key!r}.")
        call = _call_of(object_graph.function_name(node_id), key, graph)
        before = _description_of(call, key, graph.signatures)
        after[key] = _signature_def(object_graph, node_id, call, before, types)
    return after


def _call_of(function: str, key: str, graph: LintedGraph) -> protos.NodeDef:
    """Returns the node that calls a signature's function; of several, one that a signature has."""
    signatures = sorted(graph.signatures.items(), key=lambda item: item[0] == key)
    infos = [info for _, signature in signatures for info in signature.outputs.values()]
    rank = {producer(info.name): position for position, info in enumerate(infos)}
    calls = [
        node
        for node in graph.top_level.nodes.values()
        if node.op in CALL_OPS and node.attr["f"].func.name == function
    ]
    if not calls:
        raise PatchError(
            f"No node of the graph calls {function!r}, the function of signature {key!r}, so "
            "sigpb cannot determine the tensors behind its keys."
        )
    return max(calls, key=lambda node: rank.get(node.name, -1))


def _description_of(call: protos.NodeDef, key: str, known: SignatureDefs) -> protos.SignatureDef:
    """Returns the SignatureDef whose outputs a node computes, whatever its key is."""
    same = [
        (name != key, name)
        for name, signature in known.items()
        if any(producer(info.name) == call.name for info in signature.outputs.values())
    ]
    if same:
        return known[min(same)[1]]
    return known.get(key, protos.SignatureDef(method_name=PREDICT))


def _signature_def(
    graph: ObjectGraph,
    node_id: int,
    call: protos.NodeDef,
    before: protos.SignatureDef,
    types: View,
) -> protos.SignatureDef:
    specs = graph.endpoint_types(node_id)
    arguments = sorted(graph.argument_keys(node_id), key=argument_name)
    results = graph.output_keys(node_id)
    infos = [*before.inputs.values(), *before.outputs.values()]
    if len(specs) < len(arguments) + len(results) or any(encoding_of(i) != "dense" for i in infos):
        raise PatchError(
            f"Function {graph.function_name(node_id)!r} of the object graph has inputs or outputs "
            "of several tensors each, and which tensor belongs to which key cannot be determined."
        )
    captured = len(graph.concrete_function(node_id).bound_inputs)
    if (
        graph.parameter_names(node_id)
        not in (sorted(arguments), sorted(map(argument_name, arguments)))
        or len(call.input) != len(arguments) + captured
        or len(call.attr["Tout"].list.type) != len(results)
    ):
        raise PatchError(
            "The object graph contradicts itself, or the graph, about the inputs and outputs of "
            f"function {graph.function_name(node_id)!r}, so that nothing can follow it."
        )
    after = protos.SignatureDef(method_name=before.method_name)
    keys_before = _keys_by_tensor(before.inputs)
    for key, name in zip(arguments, call.input, strict=False):
        tensor = full(name)
        _describe(after.inputs[key], tensor, before.inputs.values(), specs["input", key], types)
        if tensor in keys_before and keys_before[tensor] in before.defaults:
            after.defaults[key].CopyFrom(before.defaults[keys_before[tensor]])
    for position, key in enumerate(results):
        tensor = f"{call.name}:{position}"
        _describe(after.outputs[key], tensor, before.outputs.values(), specs["output", key], types)
    return after


def _describe(
    info: protos.TensorInfo,
    tensor: str,
    known: Iterable[protos.TensorInfo],
    spec: TensorType,
    types: View,
) -> None:
    """Fills in a tensor's TensorInfo: a known one, or its type in the object graph."""
    same = [each for each in known if full(each.name) == tensor]
    if same:
        info.CopyFrom(same[0])
    if not same or types == "object_graph":
        info.name, info.dtype = tensor, spec.dtype
        info.tensor_shape.CopyFrom(shape_proto(spec.shape))


def _patch_between(
    tags: tuple[str, ...], now: SignatureDefs, wanted: SignatureDefs
) -> protos.SavedModelPatch:
    """Returns the patch that gives the tensors of signatures the wanted keys."""
    patch = protos.SavedModelPatch(tags=protos.TagSet(tag=tags))
    matches = _matches(now, wanted)
    for key, signature in sorted(now.items()):
        item = patch.signature.add(key=key)
        if key not in matches:
            item.drop = True
            continue
        if matches[key] != key:
            item.rename_to = matches[key]
        target = wanted[matches[key]]
        item.input.extend(_relabelled(signature.inputs, target.inputs))
        item.output.extend(_relabelled(signature.outputs, target.outputs))
    if missing := sorted(wanted.keys() - matches.values()):
        raise PatchError(
            [
                f"The object graph has no function with the inputs and outputs of signature "
                f"{key!r}. signature_def can follow the object graph, not the other way round."
                for key in missing
            ]
        )
    return patch


def _matches(now: SignatureDefs, wanted: SignatureDefs) -> dict[str, str]:
    """Returns the key that each signature is to have, if a signature of its tensors is wanted.

    The same key goes first, then the same outputs, then fewer outputs.
    """
    pairs = []
    for key, signature in now.items():
        for name, target in wanted.items():
            outputs = _keys_by_tensor(signature.outputs).keys()
            wanted_outputs = _keys_by_tensor(target.outputs).keys()
            inputs = _keys_by_tensor(signature.inputs).keys()
            if inputs == _keys_by_tensor(target.inputs).keys() and wanted_outputs <= outputs:
                pairs.append((key != name, wanted_outputs != outputs, key, name))
    matches: dict[str, str] = {}
    for _, _, key, name in sorted(pairs):
        if key not in matches and name not in matches.values():
            matches[key] = name
    return matches


def _relabelled(
    before: Mapping[str, protos.TensorInfo], after: Mapping[str, protos.TensorInfo]
) -> Iterator[protos.EndpointPatch]:
    keys_after = _keys_by_tensor(after)
    for tensor, key in _keys_by_tensor(before).items():
        if tensor not in keys_after:
            yield protos.EndpointPatch(key=key, drop=True)
        elif keys_after[tensor] != key:
            yield protos.EndpointPatch(key=key, rename_to=keys_after[tensor])


def _keys_by_tensor(infos: Mapping[str, protos.TensorInfo]) -> dict[str, str]:
    return {full(info.name): key for key, info in infos.items()}


def _write_types(fixing: Fixing, index: int) -> None:
    """Gives the concrete functions of the object graph the types in `signature_def`."""
    graph = _graph(fixing, index)
    object_graph = graph.meta_graph.object_graph
    parent = graph.meta_graph.message.find(_OBJECT_GRAPH)
    if object_graph is None or parent is None:
        return
    after = protos.SavedObjectGraph()
    after.CopyFrom(object_graph.proto)
    for signature, node_id in object_graph.signature_nodes.items():
        name = object_graph.function_name(node_id)
        signature_def = graph.meta_graph.signatures[signature]
        for each in both_types(object_graph, node_id, signature_def):
            function, same = after.concrete_functions[name], {each.key: each.key}
            types = {each.key: each.declared}
            if each.spec != each.declared and each.side == "input":
                arguments = function.canonicalized_input_signature
                structured_value.change_arguments(arguments, same, types)
            elif each.spec != each.declared:
                structured_value.change_results(function.output_signature, same, types)
    edits = Edits(fixing.model.buffer)
    before = object_graph.proto.concrete_functions
    rewrite_map(edits, parent, _FUNCTIONS, before, after.concrete_functions)
    fixing.rewrite(edits)

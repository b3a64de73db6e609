"""What the loaders see of a model's signatures, and what they should see after a patch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from sigpb import protos
from sigpb.rewrite.signature_function import is_chain
from sigpb.tf.endpoint_keys import argument_name
from sigpb.tf.tensor_types import tensor_names

T = TypeVar("T")
View = dict[str, tuple[dict[str, T], dict[str, T]]]
"""Signature key -> what is behind each input key, what is behind each output key."""

Ports = tuple[str, tuple[int, ...]]
"""The name of a function, and positions of its arguments or results."""

INTERNAL = ("__saved_model_init_op", "__saved_model_train_op")
WRAPPER_PREFIX = "__inference_signature_wrapper_sigpb_"


def session_view(meta_graph: protos.MetaGraphDef) -> View[tuple[str, ...]]:
    """What session-based loaders read: the tensors behind every key."""
    return {
        key: (
            {name: tensor_names(info) for name, info in signature.inputs.items()},
            {name: tensor_names(info) for name, info in signature.outputs.items()},
        )
        for key, signature in meta_graph.signature_def.items()
        if key not in INTERNAL
    }


def object_graph_view(meta_graph: protos.MetaGraphDef) -> View[Ports]:
    """What `tf.saved_model.load` makes of the signatures; asserts that its parts agree.

    Keys are shown with arguments and results of the function that the exporter wrote, or of one
    that is chained: wrappers are looked through.
    """
    graph = meta_graph.object_graph_def
    children = signature_map(meta_graph).children
    assert len({child.local_name for child in children}) == len(children)
    functions = {f.signature.name: f for f in meta_graph.graph_def.library.function}
    view = {}
    for child in children:
        bare = graph.nodes[child.node_id].bare_concrete_function
        concrete = graph.concrete_functions[bare.concrete_function_name]
        ports = _ports(functions[bare.concrete_function_name], functions)
        view[child.local_name] = (_inputs(bare, concrete, *ports), _outputs(concrete, *ports))
    return view


def signature_map(meta_graph: protos.MetaGraphDef) -> protos.SavedObject:
    """The node of the object graph whose children are the signatures."""
    nodes = meta_graph.object_graph_def.nodes
    return next(node for node in nodes if node.user_object.identifier == "signature_map")


def outline(meta_graph: protos.MetaGraphDef) -> dict[str, str]:
    """The signatures as in ``{"serving_default": "b, x -> p, s"}``, which all views agree on."""
    view = _outline(session_view(meta_graph))
    if meta_graph.HasField("object_graph_def"):
        assert _outline(object_graph_view(meta_graph)) == view
    return view


def relabelled(view: View[T], patch: protos.SavedModelPatch) -> View[T]:
    """What a view of a model should be after a patch that names nothing but what is there."""
    patches = {item.key: item for item in patch.signature if not item.HasField("copy_of")}
    after: View[T] = {}
    for key, (inputs, outputs) in view.items():
        item = patches.get(key, protos.SignaturePatch(key=key))
        if not item.drop:
            after[item.rename_to or key] = _relabelled(inputs, outputs, item)
    for item in patch.signature:
        if item.HasField("copy_of"):
            after[item.key] = _relabelled(*view[item.copy_of], item)
    return after


def _relabelled(
    inputs: Mapping[str, T], outputs: Mapping[str, T], patch: protos.SignaturePatch
) -> tuple[dict[str, T], dict[str, T]]:
    return _renamed(inputs, patch.input), _renamed(outputs, patch.output)


def _renamed(endpoints: Mapping[str, T], patches: Iterable[protos.EndpointPatch]) -> dict[str, T]:
    items = {item.key: item for item in patches}
    unnamed = protos.EndpointPatch()
    return {
        items.get(key, unnamed).rename_to or key: value
        for key, value in endpoints.items()
        if not items.get(key, unnamed).drop
    }


def _outline(view: View[T]) -> dict[str, str]:
    return {
        key: f"{', '.join(sorted(inputs))} -> {', '.join(sorted(outputs))}"
        for key, (inputs, outputs) in view.items()
    }


def _inputs(
    bare: protos.SavedBareConcreteFunction,
    concrete: protos.SavedConcreteFunction,
    function: str,
    arguments: Sequence[int],
    _: Sequence[int],
) -> dict[str, Ports]:
    keys = list(bare.argument_keywords)
    names = [argument_name(key) for key in keys]
    assert names == sorted(names), "the loader sorts"
    specs = concrete.canonicalized_input_signature.tuple_value.values[1].dict_value.fields
    assert {name: spec.tensor_spec_value.name for name, spec in specs.items()} == dict(
        zip(names, keys, strict=True)
    )
    assert _parameters(bare) in (names, [])  # Old files do not say.
    captured = range(len(keys), len(keys) + len(concrete.bound_inputs))
    assert list(arguments[len(keys) :]) == list(captured)
    return {key: (function, (position,)) for key, position in zip(keys, arguments, strict=False)}


def _parameters(bare: protos.SavedBareConcreteFunction) -> list[str]:
    return sorted(
        value.string_value
        for pair in bare.function_spec.fullargspec.named_tuple_value.values
        if pair.key in ("args", "kwonlyargs")
        for value in pair.value.list_value.values
    )


def _outputs(
    concrete: protos.SavedConcreteFunction, function: str, _: Sequence[int], results: Sequence[int]
) -> dict[str, Ports]:
    remaining = list(results)
    outputs = {}
    for key, spec in sorted(concrete.output_signature.dict_value.fields.items()):
        count = spec.type_spec_value.num_flat_components or 1
        assert spec.tensor_spec_value.name in (key, "")
        outputs[key] = (function, tuple(remaining[:count]))
        del remaining[:count]
    assert not remaining
    return outputs


def _ports(
    function: protos.FunctionDef, functions: Mapping[str, protos.FunctionDef]
) -> tuple[str, list[int], list[int]]:
    """The function behind a wrapper, and which of its ports the wrapper's correspond to."""
    signature = function.signature
    if is_chain(signature.name) or not signature.name.startswith(WRAPPER_PREFIX):
        arguments, results = range(len(signature.input_arg)), range(len(signature.output_arg))
        return signature.name, list(arguments), list(results)
    call, *identities = function.node_def
    assert {node.op for node in identities} <= {"Identity"}
    passed = {f"{node.name}:output:0": node.input[0] for node in identities}
    inner = functions[call.attr["f"].func.name].signature
    is_own = inner.name.startswith(WRAPPER_PREFIX) and not is_chain(inner.name)
    assert not is_own, "a wrapper around a wrapper"
    arguments_by_name = {name: position for position, name in enumerate(call.input)}
    to_arguments = [arguments_by_name[argument.name] for argument in signature.input_arg]
    tensors = [passed[function.ret[result.name]] for result in signature.output_arg]
    to_results = [int(tensor.rpartition(":")[2]) for tensor in tensors]
    assert [a.type for a in signature.input_arg] == [inner.input_arg[i].type for i in to_arguments]
    assert [r.type for r in signature.output_arg] == [inner.output_arg[i].type for i in to_results]
    return inner.name, to_arguments, to_results

"""What a patch says it will do to a signature, and the types that the signature has then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.tf.tensor_types import dtype_name, shape_of, shape_text
from tests.views import signature_map


def planned(model: Path, text: str) -> list[str]:
    """What the plan of a patch says, without the signature that it begins with."""
    plan = sigpb.plan(model, parse_text(text))
    edits = [edit for meta_graph in plan.meta_graphs for edit in meta_graph.edits]
    return [edit.describe().partition(": ")[2] or edit.describe() for edit in edits]


def types_of(meta_graph: protos.MetaGraphDef, key: str = "serving_default") -> str:
    """The types of a signature as in ``"x uint8 [?,28,28,1] -> p float32 [?,10]"``.

    Asserts that SignatureDef, placeholders and object graph agree on them.
    """
    signature = meta_graph.signature_def[key]
    types = _infos(signature.inputs), _infos(signature.outputs)
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    for info in signature.inputs.values():
        if (node := nodes[info.name.partition(":")[0]]).op.startswith("Placeholder"):
            assert node.attr["dtype"].type == info.dtype
            for shape in node.attr["shape"].shape, *node.attr["_output_shapes"].list.shape:
                assert shape_of(shape) == shape_of(info.tensor_shape)
    if meta_graph.HasField("object_graph_def"):
        assert _object_graph_types(meta_graph, key) == types
    return " -> ".join(
        ", ".join(f"{name} {type_}" for name, type_ in sorted(side.items())) for side in types
    )


def _infos(infos: Mapping[str, protos.TensorInfo]) -> dict[str, str]:
    return {key: _text(info.dtype, info.tensor_shape) for key, info in infos.items()}


def _object_graph_types(
    meta_graph: protos.MetaGraphDef, key: str
) -> tuple[dict[str, str], dict[str, str]]:
    graph = meta_graph.object_graph_def
    nodes = {child.local_name: child.node_id for child in signature_map(meta_graph).children}
    bare = graph.nodes[nodes[key]].bare_concrete_function
    concrete = graph.concrete_functions[bare.concrete_function_name]
    inputs = _specs(concrete.canonicalized_input_signature.tuple_value.values[1].dict_value)
    outputs = _specs(concrete.output_signature.dict_value)
    functions = {f.signature.name: f.signature for f in meta_graph.graph_def.library.function}
    function = functions[bare.concrete_function_name]
    assert [type_.partition(" ")[0] for type_ in inputs.values()] == _dtypes(
        function.input_arg[: len(inputs)]
    )
    assert [type_.partition(" ")[0] for type_ in outputs.values()] == _dtypes(function.output_arg)
    return inputs, outputs


def _specs(specs: protos.DictValue) -> dict[str, str]:
    """The types in the sorted order of the keys, that of the function."""
    return {
        spec.tensor_spec_value.name or key: _text(
            spec.tensor_spec_value.dtype, spec.tensor_spec_value.shape
        )
        for key, spec in sorted(specs.fields.items())
    }


def _dtypes(arguments: Iterable[protos.OpDef.ArgDef]) -> list[str]:
    return [dtype_name(argument.type) for argument in arguments]


def _text(dtype: int, shape: protos.TensorShapeProto) -> str:
    return f"{dtype_name(dtype)} {shape_text(shape_of(shape))}"

"""Models that have a number of one thing: the files of each, by their paths in its directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from sigpb import protos
from sigpb.checkpoint.index import CheckpointIndex
from sigpb.saved_model.files import WARMUP_PATH
from sigpb.saved_model.tf_record import write_records

Files: TypeAlias = Mapping[str, bytes]

_FLOAT = 1
_PROTO = "saved_model.pb"


def inputs(count: int) -> Files:
    """A signature with so many inputs, which are added up."""
    model, graph = _saved_model()
    names = [f"x{number}" for number in range(count)]
    for name in names:
        _node(graph.graph_def.node, name, "Placeholder")
    _node(graph.graph_def.node, "y", "AddN", *names).attr["N"].i = count
    _signature(graph, "serving_default", {"x": "x0", **{each: each for each in names[1:]}}, "y")
    return _files(model)


def signatures(count: int) -> Files:
    """So many signatures, each with tensors of its own."""
    return _files(_with_signatures(count))


def shared_signatures(count: int) -> Files:
    """So many signatures, all of the same tensors."""
    model, graph = _saved_model()
    _node(graph.graph_def.node, "x", "Placeholder")
    _node(graph.graph_def.node, "y", "Relu", "x")
    for number in range(count):
        _signature(graph, _key(number), {"x": "x"}, "y")
    return _files(model)


def tf2_signatures(count: int) -> Files:
    """So many signatures, each with a function and an object of its own."""
    model, graph = _saved_model()
    objects = graph.object_graph_def
    root, signature_map = objects.nodes.add(), objects.nodes.add()
    root.user_object.identifier = "_generic_user_object"
    root.children.add(node_id=1, local_name="signatures")
    signature_map.user_object.identifier = "signature_map"
    for number in range(count):
        name = f"__inference_signature_wrapper_{number}"
        _function(graph.graph_def.library, name)
        _node(graph.graph_def.node, f"x{number}", "Placeholder")
        call = _node(graph.graph_def.node, f"call{number}", "PartitionedCall", f"x{number}")
        call.attr["f"].func.name = name
        for attribute in ("Tin", "Tout"):
            call.attr[attribute].list.type.append(_FLOAT)
        _signature(graph, _key(number), {"x": f"x{number}"}, f"call{number}")
        signature_map.children.add(node_id=number + 2, local_name=_key(number))
        bare = objects.nodes.add().bare_concrete_function
        bare.concrete_function_name = name
        bare.argument_keywords.append("x")
        bare.allowed_positional_arguments = 1
        concrete = objects.concrete_functions[name]
        arguments = concrete.canonicalized_input_signature.tuple_value.values
        arguments.add().tuple_value.SetInParent()
        keywords = arguments.add().dict_value
        for values, key in ((keywords, "x"), (concrete.output_signature.dict_value, "y")):
            spec = values.fields[key].tensor_spec_value
            spec.name, spec.dtype = key, _FLOAT
            spec.shape.dim.add(size=-1)
    return _files(model)


def meta_graphs(count: int) -> Files:
    """So many MetaGraphs, of which all but the first are empty but for their tags."""
    model = _with_signatures(1)
    for number in range(1, count):
        model.meta_graphs.add().meta_info_def.tags.append(f"t{number}")
    return _files(model)


def functions(count: int) -> Files:
    """So many functions, which nothing calls."""
    model = _with_signatures(1)
    for number in range(count):
        _function(model.meta_graphs[0].graph_def.library, f"__inference_f_{number}")
    return _files(model)


def nodes(count: int) -> Files:
    """So many nodes in a row."""
    model, graph = _saved_model()
    _node(graph.graph_def.node, "x", "Placeholder")
    before = "x"
    for number in range(count):
        _node(graph.graph_def.node, f"n{number}", "Relu", before)
        before = f"n{number}"
    _signature(graph, "serving_default", {"x": "x"}, before)
    return _files(model)


def nodes_of_a_function(count: int) -> Files:
    """So many nodes in a row in the function of a signature."""
    files = tf2_signatures(1)
    model = protos.SavedModel.FromString(files[_PROTO])
    (function,) = model.meta_graphs[0].graph_def.library.function
    before = "y:activations:0"
    for number in range(count):
        _node(function.node_def, f"n{number}", "Relu", before)
        before = f"n{number}:activations:0"
    function.ret["y"] = before
    return _files(model)


def objects(count: int) -> Files:
    """So many objects, which hang on the root and are nothing but themselves."""
    model = protos.SavedModel.FromString(tf2_signatures(1)[_PROTO])
    nodes = model.meta_graphs[0].object_graph_def.nodes
    for number in range(count):
        nodes[0].children.add(node_id=len(nodes), local_name=f"layer-{number}")
        nodes.add().user_object.identifier = "_generic_user_object"
    return _files(model)


def warmup_requests(count: int) -> Files:
    """So many warm-up requests of one value each."""
    log = protos.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = "model"
    request.model_spec.signature_name = "serving_default"
    request.inputs["x"].dtype = _FLOAT
    request.inputs["x"].tensor_shape.dim.add(size=1)
    request.inputs["x"].float_val.append(0.5)
    return {**signatures(1), WARMUP_PATH: write_records([log.SerializeToString()] * count)}


def checkpoint_entries(count: int) -> Files:
    """So many tensors of one value each in the checkpoint."""
    entries = {}
    for number in range(count):
        entry = protos.BundleEntryProto(dtype=_FLOAT, offset=4 * number, size=4)
        entries[b"variable%09d" % number] = entry.SerializeToString()
    index = CheckpointIndex.of(protos.BundleHeaderProto(num_shards=1), entries)
    return {
        **tf2_signatures(1),
        "variables/variables.index": index.content(),
        "variables/variables.data-00000-of-00001": b"\0\0\0\0" * count,
    }


KINDS: tuple[Callable[[int], Files], ...] = (
    inputs,
    signatures,
    shared_signatures,
    tf2_signatures,
    meta_graphs,
    functions,
    nodes,
    nodes_of_a_function,
    objects,
    warmup_requests,
    checkpoint_entries,
)


def _files(model: protos.SavedModel) -> Files:
    return {_PROTO: model.SerializeToString(deterministic=True)}


def _key(number: int) -> str:
    return f"s{number}" if number else "serving_default"


def _saved_model() -> tuple[protos.SavedModel, protos.MetaGraphDef]:
    model = protos.SavedModel(saved_model_schema_version=1)
    graph = model.meta_graphs.add()
    graph.meta_info_def.tags.append("serve")
    graph.graph_def.versions.producer = 1_800
    return model, graph


def _with_signatures(count: int) -> protos.SavedModel:
    model, graph = _saved_model()
    for number in range(count):
        _node(graph.graph_def.node, f"x{number}", "Placeholder")
        _node(graph.graph_def.node, f"y{number}", "Relu", f"x{number}")
        _signature(graph, _key(number), {"x": f"x{number}"}, f"y{number}")
    return model


def _node(
    nodes: RepeatedCompositeFieldContainer[protos.NodeDef], name: str, op: str, *inputs: str
) -> protos.NodeDef:
    node = nodes.add(name=name, op=op, input=inputs)
    if op == "Placeholder":
        node.attr["dtype"].type = _FLOAT
        node.attr["shape"].shape.dim.add(size=-1)
    elif op != "PartitionedCall":
        node.attr["T"].type = _FLOAT
    return node


def _function(library: protos.FunctionDefLibrary, name: str) -> None:
    function = library.function.add()
    function.signature.name = name
    function.signature.input_arg.add(name="x", type=_FLOAT)
    function.signature.output_arg.add(name="y", type=_FLOAT)
    _node(function.node_def, "y", "Relu", "x")
    function.ret["y"] = "y:activations:0"


def _signature(graph: protos.MetaGraphDef, key: str, inputs: dict[str, str], output: str) -> None:
    signature = graph.signature_def[key]
    signature.method_name = "tensorflow/serving/predict"
    for name, tensor in inputs.items():
        _endpoint(signature.inputs[name], tensor)
    _endpoint(signature.outputs["y"], output)


def _endpoint(info: protos.TensorInfo, tensor: str) -> None:
    info.name, info.dtype = f"{tensor}:0", _FLOAT
    info.tensor_shape.dim.add(size=-1)

"""Models that have a number of one thing: inputs, signatures, MetaGraphs, functions, nodes."""

from __future__ import annotations

from collections.abc import Callable

from sigpb import protos

_FLOAT = 1


def _saved_model() -> tuple[protos.SavedModel, protos.MetaGraphDef]:
    model = protos.SavedModel(saved_model_schema_version=1)
    graph = model.meta_graphs.add()
    graph.meta_info_def.tags.append("serve")
    return model, graph


def _node(graph: protos.GraphDef, name: str, op: str, *inputs: str) -> None:
    node = graph.node.add(name=name, op=op, input=inputs)
    if op == "Placeholder":
        node.attr["dtype"].type = _FLOAT
        node.attr["shape"].shape.dim.add(size=-1)
    else:
        node.attr["T"].type = _FLOAT


def _endpoint(info: protos.TensorInfo, tensor: str) -> None:
    info.name, info.dtype = f"{tensor}:0", _FLOAT
    info.tensor_shape.dim.add(size=-1)


def _signature(graph: protos.MetaGraphDef, key: str, inputs: dict[str, str], output: str) -> None:
    signature = graph.signature_def[key]
    signature.method_name = "tensorflow/serving/predict"
    for name, tensor in inputs.items():
        _endpoint(signature.inputs[name], tensor)
    _endpoint(signature.outputs["y"], output)


def inputs(count: int) -> protos.SavedModel:
    """A signature with so many inputs, which are added up."""
    model, graph = _saved_model()
    names = [f"x{number}" for number in range(count)]
    for name in names:
        _node(graph.graph_def, name, "Placeholder")
    _node(graph.graph_def, "y", "AddN", *names)
    graph.graph_def.node[-1].attr["N"].i = count
    _signature(graph, "serving_default", {"x": "x0", **{each: each for each in names[1:]}}, "y")
    return model


def signatures(count: int) -> protos.SavedModel:
    """So many signatures, each with tensors of its own."""
    model, graph = _saved_model()
    for number in range(count):
        _node(graph.graph_def, f"x{number}", "Placeholder")
        _node(graph.graph_def, f"y{number}", "Relu", f"x{number}")
        key = f"s{number}" if number else "serving_default"
        _signature(graph, key, {"x": f"x{number}"}, f"y{number}")
    return model


def shared_signatures(count: int) -> protos.SavedModel:
    """So many signatures, all of the same tensors."""
    model, graph = _saved_model()
    _node(graph.graph_def, "x", "Placeholder")
    _node(graph.graph_def, "y", "Relu", "x")
    for number in range(count):
        key = f"s{number}" if number else "serving_default"
        _signature(graph, key, {"x": "x"}, "y")
    return model


def meta_graphs(count: int) -> protos.SavedModel:
    """So many MetaGraphs, of which all but the first are empty but for their tags."""
    model = signatures(1)
    for number in range(1, count):
        model.meta_graphs.add().meta_info_def.tags.append(f"t{number}")
    return model


def functions(count: int) -> protos.SavedModel:
    """So many functions, which nothing calls."""
    model = signatures(1)
    for number in range(count):
        function = model.meta_graphs[0].graph_def.library.function.add()
        function.signature.name = f"__inference_f_{number}"
        function.signature.input_arg.add(name="x", type=_FLOAT)
        function.signature.output_arg.add(name="y", type=_FLOAT)
        node = function.node_def.add(name="y", op="Relu", input=["x"])
        node.attr["T"].type = _FLOAT
        function.ret["y"] = "y:activations:0"
    return model


def nodes(count: int) -> protos.SavedModel:
    """So many nodes in a row."""
    model, graph = _saved_model()
    _node(graph.graph_def, "x", "Placeholder")
    before = "x"
    for number in range(count):
        _node(graph.graph_def, f"n{number}", "Relu", before)
        before = f"n{number}"
    _signature(graph, "serving_default", {"x": "x"}, before)
    return model


KINDS: tuple[Callable[[int], protos.SavedModel], ...] = (
    inputs,
    signatures,
    shared_signatures,
    meta_graphs,
    functions,
    nodes,
)

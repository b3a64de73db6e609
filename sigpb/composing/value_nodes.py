"""Nodes and functions changed to take the values of variables in the place of handles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sigpb import protos
from sigpb.composing.value_flow import PASSING, REF, Body, Handle, ValueFlow, tensors_of
from sigpb.steps.graph_body import dtype_attr, int_attr
from sigpb.tf.fresh_names import TakenNames
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import INPUT_SHAPES, OUTPUT_SHAPES
from sigpb.tf.tensor_elements import set_elements
from sigpb.tf.tensor_types import dtype_of, shape_proto

_READ_ONLY = "_read_only_resource_inputs"
_HANDLE = "_handle"  # What the names of attributes begin with that tell what a handle is of.
_OUTPUT = "output"
_BOOL, _INT32 = dtype_of("bool"), dtype_of("int32")


def take_values(flow: ValueFlow, body: Body, op_defs: OpDefs) -> list[protos.NodeDef]:
    """Changes the nodes of a body, and its function, where there are handles of variables.

    Args:
        flow: Where the handles are.
        body: The body, whose nodes are changed in place.
        op_defs: The ops.

    Returns:
        Nodes that the changed ones need besides.
    """
    # All that follows asks the flow about nodes as they are before anything changes.
    changed = [
        (node, flow.taken(body, node), flow.made(body, node)) for node in body.nodes.values()
    ]
    arguments, results = flow.arguments(body), flow.results(body)
    added = _Added(body)
    renamed: dict[str, str] = {}
    for node, taken, made in changed:
        if taken and node.op in _REPLACED:
            output = op_defs.output_name(node, 0)
            _REPLACED[node.op](node, taken[0], added)
            if output is not None:
                renamed[output] = f"{node.name}:{_OUTPUT}:0"
        elif taken:
            _retype(node, taken, made, op_defs)
    if body.function is not None:
        _rename(body.function, renamed)
        _retype_function(body.function, arguments, results)
    return added.nodes


class _Added:
    """Nodes that are added to a body."""

    def __init__(self, body: Body) -> None:
        self._names = TakenNames([*body.nodes, *body.arguments])
        self._is_function = body.function is not None
        self.nodes: list[protos.NodeDef] = []

    def constant(self, name: str, value: int) -> str:
        """Adds a constant of int32, and returns its output."""
        node = protos.NodeDef(name=self._names.take(name))
        _make_constant(node, _INT32, value)
        self.nodes.append(node)
        return f"{node.name}:{_OUTPUT}:0" if self._is_function else node.name


def _make_constant(node: protos.NodeDef, dtype: int, value: int) -> None:
    node.op = "Const"
    tensor = protos.TensorProto(dtype=dtype, tensor_shape=shape_proto(()))
    set_elements(tensor, [value])
    node.attr["dtype"].type = dtype
    node.attr["value"].tensor.CopyFrom(tensor)


def _become(
    node: protos.NodeDef, op: str, inputs: Iterable[str], attributes: Mapping[str, protos.AttrValue]
) -> None:
    """Makes a node one of another op, with the same name, place and control inputs."""
    control = [each for each in node.input if each.startswith("^")]
    node.op = op
    node.input[:] = [*inputs, *control]
    for name in [name for name in node.attr if not name.startswith("_")]:
        del node.attr[name]
    for name, value in attributes.items():
        node.attr[name].CopyFrom(value)


def _read(node: protos.NodeDef, handle: Handle, added: _Added) -> None:
    _become(node, "Identity", node.input[:1], {"T": dtype_attr(handle.type.dtype)})


def _gather(node: protos.NodeDef, handle: Handle, added: _Added) -> None:
    # It gathers along the dimension behind those of the batch (tensorflow/core/kernels/
    # resource_variable_ops.cc).
    batch = node.attr["batch_dims"].i
    attributes = {
        "Tparams": dtype_attr(handle.type.dtype),
        "Tindices": node.attr["Tindices"],
        "Taxis": dtype_attr(_INT32),
    }
    if batch:
        attributes["batch_dims"] = int_attr(batch)
    axis = added.constant(f"{node.name}/axis", batch)
    _become(node, "GatherV2", [*node.input[:2], axis], {k: _copy(v) for k, v in attributes.items()})


def _gather_nd(node: protos.NodeDef, handle: Handle, added: _Added) -> None:
    indices = _copy(node.attr["Tindices"])
    attributes = {"Tparams": dtype_attr(handle.type.dtype), "Tindices": indices}
    _become(node, "GatherNd", node.input[:2], attributes)


def _shape(node: protos.NodeDef, handle: Handle, added: _Added) -> None:
    attributes = {"T": dtype_attr(handle.type.dtype)}
    if "out_type" in node.attr:
        attributes["out_type"] = _copy(node.attr["out_type"])
    _become(node, "Shape", node.input[:1], attributes)


def _initialized(node: protos.NodeDef, handle: Handle, added: _Added) -> None:
    _become(node, "Const", [], {})
    _make_constant(node, _BOOL, True)


def _nothing(node: protos.NodeDef, handle: Handle, added: _Added) -> None:
    _become(node, "NoOp", [], {})


_REPLACED = {
    "DisableCopyOnRead": _nothing,
    "IsVariableInitialized": _initialized,
    "ReadVariableOp": _read,
    "ResourceGather": _gather,
    "ResourceGatherNd": _gather_nd,
    "VarIsInitializedOp": _initialized,
    "VariableShape": _shape,
}


def _copy(value: protos.AttrValue) -> protos.AttrValue:
    copied = protos.AttrValue()
    copied.CopyFrom(value)
    return copied


def _retype(
    node: protos.NodeDef, taken: Mapping[int, Handle], made: Mapping[int, Handle], op_defs: OpDefs
) -> None:
    """Changes what a node says of the types of handles that it only hands on."""
    op_def = op_defs.get(node.op)
    if node.op.removeprefix(REF) in PASSING:
        node.op = node.op.removeprefix(REF)
    if op_def is not None:
        _retype_attributes(node, op_def.input_arg, taken)
        _retype_attributes(node, op_def.output_arg, made)
    for name in (OUTPUT_SHAPES, "output_shapes"):
        shapes = node.attr[name].list.shape if name in node.attr else ()
        for number, handle in made.items():
            if number < len(shapes):
                shapes[number].CopyFrom(shape_proto(handle.type.shape))
    if _READ_ONLY in node.attr:
        numbers = node.attr[_READ_ONLY].list.i
        numbers[:] = [number for number in numbers if number not in taken]
    for name in [name for name in node.attr if name.startswith(_HANDLE)]:
        del node.attr[name]


def _retype_attributes(
    node: protos.NodeDef, arguments: Iterable[protos.OpDef.ArgDef], handles: Mapping[int, Handle]
) -> None:
    number = 0
    for argument in arguments:
        for offset in range(tensors_of(argument, node)):
            handle = handles.get(number + offset)
            if handle is not None and argument.type_list_attr:
                node.attr[argument.type_list_attr].list.type[offset] = handle.type.dtype
            elif handle is not None and argument.type_attr:
                node.attr[argument.type_attr].type = handle.type.dtype
        number += tensors_of(argument, node)


def _rename(function: protos.FunctionDef, renamed: Mapping[str, str]) -> None:
    """Has the nodes and results of a function take outputs by other names."""
    numberless = {name.removesuffix(":0"): other for name, other in renamed.items()}
    names = {**renamed, **numberless}
    for node in function.node_def:
        for number, spelled in enumerate(node.input):
            if spelled in names:
                node.input[number] = names[spelled]
    for key, spelled in [*function.ret.items()]:
        if spelled in names:
            function.ret[key] = names[spelled]


def _retype_function(
    function: protos.FunctionDef, arguments: Mapping[int, Handle], results: Mapping[int, Handle]
) -> None:
    """Changes what a function says of the types of arguments and results."""
    signature = function.signature
    for definitions, handles in (
        (signature.input_arg, arguments),
        (signature.output_arg, results),
    ):
        for number, handle in handles.items():
            definitions[number].type = handle.type.dtype
            definitions[number].ClearField("handle_data")
            definitions[number].ClearField("experimental_full_type")
    for number, handle in arguments.items():
        shape = shape_proto(handle.type.shape)
        stated = function.attr[INPUT_SHAPES].list.shape if INPUT_SHAPES in function.attr else ()
        if number < len(stated):
            stated[number].CopyFrom(shape)
        attributes = function.arg_attr[number].attr
        for name in [name for name in attributes if name.startswith(_HANDLE)]:
            del attributes[name]
        attributes[OUTPUT_SHAPES].list.shape.clear()
        attributes[OUTPUT_SHAPES].list.shape.append(shape)
        if number in function.resource_arg_unique_id:
            del function.resource_arg_unique_id[number]

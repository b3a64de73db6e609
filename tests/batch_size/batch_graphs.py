"""Small graphs in which a batch dimension is followed, written as what each node takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import text_format

from sigpb import protos
from sigpb.batch_size.dimension import BatchError, Relaxed, relax_nodes

SIZE = 4


@dataclass
class Functions:
    """The functions of a model, and those that are added, by name."""

    by_name: dict[str, protos.FunctionDef] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)

    def get(self, name: str) -> protos.FunctionDef | None:
        return self.by_name.get(name)

    def add_variant(self, function: protos.FunctionDef) -> str:
        name = f"{function.signature.name}_{len(self.by_name)}"
        copy = protos.FunctionDef()
        copy.CopyFrom(function)
        copy.signature.name = name
        self.by_name[name] = copy
        self.added.append(name)
        return name


def parsed(message: Any, text: str) -> Any:
    text_format.Parse(text, message, descriptor_pool=message.DESCRIPTOR.file.pool)
    return message


def node(name: str, op: str, *inputs: str, **attributes: Any) -> protos.NodeDef:
    """A node whose attributes are given as Python values."""
    result = protos.NodeDef(name=name, op=op, input=inputs)
    for key, value in attributes.items():
        _set(result.attr[key], value)
    return result


def _set(attr: protos.AttrValue, value: Any) -> None:
    if isinstance(value, bool):
        attr.b = value
    elif isinstance(value, int):
        attr.i = value
    elif isinstance(value, str):
        attr.s = value.encode()
    elif isinstance(value, protos.TensorProto):
        attr.tensor.CopyFrom(value)
    elif isinstance(value, protos.TensorShapeProto):
        attr.shape.CopyFrom(value)
    else:
        attr.list.i.extend(value)


def shape_proto(sizes: Sequence[int | None]) -> protos.TensorShapeProto:
    proto = protos.TensorShapeProto()
    for size in sizes:
        proto.dim.add(size=-1 if size is None else size)
    return proto


def placeholder(name: str, *sizes: int | None) -> protos.NodeDef:
    return node(name, "Placeholder", shape=shape_proto(sizes))


def integers(name: str, values: Any) -> protos.NodeDef:
    """A Const of a scalar, a vector, or pairs."""
    proto = protos.TensorProto(dtype=protos.DataType.Value("DT_INT32"))
    elements = values
    while isinstance(elements, list) and elements:
        proto.tensor_shape.dim.add(size=len(elements))
        elements = elements[0]
    flat = values if isinstance(values, list) else [values]
    for value in flat:
        proto.int_val.extend(value if isinstance(value, list) else [value])
    result = node(name, "Const", value=proto)
    result.attr["dtype"].type = proto.dtype
    return result


def floats(name: str, sizes: Sequence[int], *values: float) -> protos.NodeDef:
    """A Const of one value for all its elements, or of several."""
    proto = protos.TensorProto(dtype=protos.DataType.Value("DT_FLOAT"), float_val=values)
    proto.tensor_shape.CopyFrom(shape_proto(sizes))
    result = node(name, "Const", value=proto)
    result.attr["dtype"].type = proto.dtype
    return result


def with_shapes(result: protos.NodeDef, *shapes: Sequence[int | None]) -> protos.NodeDef:
    result.attr["_output_shapes"].list.shape.extend(map(shape_proto, shapes))
    return result


def graph(*nodes: protos.NodeDef) -> dict[str, protos.NodeDef]:
    return {each.name: each for each in nodes}


def relax(nodes: dict[str, protos.NodeDef], size: int | None = SIZE, **batch_axes: int) -> Relaxed:
    """Relaxes a graph whose inputs named in `batch_axes` have the batch in these dimensions."""
    axes = {(name, 0): axis for name, axis in batch_axes.items()} or {("x", 0): 0}
    return relax_nodes(nodes, axes, size, Functions())


Operand = protos.NodeDef | tuple[int | None, ...] | list[Any] | int


def result_of(
    op: str, *operands: Operand, size: int | None = SIZE, outputs: int = 1, **attributes: Any
) -> Any:
    """The shapes that a node gets, or why it is refused.

    Args:
        op: Its op.
        operands: A tuple is a placeholder of that shape, where -1 is the batch; an integer or a
            list is a constant; a node is itself.
        size: The old batch size.
        outputs: How many outputs to tell the shape of; in a list if there are several.
        attributes: Its attributes.
    """
    nodes, axes = [], {}
    for number, operand in enumerate(operands):
        name = f"operand{number}"
        if isinstance(operand, tuple):
            if -1 in operand:
                axes[name] = operand.index(-1)
            fixed = [size if dim == -1 else dim for dim in operand]
            nodes.append(placeholder(name, *fixed))
        elif isinstance(operand, protos.NodeDef):
            nodes.append(operand)
            nodes[-1].name = name
        else:
            nodes.append(integers(name, operand))
    result = node("result", op, *(each.name for each in nodes), **attributes)
    try:
        relaxed = relax(graph(*nodes, result), size, **axes)
    except BatchError as error:
        return " ".join(error.problems)
    shapes = [relaxed.shapes.get(("result", number)) for number in range(outputs)]
    return shapes if outputs > 1 else shapes[0]


def attribute_shapes(result: protos.NodeDef) -> list[list[int]]:
    shapes = result.attr["_output_shapes"].list.shape
    return [[dim.size for dim in shape.dim] for shape in shapes]


def const_values(result: protos.NodeDef) -> list[int]:
    assert result.op == "Const"
    return list(result.attr["value"].tensor.int_val)

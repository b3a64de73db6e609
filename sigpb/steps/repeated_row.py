"""A constant that is the same for every example of a batch."""

from __future__ import annotations

from sigpb import protos
from sigpb.steps.attributes import constant, dtype_attr
from sigpb.steps.graph_body import GraphBody
from sigpb.steps.sizes import computed_shape
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_of, shape_proto


def repeated_row(
    body: GraphBody, name: str, row: protos.TensorProto, batch: str, operand: TensorType
) -> str:
    """Adds a constant with one row, repeated as often as a tensor has rows.

    Args:
        body: Where to add the nodes.
        name: The name of the constant; the names of other nodes begin with it.
        row: The constant, whose first dimension has the size 1.
        batch: The tensor whose rows are counted, as the body spells it.
        operand: The type of that tensor.

    Returns:
        The repeated constant, as the body spells it.
    """
    value = constant(body, name, row)
    shape = (None, *(shape_of(row.tensor_shape) or ())[1:])
    index = dtype_of("int32")
    operation = f"{name}/BroadcastTo"
    sizes = computed_shape(body, operation, shape, [0], batch, operand, index)
    attributes = {"T": dtype_attr(row.dtype), "Tidx": dtype_attr(index)}
    [output] = body.add("BroadcastTo", operation, [value, sizes], attributes, shape_proto(shape))
    return output

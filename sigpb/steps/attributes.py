"""Attributes of nodes, and the node that is nothing but an attribute."""

from __future__ import annotations

from sigpb import protos
from sigpb.steps.graph_body import GraphBody


def dtype_attr(dtype: int) -> protos.AttrValue:
    """Returns an attribute that holds a dtype."""
    return protos.AttrValue(type=dtype)


def bool_attr(value: bool) -> protos.AttrValue:
    """Returns an attribute that holds a bool."""
    return protos.AttrValue(b=value)


def int_attr(value: int) -> protos.AttrValue:
    """Returns an attribute that holds an integer."""
    return protos.AttrValue(i=value)


def string_attr(value: bytes) -> protos.AttrValue:
    """Returns an attribute that holds a string."""
    return protos.AttrValue(s=value)


def tensor_attr(value: protos.TensorProto) -> protos.AttrValue:
    """Returns an attribute that holds a tensor."""
    return protos.AttrValue(tensor=value)


def constant(body: GraphBody, name: str, value: protos.TensorProto) -> str:
    """Adds a Const, and returns its output."""
    attributes = {"dtype": dtype_attr(value.dtype), "value": tensor_attr(value)}
    [output] = body.add("Const", name, [], attributes, value.tensor_shape)
    return output


def shape_attr(value: protos.TensorShapeProto) -> protos.AttrValue:
    """Returns an attribute that holds a shape."""
    return protos.AttrValue(shape=value)

"""Graphs and functions of a few nodes, written down shortly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigpb import protos

FLOAT = protos.DataType.Value("DT_FLOAT")


def node(name: str, op: str, *inputs: str, **attributes: Any) -> protos.NodeDef:
    """A node; an attribute that is text names a function, a list of texts several, one a dtype."""
    made = protos.NodeDef(name=name, op=op, input=inputs)
    for key, value in attributes.items():
        if isinstance(value, str):
            made.attr[key].func.name = value
        elif isinstance(value, int):
            made.attr[key].type = value
        elif value and isinstance(value[0], str):
            for each in value:
                made.attr[key].list.func.add(name=each)
        else:
            made.attr[key].list.type.extend(value)
    return made


def placeholder(name: str, shape: tuple[int, ...] | None = None) -> protos.NodeDef:
    made = node(name, "Placeholder", dtype=FLOAT)
    if shape is not None:
        for size in shape:
            made.attr["shape"].shape.dim.add(size=size)
    return made


def call(name: str, function: str, *inputs: str, outputs: int = 1, op: str = "PartitionedCall",
         **attributes: Any) -> protos.NodeDef:  # fmt: skip
    made = node(name, op, *inputs, Tout=[FLOAT] * outputs, **attributes)
    if op.endswith("PartitionedCall"):
        made.attr["f"].func.name = function
    return made


def function(
    name: str,
    arguments: list[str],
    results: Mapping[str, str],
    *nodes: protos.NodeDef,
    always: tuple[str, ...] = (),
) -> protos.FunctionDef:
    """A function; `results` maps names to tensors as functions spell them."""
    made = protos.FunctionDef(node_def=nodes)
    made.signature.name = name
    for argument in arguments:
        made.signature.input_arg.add(name=argument, type=FLOAT)
    for result, tensor in results.items():
        made.signature.output_arg.add(name=result, type=FLOAT)
        made.ret[result] = tensor
    for each in always:
        made.signature.control_output.append(each)
        made.control_ret[each] = each
    return made


def graph(
    *nodes: protos.NodeDef, functions: list[protos.FunctionDef] | None = None
) -> protos.GraphDef:
    made = protos.GraphDef(node=nodes)
    made.library.function.extend(functions or [])
    return made


def add(name: str, *inputs: str) -> protos.NodeDef:
    return node(name, "AddV2", *inputs, T=FLOAT)


def relu(name: str, *inputs: str) -> protos.NodeDef:
    return node(name, "Relu", *inputs, T=FLOAT)

"""Constants that may have been computed from a size that is to be open.

What was traced with a fixed size holds numbers that Python computed from it, such as the 10 in
``x / x.shape[1]``. Nothing tells these from other constants of the value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from sigpb import protos
from sigpb.batch_size.order import data_inputs
from sigpb.graphs.cone import reached
from sigpb.graphs.node_index import is_outlined
from sigpb.tf.called_functions import Functions, functions_in_attributes, nodes_by_name
from sigpb.tf.tensor_elements import elements
from sigpb.tf.tensor_names import producer

# tensorflow/core/ops/math_ops.cc
_ARITHMETIC = frozenset(
    (
        *("Add", "AddV2", "Div", "DivNoNan", "FloorDiv", "FloorMod", "Maximum", "Minimum", "Mod"),
        *("Mul", "MulNoNan", "Pow", "RealDiv", "Sub", "TruncateDiv", "TruncateMod", "Xdivy"),
    )
)
_PASSING = frozenset(
    (
        *("BroadcastTo", "Cast", "ExpandDims", "Identity", "Pack", "Prod", "Reciprocal"),
        *("Reshape", "Rsqrt", "Sqrt", "Squeeze", "StridedSlice"),
    )
)

# Of larger constants, no element was computed from a size.
_MOST_ELEMENTS = 16


def may_be_made_of(
    nodes: Mapping[str, protos.NodeDef], size: int, functions: Functions
) -> Iterator[str]:
    """Yields a sentence for each computation with a constant that may come from a size.

    Args:
        nodes: Nodes by name.
        size: The size.
        functions: The functions that they call.
    """
    values = {size, 1 / size, size - 1, math.sqrt(size), 1 / math.sqrt(size)}
    if size == 1:
        return  # It changes nothing, or is what any computation may hold.
    yield from _in_body(nodes, values, "", size)

    def called(name: str) -> Iterator[str]:
        function = functions.get(name)
        for node in function.node_def if function else ():
            yield from functions_in_attributes(node)

    begin = (name for node in nodes.values() for name in functions_in_attributes(node))
    for name in sorted(reached(begin, called)):
        if function := functions.get(name):
            body = nodes_by_name(function.node_def)
            yield from _in_body(body, values, f" of function {name!r}", size)


def _in_body(
    nodes: Mapping[str, protos.NodeDef], values: set[float], where: str, size: int
) -> Iterator[str]:
    for node in nodes.values():
        if node.op not in _ARITHMETIC:
            continue
        operands = [_constants(each, nodes) for each in data_inputs(node)]
        if None not in operands:
            continue  # Of constants only.
        for spelled, found in zip(data_inputs(node), operands, strict=True):
            if any(math.isclose(a, b, rel_tol=1e-6) for a in found or () for b in values):
                yield (
                    f"{node.op} {node.name!r}{where}: its operand {spelled!r} may have been "
                    f"computed from the size {size} when the model was exported."
                )


def _constants(spelled: str, nodes: Mapping[str, protos.NodeDef]) -> set[float] | None:
    """Returns the numbers that a tensor may hold; None if it is not made of constants."""
    node = nodes.get(producer(spelled))
    if node is None:
        return None
    if node.op in _PASSING:
        found = [_constants(each, nodes) for each in data_inputs(node)]
        if not found or None in found:
            return None
        # What tells how to slice or reshape is no element.
        passed = found if node.op == "Pack" else found[:1]
        return {number for numbers in passed for number in numbers or ()}
    if node.op != "Const":
        return None
    value = node.attr["value"].tensor
    try:
        numbers = [] if is_outlined(value) else elements(value)
    except ValueError:
        return set()
    distinct = {float(each) for each in numbers if isinstance(each, int | float)}
    return distinct if len(distinct) <= _MOST_ELEMENTS else set()

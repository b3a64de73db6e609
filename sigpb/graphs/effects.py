"""What nodes do besides computing their outputs, in the functions that they call too."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.graphs.cone import reached
from sigpb.tf.called_functions import FUNCTION_OPS, Functions, functions_in_attributes
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.ops import READING_STATE, op_effects


def has_no_effect(node: protos.NodeDef, functions: Functions, op_defs: OpDefs) -> bool:
    """Whether it is known that nothing but a node's outputs is missing if it does not run.

    Asserts and messages count as nothing.
    """
    nodes = _with_called(node, functions)
    return nodes is not None and all(_has_no_effect(each, op_defs) for each in nodes)


def is_pure(node: protos.NodeDef, functions: Functions, op_defs: OpDefs) -> bool:
    """Whether it is known that a node's outputs depend on its inputs alone, and no more happens."""
    nodes = _with_called(node, functions)
    return nodes is not None and all(_is_pure(each, op_defs) for each in nodes)


def _with_called(node: protos.NodeDef, functions: Functions) -> list[protos.NodeDef] | None:
    """Returns a node and those of the functions that it calls; None if one is not there."""

    def called(name: str) -> Iterator[str]:
        function = functions.get(name)
        for each in function.node_def if function else ():
            yield from functions_in_attributes(each)

    names = reached(functions_in_attributes(node), called)
    found = [functions.get(name) for name in names]
    if None in found:
        return None
    return [node, *(each for function in found if function for each in function.node_def)]


def _has_no_effect(node: protos.NodeDef, op_defs: OpDefs) -> bool:
    if node.op in READING_STATE or node.op in FUNCTION_OPS:
        return True
    if (effects := op_effects().get(node.op)) is not None:
        return {"pure", "reads"}.issuperset(effects)
    op_def = op_defs.get(node.op)
    return op_def is not None and not op_def.is_stateful


def _is_pure(node: protos.NodeDef, op_defs: OpDefs) -> bool:
    if node.op in FUNCTION_OPS:
        return True
    if (effects := op_effects().get(node.op)) is not None:
        return effects == ("pure",)
    op_def = op_defs.get(node.op)
    return op_def is not None and not op_def.is_stateful

"""Functions without the arguments that they do not use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sigpb import protos
from sigpb.tf.tensor_names import producer

_INPUT_SHAPES = "_input_shapes"
_INPUT_TYPES = "Tin"


def drop_arguments(function: protos.FunctionDef, call: protos.NodeDef) -> None:
    """Has a function take, and the only call of it pass, no more than it uses.

    Args:
        function: The function.
        call: The node that calls it, and does nothing else.
    """
    used = {producer(each) for node in function.node_def for each in node.input}
    used |= set(map(producer, function.ret.values()))
    arguments = function.signature.input_arg
    kept = [at for at, argument in enumerate(arguments) if argument.name in used]
    gone = sorted(set(range(len(arguments))) - set(kept), reverse=True)
    shapes = function.attr[_INPUT_SHAPES].list.shape if _INPUT_SHAPES in function.attr else ()
    if len(shapes) == len(arguments):
        _drop(shapes, gone)
    _drop(call.attr[_INPUT_TYPES].list.type, gone)
    _drop(call.input, gone)
    _drop(arguments, gone)
    before = protos.FunctionDef(
        arg_attr=function.arg_attr, resource_arg_unique_id=function.resource_arg_unique_id
    )
    function.ClearField("arg_attr")
    function.ClearField("resource_arg_unique_id")
    for new, old in enumerate(kept):
        if old in before.arg_attr:
            function.arg_attr[new].CopyFrom(before.arg_attr[old])
        if old in before.resource_arg_unique_id:
            function.resource_arg_unique_id[new] = before.resource_arg_unique_id[old]


def _drop(values: Any, positions: Sequence[int]) -> None:
    for at in positions:
        del values[at]

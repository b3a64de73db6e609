"""Definitions of ops without TensorFlow: what a node's outputs are called, and their dtypes.

TensorFlow's own are in ``tf/op_defs.binpb``, which ``tools/regenerate_op_defs.py`` writes and
which is read when the first op is looked up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from pathlib import Path

from sigpb import protos
from sigpb.parsers import parse_number

# tensorflow/core/framework/types.h: the dtype of a reference is that of its value plus this.
_REF_OFFSET = 100


def tensorflow_op_def(op: str) -> protos.OpDef | None:
    """Returns TensorFlow's definition of an op, without descriptions; None if it has none."""
    encoded = _tensorflow_op_defs()
    at = bisect_left(encoded, op, key=lambda each: protos.OpDef.FromString(each).name)
    if at == len(encoded):
        return None
    found = protos.OpDef.FromString(encoded[at])
    return found if found.name == op else None


@cache
def _tensorflow_op_defs() -> list[bytes]:
    """The encoded definitions, sorted by name."""
    op_list = Path(__file__).with_name("op_defs.binpb")
    # Read as bytes in place of the messages that they encode, the ops are split but not parsed.
    return list(protos.CollectionDef.BytesList.FromString(op_list.read_bytes()).value)


class OpDefs:
    """Op definitions: TensorFlow's, then those that a model brings along.

    TensorFlow loads an op that it knows by its own definition, whatever the model says of it, and
    takes no function with the name of an op (tensorflow/core/framework/function.cc).
    """

    def __init__(
        self, model_ops: Callable[[], Iterable[protos.OpDef]] | Iterable[protos.OpDef] = ()
    ) -> None:
        """Takes the model's definitions.

        Args:
            model_ops: Those of the `stripped_op_list`, and the signatures of functions that nodes
                name as their op; or what returns them, which is called when they are needed.
        """
        self._model_ops = model_ops
        self._found: dict[str, protos.OpDef | None] = {}

    @cached_property
    def _of_model(self) -> dict[str, protos.OpDef]:
        ops = self._model_ops() if callable(self._model_ops) else self._model_ops
        return {op_def.name: op_def for op_def in ops}

    def get(self, op: str) -> protos.OpDef | None:
        """Returns the definition of an op, which is shared; None if the op is unknown."""
        if op not in self._found:
            self._found[op] = tensorflow_op_def(op) or self._of_model.get(op)
        return self._found[op]

    def strip_defaults(self, node: protos.NodeDef) -> None:
        """Takes the attributes from a node that are as the op has them by default.

        Servers that are older than an attribute refuse nodes that have it. TensorFlow does the same
        where `strip_default_attrs` is asked for (tensorflow/core/framework/graph_def_util.cc).
        """
        op_def = self.get(node.op)
        for each in op_def.attr if op_def else ():
            is_default = each.HasField("default_value") and each.name in node.attr
            if is_default and node.attr[each.name] == each.default_value:
                del node.attr[each.name]

    def output_dtypes(self, node: protos.NodeDef) -> list[int] | None:
        """Returns the dtype of every output of a node, as numbers of the enum ``DataType``.

        A reference counts 100 more than its value. None if they are not known: the op is
        unknown, or lacks an attribute that has no default, or a generic function leaves it open.
        """
        outputs = self._outputs(node)
        return None if outputs is None else [dtype for _, dtypes in outputs for dtype in dtypes]

    def output_name(self, node: protos.NodeDef, index: int) -> str | None:
        """Spells a node's output as the body of a FunctionDef does.

        Args:
            node: The node.
            index: The output's number in a GraphDef: the 1 of ``node:1``.

        Returns:
            ``node:output_arg:k``, for the `k`-th tensor of the output of that name; None if the
            node has no such output, or its outputs are not known.
        """
        for name, dtypes in self._outputs(node) or ():
            if 0 <= index < len(dtypes):
                return f"{node.name}:{name}:{index}"
            index -= len(dtypes)
        return None

    def output_index(self, node: protos.NodeDef, spelled: str) -> int | None:
        """Returns which output of a node is meant: the inverse of `output_name`.

        Args:
            node: The node.
            spelled: ``node:output_arg:k``, or ``node:output_arg`` for the first tensor of it.

        Returns:
            The output's number in a GraphDef, or None where `output_name` returns None.
        """
        name, _, rest = spelled.partition(":")
        argument, _, number = rest.partition(":")
        offset = parse_number(number or "0")
        if name != node.name or offset is None:
            return None
        start = 0
        for output, dtypes in self._outputs(node) or ():
            if output == argument:
                return start + offset if offset < len(dtypes) else None
            start += len(dtypes)
        return None

    def _outputs(self, node: protos.NodeDef) -> list[tuple[str, list[int]]] | None:
        """The name of every output_arg with the dtypes of the tensors that it stands for."""
        op_def = self.get(node.op)
        if op_def is None:
            return None
        outputs = []
        for arg in op_def.output_arg:
            dtypes = _dtypes(arg, op_def, node)
            if dtypes is None:
                return None
            ref = _REF_OFFSET if arg.is_ref else 0
            outputs.append((arg.name, [dtype + ref for dtype in dtypes]))
        return outputs


def _dtypes(
    arg: protos.OpDef.ArgDef, op_def: protos.OpDef, node: protos.NodeDef
) -> list[int] | None:
    if arg.type_list_attr:
        types = _attribute(arg.type_list_attr, op_def, node)
        return None if types is None else list(types.list.type)
    count, dtype = 1, arg.type
    if arg.number_attr:
        number = _attribute(arg.number_attr, op_def, node)
        if number is None:
            return None
        count = number.i
    if arg.type_attr:
        type_ = _attribute(arg.type_attr, op_def, node)
        if type_ is None:
            return None
        dtype = type_.type
    return [dtype] * count


def _attribute(name: str, op_def: protos.OpDef, node: protos.NodeDef) -> protos.AttrValue | None:
    """An attribute's value, or the default that a writer may leave out."""
    if name in node.attr:
        value = node.attr[name]
        return None if value.HasField("placeholder") else value
    for attr in op_def.attr:
        if attr.name == name and attr.HasField("default_value"):
            return attr.default_value
    return None

"""What is different between two graphs: nodes, functions and constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sigpb import protos
from sigpb.comparing.difference import ConstantChange, GraphDifference, NameChanges
from sigpb.comparing.sections import Unmatched
from sigpb.graphs.added_nodes import is_spliced
from sigpb.saved_model.model import parse
from sigpb.tf.ops import PLACEHOLDERS
from sigpb.wire import Message, SourceRange, sha256

_NAME = protos.NodeDef.NAME_FIELD_NUMBER
_OP = protos.NodeDef.OP_FIELD_NUMBER
_ATTR = protos.NodeDef.ATTR_FIELD_NUMBER
_TENSOR = protos.AttrValue.TENSOR_FIELD_NUMBER
_SIGNATURE = protos.FunctionDef.SIGNATURE_FIELD_NUMBER

# Constants beyond this size in bytes are compared by digest.
_LARGE = 1 << 16
_DIGITS = 12


def compare_graphs(nodes: Unmatched | None, functions: Unmatched | None) -> GraphDifference:
    """Returns what is different between two graphs.

    Args:
        nodes: The nodes of the top level that only one of the two graphs has unchanged.
        functions: The functions that only one of the two graphs has unchanged.
    """
    first, second = _messages(nodes, lambda node: _text(node, _NAME))
    changed_nodes = [
        name for name in first.keys() & second.keys() if _differ(first[name], second[name])
    ]
    constants = [
        change
        for name in changed_nodes
        if (change := _constant_change(name, first[name], second[name]))
    ]
    spliced = [name for name in changed_nodes if _is_spliced(first[name], second[name])]
    old, new = _messages(functions, _function_name)
    changed_functions = []
    for name in old.keys() & new.keys():
        before, after = (parse(protos.FunctionDef, each) for each in (old[name], new[name]))
        if _encoded(before) != _encoded(after):
            changed_functions.append(name)
            constants += _constants_in_function(name, before, after)
    return GraphDifference(
        NameChanges.between(first, second, changed_nodes),
        tuple(sorted(spliced)),
        NameChanges.between(old, new, changed_functions),
        tuple(sorted(constants, key=lambda change: change.name)),
    )


def _messages(
    section: Unmatched | None, name_of: Callable[[Message], str]
) -> tuple[dict[str, Message], dict[str, Message]]:
    if section is None:
        return {}, {}
    sides = []
    for fields in (section.before, section.after):
        messages = (parent.message(field) for parent, field in fields)
        sides.append({name_of(message): message for message in messages})
    return sides[0], sides[1]


def _function_name(function: Message) -> str:
    signature = function.find(_SIGNATURE)
    return _text(signature, protos.OpDef.NAME_FIELD_NUMBER) if signature else ""


def _text(message: Message, number: int) -> str:
    field = message.last(number)
    return message.text(field) if field else ""


def _is_large(node: Message) -> bool:
    return node.end - node.start > _LARGE


def _differ(before: Message, after: Message) -> bool:
    """Whether two nodes differ in more than the order of their attributes."""
    if _is_large(before) or _is_large(after):
        return True
    return _encoded(parse(protos.NodeDef, before)) != _encoded(parse(protos.NodeDef, after))


def _encoded(message: protos.NodeDef | protos.FunctionDef | protos.TensorProto) -> bytes:
    return message.SerializeToString(deterministic=True)


def _is_spliced(before: Message, after: Message) -> bool:
    if _is_large(before) or _is_large(after):
        return False
    old, new = parse(protos.NodeDef, before), parse(protos.NodeDef, after)
    return (
        old.op in PLACEHOLDERS and new.op in PLACEHOLDERS and (is_spliced(old) or is_spliced(new))
    )


def _constant_change(name: str, before: Message, after: Message) -> ConstantChange | None:
    if _text(before, _OP) != "Const" or _text(after, _OP) != "Const":
        return None
    digests = _value_digest(before), _value_digest(after)
    return ConstantChange(name, *digests) if digests[0] != digests[1] else None


def _value_digest(node: Message) -> str:
    for key, field in node.entries(_ATTR):
        value = node.entry_value(field) if key == b"value" else None
        if value is not None and (found := value.last(_TENSOR)):
            tensor = value.message(found)
            return sha256((SourceRange(tensor.start, tensor.end),), tensor.buffer)[:_DIGITS]
    return ""


def _constants_in_function(
    name: str, before: protos.FunctionDef, after: protos.FunctionDef
) -> list[ConstantChange]:
    first, second = _constants(before), _constants(after)
    return [
        ConstantChange(f"{name}:{node}", first[node], second[node])
        for node in sorted(first.keys() & second.keys())
        if first[node] != second[node]
    ]


def _constants(function: protos.FunctionDef) -> Mapping[str, str]:
    encoded = {
        node.name: _encoded(node.attr["value"].tensor)
        for node in function.node_def
        if node.op == "Const"
    }
    return {name: sha256((value,), b"")[:_DIGITS] for name, value in encoded.items()}

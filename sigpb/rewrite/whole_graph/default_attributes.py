"""Attributes of nodes that are as their ops have them by default.

Servers that are older than an attribute refuse nodes that have it. TensorFlow does the same where
`strip_default_attrs` is asked for (`strip_graph_default_valued_attrs` in
tensorflow/python/framework/meta_graph.py); it also leaves nodes alone whose op it does not know, or
that call a function by its name.
"""

from __future__ import annotations

from collections.abc import Collection

from sigpb import protos
from sigpb.rewrite.whole_graph.bodies import in_order
from sigpb.saved_model.model import parse
from sigpb.tf.op_defs import tensorflow_op_def
from sigpb.tf.op_versions import OpNeeds
from sigpb.wire import Edits, Field, Message, WireType, encode_varint, tag

_NAME = protos.NodeDef.NAME_FIELD_NUMBER
_OP = protos.NodeDef.OP_FIELD_NUMBER
_ATTR = protos.NodeDef.ATTR_FIELD_NUMBER
_META_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
_STRIPPED = protos.MetaGraphDef.MetaInfoDef.STRIPPED_DEFAULT_ATTRS_FIELD_NUMBER

# Entries up to this size in bytes are remembered: most nodes of an op have the same ones.
_REMEMBERED_SIZE = 256


class DefaultAttributes:
    """Takes attributes from nodes that are as their ops have them by default.

    Attributes:
        stripped: How many attributes were taken.
        nodes: From how many nodes.
        needs: What the nodes still need of TensorFlow.
    """

    def __init__(self, functions: Collection[str]) -> None:
        """Takes the names of the graph's functions."""
        self._functions = {name.encode() for name in functions}
        self._defaults: dict[bytes, dict[bytes, protos.AttrValue]] = {}
        self._judged: dict[tuple[bytes, bytes], tuple[bytes, bool]] = {}
        self.stripped = self.nodes = 0
        self.needs = OpNeeds(functions)

    def edit(self, edits: Edits, node: Message) -> None:
        """Adds what changes in a node to `edits`."""
        name, op, attributes = b"", b"", list[Field]()
        for field in node.fields():
            if field.number == _NAME:
                name = node.value(field)
            elif field.number == _OP:
                op = node.value(field)
            elif field.number == _ATTR:
                attributes.append(field)
        judged = [(field, *self._judge(op, node, field)) for field in attributes]
        # Of several entries of one key the last one counts.
        is_default = {attribute: default for _, attribute, default in judged}
        gone = [field for field, attribute, _ in judged if is_default[attribute]]
        for field in gone:
            edits.delete(node, field)
        self.stripped += sum(is_default.values())
        self.nodes += bool(gone)
        left = (_text(attribute) for attribute, default in is_default.items() if not default)
        self.needs.add(_text(name), _text(op), left)

    def _judge(self, op: bytes, node: Message, field: Field) -> tuple[bytes, bool]:
        """Returns the name of an attribute, and whether it has the value that is its default."""
        size = field.value_end - field.value_start
        encoded = node.value(field) if size <= _REMEMBERED_SIZE else b""
        if encoded and (op, encoded) in self._judged:
            return self._judged[op, encoded]
        entry = node.message(field)
        key = entry.last(1)
        name = entry.value(key) if key else b""
        default = self._defaults_of(op).get(name)
        found = name, default is not None and _is(node.entry_value(field), default)
        if encoded:
            self._judged[op, encoded] = found
        return found

    def _defaults_of(self, op: bytes) -> dict[bytes, protos.AttrValue]:
        if op not in self._defaults:
            op_def = None if op in self._functions else tensorflow_op_def(op.decode())
            self._defaults[op] = {
                attr.name.encode(): attr.default_value
                for attr in (op_def.attr if op_def else ())
                if attr.HasField("default_value")
            }
        return self._defaults[op]


def _text(name: bytes) -> str:
    return name.decode(errors="replace")


def _is(value: Message | None, default: protos.AttrValue) -> bool:
    """Whether an attribute has a value, as ``AreAttrValuesEqual`` has it.

    TensorFlow compares the elements of tensors, and all else as it is encoded
    (tensorflow/core/framework/attr_value_util.cc). The only op with tensors as defaults that models
    have is ImageSummary; one whose tensor is encoded otherwise keeps the attribute.
    """
    expected = default.SerializeToString(deterministic=True)
    if value is None or value.content() == expected:
        return value is not None or not expected
    return parse(protos.AttrValue, value).SerializeToString(deterministic=True) == expected


def says_stripped(meta_graph: Message) -> bool:
    """Whether a MetaGraphDef says that its nodes are without such attributes."""
    meta_info = meta_graph.find(_META_INFO)
    field = meta_info.last(_STRIPPED) if meta_info else None
    return meta_info is not None and field is not None and bool(meta_info.varint(field))


def say_stripped(edits: Edits, meta_graph: Message) -> None:
    """Has a MetaGraphDef say that its nodes are without such attributes."""
    said = tag(_STRIPPED, WireType.VARINT) + encode_varint(1)
    meta_info = meta_graph.find(_META_INFO)
    if meta_info is None:
        info = protos.MetaGraphDef.MetaInfoDef.FromString(said)
        encoded = protos.MetaGraphDef(meta_info_def=info).SerializeToString()
        edits.insert(meta_graph, meta_graph.start, encoded)
        return
    for field in meta_info.fields(_STRIPPED):
        edits.delete(meta_info, field)
    edits.insert(meta_info, in_order(meta_info, _STRIPPED), said)

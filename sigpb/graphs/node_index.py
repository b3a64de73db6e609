"""Finding nodes of a GraphDef by name, without parsing the graph."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, pairwise

from sigpb import protos
from sigpb.saved_model.model import parse
from sigpb.tf.fresh_names import TakenNames
from sigpb.wire import Field, Message, length_delimited, map_entry

_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_NAME = protos.NodeDef.NAME_FIELD_NUMBER
_OP = protos.NodeDef.OP_FIELD_NUMBER
_INPUT = protos.NodeDef.INPUT_FIELD_NUMBER
_ATTR = protos.NodeDef.ATTR_FIELD_NUMBER
_TENSOR = protos.AttrValue.TENSOR_FIELD_NUMBER
_TENSOR_TYPE = {
    protos.TensorProto.DTYPE_FIELD_NUMBER,
    protos.TensorProto.TENSOR_SHAPE_FIELD_NUMBER,
}

LARGE_NODE = 1 << 12
"""Nodes beyond this size in bytes are constants, as a rule. They are looked at one by one, so that
nothing is searched for in their values."""

# To look at a node takes as long as to search so many bytes.
_WORTH_A_TABLE = 1 << 12


# The version, which is 0 in TensorFlow, of tensors whose elements were left out.
_OUTLINED = -1
_OUTLINED_MARK = protos.TensorProto(version_number=_OUTLINED).SerializeToString()


def is_outlined(tensor: protos.TensorProto) -> bool:
    """Whether the elements of a tensor were left out by `NodeIndex.outlines`."""
    return tensor.version_number == _OUTLINED


class NodeIndex:
    """Where the nodes of a GraphDef lie in a file.

    It takes eight bytes for each node: names are searched for in the file. When many are asked for,
    a table of all names takes less time.

    Attributes:
        graph: The GraphDef.
        rest: The part of it after the nodes that it begins with: all of them, in practice.
        end: Offset after the last node.
    """

    def __init__(self, graph: Message) -> None:
        self.graph = graph
        self._starts, self.rest = graph.leading(_NODE)
        self._starts.extend(field.start for field in self.rest.fields(_NODE))
        self._spans: list[tuple[int, int]] = []  # runs of nodes that are not large
        self._large: list[Field] = []
        start = graph.start
        for node, following in pairwise(chain(self._starts, [graph.end])):
            # What follows the last node, or a node in an unusual place, is searched as well.
            if following - node > LARGE_NODE and self._field_at(node).end - node > LARGE_NODE:
                self._large.append(self._field_at(node))
                self._spans.append((start, node))
                start = self._large[-1].end
        self._searched = 0
        self.end = self._field_at(self._starts[-1]).end if self._starts else graph.start
        self._spans.append((start, max(start, self.end)))
        self._size = sum(end - start for start, end in self._spans)

    def __len__(self) -> int:
        return len(self._starts)

    def find(self, name: str) -> Field | None:
        """Returns the field of the node of a name, or None."""
        raw_name = name.encode()
        if self._is_worth_a_table():
            number = self._numbers.get(raw_name)
            return None if number is None else self._field_at(self._starts[number])
        for field in self._mentioning(length_delimited(_NAME, raw_name)):
            if self._value(field, _NAME) == raw_name:
                return field
        return None

    def _is_worth_a_table(self) -> bool:
        """Whether all that was searched for takes longer than to look at each node once."""
        self._searched += self._size
        return self._searched > _WORTH_A_TABLE * len(self._starts)

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        """Where each name is first, large nodes after the others, as they are searched."""
        fields = map(self._field_at, self._starts)
        is_large = [field.end - field.start > LARGE_NODE for field in fields]
        found: dict[bytes, int] = {}
        for number in sorted(range(len(is_large)), key=is_large.__getitem__):
            name = self._value(self._field_at(self._starts[number]), _NAME)
            found.setdefault(name, number)
        return found

    def naming(self, tensor: str) -> Iterator[Field]:
        """Yields the nodes that may take a tensor, or wait for a node, of that spelling."""
        yield from self._mentioning(length_delimited(_INPUT, tensor.encode()))

    def has_op(self, op: str) -> bool:
        """Whether a node has an op."""
        raw_op = op.encode()
        mentions = self._mentioning(length_delimited(_OP, raw_op))
        return any(self._value(field, _OP) == raw_op for field in mentions)

    def has_scope(self, scope: str) -> bool:
        """Whether the name of a node begins with a scope and a slash, or a node mentions these.

        Upper and lower case are the same. Large nodes, which are constants, are left out.
        """
        if self._is_worth_a_table():
            return self._names.has_scope(scope)
        return any(self._mentioning(f"{scope}/".encode(), re.IGNORECASE, large=False))

    @cached_property
    def _names(self) -> TakenNames:
        return TakenNames(name.decode(errors="replace") for name in self._numbers)

    def node(self, field: Field) -> protos.NodeDef:
        """Parses a node."""
        return parse(protos.NodeDef, self.graph.message(field))

    def nodes(self) -> Iterator[protos.NodeDef]:
        """Parses all nodes, one after another."""
        return (self.node(field) for field in self.graph.fields(_NODE))

    def outlines(self) -> Iterator[protos.NodeDef]:
        """Parses all nodes, one after another, but leaves out the values of large constants."""
        return (outline(self.graph.message(field)) for field in self.graph.fields(_NODE))

    def _mentioning(self, encoded: bytes, flags: int = 0, *, large: bool = True) -> Iterator[Field]:
        """Yields the nodes that hold some bytes, and all large ones if asked for."""
        pattern = re.compile(re.escape(encoded), flags)
        for start, end in self._spans:
            for match in pattern.finditer(self.graph.buffer, start, end):
                yield self._field_at(match.start())
        if large:
            yield from self._large

    def _field_at(self, offset: int) -> Field:
        start = self._starts[bisect_right(self._starts, offset) - 1]
        return next(Message(self.graph.buffer, start, self.graph.end).fields())

    def _value(self, field: Field, number: int) -> bytes:
        """Returns a node's name or op."""
        node = self.graph.message(field)
        value = node.last(number)
        return node.value(value) if value else b""


def outline(node: Message) -> protos.NodeDef:
    """Parses a node without the values of large tensors; their types are kept."""
    if node.end - node.start <= LARGE_NODE:
        return parse(protos.NodeDef, node)
    kept = []
    for field in node.fields():
        large = field.number == _ATTR and field.end - field.start > LARGE_NODE
        value = node.entry_value(field) if large else None
        if value and (tensor := value.find(_TENSOR)):
            type_ = (part for part in tensor.fields() if part.number in _TENSOR_TYPE)
            parts = [bytes(tensor.buffer[part.start : part.end]) for part in type_]
            entry = node.message(field)
            key = entry.last(1)
            content = length_delimited(_TENSOR, b"".join([*parts, _OUTLINED_MARK]))
            kept.append(map_entry(_ATTR, entry.value(key) if key else b"", content))
        else:
            kept.append(bytes(node.buffer[field.start : field.end]))
    return parse(protos.NodeDef, Message.root(b"".join(kept)))

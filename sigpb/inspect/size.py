"""What the bytes of a file are spent on: its sections and nodes, and sums of these."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from sigpb import protos
from sigpb.inspect.outline import without_elements
from sigpb.inspect.proto_path import FieldPlace
from sigpb.inspect.proto_source import ProtoSource
from sigpb.inspect.schema import descriptor
from sigpb.inspect.styled_text import Line, Span, line
from sigpb.json_values import json_value
from sigpb.saved_model.files import MAX_PROTO_SIZE
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import Shape, dtype_name, shape_of, shape_text
from sigpb.wire import Field, Message, WireType

_FUNCTION = protos.FunctionDefLibrary.FUNCTION_FIELD_NUMBER
_SIGNATURE = protos.FunctionDef.SIGNATURE_FIELD_NUMBER
_FUNCTION_NAME = protos.OpDef.NAME_FIELD_NUMBER
_BODY = protos.FunctionDef.NODE_DEF_FIELD_NUMBER

# The messages whose fields are sections: the file itself, and these in it.
_OPENED = {
    ("SavedModel", "meta_graphs"): "MetaGraphDef",
    ("MetaGraphDef", "graph_def"): "GraphDef",
}


GROUPINGS = ("section", "op", "function", "scope", "node")

FRAMING = "framing"

_CONSTANTS = 10

# The largest constants are looked for among so many of the largest nodes.
_CANDIDATES = 1000


class Section(NamedTuple):
    """A field of one of the messages that a file consists of.

    Attributes:
        place: Where; elements of a field that repeats have one place, but entries of maps have
            their own. None for the tag and length of a message that holds sections.
        kind: The message that it is in, and the field's name, as ``GraphDef.node``.
        message: The message that it is in.
        field: Where it lies.
        size: The bytes it takes, with its tag and length.
    """

    place: FieldPlace | None
    kind: str
    message: Message
    field: Field
    size: int

    @property
    def content(self) -> Message:
        """What is in it."""
        return self.message.message(self.field)


class NodeExtent(NamedTuple):
    """A node somewhere in a file.

    Attributes:
        outer: Where it is: the field of a graph or of a function that holds nodes.
        function: The function that it is in; None at the top level.
        message: Its content.
        size: The bytes it takes, with its tag and length.
    """

    outer: FieldPlace
    function: str | None
    message: Message
    size: int

    def node(self) -> protos.NodeDef:
        """Parses the node, without the elements of large tensors."""
        return without_elements(protos.NodeDef, self.message)

    def place(self, node: protos.NodeDef) -> FieldPlace:
        """Returns where it stands; `node` is what was parsed."""
        return FieldPlace(self.outer.outer, self.outer.field, node.name)


class FunctionExtent(NamedTuple):
    """A function in a library.

    Attributes:
        place: Where.
        name: Its name.
        message: Its content.
        size: The bytes it takes, with its tag and length.
    """

    place: FieldPlace
    name: str
    message: Message
    size: int


def sections(source: ProtoSource) -> Iterator[Section]:
    """Yields the sections of a file. Every byte of it is in one of them.

    Raises:
        ModelUnreadable: If the file is damaged.
    """
    yield from _sections(source.root, source.schema, None)


def _sections(message: Message, schema: str, outer: FieldPlace | None) -> Iterator[Section]:
    known = descriptor(schema).fields_by_number
    places = {number: FieldPlace(outer, field.name) for number, field in known.items()}
    kinds = {number: f"{schema}.{field.name}" for number, field in known.items()}
    maps = {
        number
        for number, field in known.items()
        if field.message_type is not None and field.message_type.GetOptions().map_entry
    }
    opened = {number: _OPENED.get((schema, field.name)) for number, field in known.items()}
    for field in message.fields():
        number, size = field.number, field.end - field.start
        place = places.get(number) or FieldPlace(outer, "unknown field", number)
        kind = kinds.get(number, "")
        inner = opened.get(number)
        if inner and field.wire_type == WireType.LEN:
            content = message.message(field)
            yield Section(None, kind, message, field, field.value_start - field.start)
            yield from _sections(content, inner, _opened_place(place, content, inner))
        elif number in maps:
            key = message.message(field).last(1)
            name = message.message(field).value(key) if key else b""
            place = FieldPlace(outer, place.field, name.decode(errors="backslashreplace"))
            yield Section(place, kind, message, field, size)
        else:
            yield Section(place, kind, message, field, size)


def _opened_place(place: FieldPlace, content: Message, schema: str) -> FieldPlace:
    if schema == "MetaGraphDef":
        return FieldPlace(place.outer, f"{place.field}[{','.join(MetaGraph(content).tags)}]")
    return place


def functions(section: Section) -> Iterator[FunctionExtent]:
    """Yields the functions in a section; only the section of a library has any."""
    if section.kind != "GraphDef.library":
        return
    content = section.content
    for field in content.fields(_FUNCTION):
        function = content.message(field)
        signature = function.find(_SIGNATURE)
        found = signature.last(_FUNCTION_NAME) if signature else None
        name = signature.text(found) if signature and found else ""
        place = FieldPlace(section.place, "function", name)
        yield FunctionExtent(place, name, function, field.end - field.start)


def nodes(section: Section) -> Iterator[NodeExtent]:
    """Yields the nodes in a section: one, all of a library's functions, or none."""
    if section.kind == "GraphDef.node" and section.place:
        yield NodeExtent(section.place, None, section.content, section.size)
    for function in functions(section):
        yield from function_nodes(function)


def function_nodes(function: FunctionExtent) -> Iterator[NodeExtent]:
    """Yields the nodes of a function."""
    place = FieldPlace(function.place, "node_def")
    for field in function.message.fields(_BODY):
        message = function.message.message(field)
        yield NodeExtent(place, function.name, message, field.end - field.start)


@dataclass(frozen=True)
class Row:
    """Something that takes bytes.

    Attributes:
        kind: What it is: one of `GROUPINGS`; ``section`` too for what is outside of nodes or
            functions, and ``framing`` for the tags and lengths around sections.
        name: Its name; of sections and nodes, the path.
        size: The bytes it takes.
        count: Of how many fields, nodes or functions it consists.
    """

    kind: str
    name: str
    size: int
    count: int


@dataclass(frozen=True)
class Constant:
    """A node that holds a constant.

    Attributes:
        place: Where.
        dtype: As TensorFlow's Python API names it.
        shape: Its shape.
        size: The bytes that the node takes.
    """

    place: FieldPlace
    dtype: str
    shape: Shape
    size: int


@dataclass(frozen=True)
class Others:
    """The rows that were left out for being small.

    Attributes:
        count: How many rows.
        size: The bytes they take together.
    """

    count: int
    size: int


@dataclass(frozen=True)
class Sizes:
    """What takes the bytes of a file.

    Attributes:
        total: The bytes of the binary proto.
        rows: The largest, in descending order.
        others: The rows that were left out of `rows`.
        constants: The largest constants.
    """

    total: int
    rows: tuple[Row, ...]
    others: Others
    constants: tuple[Constant, ...]


def measure(source: ProtoSource, by: str, *, limit: int = 0, depth: int = 1) -> Sizes:
    """Measures a file.

    Args:
        source: The file.
        by: What is summed up, one of `GROUPINGS`.
        limit: How many rows, and constants, at most; 0 for all.
        depth: How many levels of name scopes make a scope.

    Raises:
        ModelUnreadable: If the file is damaged.
    """
    rows = _rows(source, by, depth)
    rows.sort(key=lambda row: (-row.size, row.kind, row.name))
    shown, hidden = (rows[:limit], rows[limit:]) if limit else (rows, [])
    others = Others(len(hidden), sum(row.size for row in hidden))
    constants = islice(_constants(source), limit or None)
    return Sizes(len(source.buffer), tuple(shown), others, tuple(constants))


def scope(name: str, depth: int) -> str:
    """Returns the outermost name scopes of a node, ``a/b`` of ``a/b/c/MatMul``."""
    return "/".join(name.split("/")[:-1][:depth])


def _rows(source: ProtoSource, by: str, depth: int) -> list[Row]:
    sums: dict[tuple[str, str], list[int]] = {}

    def add(kind: str, name: str, size: int) -> None:
        found = sums.setdefault((kind, name), [0, 0])
        found[0] += size
        found[1] += 1

    for section in sections(source):
        if section.place is None:
            add(FRAMING, "", section.size)
            continue
        rest = section.size
        for name, size in _members(section, by, depth):
            add(by, name, size)
            rest -= size
        # Of a node nothing is left; of a library, the signatures and attributes of functions.
        if rest:
            add("section", str(section.place), rest)
    return [Row(kind, name, size, count) for (kind, name), (size, count) in sums.items()]


def _members(section: Section, by: str, depth: int) -> Iterator[tuple[str, int]]:
    """Yields the names of what is summed up in a section, such as ops, and their bytes."""
    if by == "function":
        for function in functions(section):
            yield function.name, function.size
    elif by != "section":
        for extent in nodes(section):
            node = extent.node()
            if by == "node":
                yield str(extent.place(node)), extent.size
            else:
                yield node.op if by == "op" else scope(node.name, depth), extent.size


def _constants(source: ProtoSource) -> Iterator[Constant]:
    """Yields the largest constants, in descending order of size."""
    extents = (extent for section in sections(source) for extent in nodes(section))
    largest = heapq.nlargest(_CANDIDATES, extents, key=lambda extent: extent.size)
    found = 0
    for extent in largest:
        node = extent.node()
        if found < _CONSTANTS and node.op == "Const" and "value" in node.attr:
            tensor = node.attr["value"].tensor
            shape = shape_of(tensor.tensor_shape)
            yield Constant(extent.place(node), dtype_name(tensor.dtype), shape, extent.size)
            found += 1


def headline(source: ProtoSource, total: int) -> str:
    """Says how large a file is, and how far from what protobuf allows."""
    text = " as a binary proto, which these numbers are about" if source.is_text else ""
    size = f"{source.file}: {total:,} bytes{text}"
    if total <= MAX_PROTO_SIZE:
        return (
            f"{size}, {total / MAX_PROTO_SIZE:.1%} of the {MAX_PROTO_SIZE:,} that protobuf allows "
            f"(2 GiB); {MAX_PROTO_SIZE - total:,} are left."
        )
    return (
        f"{size}, {total - MAX_PROTO_SIZE:,} more than the {MAX_PROTO_SIZE:,} that protobuf allows "
        "(2 GiB): TensorFlow cannot load it. What variables hold is in the checkpoint and does not "
        "count."
    )


def size_lines(source: ProtoSource, sizes: Sizes, by: str) -> Iterator[Line]:
    """Yields the lines of the table."""
    yield line(headline(source, sizes.total))
    yield line("")
    yield line(Span(f"{'bytes':>15}  {'%':>5}  {'count':>9}  {by}", "bold"))
    for row in sizes.rows:
        yield line(_cells(row.size, row.count, sizes.total), *_name(row, by))
    if sizes.others.count:
        cells = _cells(sizes.others.size, sizes.others.count, sizes.total)
        yield line(cells, Span("others, see --limit", "dim"))
    yield line(_cells(sizes.total, None, sizes.total), Span("in all", "bold"))
    if sizes.constants:
        yield line("")
        yield line(Span("The largest constants:", "bold"))
    for constant in sizes.constants:
        tensor_type = f"{constant.dtype} {shape_text(constant.shape)}"
        yield line(f"{constant.size:>15,}  {tensor_type:<24}  {constant.place}")


def _cells(size: int, count: int | None, total: int) -> str:
    counted = "" if count is None else f"{count:,}"
    return f"{size:>15,}  {100 * size / total:>5.1f}  {counted:>9}  "


def _name(row: Row, by: str) -> tuple[str | Span, ...]:
    if row.kind == FRAMING:
        return (Span("(tags and lengths around these)", "dim"),)
    if row.kind != by:
        # Nodes and functions in it are counted by themselves.
        what = "the rest of " if row.name.endswith("library") else ""
        return (Span(f"({what}{row.name})", "dim"),)
    return (row.name,) if row.name else (Span(f"(no {by})", "dim"),)


def size_json(source: ProtoSource, sizes: Sizes, by: str) -> dict[str, Any]:
    """Returns the sizes as a JSON value: see docs/json.md."""
    return {
        "file": str(source.file),
        "text": source.is_text,
        "bytes": sizes.total,
        "limit": MAX_PROTO_SIZE,
        "left": MAX_PROTO_SIZE - sizes.total,
        "by": by,
        "rows": [json_value(row, size="bytes") for row in sizes.rows],
        "others": {"bytes": sizes.others.size, "count": sizes.others.count},
        "constants": [
            json_value(constant, place="path", size="bytes") for constant in sizes.constants
        ],
    }

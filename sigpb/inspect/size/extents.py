"""Which bytes of a file belong to what: a partition of the file into sections, and the nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sigpb import protos
from sigpb.inspect.outline import outline
from sigpb.inspect.place import Place
from sigpb.inspect.proto_source import ProtoSource
from sigpb.inspect.schema import descriptor
from sigpb.saved_model.model import MetaGraph
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

    place: Place | None
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

    outer: Place
    function: str | None
    message: Message
    size: int

    def node(self) -> protos.NodeDef:
        """Parses the node, without the elements of large tensors."""
        return outline(protos.NodeDef, self.message)

    def place(self, node: protos.NodeDef) -> Place:
        """Returns where it stands; `node` is what was parsed."""
        return Place(self.outer.outer, self.outer.field, node.name)


class FunctionExtent(NamedTuple):
    """A function in a library.

    Attributes:
        place: Where.
        name: Its name.
        message: Its content.
        size: The bytes it takes, with its tag and length.
    """

    place: Place
    name: str
    message: Message
    size: int


def sections(source: ProtoSource) -> Iterator[Section]:
    """Yields the sections of a file. Every byte of it is in one of them.

    Raises:
        ModelUnreadable: If the file is damaged.
    """
    yield from _sections(source.root, source.schema, None)


def _sections(message: Message, schema: str, outer: Place | None) -> Iterator[Section]:
    known = descriptor(schema).fields_by_number
    places = {number: Place(outer, field.name) for number, field in known.items()}
    kinds = {number: f"{schema}.{field.name}" for number, field in known.items()}
    maps = {
        number
        for number, field in known.items()
        if field.message_type is not None and field.message_type.GetOptions().map_entry
    }
    opened = {number: _OPENED.get((schema, field.name)) for number, field in known.items()}
    for field in message.fields():
        number, size = field.number, field.end - field.start
        place = places.get(number) or Place(outer, "unknown field", number)
        kind = kinds.get(number, "")
        inner = opened.get(number)
        if inner and field.wire_type == WireType.LEN:
            content = message.message(field)
            yield Section(None, kind, message, field, field.value_start - field.start)
            yield from _sections(content, inner, _opened_place(place, content, inner))
        elif number in maps:
            key = message.message(field).last(1)
            name = message.message(field).value(key) if key else b""
            place = Place(outer, place.field, name.decode(errors="backslashreplace"))
            yield Section(place, kind, message, field, size)
        else:
            yield Section(place, kind, message, field, size)


def _opened_place(place: Place, content: Message, schema: str) -> Place:
    if schema == "MetaGraphDef":
        return Place(place.outer, f"{place.field}[{','.join(MetaGraph(content).tags)}]")
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
        place = Place(section.place, "function", name)
        yield FunctionExtent(place, name, function, field.end - field.start)


def nodes(section: Section) -> Iterator[NodeExtent]:
    """Yields the nodes in a section: one, all of a library's functions, or none."""
    if section.kind == "GraphDef.node" and section.place:
        yield NodeExtent(section.place, None, section.content, section.size)
    for function in functions(section):
        yield from function_nodes(function)


def function_nodes(function: FunctionExtent) -> Iterator[NodeExtent]:
    """Yields the nodes of a function."""
    place = Place(function.place, "node_def")
    for field in function.message.fields(_BODY):
        message = function.message.message(field)
        yield NodeExtent(place, function.name, message, field.end - field.start)

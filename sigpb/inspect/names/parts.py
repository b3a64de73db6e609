"""The parts of a file whose names have to do with each other: its MetaGraphs, or its graph.

The names in a graph are found here: those of nodes, ops, tensors, attributes and functions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from itertools import chain

from sigpb import protos
from sigpb.inspect.names.metadata_names import (
    in_asset,
    in_collection,
    in_object_graph,
    in_signature,
)
from sigpb.inspect.names.occurrence import (
    Occurrence,
    Referent,
    Role,
    definition,
    is_colocation,
    mention,
    referent,
)
from sigpb.inspect.outline import LARGE, without_elements
from sigpb.inspect.proto_path import FieldPlace
from sigpb.inspect.proto_source import ProtoSource
from sigpb.saved_model.model import parse
from sigpb.tf.tensor_types import dtype_name
from sigpb.wire import Message

_META_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
_GRAPH = protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER
_SAVER = protos.MetaGraphDef.SAVER_DEF_FIELD_NUMBER
_COLLECTION = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER
_SIGNATURE = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
_ASSET = protos.MetaGraphDef.ASSET_FILE_DEF_FIELD_NUMBER
_OBJECTS = protos.MetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER


_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_LIBRARY = protos.GraphDef.LIBRARY_FIELD_NUMBER
_FUNCTION = protos.FunctionDefLibrary.FUNCTION_FIELD_NUMBER
_GRADIENT = protos.FunctionDefLibrary.GRADIENT_FIELD_NUMBER
_REGISTERED = protos.FunctionDefLibrary.REGISTERED_GRADIENTS_FIELD_NUMBER
_BODY = protos.FunctionDef.NODE_DEF_FIELD_NUMBER

_COLOCATION_ATTR = "_class"


class Part:
    """A MetaGraphDef, or a GraphDef on its own.

    Attributes:
        place: Where it stands; None if it is the whole file.
        message: The MetaGraphDef; None of a GraphDef on its own.
        graph: The GraphDef; None if the MetaGraphDef has none.
    """

    def __init__(
        self, place: FieldPlace | None, message: Message | None, graph: Message | None
    ) -> None:
        self.place = place
        self.message = message
        self.graph = graph

    @cached_property
    def signatures(self) -> dict[str, protos.SignatureDef]:
        """The SignatureDefs by key, sorted, large tensors without their elements."""
        found = sorted(self._entries(_SIGNATURE).items())
        return {key: _signature(value) for key, value in found}

    @cached_property
    def assets(self) -> list[protos.AssetFileDef]:
        """The asset files."""
        if self.message is None:
            return []
        fields = self.message.fields(_ASSET)
        return [
            without_elements(protos.AssetFileDef, self.message.message(field)) for field in fields
        ]

    @cached_property
    def object_graph(self) -> protos.SavedObjectGraph | None:
        """The SavedObjectGraph, large tensors without their elements; None if there is none."""
        message = self.message.find(_OBJECTS) if self.message else None
        return without_elements(protos.SavedObjectGraph, message) if message else None

    @cached_property
    def functions(self) -> dict[str, protos.FunctionDef]:
        """The functions by name, without their nodes."""
        found = _functions(self.graph) if self.graph else ()
        return {function.signature.name: function for function, _ in found}

    def nodes(
        self, mention: re.Pattern[bytes] | None = None
    ) -> Iterator[tuple[protos.NodeDef, str | None]]:
        """Yields the nodes, without elements of large tensors, and the functions they are in.

        Args:
            mention: Leave out nodes whose bytes do not hold a match of this.
        """
        return _all_nodes(self.graph, mention) if self.graph else iter(())

    def occurrences(self, mention: re.Pattern[bytes] | None = None) -> Iterator[Occurrence]:
        """Yields all names, lazily and always in the same order.

        Args:
            mention: Leave out nodes whose bytes do not hold a match of this.

        Raises:
            ModelUnreadable: If the part is damaged.
        """
        if self.message is not None:
            yield from self._in_meta_info(self.message)
        if self.graph is not None:
            place = FieldPlace(self.place, "graph_def") if self.message else None
            yield from _in_graph(self.graph, place, mention)
        if self.message is not None:
            yield from self._beside_the_graph(self.message)

    def uses(self, wanted: Collection[Referent]) -> Iterator[tuple[Referent, Occurrence]]:
        """Yields the texts that refer to some nodes, arguments or functions, or define them.

        Args:
            wanted: The nodes, arguments and functions.

        Yields:
            A node, argument or function, and a text whose `definition` or `referent` it is.
        """
        for occurrence in self.occurrences(mention({each.name for each in wanted})):
            found = definition(occurrence) or referent(occurrence)
            if found is not None and found in wanted:
                yield found, occurrence

    def _beside_the_graph(self, message: Message) -> Iterator[Occurrence]:
        if saver := message.find(_SAVER):
            here = FieldPlace(self.place, "saver_def")
            parsed = parse(protos.SaverDef, saver)
            for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
                if text := getattr(parsed, field):
                    yield Occurrence(Role.SAVER, text, FieldPlace(here, field))
        for key, collection in sorted(self._entries(_COLLECTION).items()):
            if collection:
                yield from in_collection(
                    key, collection, FieldPlace(self.place, "collection_def", key)
                )
        for key, value in sorted(self._entries(_SIGNATURE).items()):
            signature = _signature(value)
            yield from in_signature(key, signature, FieldPlace(self.place, "signature_def", key))
        for position, asset in enumerate(self.assets):
            yield from in_asset(asset, FieldPlace(self.place, "asset_file_def", position))
        if self.object_graph:
            yield from in_object_graph(
                self.object_graph, FieldPlace(self.place, "object_graph_def")
            )

    def _in_meta_info(self, message: Message) -> Iterator[Occurrence]:
        source = message.find(_META_INFO)
        if source is None:
            return
        info = without_elements(protos.MetaGraphDef.MetaInfoDef, source)
        here = FieldPlace(self.place, "meta_info_def")
        for position, tag in enumerate(info.tags):
            yield Occurrence(Role.TAG, tag, FieldPlace(here, "tags", position))
        ops = FieldPlace(here, "stripped_op_list")
        for op in info.stripped_op_list.op:
            yield Occurrence(Role.STRIPPED_OP, op.name, FieldPlace(ops, "op", op.name))
        for name in sorted(info.function_aliases):
            where = FieldPlace(here, "function_aliases", name)
            yield Occurrence(Role.ALIASED_FUNCTION, name, where)
            yield Occurrence(Role.ALIAS, info.function_aliases[name], where)

    def _entries(self, number: int) -> dict[str, Message | None]:
        if self.message is None:
            return {}
        return {
            key.decode(errors="backslashreplace"): self.message.entry_value(field)
            for key, field in self.message.entries(number)
        }


def _signature(value: Message | None) -> protos.SignatureDef:
    return without_elements(protos.SignatureDef, value) if value else protos.SignatureDef()


def parts(source: ProtoSource) -> list[Part]:
    """Returns the parts of a file, in its order."""
    if source.schema == "GraphDef":
        return [Part(None, None, source.root)]
    found = []
    for meta_graph in source.meta_graphs:
        is_file = source.schema == "MetaGraphDef"
        place = None if is_file else FieldPlace(None, f"meta_graphs[{','.join(meta_graph.tags)}]")
        found.append(Part(place, meta_graph.message, meta_graph.message.find(_GRAPH)))
    return found


def _in_graph(
    graph: Message, place: FieldPlace | None, mention: re.Pattern[bytes] | None = None
) -> Iterator[Occurrence]:
    """Yields the names in a GraphDef, nodes in the order of the file.

    Args:
        graph: The GraphDef; the elements of its tensors are not read.
        place: Where it stands; None if it is the whole file.
        mention: Leave out nodes whose bytes do not hold a match of this.
    """
    for node, here in _nodes(graph, _NODE, FieldPlace(place, "node"), mention):
        yield from _in_node(node, here, None)
    for field in graph.fields(_LIBRARY):
        yield from _in_library(graph.message(field), FieldPlace(place, "library"), mention)


def _functions(graph: Message) -> Iterator[tuple[protos.FunctionDef, Message]]:
    """Yields the functions of a GraphDef, parsed without their nodes, and where they lie."""
    for field in graph.fields(_LIBRARY):
        library = graph.message(field)
        for function in library.fields(_FUNCTION):
            message = library.message(function)
            yield without_elements(protos.FunctionDef, message, without={_BODY}), message


def _all_nodes(
    graph: Message, mention: re.Pattern[bytes] | None = None
) -> Iterator[tuple[protos.NodeDef, str | None]]:
    """Yields the nodes of a GraphDef and of its functions, without elements of large tensors.

    Args:
        graph: The GraphDef.
        mention: Leave out nodes whose bytes do not hold a match of this.

    Yields:
        Each node, and the name of the function that it is in.
    """
    for node, _ in _nodes(graph, _NODE, FieldPlace(None, "node"), mention):
        yield node, None
    for function, message in _functions(graph):
        for node, _ in _nodes(message, _BODY, FieldPlace(None, "node_def"), mention):
            yield node, function.signature.name


def _in_library(
    library: Message, place: FieldPlace, mention: re.Pattern[bytes] | None
) -> Iterator[Occurrence]:
    for field in library.fields(_FUNCTION):
        yield from _in_function(library.message(field), place, mention)
    for position, field in enumerate(library.fields(_GRADIENT)):
        gradient = parse(protos.GradientDef, library.message(field))
        here = FieldPlace(place, "gradient", position)
        yield Occurrence(Role.GRADIENT, gradient.function_name, FieldPlace(here, "function_name"))
        yield Occurrence(Role.GRADIENT, gradient.gradient_func, FieldPlace(here, "gradient_func"))
    for position, field in enumerate(library.fields(_REGISTERED)):
        registered = parse(protos.RegisteredGradient, library.message(field))
        here = FieldPlace(place, "registered_gradients", position)
        yield Occurrence(Role.GRADIENT, registered.gradient_func, FieldPlace(here, "gradient_func"))
        yield Occurrence(
            Role.STRIPPED_OP, registered.registered_op_type, FieldPlace(here, "registered_op_type")
        )


def _in_function(
    message: Message, place: FieldPlace, mention: re.Pattern[bytes] | None
) -> Iterator[Occurrence]:
    header = without_elements(protos.FunctionDef, message, without={_BODY})
    name = header.signature.name
    here = FieldPlace(place, "function", name)
    signature = FieldPlace(here, "signature")
    yield Occurrence(Role.FUNCTION, name, here)
    for argument in header.signature.input_arg:
        where = FieldPlace(signature, "input_arg", argument.name)
        yield Occurrence(Role.ARGUMENT, argument.name, where, name)
    for result in header.signature.output_arg:
        where = FieldPlace(signature, "output_arg", result.name)
        yield Occurrence(Role.RESULT, result.name, where, name)
    yield from _in_attributes(header.attr, here, name)
    for position in sorted(header.arg_attr):
        where = FieldPlace(here, "arg_attr", position)
        yield from _in_attributes(header.arg_attr[position].attr, where, name)
    for node, where in _nodes(message, _BODY, FieldPlace(here, "node_def"), mention):
        yield from _in_node(node, where, name)
    for result_name in sorted(header.ret):
        tensor = header.ret[result_name]
        yield Occurrence(Role.RETURN, tensor, FieldPlace(here, "ret", result_name), name)
    for result_name in sorted(header.control_ret):
        ran = header.control_ret[result_name]
        yield Occurrence(
            Role.CONTROL_RETURN, ran, FieldPlace(here, "control_ret", result_name), name
        )


def _nodes(
    body: Message, number: int, place: FieldPlace, mention: re.Pattern[bytes] | None
) -> Iterator[tuple[protos.NodeDef, FieldPlace]]:
    """Yields the nodes of a graph or function, and where they stand."""
    for field in body.fields(number):
        # Large nodes are constants; what is in their values mentions nothing.
        is_small = field.end - field.start <= LARGE
        if mention and is_small and not mention.search(body.buffer, field.start, field.end):
            continue
        node = without_elements(protos.NodeDef, body.message(field))
        yield node, FieldPlace(place.outer, place.field, node.name)


def _in_node(node: protos.NodeDef, here: FieldPlace, function: str | None) -> Iterator[Occurrence]:
    yield Occurrence(Role.NODE, node.name, here, function)
    yield Occurrence(Role.OP, node.op, FieldPlace(here, "op"), function)
    if node.device:
        yield Occurrence(Role.DEVICE, node.device, FieldPlace(here, "device"), function)
    for position, text in enumerate(node.input):
        role = Role.CONTROL_INPUT if text.startswith("^") else Role.INPUT
        yield Occurrence(role, text, FieldPlace(here, "input", position), function)
    yield from _in_attributes(node.attr, here, function)


def _in_attributes(
    attributes: Mapping[str, protos.AttrValue], place: FieldPlace, function: str | None
) -> Iterator[Occurrence]:
    for name in sorted(attributes):
        here = FieldPlace(place, "attr", name)
        yield Occurrence(Role.ATTR, name, here, function)
        yield from _in_attribute(name, attributes[name], here, function)


def _in_attribute(
    name: str, value: protos.AttrValue, here: FieldPlace, function: str | None
) -> Iterator[Occurrence]:
    kind = value.WhichOneof("value")
    if kind == "type":
        yield Occurrence(Role.ATTR_TYPE, dtype_name(value.type), FieldPlace(here, kind), function)
    elif kind == "s":
        yield _string(name, value.s, FieldPlace(here, kind), function)
    elif kind == "placeholder":
        yield Occurrence(Role.ATTR_STRING, value.placeholder, FieldPlace(here, kind), function)
    elif kind == "func":
        yield from _call(value.func, FieldPlace(here, kind), function)
    elif kind == "list":
        inner = FieldPlace(here, kind)
        for position, dtype in enumerate(value.list.type):
            where = FieldPlace(inner, "type", position)
            yield Occurrence(Role.ATTR_TYPE, dtype_name(dtype), where, function)
        for position, text in enumerate(value.list.s):
            yield _string(name, text, FieldPlace(inner, "s", position), function)
        for position, called in enumerate(value.list.func):
            yield from _call(called, FieldPlace(inner, "func", position), function)


def _call(
    called: protos.NameAttrList, here: FieldPlace, function: str | None
) -> Iterator[Occurrence]:
    name = Occurrence(Role.CALL, called.name, FieldPlace(here, "name"), function)
    yield from chain([name], _in_attributes(called.attr, here, function))


def _string(name: str, value: bytes, here: FieldPlace, function: str | None) -> Occurrence:
    text = value.decode(errors="backslashreplace")
    is_class = name == _COLOCATION_ATTR and is_colocation(text)
    return Occurrence(Role.COLOCATION if is_class else Role.ATTR_STRING, text, here, function)

"""The names in a GraphDef: of nodes, ops, tensors, attributes and functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from sigpb import protos
from sigpb.inspect.names.occurrence import Occurrence, Role, is_colocation
from sigpb.inspect.outline import LARGE, outline
from sigpb.inspect.place import Place
from sigpb.saved_model.model import parse
from sigpb.tf.tensor_types import dtype_name
from sigpb.wire import Message

_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_LIBRARY = protos.GraphDef.LIBRARY_FIELD_NUMBER
_FUNCTION = protos.FunctionDefLibrary.FUNCTION_FIELD_NUMBER
_GRADIENT = protos.FunctionDefLibrary.GRADIENT_FIELD_NUMBER
_REGISTERED = protos.FunctionDefLibrary.REGISTERED_GRADIENTS_FIELD_NUMBER
_BODY = protos.FunctionDef.NODE_DEF_FIELD_NUMBER

_COLOCATION_ATTR = "_class"


def in_graph(
    graph: Message, place: Place | None, mention: re.Pattern[bytes] | None = None
) -> Iterator[Occurrence]:
    """Yields the names in a GraphDef, nodes in the order of the file.

    Args:
        graph: The GraphDef; the elements of its tensors are not read.
        place: Where it stands; None if it is the whole file.
        mention: Leave out nodes whose bytes do not hold a match of this.
    """
    for node, here in _nodes(graph, _NODE, Place(place, "node"), mention):
        yield from _in_node(node, here, None)
    for field in graph.fields(_LIBRARY):
        yield from _in_library(graph.message(field), Place(place, "library"), mention)


def functions(graph: Message) -> Iterator[tuple[protos.FunctionDef, Message]]:
    """Yields the functions of a GraphDef, parsed without their nodes, and where they lie."""
    for field in graph.fields(_LIBRARY):
        library = graph.message(field)
        for function in library.fields(_FUNCTION):
            message = library.message(function)
            yield outline(protos.FunctionDef, message, without={_BODY}), message


def nodes(
    graph: Message, mention: re.Pattern[bytes] | None = None
) -> Iterator[tuple[protos.NodeDef, str | None]]:
    """Yields the nodes of a GraphDef and of its functions, without elements of large tensors.

    Args:
        graph: The GraphDef.
        mention: Leave out nodes whose bytes do not hold a match of this.

    Yields:
        Each node, and the name of the function that it is in.
    """
    for node, _ in _nodes(graph, _NODE, Place(None, "node"), mention):
        yield node, None
    for function, message in functions(graph):
        for node, _ in _nodes(message, _BODY, Place(None, "node_def"), mention):
            yield node, function.signature.name


def _in_library(
    library: Message, place: Place, mention: re.Pattern[bytes] | None
) -> Iterator[Occurrence]:
    for field in library.fields(_FUNCTION):
        yield from _in_function(library.message(field), place, mention)
    for position, field in enumerate(library.fields(_GRADIENT)):
        gradient = parse(protos.GradientDef, library.message(field))
        here = Place(place, "gradient", position)
        yield Occurrence(Role.GRADIENT, gradient.function_name, Place(here, "function_name"))
        yield Occurrence(Role.GRADIENT, gradient.gradient_func, Place(here, "gradient_func"))
    for position, field in enumerate(library.fields(_REGISTERED)):
        registered = parse(protos.RegisteredGradient, library.message(field))
        here = Place(place, "registered_gradients", position)
        yield Occurrence(Role.GRADIENT, registered.gradient_func, Place(here, "gradient_func"))
        yield Occurrence(
            Role.STRIPPED_OP, registered.registered_op_type, Place(here, "registered_op_type")
        )


def _in_function(
    message: Message, place: Place, mention: re.Pattern[bytes] | None
) -> Iterator[Occurrence]:
    header = outline(protos.FunctionDef, message, without={_BODY})
    name = header.signature.name
    here = Place(place, "function", name)
    signature = Place(here, "signature")
    yield Occurrence(Role.FUNCTION, name, here)
    for argument in header.signature.input_arg:
        where = Place(signature, "input_arg", argument.name)
        yield Occurrence(Role.ARGUMENT, argument.name, where, name)
    for result in header.signature.output_arg:
        where = Place(signature, "output_arg", result.name)
        yield Occurrence(Role.RESULT, result.name, where, name)
    yield from _in_attributes(header.attr, here, name)
    for position in sorted(header.arg_attr):
        where = Place(here, "arg_attr", position)
        yield from _in_attributes(header.arg_attr[position].attr, where, name)
    for node, where in _nodes(message, _BODY, Place(here, "node_def"), mention):
        yield from _in_node(node, where, name)
    for result_name in sorted(header.ret):
        tensor = header.ret[result_name]
        yield Occurrence(Role.RETURN, tensor, Place(here, "ret", result_name), name)
    for result_name in sorted(header.control_ret):
        ran = header.control_ret[result_name]
        yield Occurrence(Role.CONTROL_RETURN, ran, Place(here, "control_ret", result_name), name)


def _nodes(
    body: Message, number: int, place: Place, mention: re.Pattern[bytes] | None
) -> Iterator[tuple[protos.NodeDef, Place]]:
    """Yields the nodes of a graph or function, and where they stand."""
    for field in body.fields(number):
        # Large nodes are constants; what is in their values mentions nothing.
        is_small = field.end - field.start <= LARGE
        if mention and is_small and not mention.search(body.buffer, field.start, field.end):
            continue
        node = outline(protos.NodeDef, body.message(field))
        yield node, Place(place.outer, place.field, node.name)


def _in_node(node: protos.NodeDef, here: Place, function: str | None) -> Iterator[Occurrence]:
    yield Occurrence(Role.NODE, node.name, here, function)
    yield Occurrence(Role.OP, node.op, Place(here, "op"), function)
    if node.device:
        yield Occurrence(Role.DEVICE, node.device, Place(here, "device"), function)
    for position, text in enumerate(node.input):
        role = Role.CONTROL_INPUT if text.startswith("^") else Role.INPUT
        yield Occurrence(role, text, Place(here, "input", position), function)
    yield from _in_attributes(node.attr, here, function)


def _in_attributes(
    attributes: Mapping[str, protos.AttrValue], place: Place, function: str | None
) -> Iterator[Occurrence]:
    for name in sorted(attributes):
        here = Place(place, "attr", name)
        yield Occurrence(Role.ATTR, name, here, function)
        yield from _in_attribute(name, attributes[name], here, function)


def _in_attribute(
    name: str, value: protos.AttrValue, here: Place, function: str | None
) -> Iterator[Occurrence]:
    kind = value.WhichOneof("value")
    if kind == "type":
        yield Occurrence(Role.ATTR_TYPE, dtype_name(value.type), Place(here, kind), function)
    elif kind == "s":
        yield _string(name, value.s, Place(here, kind), function)
    elif kind == "placeholder":
        yield Occurrence(Role.ATTR_STRING, value.placeholder, Place(here, kind), function)
    elif kind == "func":
        yield from _call(value.func, Place(here, kind), function)
    elif kind == "list":
        inner = Place(here, kind)
        for position, dtype in enumerate(value.list.type):
            where = Place(inner, "type", position)
            yield Occurrence(Role.ATTR_TYPE, dtype_name(dtype), where, function)
        for position, text in enumerate(value.list.s):
            yield _string(name, text, Place(inner, "s", position), function)
        for position, called in enumerate(value.list.func):
            yield from _call(called, Place(inner, "func", position), function)


def _call(called: protos.NameAttrList, here: Place, function: str | None) -> Iterator[Occurrence]:
    name = Occurrence(Role.CALL, called.name, Place(here, "name"), function)
    yield from chain([name], _in_attributes(called.attr, here, function))


def _string(name: str, value: bytes, here: Place, function: str | None) -> Occurrence:
    text = value.decode(errors="backslashreplace")
    is_class = name == _COLOCATION_ATTR and is_colocation(text)
    return Occurrence(Role.COLOCATION if is_class else Role.ATTR_STRING, text, here, function)

"""What nodes and functions of a graph others need, from what they take and what they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from sigpb import protos
from sigpb.graphs.node_index import outline
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.whole_graph.bodies import function_nodes, top_level
from sigpb.saved_model.model import parse
from sigpb.tf.tensor_names import producer
from sigpb.wire import Message

_LIBRARY = protos.GraphDef.LIBRARY_FIELD_NUMBER
_GRADIENT = protos.FunctionDefLibrary.GRADIENT_FIELD_NUMBER
_REGISTERED = protos.FunctionDefLibrary.REGISTERED_GRADIENTS_FIELD_NUMBER
_ATTR = protos.FunctionDef.ATTR_FIELD_NUMBER

_LOCATION = b"loc:@"
_CLASS = "_class"

# Grappler exchanges functions of one interface for each other, whoever calls them
# (tensorflow/core/grappler/optimizers/implementation_selector.cc).
_INTERFACES = ("api_implements", "experimental_api_implements")


class Reach:
    """The nodes of the top level, and the functions, that are needed by some of them.

    A node needs what it takes, what it waits for, and what it is colocated with; a node or a
    function needs the functions that its op and its attributes name, in whatever attribute: also as
    text, as ``forward_function_name`` does, or as a gradient that is registered under that text.

    Attributes:
        top: The nodes of the top level by name, where they lie in the file.
        library: The functions by name, where they lie in the file.
        nodes: The nodes that are needed.
        functions: The functions that are needed.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._parts = parts
        self.top: dict[str, Message] = {}
        self._parsed: dict[str, protos.NodeDef] = {}
        for message in top_level(parts.meta_graph.message):
            node = outline(message)
            self.top[node.name], self._parsed[node.name] = message, node
        self.library = dict(parts.library.messages)
        self.nodes = set[str]()
        self.functions = set[str]()

    def add(self, nodes: Iterable[str] = (), functions: Iterable[str] = ()) -> None:
        """Adds what is needed, and all that it needs in turn; names of nothing do not count."""
        new_nodes = (self.top.keys() & set(nodes)) - self.nodes
        new_functions = (self.library.keys() & set(functions)) - self.functions
        while new_nodes or new_functions:
            self.nodes |= new_nodes
            self.functions |= new_functions
            found_nodes, found_functions = set[str](), set[str]()
            for name in new_nodes:
                node = self._parsed[name]
                found_nodes |= set(map(producer, node.input)) | _locations(node)
                found_functions |= self._functions_of(node)
            for name in new_functions:
                found_functions |= self._by_text.get(name.encode(), set())
                for node in map(outline, function_nodes(self.library[name])):
                    found_functions |= self._functions_of(node)
                for text in _texts(self._attributes[name]):
                    found_functions |= self._by_text.get(text, set())
            new_nodes = (self.top.keys() & found_nodes) - self.nodes
            new_functions = (self.library.keys() & found_functions) - self.functions

    def ops(self, nodes: Iterable[str], functions: Iterable[str]) -> set[str]:
        """Returns the ops of some nodes, and of those of some functions."""
        found = {self._parsed[name].op for name in nodes}
        for name in functions:
            found |= {outline(node).op for node in function_nodes(self.library[name])}
        return found

    def _functions_of(self, node: protos.NodeDef) -> set[str]:
        found = self._by_text.get(node.op.encode(), set())
        for text in _texts(node.attr):
            found = found | self._by_text.get(text, set())
        return found

    @cached_property
    def _attributes(self) -> dict[str, Mapping[str, protos.AttrValue]]:
        """The attributes of each function."""
        found: dict[str, Mapping[str, protos.AttrValue]] = {}
        for name, message in self.library.items():
            fields = message.fields(_ATTR)
            encoded = (bytes(message.buffer[field.start : field.end]) for field in fields)
            found[name] = parse(protos.FunctionDef, Message.root(b"".join(encoded))).attr
        return found

    @cached_property
    def _by_text(self) -> Mapping[bytes, set[str]]:
        """The functions that a text in an attribute stands for."""
        found: dict[bytes, set[str]] = defaultdict(set)
        for name, attributes in self._attributes.items():
            found[name.encode()].add(name)
            for key in _INTERFACES:
                if key in attributes:
                    found[attributes[key].s].add(name)
        for _, gradient in self.gradients():
            key = (
                gradient.registered_op_type
                if isinstance(gradient, protos.RegisteredGradient)
                else gradient.function_name
            )
            found[key.encode()].add(gradient.gradient_func)
        return found

    def gradients(self) -> Iterator[tuple[Message, protos.GradientDef | protos.RegisteredGradient]]:
        """Yields what the library says of gradients, each with where it lies in the file."""
        library = self._parts.message.find(_LIBRARY)
        for field in library.fields() if library else ():
            if library is not None and field.number == _GRADIENT:
                message = library.message(field)
                yield message, parse(protos.GradientDef, message)
            elif library is not None and field.number == _REGISTERED:
                message = library.message(field)
                yield message, parse(protos.RegisteredGradient, message)


def _locations(node: protos.NodeDef) -> set[str]:
    """Returns the nodes that a node is colocated with, without which importers refuse it."""
    texts = node.attr[_CLASS].list.s if _CLASS in node.attr else ()
    found = (text for text in texts if text.startswith(_LOCATION))
    return {text.removeprefix(_LOCATION).decode(errors="replace") for text in found}


def _texts(attributes: Mapping[str, protos.AttrValue]) -> Iterator[bytes]:
    """Yields the texts in attributes, and the names of functions, at any depth."""
    for value in attributes.values():
        kind = value.WhichOneof("value")
        if kind == "s":
            yield value.s
        elif kind == "func":
            yield value.func.name.encode()
            yield from _texts(value.func.attr)
        elif kind == "list":
            yield from value.list.s
            for function in value.list.func:
                yield function.name.encode()
                yield from _texts(function.attr)

"""A MetaGraph's graph in its parts, each of which is read when it is asked for.

Its functions are looked up, added and removed without parsing the graph.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from sigpb import protos
from sigpb.saved_model.deterministic_bytes import append_to_list
from sigpb.saved_model.model import MetaGraph, parse
from sigpb.tf.called_functions import called_functions
from sigpb.wire import Edits, Message, encode_varint

if TYPE_CHECKING:
    from sigpb.graphs.top_level import TopLevelGraph
    from sigpb.tf.op_defs import OpDefs

Span = tuple[int, int]
"""Where bytes start, and where they end, which is not included."""

_GRAPH = protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER
_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_LIBRARY = protos.GraphDef.LIBRARY_FIELD_NUMBER
_FUNCTION = protos.FunctionDefLibrary.FUNCTION_FIELD_NUMBER
_SIGNATURE = protos.FunctionDef.SIGNATURE_FIELD_NUMBER
_NODE_DEF = protos.FunctionDef.NODE_DEF_FIELD_NUMBER
_NAME = protos.OpDef.NAME_FIELD_NUMBER


class GraphParts:
    """The graph of a MetaGraph.

    Attributes:
        meta_graph: The MetaGraph.
        message: Its GraphDef; an empty one if it has none.
        library: Its functions.
    """

    def __init__(self, meta_graph: MetaGraph) -> None:
        message = meta_graph.message
        self.meta_graph = meta_graph
        self.message = message.find(_GRAPH) or Message(message.buffer, 0, 0)
        self.library = FunctionLibrary(message, _concrete_functions(meta_graph))

    @cached_property
    def op_defs(self) -> OpDefs:
        """Its ops."""
        from sigpb.tf.op_defs import OpDefs

        return OpDefs(lambda: (*self.meta_graph.op_defs(), *self.library.signatures()))

    @cached_property
    def top(self) -> TopLevelGraph:
        """The nodes of its top level."""
        from sigpb.graphs.top_level import TopLevelGraph

        return TopLevelGraph(self.message, self.library, self.op_defs)

    def fork(self) -> GraphParts:
        """Returns parts with the same changes, of which more do not concern these.

        What was read is not read again.
        """
        other = copy.copy(self)
        other.library = self.library.fork()
        if "top" in self.__dict__:
            other.top = self.top.fork(other.library)
        return other


def _concrete_functions(meta_graph: MetaGraph) -> Iterator[str]:
    """Yields the names that the object graph has functions under, in the library or not."""
    if meta_graph.object_graph:
        yield from meta_graph.object_graph.proto.concrete_functions


class FunctionLibrary:
    """The function library of a MetaGraph, and the functions to add to it."""

    def __init__(self, meta_graph: Message, reserved: Iterable[str] = ()) -> None:
        """Finds the library in a MetaGraphDef.

        Args:
            meta_graph: The MetaGraphDef.
            reserved: Names that no function to add may have, though no function need have them.
        """
        self._graph = meta_graph.find(_GRAPH) or Message(meta_graph.buffer, 0, 0)
        self._added: dict[str, protos.FunctionDef] = {}
        self._variants: dict[bytes, str] = {}
        self._removed: list[str] = []
        self._reserved = reserved

    @classmethod
    def of_graph(cls, graph: Message) -> FunctionLibrary:
        """Returns the library of a GraphDef, which is in no MetaGraphDef."""
        library = cls(Message(graph.buffer, 0, 0))
        library._graph = graph
        return library

    def fork(self) -> FunctionLibrary:
        """Returns a library with the same changes, of which more do not concern this one."""
        other = copy.copy(self)
        other._added, other._variants = {**self._added}, {**self._variants}
        other._removed = [*self._removed]
        return other

    @cached_property
    def _message(self) -> Message | None:
        _, rest = self._graph.leading(_NODE)
        return rest.find(_LIBRARY)

    @cached_property
    def messages(self) -> tuple[tuple[str, Message], ...]:
        """The name of each function of the file, and where it lies there."""
        if self._message is None:
            return ()
        functions = map(self._message.message, self._message.fields(_FUNCTION))
        return tuple((_function_name(function), function) for function in functions)

    @cached_property
    def _by_name(self) -> dict[str, Message]:
        return dict(self.messages)

    @cached_property
    def _numbers_taken(self) -> set[str]:
        """The numbers that end the names of functions."""
        ends = (re.search("[0-9]+$", name) for name in (*self._by_name, *self._reserved))
        return {end[0] for end in ends if end}

    @cached_property
    def _number(self) -> int:
        """The last number that a function was given, at first the largest that ends a name."""
        # Names may end in thousands of digits.
        return max((int(number) for number in self._numbers_taken if len(number) < 19), default=0)

    def get(self, name: str) -> protos.FunctionDef | None:
        """Returns the function of a name, an added one too, or None. Not to be changed."""
        if name in self._added:
            return self._added[name]
        message = self._by_name.get(name)
        return parse(protos.FunctionDef, message) if message else None

    def has_same(self, name: str, other: FunctionLibrary) -> bool:
        """Whether the files of both have a function of a name, and it is the same."""
        functions = self._by_name.get(name), other._by_name.get(name)
        if functions[0] is None or functions[1] is None:
            return False
        if functions[0].content() == functions[1].content():
            return True
        first, second = (parse(protos.FunctionDef, function) for function in functions if function)
        encoded = first.SerializeToString(deterministic=True)
        return encoded == second.SerializeToString(deterministic=True)

    def outline(self, name: str) -> protos.FunctionDef | None:
        """Returns the function of a name in the file without its nodes, or None."""
        message = self._by_name.get(name)
        if message is None:
            return None
        kept = (field for field in message.fields() if field.number != _NODE_DEF)
        encoded = b"".join(bytes(message.buffer[field.start : field.end]) for field in kept)
        return parse(protos.FunctionDef, Message.root(encoded))

    def signatures(self) -> Iterator[protos.OpDef]:
        """Yields what the functions of the file take and return."""
        for _, function in self.messages:
            if signature := function.find(_SIGNATURE):
                yield parse(protos.OpDef, signature)

    def fresh_name(self, stem: str) -> str:
        """Returns a name for a function to add: ``<stem>_<number>``.

        The number is unique, which TensorFlow's fingerprinting wants of functions that the object
        graph names (tensorflow/core/graph/regularization/util.cc).
        """
        self._number += 1
        while str(self._number) in self._numbers_taken:
            self._number += 1
        return f"{stem}_{self._number}"

    def add(self, function: protos.FunctionDef) -> None:
        """Adds a function under its name."""
        self._added[function.signature.name] = function

    def add_variant(self, function: protos.FunctionDef) -> str:
        """Adds a function under a fresh name that resembles its own, and returns the name.

        It is added without what would let others exchange it for the function that it is made of.
        A variant that was added before is not added again.
        """
        encoded = function.SerializeToString(deterministic=True)
        if encoded not in self._variants:
            from sigpb.tf.called_functions import drop_what_no_longer_holds

            added = protos.FunctionDef.FromString(encoded)
            name = self.fresh_name(re.sub(r"_\d+$", "", function.signature.name))
            added.signature.name = self._variants[encoded] = name
            drop_what_no_longer_holds(added)
            self.add(added)
        return self._variants[encoded]

    def remove(self, name: str) -> bool:
        """Removes a function of the file if nothing else in the graph names it.

        Returns:
            Whether it did.
        """
        field = self._by_name[name].enclosing[-1]
        mention = re.compile(re.escape(name.encode()))
        for start, end in ((self._graph.start, field.start), (field.end, self._graph.end)):
            if mention.search(self._graph.buffer, start, end):
                return False
        if any(name in called_functions(added.node_def) for added in self._added.values()):
            return False
        self._removed.append(name)
        return True

    def remove_unused(
        self, names: Collection[str], without: Sequence[Span], used: Collection[str] = ()
    ) -> set[str]:
        """Removes functions of the file, and those that they call, if nothing else names them.

        Args:
            names: The functions that may go.
            without: Where in the file there is what goes as well.
            used: The functions that are named outside of the graph.

        Returns:
            The ops that the removed functions used.
        """
        candidates, waiting = set[str](), list(names)
        while waiting:
            name = waiting.pop()
            if name in self._by_name and name not in candidates:
                candidates.add(name)
                function = self.get(name)
                waiting += called_functions(function.node_def) if function else ()
        added = {name for each in self._added.values() for name in called_functions(each.node_def)}
        candidates -= {*added, *self._removed, *used}
        while kept := candidates & self._named_outside([*candidates, *self._removed], without):
            candidates -= kept
        functions = [function for name in candidates if (function := self.get(name))]
        self._removed += sorted(candidates)
        return {node.op for function in functions for node in function.node_def}

    def _named_outside(self, names: Sequence[str], without: Sequence[Span]) -> set[str]:
        """Returns which of some functions are named outside of them, and of some spans."""
        if not names:
            return set()
        fields = [self._by_name[name].enclosing[-1] for name in names]
        spans = sorted([*without, *((field.start, field.end) for field in fields)])
        # The length in front of a name tells where it ends: what follows it may look like a digit.
        mentions = {encode_varint(len(name.encode())) + name.encode(): name for name in names}
        pattern = re.compile(b"|".join(map(re.escape, mentions)))
        starts = (self._graph.start, *(end for _, end in spans))
        ends = (*(start for start, _ in spans), self._graph.end)
        found: set[str] = set()
        for start, end in zip(starts, ends, strict=True):
            matches = pattern.finditer(self._graph.buffer, start, end)
            found |= {mentions[match[0]] for match in matches}
        return found

    def mentions_op(self, op: str) -> bool:
        """Whether a node of a function that stays may have an op."""
        removed = set(self._removed)
        encoded = op.encode()
        field = bytes([protos.NodeDef.OP_FIELD_NUMBER << 3 | 2, len(encoded)]) + encoded
        pattern = re.compile(re.escape(field))
        return any(
            pattern.search(message.buffer, message.start, message.end)
            for name, message in self.messages
            if name not in removed
        )

    def rewrite(self, edits: Edits, used: Collection[str]) -> set[str]:
        """Writes the added functions that are used, and leaves out the removed ones.

        A library that the graph lacks is added at its end, behind the nodes.

        Args:
            edits: Receives what changes.
            used: The functions that are named outside of the added ones.

        Returns:
            The ops that the functions which were written use.
        """
        written, waiting = set(), list(used)
        while waiting:
            name = waiting.pop()
            if name in self._added and name not in written:
                written.add(name)
                waiting += called_functions(self._added[name].node_def)
        functions = [function for name, function in self._added.items() if name in written]
        if functions and self._message is None:
            library = protos.FunctionDefLibrary(function=functions)
            append_to_list(edits, self._graph, _LIBRARY, [library])
        elif functions or self._removed:
            assert self._message is not None, "functions were removed from it"
            for name in self._removed:
                edits.delete(self._message, self._by_name[name].enclosing[-1])
            append_to_list(edits, self._message, _FUNCTION, functions)
        return {node.op for function in functions for node in function.node_def}


def _function_name(function: Message) -> str:
    signature = function.find(_SIGNATURE)
    name = signature.last(_NAME) if signature else None
    return signature.text(name) if signature and name else ""

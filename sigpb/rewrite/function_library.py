"""The functions of a MetaGraph's GraphDef, looked up and added without parsing the graph."""

from __future__ import annotations

import re
from functools import cached_property

from sigpb import protos
from sigpb.rewrite import records
from sigpb.saved_model.model import parse
from sigpb.wire import Edits, Field, Message

_GRAPH = protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER
_LIBRARY = protos.GraphDef.LIBRARY_FIELD_NUMBER
_FUNCTION = protos.FunctionDefLibrary.FUNCTION_FIELD_NUMBER
_SIGNATURE = protos.FunctionDef.SIGNATURE_FIELD_NUMBER
_NAME = protos.OpDef.NAME_FIELD_NUMBER


class FunctionLibrary:
    """The function library of a MetaGraph, and the functions to add to it."""

    def __init__(self, meta_graph: Message) -> None:
        """Finds the library in a MetaGraphDef."""
        self._graph = meta_graph.find(_GRAPH) or Message(meta_graph.buffer, 0, 0)
        self._message = self._graph.find(_LIBRARY)
        self._added: list[protos.FunctionDef] = []
        self._removed: list[str] = []

    @cached_property
    def _fields(self) -> dict[str, Field]:
        if self._message is None:
            return {}
        return {
            _function_name(self._message.message(field)): field
            for field in self._message.fields(_FUNCTION)
        }

    def names(self) -> list[str]:
        """Returns the names of all functions, added ones too."""
        return [*self._fields, *(function.signature.name for function in self._added)]

    def get(self, name: str) -> protos.FunctionDef | None:
        """Returns the function of a name as it is in the file, or None."""
        field = self._fields.get(name)
        if self._message is None or field is None:
            return None
        return parse(protos.FunctionDef, self._message.message(field))

    def add(self, function: protos.FunctionDef) -> None:
        """Adds a function. The library has to exist."""
        self._added.append(function)

    def remove(self, name: str) -> bool:
        """Removes a function of the file if nothing else in the graph names it.

        Returns:
            Whether it did.
        """
        field = self._fields[name]
        mention = re.compile(re.escape(name.encode()))
        for start, end in ((self._graph.start, field.start), (field.end, self._graph.end)):
            if mention.search(self._graph.buffer, start, end):
                return False
        self._removed.append(name)
        return True

    def rewrite(self, edits: Edits) -> None:
        """Writes the added functions, and leaves out the removed ones."""
        if self._message is not None:
            for name in self._removed:
                edits.delete(self._message, self._fields[name])
            records.append(edits, self._message, _FUNCTION, self._added)


def _function_name(function: Message) -> str:
    signature = function.find(_SIGNATURE)
    name = signature.last(_NAME) if signature else None
    return signature.text(name) if signature and name else ""

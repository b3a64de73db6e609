"""The parts of a file whose names have to do with each other: its MetaGraphs, or its graph."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cached_property

from sigpb import protos
from sigpb.inspect.names.graph_names import functions, in_graph, nodes
from sigpb.inspect.names.metadata_names import (
    in_asset,
    in_collection,
    in_object_graph,
    in_signature,
)
from sigpb.inspect.names.occurrence import Occurrence, Referent, Role, definition, mention, referent
from sigpb.inspect.outline import outline
from sigpb.inspect.place import Place
from sigpb.inspect.proto_source import ProtoSource
from sigpb.saved_model.model import parse
from sigpb.wire import Message

_META_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
_GRAPH = protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER
_SAVER = protos.MetaGraphDef.SAVER_DEF_FIELD_NUMBER
_COLLECTION = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER
_SIGNATURE = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
_ASSET = protos.MetaGraphDef.ASSET_FILE_DEF_FIELD_NUMBER
_OBJECTS = protos.MetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER


class Part:
    """A MetaGraphDef, or a GraphDef on its own.

    Attributes:
        place: Where it stands; None if it is the whole file.
        message: The MetaGraphDef; None of a GraphDef on its own.
        graph: The GraphDef; None if the MetaGraphDef has none.
    """

    def __init__(self, place: Place | None, message: Message | None, graph: Message | None) -> None:
        self.place = place
        self.message = message
        self.graph = graph

    @property
    def graph_place(self) -> Place | None:
        """Where the GraphDef stands; None if it is the whole file."""
        return Place(self.place, "graph_def") if self.message else None

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
        return [outline(protos.AssetFileDef, self.message.message(field)) for field in fields]

    @cached_property
    def object_graph(self) -> protos.SavedObjectGraph | None:
        """The SavedObjectGraph, large tensors without their elements; None if there is none."""
        message = self.message.find(_OBJECTS) if self.message else None
        return outline(protos.SavedObjectGraph, message) if message else None

    @cached_property
    def functions(self) -> dict[str, protos.FunctionDef]:
        """The functions by name, without their nodes."""
        found = functions(self.graph) if self.graph else ()
        return {function.signature.name: function for function, _ in found}

    def nodes(
        self, mention: re.Pattern[bytes] | None = None
    ) -> Iterator[tuple[protos.NodeDef, str | None]]:
        """Yields the nodes, without elements of large tensors, and the functions they are in.

        Args:
            mention: Leave out nodes whose bytes do not hold a match of this.
        """
        return nodes(self.graph, mention) if self.graph else iter(())

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
            yield from in_graph(self.graph, self.graph_place, mention)
        if self.message is not None:
            yield from self._beside_the_graph(self.message)

    def uses(self, wanted: Collection[Referent]) -> Iterator[tuple[Referent, Occurrence]]:
        """Yields what refers to some nodes, arguments or functions, and what defines them.

        Args:
            wanted: The nodes, arguments and functions.

        Yields:
            One of these, and a text that `definition` or `referent` takes for it.
        """
        for occurrence in self.occurrences(mention({each.name for each in wanted})):
            found = definition(occurrence) or referent(occurrence)
            if found is not None and found in wanted:
                yield found, occurrence

    def _beside_the_graph(self, message: Message) -> Iterator[Occurrence]:
        if saver := message.find(_SAVER):
            here = Place(self.place, "saver_def")
            parsed = parse(protos.SaverDef, saver)
            for field in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
                if text := getattr(parsed, field):
                    yield Occurrence(Role.SAVER, text, Place(here, field))
        for key, collection in sorted(self._entries(_COLLECTION).items()):
            if collection:
                yield from in_collection(key, collection, Place(self.place, "collection_def", key))
        for key, value in sorted(self._entries(_SIGNATURE).items()):
            signature = _signature(value)
            yield from in_signature(key, signature, Place(self.place, "signature_def", key))
        for position, asset in enumerate(self.assets):
            yield from in_asset(asset, Place(self.place, "asset_file_def", position))
        if self.object_graph:
            yield from in_object_graph(self.object_graph, Place(self.place, "object_graph_def"))

    def _in_meta_info(self, message: Message) -> Iterator[Occurrence]:
        source = message.find(_META_INFO)
        if source is None:
            return
        info = outline(protos.MetaGraphDef.MetaInfoDef, source)
        here = Place(self.place, "meta_info_def")
        for position, tag in enumerate(info.tags):
            yield Occurrence(Role.TAG, tag, Place(here, "tags", position))
        ops = Place(here, "stripped_op_list")
        for op in info.stripped_op_list.op:
            yield Occurrence(Role.STRIPPED_OP, op.name, Place(ops, "op", op.name))
        for name in sorted(info.function_aliases):
            where = Place(here, "function_aliases", name)
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
    return outline(protos.SignatureDef, value) if value else protos.SignatureDef()


def parts(source: ProtoSource) -> list[Part]:
    """Returns the parts of a file, in its order."""
    if source.schema == "GraphDef":
        return [Part(None, None, source.root)]
    found = []
    for meta_graph in source.meta_graphs:
        is_file = source.schema == "MetaGraphDef"
        place = None if is_file else Place(None, f"meta_graphs[{','.join(meta_graph.tags)}]")
        found.append(Part(place, meta_graph.message, meta_graph.message.find(_GRAPH)))
    return found

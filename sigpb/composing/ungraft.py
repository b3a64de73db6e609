"""Takes a graft out of a model again: to the byte, where nothing else changed what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sigpb import protos
from sigpb.composing.composed import Composed
from sigpb.composing.way_back import LAYOUT, WayBack
from sigpb.errors import PatchError
from sigpb.publishing.changes import Content, WholeFile
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.grafts import grafts
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import tensor_names
from sigpb.visible_text import natural
from sigpb.wire import Edits
from sigpb.wire.differences import Difference, take_back

_NODES = (protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER,)
_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_FUNCTIONS = (*_NODES, protos.GraphDef.LIBRARY_FIELD_NUMBER)

_LISTED = 3  # fields in a message

_LATER = "take back first what changed it since then ('sigpb undo' does, patch by patch)"


def ungrafted(into: Composed, index: int, way: WayBack) -> Composed:
    """Takes the graft that was put last into a MetaGraph out of it.

    Args:
        into: The model.
        index: The position of the MetaGraph.
        way: How it is taken out.

    Raises:
        PatchError: With all that was changed since the graft was put there, or is needed.
    """
    meta_graph = into.model.meta_graphs[index]
    where = f"{way.graft.name!r} cannot be taken out"
    later = [each.name for each in grafts(meta_graph)]
    later = later[later.index(way.graft.name) + 1 :] if way.graft.name in later else []
    if later:
        raise PatchError(
            f"{where} before {', '.join(map(repr, later))}, which came later; name these too, or "
            "take them out first."
        )
    if way.lost:
        raise PatchError(f"{where}: the record is without {', '.join(way.lost)}, a large file.")
    edits = Edits(into.model.buffer)
    changed = [*take_back(edits, meta_graph.message, LAYOUT, way.differences)]
    if changed:
        more = ", …" if len(changed) > _LISTED else ""
        fields = ", ".join(map(_said, changed[:_LISTED]))
        raise PatchError(f"{where}: not as it was left is {fields}{more}; {_LATER}.")
    without = into.edited(edits, {name: _was(into, was) for name, was in way.files.items()})
    if problems := [*_missing(without.model.meta_graphs[index], way)]:
        raise PatchError([f"{where}: {each}" for each in problems])
    return without


def _said(each: Difference) -> str:
    """Returns what a message calls a field of a MetaGraphDef."""
    message: Any = protos.MetaGraphDef.DESCRIPTOR
    names = []
    for number in (*each.path, each.field.number):
        field = message.fields_by_number[number]
        names.append(field.name)
        message = field.message_type
    name = each.field.place if each.field.name is None else repr(each.field.name)
    return f"{'.'.join(names)}[{name}]"


def _content(into: Composed, name: str) -> Content | None:
    return into.files.get(name, WholeFile(into.model.directory / name))


def _was(into: Composed, was: bytes | Path | None) -> Content | None:
    return _content(into, str(was)) if isinstance(was, Path) else was


def _missing(meta_graph: MetaGraph, way: WayBack) -> Iterator[str]:
    """Yields what of the graft others need, and what the model without it needs and has no more.

    Copies of the signature that the graft was for need it. What only the signature without the
    graft needs may have been pruned since.
    """
    gone = {
        path: {each.field.name for each in way.differences if each.path == path and not each.before}
        for path in (_NODES, _FUNCTIONS)
    }
    parts = GraphParts(meta_graph)
    pruned = set[str]()
    for key in sorted(meta_graph.signatures, key=natural):
        signature = meta_graph.signatures[key]
        infos = (*signature.inputs.values(), *signature.outputs.values())
        names = {producer(tensor) for info in infos for tensor in tensor_names(info)}
        if names & gone[_NODES]:
            yield f"signature {key!r} needs it; delete that first, with a patch of its own."
        pruned |= {name for name in names - gone[_NODES] if parts.top.node(name) is None}
    for node in sorted(pruned):
        yield f"the model has no node {node!r} any more, which it needs without it; {_LATER}."
    graph = meta_graph.object_graph
    for name in sorted(graph.proto.concrete_functions if graph else ()):
        if name in gone[_FUNCTIONS]:
            yield f"the object graph names the function {name!r} of it; {_LATER}."

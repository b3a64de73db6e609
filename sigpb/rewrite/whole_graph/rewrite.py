"""Rewrites the graph of a MetaGraph as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.rewrite.whole_graph import default_attributes
from sigpb.rewrite.whole_graph.bodies import function_nodes, library_of, top_level
from sigpb.rewrite.whole_graph.default_attributes import DefaultAttributes
from sigpb.rewrite.whole_graph.devices import Devices
from sigpb.rewrite.whole_graph.prune import Pruned, prune
from sigpb.rewrite.whole_graph.prune import rewrite as rewrite_pruned
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Edits, Message


@dataclass(frozen=True)
class Wanted:
    """What is to be done to a graph.

    Attributes:
        device: The device that all nodes are to name, empty for none; None leaves devices alone.
        strip_defaults: Whether nodes are to go without attributes that are as by default.
        prune: Whether what nothing needs is to go.
    """

    device: str | None = None
    strip_defaults: bool = False
    prune: bool = False


@dataclass(frozen=True)
class Done:
    """What was done to a graph.

    Attributes:
        devices: What nodes were pinned to before, if that was asked for.
        defaults: The attributes that were taken from nodes, if that was asked for.
        says_stripped: Whether the MetaGraph said before that its nodes are without such attributes.
        pruned: What went, if that was asked for.
        saved: How many bytes that takes in the file.
    """

    devices: Devices | None
    defaults: DefaultAttributes | None
    says_stripped: bool
    pruned: Pruned | None
    saved: int


def rewrite(meta_graph: MetaGraph, wanted: Wanted, edits: Edits) -> Done:
    """Adds to `edits` what brings a graph in line with what is wanted of it.

    Args:
        meta_graph: The MetaGraph, whose signatures are as they are to be.
        wanted: What is to be done.
        edits: Edits of the file of the MetaGraph, which receive it.

    Returns:
        What changes.
    """
    library = library_of(meta_graph.message)
    pruned = prune(meta_graph) if wanted.prune else None
    devices = None if wanted.device is None else Devices(wanted.device)
    defaults = DefaultAttributes(library) if wanted.strip_defaults else None
    says_stripped = default_attributes.says_stripped(meta_graph.message)
    saved = edits.growth
    if pruned:
        rewrite_pruned(edits, meta_graph, pruned)
    saved -= edits.growth
    if devices or defaults:
        for node in _kept_nodes(meta_graph, library, pruned or Pruned()):
            if devices:
                devices.edit(edits, node)
            if defaults:
                defaults.edit(edits, node)
    if defaults and not says_stripped:
        default_attributes.say_stripped(edits, meta_graph.message)
    return Done(devices, defaults, says_stripped, pruned, saved)


def _kept_nodes(
    meta_graph: MetaGraph, library: dict[str, Message], pruned: Pruned
) -> Iterator[Message]:
    gone = {node.start for node in pruned.nodes.values()}
    yield from (node for node in top_level(meta_graph.message) if node.start not in gone)
    for name, function in library.items():
        if name not in pruned.functions:
            yield from function_nodes(function)

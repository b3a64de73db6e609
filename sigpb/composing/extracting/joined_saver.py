"""Savers that were made one of those of several models, of which some are to save nothing.

`sigpb.composing.absorbing.saver` has each of them write a checkpoint of its own, and merges these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sigpb import protos
from sigpb.graphs.cone import needed
from sigpb.tf.called_functions import nodes_by_name
from sigpb.tf.tensor_names import canonical, full, producer


class _Joined(NamedTuple):
    """What saves by two savers.

    Attributes:
        path: The path of the checkpoint.
        prefixes: Those of the checkpoints that it is merged of.
        merged: The node that merges them once they are written.
        written: The nodes that are run to write them.
    """

    path: str
    prefixes: tuple[str, str]
    merged: protos.NodeDef
    written: tuple[str, str]


def leave_savers_out(meta_graph: protos.MetaGraphDef, saving: Collection[str]) -> None:
    """Takes the savers out of a joined one that save nothing.

    Args:
        meta_graph: The MetaGraph, which is changed.
        saving: The nodes of the top level that go on saving something.
    """
    nodes = nodes_by_name(meta_graph.graph_def.node)
    saved = _restricted(nodes, producer(meta_graph.saver_def.save_tensor_name), saving)
    if saved is not None:
        meta_graph.saver_def.save_tensor_name = full(saved)


def _restricted(
    nodes: Mapping[str, protos.NodeDef], saved: str, saving: Collection[str]
) -> str | None:
    """Returns the tensor to fetch in place of one to save; None if that saves nothing."""
    joined = _joined(nodes, producer(saved))
    if joined is None:
        return saved if not needed(nodes, [saved]).isdisjoint(saving) else None
    written = [_restricted(nodes, each, saving) for each in joined.written]
    for prefix, each, other in zip(joined.prefixes, written, reversed(written), strict=True):
        if each is not None and other is None:
            for node in nodes.values():
                node.input[:] = [
                    joined.path if canonical(taken) == prefix else taken for taken in node.input
                ]
            return each
    if None in written:
        return None
    controls = [f"^{producer(each)}" for each in written if each is not None]
    joined.merged.input[:] = [*joined.prefixes, *controls]
    return saved


def _joined(nodes: Mapping[str, protos.NodeDef], saved: str) -> _Joined | None:
    """Returns the two savers that a node is the end of; None if it is that of one."""
    identity = nodes.get(saved)
    if identity is None or identity.op != "Identity" or len(identity.input) != 2:
        return None
    merge = nodes.get(producer(identity.input[1]))
    pack = nodes.get(producer(merge.input[0])) if merge and len(merge.input) == 2 else None
    if pack is None or pack.op != "Pack" or len(pack.input) != 4:
        return None
    first, second, *written = pack.input
    joins = (nodes.get(producer(each)) for each in (first, second))
    path = canonical(identity.input[0])
    if any(join is None or list(join.input[:1]) != [path] for join in joins):
        return None
    if not all(each.startswith("^") for each in written):
        return None
    return _Joined(path, (first, second), pack, (written[0][1:], written[1][1:]))

"""The saver of a part joined with that of a MetaGraph: one op restores both, and one saves both.

Sessions feed the path of a checkpoint to one tensor, and run an op that restores variables, or
fetch a tensor that comes of saving them (tensorflow/python/training/saver.py,
tensorflow/cc/saved_model/loader.cc).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Protocol

from sigpb import protos
from sigpb.composing.absorbing.saved_objects import replace_objects
from sigpb.composing.absorbing.target import Target
from sigpb.composing.saver_keys import RESTORING
from sigpb.graphs.cone import reached
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.model import parse
from sigpb.steps.graph_body import GraphBody, dtype_attr, elements, int_attr
from sigpb.tf.called_functions import nodes_by_name
from sigpb.tf.tensor_names import canonical, full, producer
from sigpb.tf.tensor_types import dtype_of, shape_proto
from sigpb.wire import length_delimited

_SAVER = protos.MetaGraphDef.SAVER_DEF_FIELD_NUMBER
_STRING = dtype_of("string")
_VARIABLES = "variables"

# What is merged is of this version (tensorflow/core/kernels/save_restore_v2_ops.cc).
_V2 = protos.SaverDef.V2

# What the path of one of the checkpoints that become one has behind that of that one. They are
# beside it, since an op that saves makes no more than one directory.
_TEMPORARY = "_sigpb_"


class _Nodes(Protocol):
    """The nodes of a graph."""

    def node(self, name: str) -> protos.NodeDef | None:
        """Returns a node, or None."""
        ...

    def taking(self, tensor: str) -> list[protos.NodeDef]:
        """Returns the nodes that take a tensor, as `canonical` spells it."""
        ...


class _OfPart:
    """The nodes of a part."""

    def __init__(self, graph: protos.GraphDef) -> None:
        self._nodes = nodes_by_name(graph.node)

    def node(self, name: str) -> protos.NodeDef | None:
        return self._nodes.get(name)

    def taking(self, tensor: str) -> list[protos.NodeDef]:
        nodes = self._nodes.values()
        return [node for node in nodes if tensor in map(canonical, node.input)]


def problems(
    target: Target, part: protos.MetaGraphDef, collections: Container[str]
) -> Iterator[str]:
    """Says why the savers of a MetaGraph and of a part cannot be joined.

    Args:
        target: The MetaGraph.
        part: The part.
        collections: The names of the collections that the MetaGraph has.
    """
    own, other = _saver_of(target), part.saver_def
    if bool(own.restore_op_name) != bool(other.restore_op_name):
        without = part.collection_def if own.restore_op_name else collections
        if _VARIABLES in without:
            yield (
                "one of them has variables and no saver, so that loaders make one for all "
                "variables, which they do not if the other one brings a saver"
            )
        return
    if not own.restore_op_name:
        return
    for saver, nodes, whose in (
        (own, target.top, "its saver"),
        (other, _OfPart(part.graph_def), "the saver of the other one"),
    ):
        if saver.version != _V2:
            yield f"{whose} writes checkpoints of the first version, of which no two can be joined"
        for node in _saving(saver, nodes):
            # What restores must not get the path of what is saved.
            if node.op == "Identity" and node.name != producer(saver.save_tensor_name):
                yield f"{whose} passes the path of the checkpoint on, by the node {node.name!r}"


def forget_variables(part: protos.MetaGraphDef) -> None:
    """Takes the variables of a part without a saver, which is changed, out of its collections.

    The init op sets them. Where a MetaGraph has no saver, sessions make one for all variables of
    the collection (``_all_saveable_objects`` in tensorflow/python/ops/variables.py), and look for
    their values in the checkpoint.
    """
    for name in (_VARIABLES, "trainable_variables"):
        part.collection_def.pop(name, None)


def merge_savers(
    target: Target,
    other: protos.SaverDef,
    tracked: protos.TrackableObjectGraph | None,
) -> None:
    """Has sessions restore and save the variables of a part along with those of the MetaGraph.

    Args:
        target: The MetaGraph, with the nodes of the part.
        other: The saver of the part.
        tracked: The objects that the checkpoint is to track, if these are others than it tracked.
    """
    own, top = _saver_of(target), target.top
    if not other.restore_op_name:
        return
    if not own.restore_op_name:
        _write(target, other)
        return
    scope = target.scope.inner("saver")
    path, other_path = (canonical(each.filename_tensor_name) for each in (own, other))
    merged = protos.SaverDef()
    merged.CopyFrom(own)
    merged.sharded |= other.sharded
    merged.save_tensor_name = ""
    saving = [_saving(saver, top) for saver in (own, other)]
    if tracked:
        replace_objects(target, own.save_tensor_name, tracked)
    if own.save_tensor_name and other.save_tensor_name:
        prefixes = [_prefix(scope, path, number) for number in range(2)]
        for nodes, taken, prefix in zip(saving, (path, other_path), prefixes, strict=True):
            for node in nodes:
                _retake(target, node, taken, prefix)
        done = [f"^{producer(saver.save_tensor_name)}" for saver in (own, other)]
        merged.save_tensor_name = full(_saved(scope, path, [*prefixes, *done]))
    for node in top.taking(other_path):
        _retake(target, node, other_path, path)
    _remove_unused(target, producer(other_path))
    restores = [f"^{producer(saver.restore_op_name)}" for saver in (own, other)]
    merged.restore_op_name = scope.fresh_name("restore_all")
    scope.append(protos.NodeDef(name=merged.restore_op_name, op="NoOp", input=restores))
    _write(target, merged)


def _saver_of(target: Target) -> protos.SaverDef:
    """Returns the saver of a MetaGraph, an empty one if it has none."""
    message = target.message.find(_SAVER)
    return parse(protos.SaverDef, message) if message else protos.SaverDef()


def _saving(saver: protos.SaverDef, nodes: _Nodes) -> list[protos.NodeDef]:
    """Returns the nodes that take the path of the checkpoint in order to save."""

    def waited_for(name: str) -> list[str]:
        node = nodes.node(name)
        return [*map(producer, node.input)] if node is not None and node.op == "NoOp" else []

    restoring = reached([producer(saver.restore_op_name)], waited_for)
    taking = nodes.taking(canonical(saver.filename_tensor_name))
    return [node for node in taking if node.op not in RESTORING and node.name not in restoring]


def _retake(target: Target, node: protos.NodeDef, tensor: str, instead: str) -> None:
    """Has a node take another tensor in place of one, and no longer be where that one is."""
    after = protos.NodeDef()
    after.CopyFrom(node)
    after.input[:] = [instead if canonical(each) == tensor else each for each in node.input]
    if "_class" in after.attr:
        located = after.attr["_class"].list.s
        located[:] = [each for each in located if each != f"loc:@{producer(tensor)}".encode()]
        if not located:
            del after.attr["_class"]
    target.top.replace(after)


def _prefix(scope: GraphBody, path: str, number: int) -> str:
    """Adds nodes for the path of one of the checkpoints that are merged, and returns it."""
    end = elements(scope, "end", [f"{_TEMPORARY}{number}".encode()], _STRING)
    attributes = {"N": int_attr(2)}
    [prefix] = scope.add("StringJoin", "prefix", [path, end], attributes, shape_proto(()))
    return prefix


def _saved(scope: GraphBody, path: str, written: Iterable[str]) -> str:
    """Adds nodes that merge two checkpoints, and returns the path of what comes of it.

    Args:
        scope: Where to add them.
        path: The path wanted.
        written: The paths of the two, and what to wait for until they are written.
    """
    attributes = {"N": int_attr(2), "T": dtype_attr(_STRING)}
    [prefixes] = scope.add("Pack", "prefixes", [*written], attributes, shape_proto((2,)))
    merged = protos.NodeDef(name=scope.fresh_name("merge"), op="MergeV2Checkpoints")
    merged.input.extend([prefixes, path])
    scope.append(merged)
    attributes = {"T": dtype_attr(_STRING)}
    waiting = [path, f"^{merged.name}"]
    [output] = scope.add("Identity", "saved", waiting, attributes, shape_proto(()))
    return output


def _remove_unused(target: Target, name: str) -> None:
    """Removes a node that nothing takes anything of, and then those that only it needed."""
    node = target.top.node(name)
    if node is None or any(target.top.taking(name)):
        return
    target.top.remove([name])
    for tensor in node.input:
        _remove_unused(target, producer(tensor))


def _write(target: Target, saver: protos.SaverDef) -> None:
    encoded = length_delimited(_SAVER, deterministic_bytes(saver))
    field = target.message.only(_SAVER)
    if field is None:
        target.edits.insert(target.message, target.message.end, encoded)
    else:
        target.edits.replace(target.message, field, encoded)

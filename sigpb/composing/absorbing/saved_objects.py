"""The graph of tracked objects that the saver of a model of TensorFlow 2 writes along with values.

One checkpoint has one such graph. What writes it takes it from a constant
(``_gather_serialized_tensors`` in tensorflow/python/checkpoint/checkpoint.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.checkpoint.checkpoint import OBJECTS_KEY
from sigpb.composing.absorbing.target import Target
from sigpb.composing.saver_keys import SAVING, KeyedNode
from sigpb.graphs.cone import reached
from sigpb.tf.tensor_elements import elements, set_elements
from sigpb.tf.tensor_names import producer

# What SaveV2 takes before the tensors: the path, their keys, and their slices
# (tensorflow/core/ops/io_ops.cc).
_KEYS, _SLICES, _FIRST = 1, 2, 3


def stores_values(keyed: Iterable[KeyedNode]) -> bool:
    """Whether a saver restores or saves more than the tracked objects.

    Args:
        keyed: The nodes by which it does: see `keyed_nodes`.
    """
    return any(key != OBJECTS_KEY for each in keyed for key in each.keys)


def leave_out_objects(graph: protos.GraphDef, keyed: Iterable[KeyedNode]) -> None:
    """Has a saver save values only.

    Args:
        graph: The graph, which is changed.
        keyed: The nodes of it by which the saver restores and saves.
    """
    for each in keyed:
        if each.node.op in SAVING and each.keys == [OBJECTS_KEY]:
            _remove(graph, each)
        elif each.node.op in SAVING and OBJECTS_KEY in each.keys:
            _leave_out(graph, each)


def _remove(graph: protos.GraphDef, saving: KeyedNode) -> None:
    """Removes what writes nothing but the objects, into a file that is then merged with others."""
    function, written = saving.body.function, saving.node.input[0]
    nodes = graph.node if function is None else function.node_def
    waiting = f"^{saving.node.name}"
    for node in nodes:
        kept = [each for each in node.input if each != waiting]
        if node.op == "Pack" and written in kept:
            kept.remove(written)
            node.attr["N"].i -= 1
            node.attr.pop("_output_shapes", None)
        node.input[:] = kept
    nodes.remove(saving.node)
    if function is not None:
        for result, name in [*function.control_ret.items()]:
            if name == saving.node.name:
                del function.control_ret[result]
                function.signature.control_output.remove(result)


def _leave_out(graph: protos.GraphDef, saving: KeyedNode) -> None:
    node, number = saving.node, saving.keys.index(OBJECTS_KEY)
    slices = saving.body.constant(node.input[_SLICES])
    assert slices is not None, "TensorFlow makes it of the same variables as the keys"
    for position, constant in ((_KEYS, saving.constant), (_SLICES, slices)):
        kept = protos.NodeDef()
        kept.CopyFrom(constant)
        values = [*elements(constant.attr["value"].tensor)]
        del values[number]
        kept.attr["value"].tensor.tensor_shape.dim[0].size = len(values)
        set_elements(kept.attr["value"].tensor, values)
        kept.attr.pop("_output_shapes", None)
        kept.name = f"{node.name}/values_only/{position}"
        function = saving.body.function
        (graph.node if function is None else function.node_def).append(kept)
        node.input[position] = kept.name if function is None else f"{kept.name}:output:0"
    del node.input[_FIRST + number]
    del node.attr["dtypes"].list.type[number]


def replace_objects(target: Target, save: str, after: protos.TrackableObjectGraph) -> None:
    """Has the saver of a MetaGraph write another graph of objects.

    Args:
        target: The MetaGraph.
        save: The tensor that sessions fetch to save.
        after: The graph that it is to write.
    """
    top = target.top
    keys = {each.checkpoint_key for node in after.nodes for each in node.attributes}

    def needed(name: str) -> Sequence[str]:
        node = top.node(name)
        return [*map(producer, node.input)] if node else []

    for name in reached([producer(save)], needed):
        node = top.node(name)
        if node is not None and _is_graph(node, keys):
            replaced = protos.NodeDef()
            replaced.CopyFrom(node)
            replaced.attr["value"].tensor.string_val[:] = [after.SerializeToString()]
            top.replace(replaced)


def _is_graph(node: protos.NodeDef, keys: Set[str]) -> bool:
    """Whether a node is a constant that holds a graph of objects with values of some keys."""
    if node.op != "Const" or len(texts := node.attr["value"].tensor.string_val) != 1:
        return False
    try:
        graph = protos.TrackableObjectGraph.FromString(texts[0])
    except DecodeError:
        return False
    stored = (each.checkpoint_key for object_ in graph.nodes for each in object_.attributes)
    return len(graph.nodes) > 0 and keys >= set(stored)

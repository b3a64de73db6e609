"""A part of a model of TensorFlow 2 as one of TensorFlow 1, which sessions run alike.

Without an object graph, `tf.saved_model.load` makes variables of those in the collection only
(``_lift_unlifted_variables`` in tensorflow/python/eager/wrap_function.py). What it does not make
works, but `tf.saved_model.save` leaves the values out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from sigpb import protos
from sigpb.composing.absorbing.initializers import run_when_loaded
from sigpb.composing.absorbing.target import scope_of
from sigpb.errors import listed
from sigpb.graphs.cone import needed
from sigpb.tf.called_functions import nodes_by_name
from sigpb.tf.fresh_names import TakenNames
from sigpb.tf.load_ops import Variable, variable_of
from sigpb.tf.tensor_names import canonical, full
from sigpb.tf.tensor_types import tensor_names

_GRADIENT = "_gradient_op_type"
_OF_A_CALL = re.compile(rb"(CustomGradient|(Stateful)?PartitionedCall)(-[0-9]|Unused)")
_HANDLE, _READ = "VarHandleOp", "ReadVariableOp"
_VARIABLES, _TRAINABLE = "variables", "trainable_variables"


def without_objects(meta_graph: protos.MetaGraphDef) -> protos.MetaGraphDef:
    """Returns a MetaGraph without its object graph, whose variables are in collections."""
    after = protos.MetaGraphDef()
    after.CopyFrom(meta_graph)
    after.ClearField("object_graph_def")
    _forget_gradients(after.graph_def.library)
    _drop_empty_attributes(after.graph_def)
    handles = _shared(after.graph_def)
    # A variable without a value could not be saved.
    assigned = _given_values(after)
    handles = {each: node for each, node in handles.items() if node.name in assigned}
    if not handles:
        return after
    variables = (node.variable for node in meta_graph.object_graph_def.nodes)
    trainable = {each.name.encode() for each in variables if each.trainable}
    names = TakenNames(node.name for node in after.graph_def.node)
    # No value is in the graph: sessions restore it.
    scope = scope_of(after.graph_def.node)
    nothing = after.graph_def.node.add(name=names.take(f"{scope}/no_values".lstrip("/")), op="NoOp")
    for variable, handle in handles.items():
        stated = protos.VariableDef(
            variable_name=full(handle.name),
            initializer_name=nothing.name,
            snapshot_name=full(_read(after.graph_def, handle, names)),
            is_resource=True,
            trainable=variable.name in trainable,
        )
        for name in (_VARIABLES, _TRAINABLE)[: 1 + stated.trainable]:
            listed = after.collection_def[name].bytes_list.value
            listed.append(stated.SerializeToString(deterministic=True))
    return after


def problems(meta_graph: protos.MetaGraphDef, keys: Iterable[str]) -> Iterator[str]:
    """Says which signatures work with objects only.

    Args:
        meta_graph: A MetaGraph without its object graph.
        keys: The keys of the signatures that are wanted.
    """
    nodes, given = nodes_by_name(meta_graph.graph_def.node), _given_values(meta_graph)
    for key in keys:
        outputs = meta_graph.signature_def[key].outputs.values()
        taken = needed(nodes, [tensor for info in outputs for tensor in tensor_names(info)])
        lost = [name for name in sorted(taken - given) if nodes[name].op == _HANDLE]
        if lost:
            yield (
                f"sessions restore no value of {listed(lost)}, which the signature {key!r} of the "
                "other one reads, and objects, which have it, cannot be in a model of TensorFlow "
                "1; 'sigpb lint --fix' mends that where it can"
            )


def _forget_gradients(library: protos.FunctionDefLibrary) -> None:
    """Removes the names of gradients that nothing has any more.

    TensorFlow makes such a name for each call that it traces, and does not save a function again
    that has it (``_iterate_op_types`` in tensorflow/python/saved_model/save.py).
    """
    registered = {each.registered_op_type.encode() for each in library.registered_gradients}
    for function in library.function:
        for node in function.node_def:
            name = node.attr[_GRADIENT].s if _GRADIENT in node.attr else b""
            if _OF_A_CALL.match(name) and name not in registered:
                del node.attr[_GRADIENT]


def _drop_empty_attributes(graph: protos.GraphDef) -> None:
    """Removes attributes without a value from the nodes of the top level.

    Sessions look at none that an op does not have. But `tf.saved_model.load` makes functions of the
    nodes of a model of TensorFlow 1, and takes such a value for one that a caller has to give
    (tensorflow/core/common_runtime/function_def_utils.cc).
    """
    for node in graph.node:
        for name in [name for name, each in node.attr.items() if each.WhichOneof("value") is None]:
            del node.attr[name]


def _shared(graph: protos.GraphDef) -> Mapping[Variable, protos.NodeDef]:
    """Has one node of each variable be taken in the place of others, and returns these nodes.

    Two nodes of one name are one variable to a session, but `tf.saved_model.load` would make two.
    """
    handles: dict[Variable, protos.NodeDef] = {}
    others: dict[str, str] = {}
    for node in graph.node:
        if node.op == _HANDLE:
            first = handles.setdefault(variable_of(node), node)
            if first is not node:
                others[node.name] = first.name
    for node in graph.node if others else ():
        node.input[:] = [others.get(canonical(each), each) for each in node.input]
    return handles


def _given_values(meta_graph: protos.MetaGraphDef) -> set[str]:
    """Returns the nodes that have run, or were taken by some that have, once it is loaded."""
    initializers, _ = run_when_loaded(meta_graph.signature_def, meta_graph.collection_def)
    ops = [meta_graph.saver_def.restore_op_name, *initializers]
    return needed(nodes_by_name(meta_graph.graph_def.node), ops)


def _read(graph: protos.GraphDef, handle: protos.NodeDef, names: TakenNames) -> str:
    """Returns the node that reads a variable, added if there is none."""
    for node in graph.node:
        if node.op == _READ and list(map(canonical, node.input)) == [handle.name]:
            return node.name
    name = names.take(f"{handle.name}/Read/{_READ}")
    attributes = {"dtype": handle.attr["dtype"]}
    graph.node.add(name=name, op=_READ, input=[handle.name], attr=attributes)
    return name

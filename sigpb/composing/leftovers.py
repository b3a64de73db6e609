"""What is left of a graph's variables when nothing reads them, and goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Set
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import Message as ProtobufMessage

from sigpb import protos
from sigpb.graphs.cone import needed, reached
from sigpb.rewrite.whole_graph.collected_names import named_nodes
from sigpb.saved_model.model import INTERNAL_PREFIX
from sigpb.tf.called_functions import called_functions, nodes_by_name
from sigpb.tf.op_defs import tensorflow_op_def
from sigpb.tf.ops import VARIABLES
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import tensor_names
from sigpb.wire import Message

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_Any = TypeVar("_Any", bound=ProtobufMessage)

_CONTEXTS = {"cond_context", "while_context"}  # They name tensors around loops and branches, too.
_LOCATION = b"loc:@"
_CLASS = "_class"


def remove_leftovers(
    meta_graph: protos.MetaGraphDef,
    running: Collection[str],
    constants: Collection[str],
) -> None:
    """Removes the variables that do not run, and what takes variables and does not run either.

    Args:
        meta_graph: The MetaGraph, which is changed.
        running: The nodes that signatures and the init op need.
        constants: The nodes that were variables and are constants.
    """
    graph = meta_graph.graph_def
    nodes = nodes_by_name(graph.node)
    users: dict[str, list[str]] = defaultdict(list)
    for node in graph.node:
        for each in node.input:
            users[producer(each)].append(node.name)
    idle = [name for name, node in nodes.items() if node.op in VARIABLES and name not in running]
    begin = {*idle, *(user for name in constants for user in users[name] if user not in running)}
    gone = reached(begin, lambda name: (user for user in users[name] if user not in running))
    saver = meta_graph.saver_def
    of_saver = [saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name]
    if gone & set(map(producer, of_saver)):
        before = needed(nodes, of_saver)
        others = needed(nodes, nodes.keys() - before - gone)
        gone |= before - others - set(running)
        meta_graph.ClearField("saver_def")
    variables = {*gone, *constants}
    _keep_nodes(graph, gone)
    for key in [*meta_graph.collection_def]:
        names = gone if key in _CONTEXTS else variables
        _keep_elements(meta_graph, key, names, nodes)
    for key, signature in [*meta_graph.signature_def.items()]:
        tensors = (each for info in signature.outputs.values() for each in tensor_names(info))
        if key.startswith(INTERNAL_PREFIX) and gone & set(map(producer, tensors)):
            del meta_graph.signature_def[key]
    _keep_functions(meta_graph)
    _list_ops(meta_graph)


def _keep_nodes(graph: protos.GraphDef, gone: Collection[str]) -> None:
    left = [node for node in graph.node if node.name not in gone]
    for node in left:
        if _CLASS in node.attr:
            texts = node.attr[_CLASS].list.s
            texts[:] = [
                text
                for text in texts
                if text.removeprefix(_LOCATION).decode(errors="replace") not in gone
            ]
            if not texts:
                del node.attr[_CLASS]
    _keep(graph.node, lambda node: node.name not in gone)


def _keep_elements(
    meta_graph: protos.MetaGraphDef,
    key: str,
    gone: Set[str],
    nodes: Collection[str],
) -> None:
    """Leaves out of a collection what names nodes that are gone."""
    collection = meta_graph.collection_def[key]
    encoded, names = collection.bytes_list.value, collection.node_list.value
    left = [each for each in encoded if gone.isdisjoint(named_nodes(Message.root(each), nodes))]
    left_names = [each for each in names if producer(each) not in gone]
    if (len(left), len(left_names)) == (len(encoded), len(names)):
        return
    if not left and not left_names:
        del meta_graph.collection_def[key]
        return
    encoded[:], names[:] = left, left_names


def _keep_functions(meta_graph: protos.MetaGraphDef) -> None:
    """Leaves out the functions that nothing names any more."""
    library = meta_graph.graph_def.library
    functions = {each.signature.name: each for each in library.function}
    aliased = meta_graph.meta_info_def.function_aliases
    begin = {*meta_graph.object_graph_def.concrete_functions, *aliased}
    begin |= called_functions(meta_graph.graph_def.node)
    gradients = {each.function_name: each.gradient_func for each in library.gradient}
    registered = {
        each.registered_op_type: each.gradient_func for each in library.registered_gradients
    }

    def named(name: str) -> Iterator[str]:
        function = functions[name]
        texts = {value.s.decode(errors="replace") for value in function.attr.values()}
        for node in function.node_def:
            texts |= {value.s.decode(errors="replace") for value in node.attr.values()}
        texts |= called_functions(function.node_def)
        texts |= {gradients.get(name, "")} | {registered.get(text, "") for text in texts}
        return (text for text in texts if text in functions)

    for node in meta_graph.graph_def.node:
        texts = {value.s.decode(errors="replace") for value in node.attr.values()}
        begin |= {registered.get(text, "") for text in texts}
    left = reached({name for name in begin if name in functions}, named)
    _keep(library.function, lambda each: each.signature.name in left)
    _keep(library.gradient, lambda each: each.gradient_func in left)
    _keep(library.registered_gradients, lambda each: each.gradient_func in left)


def _keep(found: RepeatedCompositeFieldContainer[_Any], is_kept: Callable[[_Any], bool]) -> None:
    """Removes all but some elements of a list of messages."""
    kept = [each for each in found if is_kept(each)]
    if len(kept) < len(found):
        del found[:]
        found.extend(kept)


def _list_ops(meta_graph: protos.MetaGraphDef) -> None:
    """Has the list of ops name those that there are, as far as it named them before."""
    graph, listed = meta_graph.graph_def, meta_graph.meta_info_def.stripped_op_list.op
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    used = {node.op for nodes in bodies for node in nodes}
    known = {each.name: each for each in listed}
    if not known:
        return
    new = ((op, tensorflow_op_def(op)) for op in used - known.keys())
    known.update((op, definition) for op, definition in new if definition is not None)
    del listed[:]
    listed.extend(known[op] for op in sorted(known) if op in used)

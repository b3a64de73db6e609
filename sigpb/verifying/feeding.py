"""The graph of a model with tensors that can be fed which are inside of functions.

Functions on the way are put in the place of their calls. TensorFlow's own importer makes a graph of
a function, so that what is found does not depend on how sigpb makes a tensor an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sigpb.tf.called_functions import CALL_OPS

MetaGraphDef = Any
NodeDef = Any
CallPath = tuple[str, ...]
"""The names of calls, each in the function that the one before it calls, and of a node."""


def paths(node: str, calls: Iterable[NodeDef], functions: Mapping[str, Any]) -> list[CallPath]:
    """Returns the calls that lead to the nodes of a name that are the least deep, and the node."""
    level: list[tuple[CallPath, CallPath]] = [
        ((call.name,), (call.attr["f"].func.name,)) for call in calls
    ]
    while level:
        found, deeper = list[CallPath](), list[tuple[CallPath, CallPath]]()
        for path, names in level:
            for each in functions[names[-1]].node_def if names[-1] in functions else ():
                if each.name == node:
                    found.append((*path, node))
                elif each.op in CALL_OPS and (called := each.attr["f"].func.name) not in names:
                    deeper.append(((*path, each.name), (*names, called)))
        if found:
            return found
        level = deeper
    return []


class Fed:
    """A MetaGraph in which tensors can be fed.

    Attributes:
        meta_graph: The MetaGraphDef, whose graph has the same nodes but for those calls.
        tensors: What is fed for the tensors, by what to call them.
        fetches: What the tensors that are fetched are called there.
    """

    def __init__(
        self,
        meta_graph: MetaGraphDef,
        tensors: Mapping[str, str],
        fetches: Mapping[str, str],
        left_out: Iterable[str],
    ) -> None:
        """Puts functions in the place of their calls.

        Args:
            meta_graph: The MetaGraphDef; changed.
            tensors: The names of tensors, such as ``pool/Mean:0``.
            fetches: The tensors to fetch, by what to call them.
            left_out: The tensors that nothing is fed for any longer.

        Raises:
            LookupError: There is no such tensor, or more than one at the same depth.
        """
        self.meta_graph, self._graph = meta_graph, meta_graph.graph_def
        self._functions = {each.signature.name: each for each in self._graph.library.function}
        self._nodes = {node.name: node for node in self._graph.node}
        self.fetches = {key: _full(name) for key, name in fetches.items()}
        self.tensors = self._placeholders({key: self._find(t) for key, t in tensors.items()})
        self._wait_for_nothing_left_out({*map(_producer, left_out)})

    def _find(self, name: str) -> str:
        node, _, output = name.partition(":")
        if node in self._nodes:
            return _full(name)
        # A tensor of one function may be found when that was put in place already.
        inside = [each for each in self._nodes if each.endswith(f"/inside/{node}")]
        calls = [each for each in self._needed() if each.op in CALL_OPS]
        found = paths(node, calls, self._functions)
        if len(inside) + len(found) != 1:
            raise LookupError(f"the old model has {len(inside) + len(found)} tensors {name!r}")
        if inside:
            return f"{inside[0]}:{output or 0}"
        *way, last = found[0]
        prefix = ""
        for call in way:
            prefix = self._put_in_place(f"{prefix}{call}")
        return f"{prefix}{last}:{output or 0}"

    def _needed(self) -> list[NodeDef]:
        found, waiting = dict[str, NodeDef](), [_producer(each) for each in self.fetches.values()]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self._nodes[name]
                waiting += map(_producer, found[name].input)
        return list(found.values())

    def _put_in_place(self, name: str) -> str:
        """Puts the function that a node calls in its place; returns what its names begin with."""
        import tensorflow as tf
        from tensorflow.python.framework import function_def_to_graph

        call, prefix = self._nodes.pop(name), f"{name}/inside/"
        function = self._functions[call.attr["f"].func.name]
        with tf.Graph().as_default():
            # It looks up what the function calls in the graph that it is called in.
            tf.import_graph_def(tf.compat.v1.GraphDef(library=self._graph.library), name="")
            body, flat = function_def_to_graph.function_def_to_graph_def(function)
        arguments = dict(
            zip((each.name for each in function.signature.input_arg), call.input, strict=False)
        )

        def moved(tensor: str) -> str:
            given = arguments.get(_producer(tensor))
            if given is None:
                return f"^{prefix}{tensor[1:]}" if tensor.startswith("^") else prefix + tensor
            return f"^{_producer(given)}" if tensor.startswith("^") else given

        for node in body.node:
            if node.name not in arguments:
                node.name = prefix + node.name
                node.input[:] = map(moved, node.input)
                node.attr.pop("_class", None)  # It names nodes beside which it is to run.
                added = self._graph.node.add()
                added.CopyFrom(node)
                self._nodes[node.name] = added
        results = [moved(flat[function.ret[each.name]]) for each in function.signature.output_arg]
        new = {f"{name}:{number}": _full(tensor) for number, tensor in enumerate(results)}
        waits = [f"^{prefix}{each}" for each in function.control_ret.values()]
        for node in self._nodes.values():
            data = [new.get(_full(each), each) for each in node.input if each != f"^{name}"]
            if data != [*node.input]:
                node.input[:] = [*data, *(waits if f"^{name}" in node.input else ())]
        self.fetches = {key: new.get(each, each) for key, each in self.fetches.items()}
        nodes = [*self._nodes.values()]
        kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
        del self._graph.node[:]
        self._graph.node.extend(kept)
        self._nodes = {node.name: node for node in self._graph.node}
        return prefix

    def _placeholders(self, tensors: Mapping[str, str]) -> dict[str, str]:
        """Puts placeholders in the place of tensors, by what to call them; returns these.

        A session that puts functions in place wants what computes their arguments, fed or not.
        """
        import tensorflow as tf

        with tf.Graph().as_default() as graph:
            tf.import_graph_def(self._graph, name="")
        new = dict[str, str]()
        for number, tensor in enumerate(tensors.values()):
            name = f"fed/inside/{number}"
            dtype = graph.get_tensor_by_name(tensor).dtype.base_dtype.as_datatype_enum
            node = self._graph.node.add(name=name, op="Placeholder")
            node.attr["dtype"].type = dtype
            new[tensor] = f"{name}:0"
        for node in self._graph.node:
            node.input[:] = [new.get(_full(each), each) for each in node.input]
        self.fetches = {key: new.get(each, each) for key, each in self.fetches.items()}
        return {key: new[tensor] for key, tensor in tensors.items()}

    def _wait_for_nothing_left_out(self, names: set[str]) -> None:
        """Has no node wait for one that cannot be computed, since nothing is fed for it."""
        lost, before = set(names), -1
        while len(lost) > before:
            before = len(lost)
            lost |= {
                node.name
                for node in self._graph.node
                for each in node.input
                if each[0] != "^" and _producer(each) in lost
            }
        for node in self._graph.node:
            waits = [each for each in node.input if each[0] == "^" and _producer(each) in lost]
            if waits and node.name not in lost:
                node.input[:] = [each for each in node.input if each not in waits]


def _producer(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]


def _full(tensor: str) -> str:
    return tensor if ":" in tensor or tensor.startswith("^") else f"{tensor}:0"

"""The saver of a MetaGraph without the variables that nothing needs.

What gives these their values goes, and with it what reads the checkpoint for that; so does what
saves them. Functions no longer take what they do not use any more. Loaders fail where they cannot
read a key, so all that is left is what the checkpoint holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from sigpb import protos
from sigpb.checkpoint.checkpoint import OBJECTS_KEY
from sigpb.composing.bodies import Body
from sigpb.composing.extracting.arguments import drop_arguments
from sigpb.composing.extracting.effects import Effects, has_effects, is_group
from sigpb.composing.extracting.joined_saver import leave_savers_out
from sigpb.composing.saver_keys import (
    RESTORING,
    SAVING,
    KeyedNode,
    is_text,
    keyed_nodes,
    set_keys,
    stored_keys,
    stored_objects,
)
from sigpb.composing.scoped_collections import variable_in
from sigpb.composing.sharing import Resource
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.graphs.cone import needed as reaching
from sigpb.graphs.cone import reached
from sigpb.tf.called_functions import called_functions, nodes_by_name
from sigpb.tf.stated_shapes import OUTPUT_SHAPES
from sigpb.tf.tensor_elements import set_elements
from sigpb.tf.tensor_names import output_number, producer

# The inputs of SaveV2 and RestoreV2: the name of the file, keys, slices, and what is saved.
_LISTS = (1, 2)
_TENSORS = 3

_VARIABLES = "variables"


def restrict_saver(
    meta_graph: protos.MetaGraphDef,
    needed: Collection[Resource],
    tracked: protos.TrackableObjectGraph | None,
    values: Collection[str],
) -> None:
    """Leaves what nothing needs out of what the saver restores and saves.

    Args:
        meta_graph: The MetaGraph, which is changed. Nodes of the top level that nothing takes or
            waits for any more are left in it.
        needed: What lives in a session and is needed.
        tracked: The objects that the checkpoint tracks from now on; None if it tracks none.
        values: The keys of their values, which are needed too.
    """
    if not meta_graph.HasField("saver_def"):
        return
    _Restricting(meta_graph, needed, tracked, values).run()
    if not any(each.node.op in RESTORING for each in keyed_nodes(meta_graph)):
        meta_graph.ClearField("saver_def")


def write_objects(meta_graph: protos.MetaGraphDef, tracked: protos.TrackableObjectGraph) -> None:
    """Has the saver of a MetaGraph, which is changed, write a graph of tracked objects."""
    for each in keyed_nodes(meta_graph):
        if (constant := stored_objects(each)) is not None:
            set_elements(constant.attr["value"].tensor, [tracked.SerializeToString()])


def restored_keys(meta_graph: protos.MetaGraphDef) -> set[str]:
    """Returns the keys that are read to restore a MetaGraph.

    Where there is no saver, importers make one of the collected variables, whose names are the keys
    (``_import_meta_graph_with_return_elements`` in tensorflow/python/training/saver.py).
    """
    if meta_graph.HasField("saver_def"):
        read = (each for each in keyed_nodes(meta_graph) if each.node.op in RESTORING)
        return {key for each in read for key in each.keys} - {OBJECTS_KEY}
    collections = meta_graph.collection_def
    encoded = collections[_VARIABLES].bytes_list.value if _VARIABLES in collections else ()
    variables = filter(None, map(variable_in, encoded))
    return {
        each.save_slice_info_def.full_name or producer(each.variable_name) for each in variables
    }


class _Restricting:
    """The work of one call of `restrict_saver`."""

    def __init__(
        self,
        meta_graph: protos.MetaGraphDef,
        needed: Collection[Resource],
        tracked: protos.TrackableObjectGraph | None,
        values: Collection[str],
    ) -> None:
        self.meta_graph, self.needed, self.tracked = meta_graph, set(needed), tracked
        self.keys = set(values)
        self.keyed = keyed_nodes(meta_graph)
        self.read_keys = {
            (id(each.body), each.node.name): each.keys
            for each in self.keyed
            if each.node.op in RESTORING
        }
        self.effects = Effects(meta_graph)
        graph = meta_graph.graph_def
        bodies = [graph.node, *(each.node_def for each in graph.library.function)]
        self.named = Counter(
            name for nodes in bodies for node in nodes for name in called_functions([node])
        )
        self.bodies = dict[int, Body]()
        for each in self.keyed:
            body: Body | None = each.body
            while body is not None:
                self.bodies[id(body)] = body
                body = body.call.body if body.call else None
        calls = (body.call for body in self.bodies.values() if body.call)
        self.calls = {id(call.node) for call in calls}

    def run(self) -> None:
        self._restrict_saving()
        saver = self.meta_graph.saver_def
        ends = [producer(name) for name in (saver.restore_op_name, saver.save_tensor_name)]
        for body in sorted(self.bodies.values(), key=_depth, reverse=True):
            if body.function is None:
                self._restrict(body, ends)
            elif self._is_own(body):
                self._restrict(body, self._roots(body))
                if body.call is not None:
                    drop_arguments(body.function, body.call.node)

    def _restrict_saving(self) -> None:
        """Leaves tensors out of what is saved, but not all of those that go into one file."""
        saving = [each for each in self.keyed if each.node.op == "SaveV2"]
        saving = [each for each in saving if self._is_own(each.body)]
        left = [
            [
                at
                for at, (key, tensor) in enumerate(self._saved(each))
                if key in self.keys
                or (key == OBJECTS_KEY and self.tracked is not None)
                or not self.needed.isdisjoint(self.effects.read(each.body, tensor))
            ]
            for each in saving
        ]
        if not any(left):
            return
        tops = [_at_top(each) for each in saving]
        if None not in tops:
            some = {top for top, positions in zip(tops, left, strict=True) if top and positions}
            leave_savers_out(self.meta_graph, some)
        ends = [self.meta_graph.saver_def.save_tensor_name]
        still = reaching(nodes_by_name(self.meta_graph.graph_def.node), ends)
        for each, top, positions in zip(saving, tops, left, strict=True):
            if not positions and top is not None and top not in still:
                continue
            if not positions:
                for _, tensor in self._saved(each):
                    self.needed |= self.effects.read(each.body, tensor)
                continue
            if (constant := stored_objects(each)) is not None and self.tracked is not None:
                value = constant.attr["value"].tensor
                set_elements(value, [self.tracked.SerializeToString()])
            tensors = [tensor for _, tensor in self._saved(each)]
            rest = each.node.input[_TENSORS + len(tensors) :]
            del each.node.input[_TENSORS:]
            each.node.input.extend([*(tensors[at] for at in positions), *rest])
            _keep(each, positions)

    def _saved(self, keyed: KeyedNode) -> list[tuple[str, str]]:
        """Returns the keys of what a node saves, each with the tensor."""
        return list(zip(keyed.keys, keyed.node.input[_TENSORS:], strict=False))

    def _roots(self, body: Body) -> list[str]:
        """Returns the nodes of a function that have to run."""
        assert body.function is not None
        results = [*body.function.ret.values(), *body.function.control_ret.values()]
        effective = (
            name
            for name, node in body.nodes.items()
            if has_effects(node) and node.op not in RESTORING
        )
        objects = (
            each.node.name
            for each in self.keyed
            if each.body is body and self.tracked is not None and OBJECTS_KEY in each.keys
        )
        return [*map(producer, results), *effective, *objects]

    def _restrict(self, body: Body, roots: Iterable[str]) -> None:
        """Leaves out of a body what gives values to what nothing needs.

        Args:
            body: The body.
            roots: The nodes that have to run, unless they are to be left out.
        """
        upstream = [node.name for node in body.upstream(roots)]
        gone = {name for name in upstream if self._is_unneeded(body, body.nodes[name])}

        def taken(name: str) -> list[str]:
            inputs = body.nodes[name].input if name in body.nodes else ()
            waits = (
                each for each in inputs if not (each.startswith("^") and producer(each) in gone)
            )
            return [producer(each) for each in waits]

        kept = reached(set(roots) - gone, taken)
        for name in kept & body.nodes.keys():
            node = body.nodes[name]
            inputs = [each for each in node.input if producer(each) not in gone - kept]
            del node.input[:]
            node.input.extend(inputs)
        if (function := body.function) is not None:
            for at in reversed(range(len(function.node_def))):
                if function.node_def[at].name not in kept:
                    del function.node_def[at]
            for key, waited in list(function.control_ret.items()):
                if waited not in kept:
                    del function.control_ret[key]
            outputs = [
                key for key in function.signature.control_output if key in function.control_ret
            ]
            function.signature.control_output[:] = outputs
        for each in self.keyed:
            if each.body is body and each.node.name in kept and each.node.op == "RestoreV2":
                self._restore_less(each, kept)

    def _is_unneeded(self, body: Body, node: protos.NodeDef) -> bool:
        """Whether a node changes nothing but what is not needed."""
        if is_group(node) or id(node) in self.calls or node.op in RESTORING | SAVING:
            return False
        changed = self.effects.changed(body, node)
        if not changed or not self.needed.isdisjoint(changed):
            return False
        return self.keys.isdisjoint(self._keys_read(body, node))

    def _keys_read(self, body: Body, node: protos.NodeDef) -> set[str]:
        """Returns the keys of what a node is given of the checkpoint."""
        found, seen, waiting = set[str](), set[str](), list(node.input)
        while waiting:
            tensor = waiting.pop()
            name = producer(tensor)
            if keys := self.read_keys.get((id(body), name)):
                found.add(keys[output_number(tensor)])
            elif name in body.nodes and name not in seen:
                seen.add(name)
                waiting += (each for each in body.nodes[name].input if not each.startswith("^"))
        return found

    def _restore_less(self, keyed: KeyedNode, kept: set[str]) -> None:
        """Reads only those tensors that are taken."""
        body, name = keyed.body, keyed.node.name
        results = body.function.ret if body.function else {}
        taken = [each for at in kept & body.nodes.keys() for each in body.nodes[at].input]
        taken = [each for each in (*taken, *results.values()) if each.startswith(f"{name}:")] + [
            each for each in taken if each == name
        ]
        used = set(map(output_number, taken))
        if self.tracked is not None:
            used |= {at for at, key in enumerate(keyed.keys) if key == OBJECTS_KEY}
        positions = sorted(used)
        stem = f"{name}:tensors" if body.function is not None else name
        renumbered = {
            tensor: f"{stem}:{positions.index(output_number(tensor))}" for tensor in set(taken)
        }
        for each in kept & body.nodes.keys():
            inputs = body.nodes[each].input
            for at, tensor in enumerate(inputs):
                inputs[at] = renumbered.get(tensor, tensor)
        for key, tensor in list(results.items()):
            results[key] = renumbered.get(tensor, tensor)
        _keep(keyed, positions)

    def _is_own(self, body: Body) -> bool:
        """Whether nothing but the saver runs a body."""
        if body.function is None:
            return True
        name = body.function.signature.name
        objects = self.meta_graph.object_graph_def.concrete_functions
        if body.call is None or self.named[name] != 1 or name in objects:
            return False
        call, count = body.call.node, len(body.function.signature.input_arg)
        if len(call.attr["Tin"].list.type) != count or len(call.input) < count:
            return False  # Of a damaged model.
        return self._is_own(body.call.body)


def _at_top(keyed: KeyedNode) -> str | None:
    """Returns the node of the top level that a node runs for; None if that is not known."""
    body, node = keyed.body, keyed.node
    while (call := body.call) is not None:
        body, node = call.body, call.node
    return node.name if body.function is None else None


def _depth(body: Body) -> int:
    return 1 + _depth(body.call.body) if body.call else 0


def _keep(keyed: KeyedNode, positions: Sequence[int]) -> None:
    """Leaves out of the lists that a node takes what is not at some positions."""
    if len(positions) == len(keyed.keys):
        return
    count = len(keyed.keys)
    for at in _LISTS:
        constant = _own_constant(keyed, at)
        listed = stored_keys(constant)
        if len(listed) != count:
            raise ModelUnreadable(f"the node {keyed.node.name!r} has lists of different lengths.")
        set_keys(constant, [listed[position] for position in positions])
        for shape in (
            constant.attr[OUTPUT_SHAPES].list.shape if OUTPUT_SHAPES in constant.attr else ()
        ):
            for dimension in shape.dim:
                dimension.size = len(positions)
    attributes = keyed.node.attr
    dtypes = attributes["dtypes"].list.type
    dtypes[:] = [dtypes[position] for position in positions]
    if OUTPUT_SHAPES in attributes:  # Of what is read; what saves returns nothing.
        shapes = attributes[OUTPUT_SHAPES].list.shape
        for at in reversed(range(len(shapes))):
            if at not in positions:
                del shapes[at]


def _own_constant(keyed: KeyedNode, at: int) -> protos.NodeDef:
    """Returns the constant that a node takes, or a copy if something else takes it too."""
    body, node = keyed.body, keyed.node
    constant = body.constant(node.input[at])
    if constant is None or not is_text(constant):
        raise PatchError(
            f"the node {node.name!r} reads or writes slices of tensors that are no constant, so it "
            "cannot be determined which these are."
        )
    taken = Counter(producer(each) for other in body.nodes.values() for each in other.input)
    if body.nodes.get(producer(node.input[at])) is constant and taken[constant.name] == 1:
        return constant
    own = body.add(constant)
    node.input[at] = f"{own.name}:output:0" if body.function is not None else own.name
    return own

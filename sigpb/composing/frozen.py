"""The variables of a part made constants, so that it needs no checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sigpb import protos
from sigpb.composing.assignments import Assignments, StoredValue
from sigpb.composing.frozen_objects import VariableObjects
from sigpb.composing.leftovers import remove_leftovers
from sigpb.composing.part import Part
from sigpb.composing.stored_values import StoredValues
from sigpb.composing.value_flow import TOP, ValueFlow
from sigpb.composing.value_nodes import take_values
from sigpb.errors import PatchError, listed
from sigpb.graphs.cone import needed
from sigpb.saved_model.files import MAX_PROTO_SIZE
from sigpb.saved_model.model import INTERNAL_PREFIX
from sigpb.tf.called_functions import nodes_by_name
from sigpb.tf.fresh_names import TakenNames
from sigpb.tf.load_ops import INIT_COLLECTIONS, INIT_SIGNATURE, variable_of
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.ops import VARIABLES
from sigpb.tf.tensor_names import node_name, producer
from sigpb.tf.tensor_types import (
    TensorType,
    is_compatible,
    shape_of,
    tensor_names,
    type_text,
    value_dtype,
)

_INSTEAD = "Without freeze, what the checkpoint stores comes along in the checkpoint."

# Tables whose content is restored from a checkpoint.
_STORED_TABLES = ("MutableHashTable", "MutableDenseHashTable", "MutableHashTableOfTensors")


def frozen(part: Part) -> Part:
    """Returns a part in which every variable that its signatures read is a constant.

    What restores, saves and initialises variables goes, and so do variables that no signature
    reads. Lookup tables stay as they are, and so does what the init op sets, such as the paths of
    assets.

    Args:
        part: The part. It is not changed.

    Raises:
        PatchError: If a variable has no value that stays the same: a signature changes it, or is
            not known to do no more than read it; the init op sets it; or the checkpoint lacks it.
            Also if the constants would be more than a proto can hold.
        ModelUnreadable: If the checkpoint cannot be read.
        EnvironmentFailure: If a file of the checkpoint cannot be read for another reason.
    """
    meta_graph = protos.MetaGraphDef()
    meta_graph.CopyFrom(part.meta_graph)
    work = _Freezing(replace(part, meta_graph=meta_graph))
    if problems := [*work.problems()] or [*work.too_large()]:
        raise PatchError(problems)
    work.run()
    return replace(part, meta_graph=meta_graph, variables={}, objects=_untracked(part.objects))


def _untracked(objects: protos.TrackableObjectGraph | None) -> protos.TrackableObjectGraph | None:
    """Returns tracked objects of which no value is stored."""
    if objects is None:
        return None
    after = protos.TrackableObjectGraph()
    for node in objects.nodes:
        after.nodes.add(children=node.children)
    return after


class _Freezing:
    """The work of one call of `frozen`."""

    def __init__(self, part: Part) -> None:
        self._meta_graph, self._graph = part.meta_graph, part.meta_graph.graph_def
        self._nodes = nodes_by_name(self._graph.node)
        functions = {each.signature.name: each for each in self._graph.library.function}
        signatures = (each.signature for each in functions.values())
        self._op_defs = OpDefs([*self._meta_graph.meta_info_def.stripped_op_list.op, *signatures])
        self._stored = StoredValues.of(part)
        self._objects = VariableObjects(part)
        init_ops = [*_init_ops(self._meta_graph)]
        restore_ops = [self._meta_graph.saver_def.restore_op_name]
        self._initialized = Assignments(self._nodes, functions, init_ops)
        self._restored = Assignments(self._nodes, functions, restore_ops)
        self._serving = needed(self._nodes, _served_tensors(self._meta_graph))
        self._running = self._serving | needed(self._nodes, init_ops)
        self._values: dict[str, StoredValue] = {}
        running = {name: self._nodes[name] for name in sorted(self._running)}
        self._flow = ValueFlow(running, functions, self._op_defs)

    def problems(self) -> Iterator[str]:
        """Works out what becomes of each variable; yields why that is impossible."""
        captured = dict(self._objects.handles(self._nodes))
        unfit: dict[str, list[str]] = {}
        for name in sorted(self._running):
            node = self._nodes[name]
            if node.op in VARIABLES:
                of_object = self._objects.stored.get(captured.get(name, -1))
                value = self._restored.restored.get(variable_of(node), of_object)
                if problem := self._sort(node, value):
                    unfit.setdefault(problem, []).append(name)
        for place, uses in self._objects.captured.items():
            value, what = self._objects.stored.get(place), self._objects.describe(place)
            if value is None or value not in self._stored:
                yield f"The checkpoint has no value of {what}, which a function captures."
                continue
            for function, number in uses:
                self._flow.add_argument(function, number, self._stored.type(value), what)
        for problem, names in unfit.items():
            yield f"The variable{'s'[: len(names) != 1]} {listed(names)}: {problem}"
        yield from self._flow.follow()
        yield from self._returned_variables()
        yield from self._restored_tables()

    def _sort(self, node: protos.NodeDef, value: StoredValue | None) -> str:
        """Decides what becomes of a variable that is needed; returns why it can be no constant."""
        variable = variable_of(node)
        is_set = variable in {*self._initialized.assigned, *self._initialized.restored}
        if is_set and (value is None or node.name not in self._serving):
            return ""  # It stays a variable.
        if is_set:
            return (
                "restored from the checkpoint and then set by the init op, so the values are not "
                "known before the model is loaded."
            )
        if variable in self._restored.assigned:
            return "restored in a way that is not known."
        if value is None:
            return "no op restores it, so its value is not known."
        if value not in self._stored:
            return f"restored from {value.key!r}, which the checkpoint does not have."
        type_ = self._stored.type(value)
        declared = TensorType(
            value_dtype(node.attr["dtype"].type),
            shape_of(node.attr["shape"].shape) or None,  # [] may mean an unknown shape
        )
        if type_.dtype != declared.dtype or not is_compatible(type_.shape, declared.shape):
            return (
                f"of the type {type_text(declared)}, and the checkpoint holds "
                f"{type_text(type_)} under {value.key!r}."
            )
        self._values[node.name] = value
        self._flow.add_variable(node, type_)
        return ""

    def _returned_variables(self) -> Iterator[str]:
        top = self._flow.bodies[TOP]
        for key, signature in sorted(self._meta_graph.signature_def.items()):
            for endpoint, info in sorted(signature.outputs.items()):
                handles = (self._flow.handle(top, each) for each in tensor_names(info))
                returned = (each for each in handles if each is not None and not each.is_ref)
                for handle in returned:
                    yield f"The output {endpoint!r} of the signature {key!r} is {handle} itself."
        for name in sorted(self._meta_graph.object_graph_def.concrete_functions):
            body = self._flow.bodies.get(name)
            if body is not None and self._flow.results(body):
                yield f"The function {name!r} returns a variable itself."

    def _restored_tables(self) -> Iterator[str]:
        restoring = needed(self._nodes, [self._meta_graph.saver_def.restore_op_name])
        taken = {producer(each) for name in restoring for each in self._nodes[name].input}
        for name in sorted(taken & self._running):
            if self._nodes[name].op.startswith(_STORED_TABLES):
                yield (
                    f"The content of the table {name!r} is stored in the checkpoint, and a table "
                    f"cannot be a constant. {_INSTEAD}"
                )

    def too_large(self) -> Iterator[str]:
        """Yields that the constants would be more than a proto can hold, if they would."""
        values = [*self._values.values(), *self._added_values().values()]
        size = sum(map(self._stored.size, values)) + self._meta_graph.ByteSize()
        if values and size > MAX_PROTO_SIZE:
            yield (
                f"With its variables as constants the graph would take {size:,} bytes, and "
                f"protobuf allows {MAX_PROTO_SIZE:,} (2 GiB). {_INSTEAD}"
            )

    def _added_values(self) -> dict[int, StoredValue]:
        """Returns the values of objects that no node of the top level has, by their positions."""
        there = set(self._values.values())
        found = ((place, self._objects.stored.get(place)) for place in self._objects.captured)
        return {place: value for place, value in found if value is not None and value not in there}

    def run(self) -> None:
        """Makes the constants, and removes what only variables needed."""
        added = self._added_values()
        for body in self._flow.bodies.values():
            added_nodes = take_values(self._flow, body, self._op_defs)
            if body.function is None:
                self._graph.node.extend(added_nodes)
            else:
                body.function.node_def.extend(added_nodes)
        operations = {value: name for name, value in self._values.items()}
        for name, value in self._values.items():
            self._make_constant(self._nodes[name], value)
        names = TakenNames(self._nodes)
        for value in added.values():
            name = names.take(node_name(value.key.partition("/.ATTRIBUTES")[0]))
            self._make_constant(self._graph.node.add(name=name), value)
            operations[value] = name
        constants = {
            place: operations[self._objects.stored[place]] for place in self._objects.captured
        }
        if self._meta_graph.HasField("object_graph_def"):
            self._objects.replace(constants)
        remove_leftovers(self._meta_graph, self._running, self._values)

    def _make_constant(self, node: protos.NodeDef, value: StoredValue) -> None:
        control = [each for each in node.input if each.startswith("^")]
        device, name = node.device, node.name
        node.Clear()
        node.name, node.op, node.device = name, "Const", device
        node.input.extend(control)
        tensor = node.attr["value"].tensor
        self._stored.read(value, tensor)
        node.attr["dtype"].type = tensor.dtype


def _init_ops(meta_graph: protos.MetaGraphDef) -> Iterator[str]:
    if INIT_SIGNATURE in meta_graph.signature_def:
        for info in meta_graph.signature_def[INIT_SIGNATURE].outputs.values():
            yield from map(producer, tensor_names(info))
    for key in INIT_COLLECTIONS:
        if key in meta_graph.collection_def:
            yield from map(producer, meta_graph.collection_def[key].node_list.value)


def _served_tensors(meta_graph: protos.MetaGraphDef) -> Iterator[str]:
    """Yields what signatures feed and fetch, and what else of the top level loaders read."""
    for key, signature in meta_graph.signature_def.items():
        if not key.startswith(INTERNAL_PREFIX):
            for info in (*signature.inputs.values(), *signature.outputs.values()):
                yield from tensor_names(info)
    for asset in meta_graph.asset_file_def:
        yield from tensor_names(asset.tensor_info)
    for node in meta_graph.object_graph_def.nodes:
        if node.HasField("constant"):
            yield node.constant.operation

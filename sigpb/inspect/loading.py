"""What becomes of variables when a MetaGraph is loaded: what its restore and init ops assign.

Sessions run the op that the SaverDef names, and then the init op
(tensorflow/cc/saved_model/loader.cc, tensorflow/python/saved_model/loader_impl.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.inspect.graph.bodies import FlowBody, NodeRecord, call_of
from sigpb.inspect.graph.dependence import MAX_NESTING
from sigpb.inspect.graph.flow import Graph
from sigpb.saved_model.model import MetaGraph, parse
from sigpb.tf import load_ops
from sigpb.tf.load_ops import (
    ASSIGNING,
    INIT_COLLECTIONS,
    INIT_SIGNATURE,
    LOOKING,
    PASSING_VARIABLES,
    Variable,
    variable_of,
)
from sigpb.tf.ops import VARIABLES
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import tensor_names

_SAVER = protos.MetaGraphDef.SAVER_DEF_FIELD_NUMBER
_COLLECTIONS = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER
_RESTORING = "RestoreV2"


@dataclass(frozen=True)
class RestoredValue:
    """A value that is read from the checkpoint.

    Attributes:
        key: Its key there.
        dtype: Its dtype, a value of ``DataType``.
        is_slice: Whether it is a part of a tensor.
        variable: The node outside of functions that is the variable it is assigned to; None if it
            is not known which variable that is, as with tables.
    """

    key: str
    dtype: int
    is_slice: bool
    variable: str | None


class Loading:
    """What the restore op and the init op of a MetaGraph do.

    Attributes:
        restores: Whether there is a restore op, so that loaders want a checkpoint.
        values: What the restore op reads.
        assigned: The variables that one of them assigns, or may assign.
    """

    def __init__(self, graph: Graph, meta_graph: MetaGraph) -> None:
        message = meta_graph.message.find(_SAVER)
        saver = parse(protos.SaverDef, message) if message else protos.SaverDef()
        self.restores = bool(saver.restore_op_name)
        restoring = _LoadingRun(graph, [saver.restore_op_name] if self.restores else [])
        self.values = tuple(restoring.values())
        self.assigned = restoring.assigned | _LoadingRun(graph, init_ops(meta_graph)).assigned


def init_ops(meta_graph: MetaGraph) -> list[str]:
    """Returns the names of the nodes that are to be run once variables are restored."""
    signature = meta_graph.signatures.get(INIT_SIGNATURE, protos.SignatureDef())
    found = [name for info in signature.outputs.values() for name in tensor_names(info)]
    names = {name.encode() for name in INIT_COLLECTIONS}
    for key, field in meta_graph.message.entries(_COLLECTIONS):
        value = meta_graph.message.entry_value(field) if key in names else None
        found += parse(protos.CollectionDef, value).node_list.value if value else []
    return [producer(name) for name in found]


def is_variable(record: NodeRecord | None) -> bool:
    """Whether a node is a variable, or the handle of one."""
    return record is not None and record.op in VARIABLES


class _LoadingRun:
    """The nodes that run for some operations, in functions too.

    Attributes:
        assigned: The variables that they assign, or may assign.
    """

    def __init__(self, graph: Graph, operations: Iterable[str]) -> None:
        self._library = graph.library
        self._top = graph.top
        self.assigned: set[Variable] = set()
        self._restoring: list[tuple[FlowBody, NodeRecord]] = []
        self._visited: set[tuple[FlowBody, frozenset[tuple[int, str]]]] = set()
        self._assigned_to: dict[tuple[FlowBody, str, int], str] = {}
        self._go_through(self._top, upstream(self._top, operations), {}, 0)

    def values(self) -> Iterator[RestoredValue]:
        """Yields what is read from the checkpoint, as far as the keys are constant."""
        for body, record in self._restoring:
            if len(record.tensors) < 3:  # Of a damaged model, which other rules tell of.
                continue
            keys, slices = (constant_texts(body, spelled) for spelled in record.tensors[1:3])
            dtypes = body.node(record).attr["dtypes"].list.type
            for number, (key, slice_, dtype) in enumerate(zip(keys, slices, dtypes, strict=False)):
                variable = self._assigned_to.get((body, record.name, number))
                yield RestoredValue(key, dtype, bool(slice_), variable)

    def _go_through(
        self,
        body: FlowBody,
        records: Iterable[NodeRecord],
        arguments: Mapping[int, str],
        depth: int,
    ) -> None:
        """Notes what nodes restore and assign, and goes into the functions that they call.

        Args:
            body: The body that the nodes are in.
            records: The nodes.
            arguments: The variables among the arguments of the body, by their numbers.
            depth: How many functions called each other up to here.
        """
        for record in records:
            if record.op == _RESTORING:
                self._restoring.append((body, record))
            if record.op in LOOKING or record.op in PASSING_VARIABLES or is_variable(record):
                continue
            taken = [self._variable(body, spelled, arguments) for spelled in record.tensors]
            call = call_of(body, record, self._library) if depth < MAX_NESTING else None
            if call is not None:
                passed = dict(enumerate(taken[call.first :]))
                known = {number: name for number, name in passed.items() if name}
                for callee in call.callees:
                    visit = callee.body, frozenset(known.items())
                    if visit not in self._visited:
                        self._visited.add(visit)
                        inner = callee.body.records.values()
                        self._go_through(callee.body, inner, known, depth + 1)
                continue
            for name in taken:
                if name:
                    self.assigned.add(variable_of(self._top.node(self._top.records[name])))
            if record.op in ASSIGNING and len(taken) > 1 and taken[0]:
                self._note_value(body, record.tensors[1], taken[0])

    def _note_value(self, body: FlowBody, spelled: str, variable: str) -> None:
        """Notes that a variable is assigned a value, if that comes from the checkpoint."""
        spelled = _origin(body, spelled, {"Identity"})
        record = body.record(spelled)
        if record is not None and record.op == _RESTORING:
            self._assigned_to[body, record.name, body.output(record, spelled)] = variable

    def _variable(self, body: FlowBody, spelled: str, arguments: Mapping[int, str]) -> str | None:
        """Returns the node of the top level that is the variable which a tensor is, or None."""
        spelled = _origin(body, spelled, PASSING_VARIABLES)
        argument = body.argument(spelled)
        if argument is not None:
            return arguments.get(argument)
        record = body.record(spelled)
        return record.name if record and is_variable(record) and body is self._top else None


def _origin(body: FlowBody, spelled: str, passing: Collection[str]) -> str:
    """Follows a tensor back through nodes that only hand it on, and returns where it comes from."""
    seen = set()
    while body.argument(spelled) is None and spelled not in seen:
        seen.add(spelled)
        record = body.record(spelled)
        if record is not None and record.op in passing and record.inputs:
            spelled = record.inputs[0]
    return spelled


def upstream(body: FlowBody, names: Iterable[str]) -> Iterator[NodeRecord]:
    """Yields some nodes, given by their names, and all that run before them."""
    waiting, seen = list(names), set()
    while waiting:
        record = body.record(waiting.pop())
        if record is not None and record.name not in seen:
            seen.add(record.name)
            waiting += record.inputs
            yield record


def constant_texts(body: FlowBody, spelled: str) -> list[str]:
    """Returns the elements of a constant of strings; none if it is no constant."""
    record = body.record(spelled)
    if record is None or record.op != "Const":
        return []
    return load_ops.constant_texts(body.whole(record))

"""Which ops of a graph get the names of their files from loaders: those of checkpoint and assets.

Loaders and savers feed the tensor that the SaverDef names, when they run the ops that it names, and
those of assets, when they run the init op (tensorflow/python/saved_model/loader_impl.py,
tensorflow/cc/saved_model/loader.cc). An op whose file has any other name may touch any file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache, cached_property
from typing import NamedTuple, TypeAlias

from sigpb import protos
from sigpb.inspect.graph.bodies import Call, FlowBody, FlowLibrary, NodeRecord, call_of
from sigpb.inspect.graph.dependence import MAX_NESTING
from sigpb.inspect.loading import constant_texts, init_ops, is_variable, upstream
from sigpb.linting.linted_model import LintedGraph
from sigpb.saved_model.model import parse
from sigpb.tf.op_defs import tensorflow_op_def
from sigpb.tf.ops import outside_ops
from sigpb.tf.tensor_names import canonical, producer
from sigpb.tf.tensor_types import tensor_names
from sigpb.wire import Key, Message

_ASSETS = protos.MetaGraphDef.ASSET_FILE_DEF_FIELD_NUMBER
_COLLECTIONS = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER
_ASSETS_KEY = "saved_model_assets"

DIRECTORY = "assets"
"""Where a model has them."""


def assets_of(meta_graph: Message) -> Iterator[protos.AssetFileDef]:
    """Yields what a MetaGraph says of its assets; older ones do so in a collection.

    See tensorflow/cc/saved_model/loader_util.cc.
    """
    for field in meta_graph.fields(_ASSETS):
        yield parse(protos.AssetFileDef, meta_graph.message(field))
    if collection := meta_graph.find(Key(_COLLECTIONS, _ASSETS_KEY)):
        for packed in parse(protos.CollectionDef, collection).any_list.value:
            yield parse(protos.AssetFileDef, Message.root(packed.value))


def leads_out(asset: protos.AssetFileDef) -> bool:
    """Whether an asset is a file outside of the model.

    Loaders in Python join paths with `os.path.join`, which takes an absolute one as it is.
    """
    return asset.filename.startswith("/") or ".." in asset.filename.split("/")


_SAVER = protos.MetaGraphDef.SAVER_DEF_FIELD_NUMBER
_OBJECTS = protos.MetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER

_NAMING = {"checkpoint_prefixes", "destination_prefix", "file_pattern", "filename", "prefix"}

# TensorFlow writes these ops for each saver; the ops of savers that are no longer used never run.
WRITTEN_BY_TENSORFLOW = frozenset(
    {
        "InitializeTableFromTextFile",
        "InitializeTableFromTextFileV2",
        "MergeV2Checkpoints",
        "Restore",
        "RestoreSlice",
        "RestoreV2",
        "Save",
        "SaveSlices",
        "SaveV2",
    }
)
_IN_MEMORY = {"CacheDataset", "CacheDatasetV2"}

# The inputs of nodes that hand a file name on.
_HANDING_ON = {
    "Identity": slice(0, 1),
    "Pack": slice(None),
    "ShardedFilename": slice(0, 1),
    "ShardedFilespec": slice(0, 1),
}
# A function that is called in more ways than these counts as given no name.
_MOST_VISITS = 16

_CHOOSING = {"Select", "SelectV2"}

NodePlace: TypeAlias = tuple[str, str]
"""The name of a function, empty for the top level, and that of a node."""


_Returned: TypeAlias = "dict[tuple[FlowBody, frozenset[int], int], bool]"
"""Whether a result of a function is a name that a loader makes if some of its arguments are."""


class _Visit(NamedTuple):
    """How a body is run.

    Attributes:
        handed: The numbers of its arguments that are names of files which a loader makes.
        may_write: Whether these names are the checkpoint's, which may be written; assets may not.
    """

    handed: frozenset[int]
    may_write: bool


class FileNames:
    """The nodes that take names of files, and whether loaders make all of these names.

    Attributes:
        by_loaders: For each place that something runs: whether every file name there is the
            loader's, whoever runs it.
    """

    def __init__(self, graph: LintedGraph) -> None:
        self._library = graph.graph.library
        self.by_loaders: dict[NodePlace, bool] = {}
        self._visits: dict[FlowBody, set[_Visit]] = {}
        self._returned: _Returned = {}
        message = graph.meta_graph.message
        found = message.find(_SAVER)
        saver = parse(protos.SaverDef, found) if found else protos.SaverDef()
        checkpoint = {saver.filename_tensor_name} if saver.filename_tensor_name else set()
        listed = list(assets_of(message))
        assets = {each.tensor_info.name for each in listed if not leads_out(each)}
        saving = [saver.restore_op_name, saver.save_tensor_name]
        signatures = graph.meta_graph.signatures.values()
        outputs = (
            name
            for each in signatures
            for info in each.outputs.values()
            for name in tensor_names(info)
        )
        initial = set(init_ops(graph.meta_graph))
        others = [name for name in map(producer, outputs) if name not in initial]
        self._run(graph, map(producer, filter(None, saving)), checkpoint, may_write=True)
        self._run(graph, initial, assets, may_write=False)
        self._run(graph, others, (), may_write=False)
        self._go_through_rest(graph, listed)

    def _run(
        self, graph: LintedGraph, names: Iterable[str], fed: Collection[str], *, may_write: bool
    ) -> None:
        body = graph.graph.body({canonical(name): number for number, name in enumerate(fed)}, ())
        handed = frozenset(range(len(fed)))
        self._go_through(body, upstream(body, names), _Visit(handed, may_write))

    def _go_through_rest(self, graph: LintedGraph, assets: list[protos.AssetFileDef]) -> None:
        """Looks at functions that objects run, and at functions and nodes that nothing runs."""
        for name, handed, saves in _functions_of_objects(graph, assets):
            body = self._library.get(name)
            if body is not None:
                if saves:
                    handed = frozenset(body.arguments.values())
                else:
                    handed = frozenset(len(body.arguments) - each for each in handed)
                self._go_through(body, body.records.values(), _Visit(handed, saves))
        functions = (self._library.get(name) for name, _ in graph.functions.messages)
        for each in (graph.graph.body({}, ()), *filter(None, functions)):
            naming = (record for record in each.records.values() if _naming_inputs(record.op))
            rest = [one for one in naming if (each.name, one.name) not in self.by_loaders]
            written = [one for one in rest if one.op in WRITTEN_BY_TENSORFLOW and each.name]
            others = [one for one in rest if one.op not in WRITTEN_BY_TENSORFLOW]
            # What is left of a traced saver takes its names from arguments.
            self._go_through(
                each, written, _Visit(frozenset(each.arguments.values()), may_write=True)
            )
            self._go_through(each, others, _Visit(frozenset(), may_write=False))

    def _go_through(self, body: FlowBody, records: Iterable[NodeRecord], visit: _Visit) -> None:
        """Looks at nodes of a body, and at the functions they call, and so on."""
        waiting = [(body, records, visit)]
        while waiting:
            body, records, visit = waiting.pop()
            names = _MadeNames(body, visit.handed, self._library, self._returned)
            for record in records:
                if inputs := _naming_inputs(record.op):
                    self._note(body, record, inputs, names, visit)
                elif record.op in self._library or _takes_functions(record.op):
                    waiting += self._calls(body, record, names, visit)

    def _note(
        self,
        body: FlowBody,
        record: NodeRecord,
        inputs: Iterable[int],
        names: _MadeNames,
        visit: _Visit,
    ) -> None:
        """Notes whether a node that takes names of files takes the loader's."""
        taken = record.tensors
        named = [taken[number] for number in inputs if number < len(taken)]
        may = visit.may_write or "writes" not in outside_ops()[record.op]
        right = may and all(map(names.is_made, named))
        if record.op in _IN_MEMORY:
            right = right or all(constant_texts(body, name) == [""] for name in named)
        place = body.name, record.name
        self.by_loaders[place] = self.by_loaders.get(place, True) and right and bool(named)

    def _calls(
        self, body: FlowBody, record: NodeRecord, names: _MadeNames, visit: _Visit
    ) -> Iterator[tuple[FlowBody, Iterable[NodeRecord], _Visit]]:
        """Yields the functions that a node calls, unless they were seen with these arguments."""
        call = call_of(body, record, self._library)
        handed: frozenset[int] = frozenset()
        if call is not None and call.kind != "loop":
            arguments = enumerate(call.tensors[call.first :])
            handed = frozenset(number for number, name in arguments if names.is_made(name))
        callees = [each.body for each in call.callees] if call else self._named(body, record)
        for callee in callees:
            visits = self._visits.setdefault(callee, set())
            inner = _Visit(handed if len(visits) < _MOST_VISITS else frozenset(), visit.may_write)
            if inner not in visits:
                visits.add(inner)
                yield callee, callee.records.values(), inner

    def _named(self, body: FlowBody, record: NodeRecord) -> Iterator[FlowBody]:
        """Yields the functions that the attributes of a node name."""
        for value in body.node(record).attr.values():
            for function in (value.func, *value.list.func):
                if found := self._library.get(function.name):
                    yield found


@cache
def _naming_inputs(op: str) -> tuple[int, ...]:
    """The numbers of the inputs of an op that name files which a loader may name."""
    op_def = tensorflow_op_def(op) if op in outside_ops() else None
    arguments = op_def.input_arg if op_def else ()
    return tuple(number for number, arg in enumerate(arguments) if arg.name in _NAMING)


@cache
def _takes_functions(op: str) -> bool:
    """Whether an op may name functions; one that TensorFlow does not know may."""
    op_def = tensorflow_op_def(op)
    return op_def is None or any("func" in attr.type for attr in op_def.attr)


def _functions_of_objects(
    graph: LintedGraph, assets: list[protos.AssetFileDef]
) -> Iterator[tuple[str, frozenset[int], bool]]:
    """Yields the functions that objects name; `tf.saved_model.load` runs initializers among them.

    Yields:
        The name of the function; which of its last arguments, counted from the end, it is given an
        asset for; and whether an object names it for saving or restoring itself.
    """
    field = graph.meta_graph.message.find(_OBJECTS)
    if field is None:
        return
    objects = parse(protos.SavedObjectGraph, field)
    saving = {
        name
        for node in objects.nodes
        for saveable in node.saveable_objects.values()
        for number in (saveable.save_function, saveable.restore_function)
        if 0 < number < len(objects.nodes)
        for name in _names(objects.nodes[number])
    }

    def is_asset(number: int) -> bool:
        if not 0 <= number < len(objects.nodes) or not objects.nodes[number].HasField("asset"):
            return False
        index = objects.nodes[number].asset.asset_file_def_index
        return 0 <= index < len(assets) and not leads_out(assets[index])

    for name, function in objects.concrete_functions.items():
        bound = reversed(function.bound_inputs)
        handed = frozenset(back for back, number in enumerate(bound, 1) if is_asset(number))
        yield name, handed, name in saving


def _names(node: protos.SavedObject) -> Iterator[str]:
    """Yields the concrete functions of an object that is a function."""
    yield from node.function.concrete_functions
    yield node.bare_concrete_function.concrete_function_name


class _MadeNames:
    """Tells which tensors of a body are file names that a loader makes.

    Each tensor is looked at once: graphs that hand names on in many ways take no longer.
    """

    def __init__(
        self,
        body: FlowBody,
        handed: Collection[int],
        library: FlowLibrary,
        returned: _Returned,
    ) -> None:
        self._body, self._handed, self._library = body, handed, library
        self._returned = returned
        # A tensor that is being looked at counts as no file name, so that circles end.
        self._is_made: dict[str, bool] = {}
        self._is_beside: dict[str, bool] = {}

    def is_made(self, spelled: str, depth: int = 0) -> bool:
        """Whether a tensor is a name that a loader makes, or one beside such a file."""
        argument = self._body.argument(spelled)
        if argument is not None:
            return argument in self._handed
        if depth > MAX_NESTING:
            return False
        if spelled not in self._is_made:
            self._is_made[spelled] = False
            self._is_made[spelled] = self._makes(spelled, depth + 1)
        return self._is_made[spelled]

    def _makes(self, spelled: str, depth: int) -> bool:
        record = self._body.record(spelled)
        if record is None or not record.tensors:
            return False
        if (call := call_of(self._body, record, self._library)) and call.kind == "call":
            return self._returns(call, self._body.output(record, spelled), depth)
        first, *rest = record.tensors
        if record.op == "StringJoin":
            beside = (self._stays(each, depth) or self.is_made(each, depth) for each in rest)
            return self.is_made(first, depth) and all(beside)
        if record.op == "ReadVariableOp":
            variable = self._body.record(first)
            taken = self._assigned.get(variable.name, []) if variable else []
        else:
            taken = record.tensors[_HANDING_ON.get(record.op, slice(0))]
        return bool(taken) and all(self.is_made(each, depth) for each in taken)

    def _returns(self, call: Call, output: int, depth: int) -> bool:
        """Whether a call returns such a name: one that it is given, as savers do."""
        arguments = enumerate(call.tensors[call.first :])
        handed = frozenset(number for number, name in arguments if self.is_made(name, depth))
        [(_, body)] = call.callees
        asked = body, handed, output
        if asked not in self._returned:
            self._returned[asked] = False  # So that functions that call themselves end.
            inside = _MadeNames(body, handed, self._library, self._returned)
            found = output < len(body.results) and inside.is_made(body.results[output], depth)
            self._returned[asked] = found
        return self._returned[asked]

    def _stays(self, spelled: str, depth: int) -> bool:
        """Whether a tensor is constant text that leads to no other directory."""
        record = self._body.record(spelled)
        if record is None or depth > MAX_NESTING:
            return False
        if record.op not in _CHOOSING:
            texts = constant_texts(self._body, spelled)
            return bool(texts) and not any(".." in text for text in texts)
        if spelled not in self._is_beside:
            self._is_beside[spelled] = False
            chosen = record.tensors[1:]
            self._is_beside[spelled] = all(self._stays(each, depth + 1) for each in chosen)
        return self._is_beside[spelled]

    @cached_property
    def _assigned(self) -> dict[str, list[str]]:
        """What each variable, by the name of its node, is assigned in the body."""
        found: dict[str, list[str]] = {}
        for record in self._body.records.values():
            if record.op == "AssignVariableOp" and len(record.tensors) > 1:
                handle, value = record.tensors[:2]
                variable = self._body.record(handle)
                if is_variable(variable) and variable is not None:
                    found.setdefault(variable.name, []).append(value)
        return found

"""Graphs in files of their own, made SavedModels that can be patched.

A frozen graph is a GraphDef, whose variables are constants. ``tf.compat.v1.train.Saver`` writes a
MetaGraphDef, ``model.ckpt.meta``, beside a checkpoint of the same prefix. The prefix is not in the
checkpoint: loaders pass it to the op that restores the variables
(``SavedModelLoader.restore_variables`` in tensorflow/python/saved_model/loader_impl.py).
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from sigpb import protos
from sigpb.checkpoint.index import CheckpointIndex
from sigpb.errors import ModelUnreadable, PatchError, listed, renamed_in_errors
from sigpb.graphs.cone import reached
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.inspect.checkpoint_agreement import contradictions, unrestored
from sigpb.inspect.graph.flow import Graph
from sigpb.inspect.graph_ends import ends_of, graph_in, how_to_go_on
from sigpb.inspect.loading import Loading
from sigpb.inspect.proto_source import GraphPart, ProtoSource, open_source
from sigpb.patching.compile import plan_patch
from sigpb.patching.plan import Plan
from sigpb.publishing.changes import Content, SplicedFile, temporary_name
from sigpb.publishing.failures import explained
from sigpb.publishing.new_files import copy_file, parents_of, removed_at_exit, write_file
from sigpb.publishing.new_output import resolve_output
from sigpb.regular_files import read_regular
from sigpb.rewrite.draft import Interfaces
from sigpb.rewrite.graph_parts import FunctionLibrary, GraphParts
from sigpb.rewrite.interface import fed_tensors
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.files import BINARY_NAME
from sigpb.saved_model.missing_model import misnamed
from sigpb.saved_model.model import MetaGraph, SavedModel, open_model
from sigpb.tf.called_functions import called_functions
from sigpb.tf.op_defs import tensorflow_op_def
from sigpb.tf.ops import TABLES, VARIABLES
from sigpb.wire import (
    Edits,
    Message,
    Piece,
    SourceRange,
    WireType,
    assemble,
    encode_varint,
    length_delimited,
    size,
)
from sigpb.wire.encode import tag

_SCHEMA_VERSION = 1
_SERVE = "serve"

_META_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
_GRAPH = protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER
_SAVER = protos.MetaGraphDef.SAVER_DEF_FIELD_NUMBER
_TAGS = protos.MetaGraphDef.MetaInfoDef.TAGS_FIELD_NUMBER


@contextlib.contextmanager
def imported(
    file: Path, output: Path | None, *, with_variables: bool = False
) -> Iterator[SavedModel]:
    """Yields a SavedModel with the graph of a file, whose directory is removed at exit.

    Args:
        file: A GraphDef, or a MetaGraphDef with its checkpoint beside it; binary or text.
        output: Where a patched model is going to be: the directory is beside it. None if it is only
            looked at.
        with_variables: Whether the directory has the checkpoint.

    Raises:
        ModelUnreadable: If the file holds neither.
        PatchError: If a session of the graph alone could not run it.
        EnvironmentFailure: If something cannot be read or written.
    """
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(open_source(file))
        if source.schema == "SavedModel":
            raise ModelUnreadable(misnamed(file))
        checkpoint = _checkpoint_of(source)
        with explained(f"make a SavedModel of {file}", "Nothing was left behind."):
            if output is None:
                parent = tempfile.TemporaryDirectory(prefix="sigpb-", ignore_cleanup_errors=True)
                stage = Path(stack.enter_context(parent), file.name)
            else:
                target = resolve_output(output)
                stage = target.with_name(temporary_name(target.name))
                stack.enter_context(parents_of(stage))
                stack.enter_context(removed_at_exit(stage))
            stage.mkdir()
            pieces = tuple(_saved_model(source))
            content: Content = SplicedFile(pieces, source.file)
            if source.is_text:
                content = assemble(pieces, source.buffer)
            write_file(stage / BINARY_NAME, content, mode=None)
            if checkpoint and with_variables:
                (stage / "variables").mkdir()
                for name, part in checkpoint.items():
                    copy_file(part, stage / "variables" / name)
        stack.enter_context(renamed_in_errors(str(stage), str(file)))
        yield stack.enter_context(open_model(stage))


def plan_with_signatures(model: SavedModel, patch: protos.SavedModelPatch) -> Plan:
    """Returns what a patch does to a model made of a graph, which has to have a signature then.

    Raises:
        PatchError: With everything that is wrong with the patch, and what a signature could be made
            of if it creates none.
    """
    (graph,) = model.meta_graphs
    try:
        plan = plan_patch(model, patch)
    except PatchError as error:
        if graph.user_signatures or any(item.create for item in patch.signature):
            raise
        raise PatchError([*error.problems, *_advice(graph)]) from error
    interfaces = plan.interfaces.get(0)
    if not (any(interfaces.kept()) if interfaces else graph.user_signatures):
        raise PatchError(["the model would have no signature; create one.", *_advice(graph)])
    if interfaces and (problems := [*_without_values(interfaces)]):
        raise PatchError(problems)
    return plan


def _without_values(interfaces: Interfaces) -> Iterator[str]:
    """Yields the signatures that would read variables which a session cannot restore."""
    parts, meta_graph = GraphParts(interfaces.meta_graph), interfaces.meta_graph
    loading = Loading(Graph(GraphPart("", parts.message, meta_graph)), meta_graph)
    for signature in interfaces.kept():
        fetched = [name for port in signature.kept("output") for name in port.tensors]
        fed = {*fed_tensors(meta_graph.signatures[signature.ref.source])}
        if names := unrestored(parts.top, loading, fetched, fed):
            yield (
                f"signature {signature.key!r}: it reads the variables {listed(names)}, which the "
                "graph does not restore from its checkpoint; name a .meta file that was saved with "
                "all variables, or freeze the graph."
            )


def _advice(graph: MetaGraph) -> tuple[str, ...]:
    return how_to_go_on(ends_of(GraphParts(graph).top, graph))


def _saved_model(source: ProtoSource) -> Iterator[Piece]:
    """Yields the SavedModel with the graph of a file; most of it is in the file as it is."""
    whole = SourceRange(0, len(source.buffer))
    if source.schema == "GraphDef":
        info = protos.MetaGraphDef.MetaInfoDef(tags=[_SERVE])
        info.stripped_op_list.op.extend(_op_defs(source.root))
        header = length_delimited(_META_INFO, deterministic_bytes(info))
        length = encode_varint(len(source.buffer))
        graph: tuple[Piece, ...] = (header + tag(_GRAPH, WireType.LEN) + length, whole)
    else:
        graph = tuple(_with_tags(source))
    version = protos.SavedModel(saved_model_schema_version=_SCHEMA_VERSION).SerializeToString()
    number = protos.SavedModel.META_GRAPHS_FIELD_NUMBER
    yield version + tag(number, WireType.LEN) + encode_varint(size(graph))
    yield from graph


def _with_tags(source: ProtoSource) -> Iterable[Piece]:
    """Returns a MetaGraphDef with a tag, unless it has tags."""
    root, edits = source.root, Edits(source.buffer)
    tags = length_delimited(_TAGS, _SERVE.encode())
    if (info := root.find(_META_INFO)) is None:
        edits.insert(root, root.start, length_delimited(_META_INFO, tags))
    elif not any(info.fields(_TAGS)):
        edits.insert(info, info.end, tags)
    return edits.pieces()


def _op_defs(graph: Message) -> Iterator[protos.OpDef]:
    """Yields the definitions of the ops of a GraphDef, sorted, as TensorFlow lists them.

    Ops that TensorFlow does not define are left out, as it leaves out those that are not registered
    (``stripped_op_list_for_graph`` in tensorflow/python/framework/meta_graph.py).
    """
    library = FunctionLibrary.of_graph(graph)

    def called(name: str) -> Collection[str]:
        function = library.get(name)
        return called_functions(function.node_def) if function else ()

    used = reached(called_functions(graph_in(graph).nodes.values()), called)
    for name in sorted(used):
        if (op_def := tensorflow_op_def(name)) is not None:
            yield op_def


def _checkpoint_of(source: ProtoSource) -> Mapping[str, Path]:
    """Returns the files that hold the variables of a graph, by their names in a SavedModel.

    Raises:
        PatchError: If the graph has variables, or tables, whose values are not there.
    """
    file = source.file
    if not source.graphs:
        raise PatchError(f"{file}: it holds no graph.")
    graph, problems = graph_in(source.graphs[0].message), list[str]()
    held = {
        kind: _named(graph, ops) for kind, ops in (("variables", VARIABLES), ("tables", TABLES))
    }
    meta_graph = source.graphs[0].meta_graph
    has_saver = meta_graph is not None and meta_graph.message.find(_SAVER) is not None
    if held["tables"]:
        problems.append(
            f"{file}: the graph has the tables {listed(held['tables'])}, which have to be filled "
            "when the model is loaded, and it does not say by which op; export a SavedModel."
        )
    if held["variables"] and not has_saver:
        problems.append(
            f"{file}: the graph has the variables {listed(held['variables'])}, whose values it "
            "does not hold; name the .meta file beside their checkpoint, or freeze the graph."
        )
    if problems:
        raise PatchError(problems)
    if meta_graph is None or not has_saver:
        return {}
    index, files = _checkpoint_at(file.with_suffix(""))
    whole = Graph(source.graphs[0])
    if found := [*contradictions(whole, Loading(whole, meta_graph), index)]:
        where = file.with_suffix(".index")
        raise PatchError([f"{where}: the checkpoint of another graph. {each}" for each in found])
    return files


def _named(graph: TopLevelGraph, ops: Collection[str]) -> list[str]:
    return sorted(name for name, node in graph.nodes.items() if node.op in ops)


def _checkpoint_at(prefix: Path) -> tuple[CheckpointIndex, Mapping[str, Path]]:
    """Returns the index of a checkpoint, and its files by their names in a SavedModel.

    Raises:
        PatchError: If some are missing.
    """
    file = prefix.with_name(f"{prefix.name}.index")
    try:
        index = CheckpointIndex.read(read_regular(file))
    except FileNotFoundError:
        raise PatchError(
            f"{file}: there is no such file, and a checkpoint needs one; name a .meta file beside "
            "the checkpoint of its variables. Checkpoints of the first version have no such file."
        ) from None
    ends = ["index", *(f"data-{number:05}-of-{index.shards:05}" for number in range(index.shards))]
    files = {f"variables.{end}": prefix.with_name(f"{prefix.name}.{end}") for end in ends}
    if missing := [part.name for part in files.values() if not part.is_file()]:
        raise PatchError(f"{file}: the checkpoint lacks {', '.join(missing)}.")
    return index, files

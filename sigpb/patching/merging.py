"""Several models made one, with the signatures of all: see `sigpb.merge`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sigpb import protos
from sigpb.composing.absorb import absorbed
from sigpb.composing.composed import Composed
from sigpb.composing.part import Part
from sigpb.composing.scoped import scoped
from sigpb.errors import PatchError, listed
from sigpb.patching import side_files
from sigpb.patching.apply import text_of
from sigpb.patching.side_files import FingerprintMode, WarmupMode
from sigpb.phases import phase
from sigpb.publishing.changes import Changes, Content, SplicedFile, check_size, is_sigpbs_own
from sigpb.rewrite.commit import commit_model, unchanged
from sigpb.rewrite.draft import Interfaces, MetaGraphDraft, interfaces_of
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import SignatureRef
from sigpb.saved_model import history
from sigpb.saved_model.files import PROTO_NAMES
from sigpb.saved_model.model import MetaGraph, SavedModel, tag_set_text
from sigpb.tf.fresh_names import numbered
from sigpb.wire import assemble

# Restores a table from the checkpoint, in functions of TensorFlow 2.
_TABLE_IMPORT = "LookupTableImportV2"

_UNFIT = re.compile("[^A-Za-z0-9_]")

# What becomes part of the merged model, and what is made anew, of the files of further models.
_TAKEN_OVER = ("variables/", "assets/", "fingerprint.pb", "debug/", history.FILE_NAME)


@dataclass(frozen=True)
class Origin:
    """What a merged model has of one of the models that it is made of.

    Attributes:
        model: The directory of that model.
        name: The scope of its nodes and, in TensorFlow 2, the child of the root that its root is;
            empty for the first model, whose names stay.
        signatures: The keys that its signatures have now by those that they had, by tag-set.
    """

    model: Path
    name: str
    signatures: Mapping[tuple[str, ...], Mapping[str, str]]


@dataclass(frozen=True)
class Merged:
    """A merged model.

    Attributes:
        origins: What it has of each model.
        changes: In what it differs from the first model.
        notes: What there is to say of it.
    """

    origins: tuple[Origin, ...]
    changes: Changes
    notes: tuple[str, ...]


@phase("edit")
def merged(
    models: Sequence[SavedModel],
    prefixes: Sequence[str],
    fingerprint: FingerprintMode = "recompute",
    warmup: WarmupMode = "rewrite",
) -> Merged:
    """Puts models into the first one.

    Args:
        models: The models, at least two.
        prefixes: What the keys of the signatures of each of them are to begin with.
        fingerprint: What becomes of the fingerprint of the first model.
        warmup: What becomes of its warm-up requests for signatures that get other keys.

    Raises:
        PatchError: With all that is in the way.
        ModelUnreadable: If a checkpoint cannot be read.
    """
    first, *others = models
    if problems := [*_contradictions(models, prefixes)]:
        raise PatchError(problems)
    interfaces = {
        index: _with_prefix(graph, prefixes[0])
        for index, graph in enumerate(first.meta_graphs)
        if prefixes[0]
    }
    made = commit_model(first, interfaces)
    proto = assemble(made.pieces, first.buffer)
    whole = Composed(SavedModel(first.file, first.state, proto), made.pieces, {})
    origins = [_origin(first, prefixes[0], "")]
    notes: list[str] = []
    problems = []
    for model, prefix in zip(others, prefixes[1:], strict=True):
        name = _free_name(whole.model, model.directory)
        try:
            whole = _with_model(whole, model, prefix, name)
        except PatchError as error:
            problems += error.problems
        origins.append(_origin(model, prefix, name))
        notes += _left_out(first, model)
    if problems:
        raise PatchError(problems)
    requests, told = side_files.warmup(first, interfaces, made.committed, warmup)
    views = {index: unchanged(graph) for index, graph in enumerate(whole.model.meta_graphs)}
    views[0] = views[0]._replace(is_rewritten=True)
    main: Content = SplicedFile(whole.pieces, first.file)
    if first.is_text:
        main = text_of(first, protos.SavedModel.FromString(bytes(whole.model.buffer)))
    changes: dict[str, Content | None] = {
        first.file.name: main,
        **whole.files,
        **side_files.fingerprint(first, whole.pieces, views, fingerprint, whole.files),
        **requests,
    }
    if (first.directory / history.FILE_NAME).exists():
        changes[history.FILE_NAME] = None  # It is a record of another model.
    check_size(changes)
    return Merged(tuple(origins), changes, (*told, *notes))


def _contradictions(models: Sequence[SavedModel], prefixes: Sequence[str]) -> Iterator[str]:
    """Says which MetaGraphs and signatures of models cannot be in one model."""
    first, *others = models
    known = {graph.tags for graph in first.meta_graphs}
    for model in others:
        if unknown := [each.tags for each in model.meta_graphs if each.tags not in known]:
            yield (
                f"{model.directory} has a MetaGraph {tag_set_text(unknown[0])}, and "
                f"{first.directory} has {' and '.join(map(tag_set_text, sorted(known)))}. Each "
                "MetaGraph goes into the one of the same tag-set: 'sigpb patch' changes tags "
                f"(--add_tag, --remove_tag), and leaves MetaGraphs out (--drop)."
            )
    for each in sorted(known):
        yield from _equal_keys(models, prefixes, each)
    yield from _mixed(models)


def _equal_keys(
    models: Sequence[SavedModel], prefixes: Sequence[str], tags: tuple[str, ...]
) -> Iterator[str]:
    """Says which signatures would have the same key."""
    owners: dict[str, list[Path]] = {}
    for model, prefix in zip(models, prefixes, strict=True):
        for graph in model.meta_graphs:
            for key in graph.user_signatures if graph.tags == tags else ():
                owners.setdefault(prefix + key, []).append(model.directory)
    if twice := [key for key, found in owners.items() if len(found) > 1]:
        where = [str(each) for each in dict.fromkeys(owners[twice[0]])]
        each = ",".join(f"{chr(ord('a') + number % 26)}_" for number in range(len(models)))
        yield (
            f"More than one signature of the MetaGraphs {tag_set_text(tags)} would have the key "
            f"{listed(twice)}: that is one of {' and of '.join(where)}. Give them prefixes, such "
            f"as --prefix={each}"
        )


def _mixed(models: Sequence[SavedModel]) -> Iterator[str]:
    """Says which models of TensorFlow 1 cannot come behind one of TensorFlow 2."""
    first, *others = models
    with_objects = {each.tags for each in first.meta_graphs if each.has_object_graph}
    older = [
        model
        for model in others
        for graph in model.meta_graphs
        if graph.tags in with_objects and not graph.has_object_graph
    ]
    if older:
        names = ", ".join(str(model.directory) for model in older)
        yield (
            f"{names}: of TensorFlow 1, without functions that tf.saved_model.load could call "
            f"beside those of {first.directory}, of TensorFlow 2. Name {older[0].directory} first: "
            "then all signatures come along, as those of a model of TensorFlow 1."
        )


def _with_prefix(graph: MetaGraph, prefix: str) -> Interfaces:
    draft = MetaGraphDraft.of(graph)
    for key in graph.user_signatures:
        draft.put(replace(draft.signature(SignatureRef(key)), key=prefix + key))
    return interfaces_of(draft)


def _origin(model: SavedModel, prefix: str, name: str) -> Origin:
    return Origin(
        model.directory,
        name,
        {
            graph.tags: {key: prefix + key for key in graph.user_signatures}
            for graph in model.meta_graphs
        },
    )


def _free_name(into: SavedModel, directory: Path) -> str:
    """Returns a name of a model that no scope and no child of a root has.

    It is that of its directory, of a version that of the directory of all versions.
    """
    path = Path(os.path.realpath(directory))
    wanted = _UNFIT.sub("_", path.parent.name if path.name.isdigit() else path.name)
    if not wanted[:1].isalpha():
        wanted = f"model_{wanted}".rstrip("_")
    graphs = [GraphParts(graph).top for graph in into.meta_graphs]
    objects = [graph.object_graph for graph in into.meta_graphs if graph.object_graph]
    children = {child.local_name for each in objects for child in each.proto.nodes[0].children}
    return numbered(
        wanted, lambda name: name in children or any(graph.has_scope(name) for graph in graphs)
    )


def _with_model(into: Composed, model: SavedModel, prefix: str, name: str) -> Composed:
    """Returns a model with each MetaGraph of another one in the one of the same tag-set.

    Raises:
        PatchError: With all that is in the way.
    """
    places = {graph.tags: index for index, graph in enumerate(into.model.meta_graphs)}
    problems: list[str] = []
    for number, graph in enumerate(model.meta_graphs):
        index = places[graph.tags]
        own = name if not number else _free_name(into.model, Path(name))
        library = GraphParts(into.model.meta_graphs[index]).library
        first = int(library.fresh_name("").removeprefix("_"))
        keys = {key: prefix + key for key in graph.user_signatures}
        try:
            part = scoped(Part.of(model, number), own, first)
            into = absorbed(into, index, part, own, keys)
        except PatchError as error:
            problems += (f"{model.directory}: {each}" for each in error.problems)
    if problems:
        raise PatchError(problems)
    return into


def _left_out(first: SavedModel, model: SavedModel) -> Iterator[str]:
    """Says what of a further model is not in the merged one."""
    files = (file.relative_to(model.directory) for file in model.directory.rglob("*"))
    names = (
        name.as_posix()
        for name in files
        if (model.directory / name).is_file() and not is_sigpbs_own(name)
    )
    others = sorted(
        name for name in names if name not in PROTO_NAMES and not name.startswith(_TAKEN_OVER)
    )
    if others:
        yield f"{model.directory}: left out {listed(others)}, which only loaders of it know"
    with_objects = {graph.tags for graph in first.meta_graphs if graph.has_object_graph}
    newer = [
        graph
        for graph in model.meta_graphs
        if graph.has_object_graph and graph.tags not in with_objects
    ]
    if newer:
        yield (
            f"{model.directory}: its signatures come along, and not its objects, since "
            f"{first.directory} is a model of TensorFlow 1"
        )
    if any(GraphParts(graph).library.mentions_op(_TABLE_IMPORT) for graph in newer):
        yield (
            f"warning: {model.directory}: the checkpoint has values of its tables, which go when "
            "tf.saved_model.save saves again what tf.saved_model.load loads: of models of "
            "TensorFlow 1 that only saves variables"
        )

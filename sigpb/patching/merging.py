"""Several models made one, with the signatures of all: see `sigpb.merge`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

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
from sigpb.regular_files import is_url
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


class Source(NamedTuple):
    """A model that is to be part of a merged one.

    Attributes:
        name: What users call it: its directory, or its URL.
        model: The model.
        prefix: What the keys of its signatures are to begin with.
    """

    name: Path | str
    model: SavedModel
    prefix: str


@dataclass(frozen=True)
class Origin:
    """What a merged model has of one of the models that it is made of.

    Attributes:
        model: The directory of that model, or its URL.
        name: The scope of its nodes and, in TensorFlow 2, the child of the root that its root is;
            empty for the first model, whose names stay.
        signatures: The keys that its signatures have now by those that they had, by tag-set.
    """

    model: Path | str
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
    sources: Sequence[Source],
    fingerprint: FingerprintMode = "recompute",
    warmup: WarmupMode = "rewrite",
) -> Merged:
    """Puts models into the first one.

    Args:
        sources: The models, at least two.
        fingerprint: What becomes of the fingerprint of the first model.
        warmup: What becomes of its warm-up requests for signatures that get other keys.

    Raises:
        PatchError: With all that is in the way.
        ModelUnreadable: If a checkpoint cannot be read.
    """
    (_, first, prefix), *others = sources
    if problems := [*_contradictions(sources)]:
        raise PatchError(problems)
    interfaces = {
        index: _with_prefix(graph, prefix)
        for index, graph in enumerate(first.meta_graphs)
        if prefix
    }
    made = commit_model(first, interfaces)
    proto = assemble(made.pieces, first.buffer)
    whole = Composed(SavedModel(first.file, first.state, proto), made.pieces, {})
    origins = [_origin(sources[0], "")]
    notes: list[str] = []
    problems = []
    for source in others:
        name = _free_name(whole.model, source.name)
        try:
            whole = _with_model(whole, source, name)
        except PatchError as error:
            problems += error.problems
        origins.append(_origin(source, name))
        notes += _left_out(sources[0], source)
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


def _contradictions(sources: Sequence[Source]) -> Iterator[str]:
    """Says which MetaGraphs and signatures of models cannot be in one model."""
    first, *others = sources
    known = {graph.tags for graph in first.model.meta_graphs}
    for source in others:
        if unknown := [each.tags for each in source.model.meta_graphs if each.tags not in known]:
            yield (
                f"{source.name} has a MetaGraph {tag_set_text(unknown[0])}, and {first.name} has "
                f"{' and '.join(map(tag_set_text, sorted(known)))}. Each MetaGraph goes into the "
                "one of the same tag-set: 'sigpb patch --tags=… --set_tags=…' changes tags, and "
                "--drop_meta_graph leaves a MetaGraph out."
            )
    for each in sorted(known):
        yield from _equal_keys(sources, each)
    yield from _mixed(sources)


def _equal_keys(sources: Sequence[Source], tags: tuple[str, ...]) -> Iterator[str]:
    """Says which signatures would have the same key."""
    owners: dict[str, list[str]] = {}
    for source in sources:
        for graph in source.model.meta_graphs:
            for key in graph.user_signatures if graph.tags == tags else ():
                owners.setdefault(source.prefix + key, []).append(str(source.name))
    if twice := [key for key, found in owners.items() if len(found) > 1]:
        where = " and of ".join(owners[twice[0]])
        each = ",".join(f"{chr(ord('a') + number % 26)}_" for number in range(len(sources)))
        yield (
            f"More than one signature of the MetaGraphs {tag_set_text(tags)} would have the key "
            f"{listed(twice)}, those of {where}. Give them prefixes, such as --prefix={each}"
        )


def _mixed(sources: Sequence[Source]) -> Iterator[str]:
    """Says which models of TensorFlow 1 cannot come behind one of TensorFlow 2."""
    first, *others = sources
    with_objects = {each.tags for each in first.model.meta_graphs if each.has_object_graph}
    older = [
        str(source.name)
        for source in others
        for graph in source.model.meta_graphs
        if graph.tags in with_objects and not graph.has_object_graph
    ]
    if older:
        yield (
            f"{', '.join(older)}: of TensorFlow 1, without functions that tf.saved_model.load "
            f"could call beside those of {first.name}, of TensorFlow 2. Name {older[0]} first: "
            "then all signatures come along, as those of a model of TensorFlow 1."
        )


def _with_prefix(graph: MetaGraph, prefix: str) -> Interfaces:
    draft = MetaGraphDraft.of(graph)
    for key in graph.user_signatures:
        draft.put(replace(draft.signature(SignatureRef(key)), key=prefix + key))
    return interfaces_of(draft)


def _origin(source: Source, name: str) -> Origin:
    graphs = source.model.meta_graphs
    keys = {
        graph.tags: {key: source.prefix + key for key in graph.user_signatures} for graph in graphs
    }
    return Origin(source.name, name, keys)


def _free_name(into: SavedModel, of: Path | str) -> str:
    """Returns a name of a model that no scope and no child of a root has.

    It is that of its directory, of a version that of the directory of all versions.
    """
    path = Path(of if is_url(str(of)) else os.path.realpath(of))
    wanted = _UNFIT.sub("_", path.parent.name if path.name.isdigit() else path.name)
    if not wanted[:1].isalpha():
        wanted = f"model_{wanted}".rstrip("_")
    graphs = [GraphParts(graph).top for graph in into.meta_graphs]
    objects = [graph.object_graph for graph in into.meta_graphs if graph.object_graph]
    children = {child.local_name for each in objects for child in each.proto.nodes[0].children}
    return numbered(
        wanted, lambda name: name in children or any(graph.has_scope(name) for graph in graphs)
    )


def _with_model(into: Composed, source: Source, name: str) -> Composed:
    """Returns a model with each MetaGraph of another one in the one of the same tag-set.

    Raises:
        PatchError: With all that is in the way.
    """
    places = {graph.tags: index for index, graph in enumerate(into.model.meta_graphs)}
    problems: list[str] = []
    for number, graph in enumerate(source.model.meta_graphs):
        index = places[graph.tags]
        own = name if not number else _free_name(into.model, name)
        library = GraphParts(into.model.meta_graphs[index]).library
        first = int(library.fresh_name("").removeprefix("_"))
        keys = {key: source.prefix + key for key in graph.user_signatures}
        try:
            part = scoped(Part.of(source.model, number), own, first)
            into = absorbed(into, index, part, own, keys)
        except PatchError as error:
            problems += (f"{source.name}: {each}" for each in error.problems)
    if problems:
        raise PatchError(problems)
    return into


def _left_out(first: Source, source: Source) -> Iterator[str]:
    """Says what of a further model is not in the merged one."""
    model = source.model
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
        yield f"{source.name}: left out {listed(others)}, which only loaders of it know"
    with_objects = {graph.tags for graph in first.model.meta_graphs if graph.has_object_graph}
    newer = [
        graph
        for graph in model.meta_graphs
        if graph.has_object_graph and graph.tags not in with_objects
    ]
    if newer:
        yield (
            f"{source.name}: its signatures come along, and not its objects, since "
            f"{first.name} is a model of TensorFlow 1"
        )
    if any(GraphParts(graph).library.mentions_op(_TABLE_IMPORT) for graph in newer):
        yield (
            f"warning: {source.name}: the checkpoint has values of its tables, which go when "
            "tf.saved_model.save saves again what tf.saved_model.load loads: of models of "
            "TensorFlow 1 that only saves variables"
        )

"""Compares two models."""

from __future__ import annotations

import contextlib
import dataclasses
import mmap
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sigpb import protos
from sigpb.checkpoint.index import CheckpointIndex, NoIndex
from sigpb.comparing.difference import (
    FileChange,
    FilesDifference,
    MetaGraphDifference,
    ModelDifference,
    NameChanges,
    Tags,
)
from sigpb.comparing.grafts import graft_changes, without_grafts
from sigpb.comparing.graphs import compare_graphs
from sigpb.comparing.lineage import GraphView, Lineage
from sigpb.comparing.sections import Unmatched, compare_sections, same_bytes
from sigpb.comparing.signature_difference import SignatureDifference
from sigpb.comparing.signatures import differences_by_key, signature_differences
from sigpb.comparing.views import disagreements
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.phases import phase
from sigpb.regular_files import open_regular, read_regular
from sigpb.remote.at_hand import at_hand
from sigpb.remote.stored_file import StoredFile
from sigpb.saved_model import fingerprint, history
from sigpb.saved_model.files import BINARY_NAME, CHECKPOINT_INDEX, TEXT_NAME, sha256_of
from sigpb.saved_model.model import (
    INTERNAL_PREFIX,
    MetaGraph,
    SavedModel,
    open_models,
    parse,
    tag_set_text,
)
from sigpb.wire import Message

# The sections whose content is compared by its meaning, not by its bytes.
_COMPARED = ("graph_def.node", "graph_def.library.function", "signature_def")
# The sections that a patch of signatures changes in step with these.
_IN_STEP = ("collection_def", "object_graph_def.nodes", "object_graph_def.concrete_functions")


def compare_models_at(
    first: str | Path, second: str | Path, tags: Tags | None = None
) -> ModelDifference:
    """Returns what is different between two models.

    Args:
        first: The directory or URL of the first model.
        second: That of the second one.
        tags: Only the MetaGraphs with exactly these tags, sorted.

    Raises:
        PatchError: If neither model has a MetaGraph with these tags.
        ModelUnreadable: If something in a model cannot be read.
        EnvironmentFailure: If a store fails.
    """
    with at_hand(first) as old, at_hand(second) as new:
        with open_models(old.path, new.path) as (before, after):
            found = compare_models(before, after, tags, (old.left, new.left))
        return dataclasses.replace(found, before=old.name, after=new.name)


Left = Mapping[str, StoredFile]
"""The files of a model that stay in a store, by their paths in it."""


@phase("compare")
def compare_models(
    before: SavedModel,
    after: SavedModel,
    tags: Tags | None = None,
    left: tuple[Left, Left] = ({}, {}),
) -> ModelDifference:
    """Returns what is different between two models that are open.

    Args:
        before: The first model.
        after: The second model.
        tags: Only the MetaGraphs with exactly these tags, sorted.
        left: The files of each of them that stay in a store.

    Raises:
        PatchError: If neither model has a MetaGraph with these tags.
        ModelUnreadable: If something in a model cannot be read.
    """
    old, new = _selected(before, after, tags)
    pairs, removed, added = match_tag_sets(old, new)
    return ModelDifference(
        before.directory,
        after.directory,
        len(before.buffer),
        len(after.buffer),
        tuple(graph.tags for graph in removed),
        tuple(graph.tags for graph in added),
        tuple(_compare(*pair) for pair in pairs),
        _compare_files(before.directory, after.directory, left),
    )


def compare_signatures(before: MetaGraph, after: MetaGraph) -> tuple[SignatureDifference, ...]:
    """Returns what became of the signatures of a MetaGraph in natural order, added ones last."""
    parts = compare_sections(before.message, after.message)
    return signature_differences(before, after, _lineage(before, after, parts))


def _selected(
    before: SavedModel, after: SavedModel, tags: Tags | None
) -> tuple[list[MetaGraph], list[MetaGraph]]:
    old, new = (
        [graph for graph in model.meta_graphs if tags is None or graph.tags == tags]
        for model in (before, after)
    )
    if not old and not new:
        existing = {graph.tags for model in (before, after) for graph in model.meta_graphs}
        listed = ", ".join(map(tag_set_text, sorted(existing)))
        raise PatchError(
            f"neither model has a MetaGraph with the tag-set {tag_set_text(tags or ())}; there are "
            f"{listed}."
        )
    return old, new


def match_tag_sets(
    old: Sequence[MetaGraph], new: Sequence[MetaGraph]
) -> tuple[list[tuple[MetaGraph, MetaGraph]], list[MetaGraph], list[MetaGraph]]:
    """Pairs MetaGraphs by their tags; if each model has one left, its tags were changed.

    Returns:
        The pairs, the MetaGraphs that only the first model has, and those that only the second has.
    """
    by_tags: dict[Tags, list[MetaGraph]] = {}
    for graph in reversed(new):  # No two should have the same tags; if they do, they go in order.
        by_tags.setdefault(graph.tags, []).append(graph)
    pairs = [(graph, by_tags[graph.tags].pop()) for graph in old if by_tags.get(graph.tags)]
    paired = {id(graph) for pair in pairs for graph in pair}
    removed = [graph for graph in old if id(graph) not in paired]
    added = [graph for graph in new if id(graph) not in paired]
    if len(removed) == len(added) == 1:
        return [*pairs, (removed[0], added[0])], [], []
    return pairs, removed, added


def _compare(before: MetaGraph, after: MetaGraph) -> MetaGraphDifference:
    parts = compare_sections(before.message, after.message)
    lineage = _lineage(before, after, parts)
    changes = signature_differences(before, after, lineage)
    changed = any(change.is_change for change in changes)
    graph = compare_graphs(parts.get("graph_def.node"), parts.get("graph_def.library.function"))
    grafted = graft_changes(before, after, graph)
    graph, functions = without_grafts(graph, grafted)
    others = [
        name
        for name, part in parts.items()
        if name not in _COMPARED
        and (part.before or part.after)
        and not (changed and name in _IN_STEP)
        and _differ(name, part, before, after)
    ]
    return MetaGraphDifference(
        before.tags,
        after.tags,
        changes,
        differences_by_key(before, after, lineage),
        _internal(before, after),
        graph,
        tuple(others),
        tuple(part.section for part in parts.values()),
        disagreements(lineage.before, lineage.origins_before),
        disagreements(lineage.after, lineage.origins_after),
        grafted,
        functions,
    )


def _lineage(before: MetaGraph, after: MetaGraph, parts: Mapping[str, Unmatched]) -> Lineage:
    graph = [part for name, part in parts.items() if name.startswith("graph_def.")]
    are_equal = not any(part.before or part.after for part in graph)
    return Lineage(GraphView(before), GraphView(after), are_equal=are_equal)


def _internal(before: MetaGraph, after: MetaGraph) -> NameChanges:
    first, second = (
        {
            key: value.SerializeToString(deterministic=True)
            for key, value in graph.signatures.items()
            if key.startswith(INTERNAL_PREFIX)
        }
        for graph in (before, after)
    )
    return NameChanges.between(first, second)


def _differ(name: str, part: Unmatched, before: MetaGraph, after: MetaGraph) -> bool:
    """Whether a part differs in more than the order of its bytes."""
    field = name.partition(".")[0]
    number: Mapping[str, int] = {
        each.name: each.number for each in protos.MetaGraphDef.DESCRIPTOR.fields
    }
    if field not in number or name.startswith("graph_def."):
        return True
    return _encoded(before, number[field]) != _encoded(after, number[field])


def _encoded(graph: MetaGraph, number: int) -> bytes:
    """Encodes a field of a MetaGraphDef deterministically, so that equal fields have equal bytes.

    The tags are left out, since they are compared on their own, and the list of ops, which follows
    the graph.
    """
    parts = [
        bytes(graph.message.buffer[field.start : field.end])
        for field in graph.message.fields(number)
    ]
    proto = parse(protos.MetaGraphDef, Message.root(b"".join(parts)))
    for name in ("tags", "stripped_op_list"):
        proto.meta_info_def.ClearField(name)
    return proto.SerializeToString(deterministic=True)


_PROTOS = {BINARY_NAME, TEXT_NAME}
# Files that tell something of the model; no loader behaves otherwise because of them.
_TELL_ONLY = {fingerprint.FILE_NAME, history.FILE_NAME}
# What sigpb itself leaves beside a model begins so: see `sigpb.publishing`.
_LEFTOVER = ".sigpb-"
_DIGITS = 12


def _compare_files(before: Path, after: Path, left: tuple[Left, Left]) -> FilesDifference:
    """Returns what is different between the files of two models, without their protos.

    Args:
        before: The directory of the first model.
        after: The directory of the second model.
        left: The files of each of them that stay in a store.

    Raises:
        ModelUnreadable: If a file cannot be read.
    """
    first, second = _files_of(before), _files_of(after)
    changes, not_compared = [], []
    for path in sorted(first | second):
        if path in first and path in second:
            stored = [each[path] for each in left if path in each]
            if stored and _size(before / path) == _size(after / path):
                if stored[0].size and not (
                    len(stored) == 2 and stored[0].has_content_of(stored[1])
                ):
                    not_compared.append(path)
                continue
            if not stored and _is_same_file(before / path, after / path):
                continue
        digests = [
            _digest(folder / path, in_store.get(path)) if path in files else None
            for folder, files, in_store in ((before, first, left[0]), (after, second, left[1]))
        ]
        changes.append(FileChange(path, digests[0], digests[1], path not in _TELL_ONLY))
    variables = NameChanges()
    if any(change.path == CHECKPOINT_INDEX for change in changes):
        variables = _variables(before, after)
    return FilesDifference(tuple(changes), variables, tuple(not_compared))


def _files_of(folder: Path) -> set[str]:
    found = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(_LEFTOVER)]
        found |= {str((Path(root) / name).relative_to(folder)) for name in names}
    return {path for path in found if path not in _PROTOS and not path.startswith(_LEFTOVER)}


def _is_same_file(first: Path, second: Path) -> bool:
    try:
        if first.samefile(second):
            return True
        size = first.stat().st_size
        if size != second.stat().st_size:
            return False
        if not size:
            return True
        with contextlib.ExitStack() as stack:
            maps = [stack.enter_context(_mapped(file)) for file in (first, second)]
            return same_bytes(maps[0], 0, maps[1], 0, size)
    except OSError as error:
        raise ModelUnreadable(f"{error.filename or first}: {error.strerror or error}.") from error


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error


def _digest(file: Path, stored: StoredFile | None) -> str:
    if stored is not None:
        return f"{stored.size:,} bytes"
    try:
        return sha256_of(file)[:_DIGITS]
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error


def _mapped(file: Path) -> mmap.mmap:
    with open_regular(file) as opened:
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)


def _variables(before: Path, after: Path) -> NameChanges:
    try:
        files = [folder / CHECKPOINT_INDEX for folder in (before, after)]
        indices = [CheckpointIndex.read(read_regular(file)).tensors for file in files]
    except (OSError, NoIndex):
        return NameChanges()
    before_after = ({key: tensor.description for key, tensor in index.items()} for index in indices)
    return NameChanges.between(*before_after)

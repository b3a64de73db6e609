"""A model with only some of the signatures of another one: see `sigpb.split`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sigpb import protos
from sigpb.checkpoint.checkpoint import MODEL_PREFIX, Checkpoint
from sigpb.checkpoint.combined import Source, combined
from sigpb.checkpoint.shards import size_of
from sigpb.composing.extract import extracted
from sigpb.composing.part import Part
from sigpb.errors import PatchError, did_you_mean, listed
from sigpb.phases import phase
from sigpb.publishing.changes import (
    LOADED_DIRECTORIES,
    Content,
    WholeFile,
    check_size,
    is_sigpbs_name,
)
from sigpb.saved_model import fingerprint
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.files import BINARY_NAME, CHECKPOINT_INDEX, PROTO_NAMES
from sigpb.saved_model.model import MetaGraph, SavedModel, tag_set_text
from sigpb.visible_text import natural


class Amount(NamedTuple):
    """How much there was of something, and how much is left."""

    before: int
    after: int


@dataclass(frozen=True)
class Split:
    """A model with only some of the signatures of another one.

    Attributes:
        tags: The tag-set of its MetaGraph.
        signatures: The keys of its signatures.
        left_out: The keys of those that it does not have.
        amounts: How much it has of each kind of thing, by the words for it.
        sizes: The bytes of its proto, its checkpoint and its assets, by the words for them.
        files: Its files.
        notes: What else there is to say.
    """

    tags: tuple[str, ...]
    signatures: tuple[str, ...]
    left_out: tuple[str, ...]
    amounts: Mapping[str, Amount]
    sizes: Mapping[str, Amount]
    files: Mapping[str, Content]
    notes: tuple[str, ...]


@phase("edit")
def split_of(model: SavedModel, signatures: Iterable[str], tags: tuple[str, ...] | None) -> Split:
    """Returns what a model with only some signatures of another one consists of.

    Args:
        model: The other one.
        signatures: The keys of the signatures.
        tags: The tag-set of the MetaGraph that has them, sorted; None if only one has them all.

    Raises:
        PatchError: If there are no such signatures, or it cannot be determined what they need.
        ModelUnreadable: If the model, or its checkpoint, is damaged.
    """
    wanted = tuple(dict.fromkeys(signatures))
    index = _meta_graph_with(model, wanted, tags)
    graph = model.meta_graphs[index]
    part = Part.of(model, index)
    after = extracted(part, wanted)
    proto = protos.SavedModel(saved_model_schema_version=1, meta_graphs=[after.meta_graph])
    encoded = deterministic_bytes(proto)
    checkpoint = _checkpoint(after)
    files: dict[str, Content] = {BINARY_NAME: encoded, **checkpoint, **_assets(after)}
    check_size(files)
    index_content = checkpoint.get(CHECKPOINT_INDEX)
    assert index_content is None or isinstance(index_content, bytes)
    if made := _fingerprint(model, proto, index_content, len(encoded)):
        files[fingerprint.FILE_NAME] = made.SerializeToString(deterministic=True)
    return Split(
        graph.tags,
        wanted,
        tuple(key for key in graph.user_signatures if key not in wanted),
        _amounts(part, after),
        {
            BINARY_NAME: Amount(model.state.size, len(encoded)),
            "variables": Amount(_size_of_checkpoint(model.directory), _size(checkpoint.values())),
            "assets": Amount(_size(_assets(part).values()), _size(_assets(after).values())),
        },
        files,
        tuple(_left_out(model, graph)),
    )


def _meta_graph_with(
    model: SavedModel, signatures: Sequence[str], tags: tuple[str, ...] | None
) -> int:
    """Returns the position of the MetaGraph that has some signatures."""
    graphs = [each for each in enumerate(model.meta_graphs) if tags in (None, each[1].tags)]
    if not graphs:
        there = ", ".join(tag_set_text(graph.tags) for graph in model.meta_graphs)
        raise PatchError(
            f"No MetaGraph has the tag-set {tag_set_text(tags or ())}; there are {there}."
        )
    keys = {key for _, graph in graphs for key in graph.user_signatures}
    if unknown := [key for key in signatures if key not in keys]:
        raise PatchError(
            [f"There is no signature {key!r}; {did_you_mean(key, keys)}." for key in unknown]
        )
    having = [(at, graph) for at, graph in graphs if {*signatures} <= {*graph.user_signatures}]
    if len(having) == 1:
        return having[0][0]
    there = ", ".join(tag_set_text(graph.tags) for _, graph in having or graphs)
    if having:
        raise PatchError(f"{there} have these signatures; choose one of these tag-sets (--tags).")
    raise PatchError(
        f"None of {there} has all of {listed([*signatures])}; split each tag-set (--tags)."
    )


def _checkpoint(part: Part) -> dict[str, Content]:
    """Returns the files of the checkpoint of a part, which has none if it restores nothing."""
    checkpoint = Checkpoint.of_model(part.directory)
    if checkpoint is None or (not part.variables and part.objects is None):
        return {}
    made = combined([Source(checkpoint, part.variables)], part.objects).changes(None)
    return {name: content for name, content in made.items() if content is not None}


def _fingerprint(
    model: SavedModel, proto: protos.SavedModel, index: bytes | None, size: int
) -> protos.FingerprintDef | None:
    """Returns the fingerprint of a model made of one that has a fingerprint."""
    file = model.directory / fingerprint.FILE_NAME
    if not file.exists():
        return None
    old = fingerprint.read(file)
    if size <= fingerprint.COMPUTE_LIMIT:
        return fingerprint.compute(proto, index, old.uuid)
    meta_graph = proto.meta_graphs[0]
    return fingerprint.refresh(
        old,
        meta_graph.signature_def,
        meta_graph.object_graph_def,
        program_hash=0,
        checkpoint_hash=fingerprint.checkpoint_hash(index),
    )


def _assets(part: Part) -> dict[str, Content]:
    return {f"assets/{name}": WholeFile(file) for name, file in part.assets.items()}


def _size(contents: Iterable[Content]) -> int:
    return sum(map(size_of, contents))


def _size_of_checkpoint(directory: Path) -> int:
    files = (directory / MODEL_PREFIX).parent.glob("variables.*")
    return sum(file.stat().st_size for file in files)


def _amounts(before: Part, after: Part) -> dict[str, Amount]:
    """Returns how much there is of what a model consists of."""
    return {
        "nodes": Amount(*(len(part.meta_graph.graph_def.node) for part in (before, after))),
        "functions": Amount(
            *(len(part.meta_graph.graph_def.library.function) for part in (before, after))
        ),
        "objects": Amount(
            *(len(part.meta_graph.object_graph_def.nodes) for part in (before, after))
        ),
        "variables": Amount(len(before.variables), len(after.variables)),
        "assets": Amount(len(before.assets), len(after.assets)),
    }


def _left_out(model: SavedModel, kept: MetaGraph) -> Iterator[str]:
    """Says what else of a model is left out."""
    others = [tag_set_text(graph.tags) for graph in model.meta_graphs if graph is not kept]
    if others:
        yield f"left out: the MetaGraph{'s' if len(others) > 1 else ''} {listed(others)}"
    known = {*PROTO_NAMES, *LOADED_DIRECTORIES, fingerprint.FILE_NAME}
    names = {file.name for file in model.directory.iterdir() if not is_sigpbs_name(file.name)}
    if beside := sorted(names - known, key=natural):
        yield f"left out, since they are about the whole model: {', '.join(beside)}"

"""What becomes of the files beside the proto that describe it or name its signatures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from google.protobuf import text_format

from sigpb import protos
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.patching.invert import Inverse
from sigpb.publishing.changes import Changes, Content, WholeFile, pieces_of
from sigpb.regular_files import is_there
from sigpb.rewrite.commit import Committed
from sigpb.rewrite.draft import Interfaces, MetaGraphDraft, interfaces_of
from sigpb.saved_model import fingerprint as fingerprints
from sigpb.saved_model import history as histories
from sigpb.saved_model.files import CHECKPOINT_INDEX, WARMUP_PATH, read_side_file, sha256_of
from sigpb.saved_model.model import SavedModel, parse
from sigpb.wire import Buffer, Message, Piece, assemble, sha256, size

if TYPE_CHECKING:
    from sigpb.patching.plan import Plan
    from sigpb.patching.warmup.requests import SignatureChange
    from sigpb.patching.warmup.rewrite import Rewritten

FingerprintMode = Literal["recompute", "drop", "keep"]
WarmupMode = Literal["rewrite", "drop", "keep", "refuse"]

# Up to this size in bytes a proto's digest is recorded, which takes 0.1 s then.
_DIGEST_LIMIT = 1 << 26

_SERVED_TAG = "serve"
_LISTED = 5  # numbers of requests in a message
_OTHER_MODES = (
    "--warmup=drop removes the warm-up requests; --warmup=keep leaves them, and TensorFlow Serving "
    "refuses to load the model until you replace them."
)


def fingerprint(
    model: SavedModel,
    pieces: Sequence[Piece],
    committed: Mapping[int, Committed],
    mode: FingerprintMode,
    files: Changes = MappingProxyType({}),
) -> Changes:
    """Returns the new fingerprint of a model that has one.

    Args:
        model: The model as it was.
        pieces: What its proto is made of now.
        committed: Its MetaGraphs as they are now, of which the first one counts.
        mode: Whether to recompute the fingerprint, to drop it, or to keep it though it is stale.
        files: The new content of its checkpoint and assets, if these change.

    Raises:
        PatchError: If the model cannot be fingerprinted.
    """
    file = model.directory / fingerprints.FILE_NAME
    if mode == "keep" or not file.exists():
        return {}
    if mode == "drop":
        return {fingerprints.FILE_NAME: None}
    try:
        old = fingerprints.read(file)
    except ModelUnreadable as error:
        raise PatchError(f"{error} To go on without it, use --fingerprint=drop.") from error
    try:
        if size(pieces) > fingerprints.COMPUTE_LIMIT:
            index, first = min(committed.items())
            if index:  # Another MetaGraph than before.
                graph = first.object_graph or protos.SavedObjectGraph()
                first = first._replace(object_graph=graph, is_rewritten=True)
            new = fingerprints.refresh(
                old,
                first.signature_defs,
                first.object_graph,
                _program_hash(first),
                fingerprints.checkpoint_hash(_index(model, files))
                if CHECKPOINT_INDEX in files
                else None,
            )
        else:
            patched = Message.root(assemble(pieces, model.buffer))
            new = fingerprints.compute(
                parse(protos.SavedModel, patched),
                _index(model, files),
                old.uuid,
            )
    except fingerprints.FingerprintError as error:
        raise PatchError(
            f"{error} To go on without a fingerprint, use --fingerprint=drop."
        ) from error
    return {fingerprints.FILE_NAME: new.SerializeToString(deterministic=True)}


def _index(model: SavedModel, files: Changes) -> bytes | None:
    """Returns the index of the checkpoint as it is when some files of a model have changed."""
    if CHECKPOINT_INDEX not in files:
        return fingerprints.read_checkpoint_index(model.directory)
    index = files[CHECKPOINT_INDEX]
    return None if index is None else assemble(pieces_of(index), b"")


def _program_hash(first: Committed) -> int | None:
    """Returns the hash of a graph that changed: 0, which leaves it out, if that takes long."""
    if first.is_rewritten:
        return 0
    if first.graph is None:
        return None
    if first.graph.size > fingerprints.COMPUTE_LIMIT:
        return 0
    return fingerprints.graph_def_program_hash(first.graph.graph_def())


def history(
    model: SavedModel,
    plan: Plan,
    changes: Changes,
    committed: Iterable[Committed],
    inverse: Inverse,
) -> Changes:
    """Returns the record of applied patches with this one added, and how it is undone.

    Args:
        model: The model as it was.
        plan: The plan that is carried out.
        changes: The new content of the model's other files.
        committed: Its MetaGraphs as they are now.
        inverse: The patch that undoes this one.
    """
    way_back: dict[str, Any] = {
        "input_digest": sha256_of(model.file) if model.state.size <= _DIGEST_LIMIT else None,
        "input_bytes": model.state.size,
        "input_types_digest": histories.types_digest(
            (graph.tags, graph.signatures) for graph in model.meta_graphs
        ),
        "side_files": {
            name: [now, state_left(changes[name]) if name in changes else now]
            for name in dict.fromkeys((fingerprints.FILE_NAME, WARMUP_PATH, *sorted(changes)))
            if name != model.file.name
            for now in [state_of(model.directory / name)]
        },
    }
    if inverse.problems:
        way_back["irreversible"] = inverse.problems
    else:
        way_back["undo"] = text_format.MessageToString(
            inverse.patch, as_one_line=True, as_utf8=True
        )
    if plan.ground is not None and plan.ground.ways_back:
        way_back["grafts"] = [way.to_json() for _, way in plan.ground.ways_back]
    way_back["changes"] = [
        {"tags": list(graph.tags), "edits": [edit.describe() for edit in graph.edits]}
        for graph in plan.meta_graphs
    ]
    left = left_by(model, changes, committed)
    record = histories.with_record(model.directory, plan.patch, left, way_back, plan.asked)
    return {histories.FILE_NAME: record}


def left_by(model: SavedModel, changes: Changes, committed: Iterable[Committed]) -> dict[str, Any]:
    """Returns what the record says of a model as changes leave it."""
    signatures = [(graph.tags, graph.signature_defs) for graph in committed]
    main = changes[model.file.name]
    return histories.left_by(signatures, _digest(main, model.buffer), size(pieces_of(main)))


def state_of(file: Path) -> str | None:
    """Returns what tells whether a file beside a proto is as it was; None if there is none.

    Returns:
        Its SHA-256; of a large one, such as a file of values of variables, its size.
    """
    if not is_there(file):
        return None
    count = file.stat().st_size
    if count > histories.STATE_LIMIT:
        return f"{count} bytes"
    content = read_side_file(file)
    return None if content is None else sha256((content,), b"")


def state_left(content: Content | None) -> str | None:
    """Returns the same for a file that is to be."""
    if content is None:
        return None
    if isinstance(content, WholeFile):
        return state_of(content.source)
    if isinstance(content, bytes) and len(content) <= histories.STATE_LIMIT:
        return sha256((content,), b"")
    from sigpb.checkpoint.shards import read_range, size_of

    if (count := size_of(content)) > histories.STATE_LIMIT:
        return f"{count} bytes"
    return sha256((read_range(content, 0, count),), b"")


def _digest(content: Content | None, buffer: Buffer) -> str | None:
    """Returns the SHA-256 of a file; None if there is none, or that takes long."""
    if content is None:
        return None
    if isinstance(content, bytes):
        return sha256((content,), b"")
    pieces = pieces_of(content)
    return sha256(pieces, buffer) if size(pieces) <= _DIGEST_LIMIT else None


def warmup(
    model: SavedModel,
    interfaces: Mapping[int, Interfaces],
    committed: Mapping[int, Committed],
    mode: WarmupMode,
) -> tuple[Changes, tuple[str, ...]]:
    """Returns what becomes of warm-up requests for signatures that change, and notes on it.

    Args:
        model: The model as it was.
        interfaces: What the signatures of its MetaGraphs that change are to be, by their positions.
        committed: All MetaGraphs that stay, as they are now.
        mode: Whether requests follow the change, are removed, all of them, if any is for something
            that changes, are kept though they do not fit, or are a reason to refuse the change.

    Raises:
        PatchError: If `mode` says to refuse, or requests cannot follow.
    """
    if mode == "keep" or not (model.directory / WARMUP_PATH).exists():
        return {}, ()
    from sigpb.patching.warmup.rewrite import rewrite
    from sigpb.saved_model import warmup as warmups
    from sigpb.saved_model.tf_record import write_records

    try:
        requests = warmups.read_requests(model.directory)
    except ModelUnreadable as error:
        if mode == "drop":
            return {WARMUP_PATH: None}, ()
        raise PatchError([str(error), _OTHER_MODES]) from error
    rewritten = rewrite(requests, _served(model, interfaces, committed))
    stale = sorted([*rewritten.changed, *rewritten.removed, *chain(*rewritten.problems.values())])
    if not stale:
        return {}, ()
    if mode == "drop":
        return {WARMUP_PATH: None}, ()
    if mode == "refuse":
        raise PatchError(
            [
                f"{_requests(stale)} in {WARMUP_PATH} would have to follow the patch.",
                f"Use --warmup=rewrite for that. {_OTHER_MODES}",
            ]
        )
    if rewritten.problems:
        problems = [
            f"{_requests(numbers)} in {WARMUP_PATH} cannot follow the patch: {problem}."
            for problem, numbers in rewritten.problems.items()
        ]
        raise PatchError([*problems, _OTHER_MODES])
    content = write_records(rewritten.records) if rewritten.records else None
    return {WARMUP_PATH: content}, tuple(_notes(rewritten))


def _served(
    model: SavedModel, interfaces: Mapping[int, Interfaces], committed: Mapping[int, Committed]
) -> list[dict[str, SignatureChange]]:
    """Returns what becomes of the signatures of each MetaGraph that TensorFlow Serving may load."""
    from sigpb.patching.warmup.requests import signature_changes

    def of_file(index: int, key: str, change: SignatureChange) -> SignatureChange:
        known = model.meta_graphs[index].signatures
        is_adapted = key in known and known[key] != change.before
        return replace(change, adapted=known[key]) if is_adapted else change

    graphs = [each for each in enumerate(model.meta_graphs) if each[0] in committed]
    served = [(index, graph) for index, graph in graphs if _SERVED_TAG in graph.tags]
    return [
        {
            key: of_file(index, key, change)
            for key, change in signature_changes(
                interfaces.get(index) or interfaces_of(MetaGraphDraft.of(graph)),
                committed[index].signature_defs,
            ).items()
        }
        for index, graph in served or graphs
    ]


def _notes(rewritten: Rewritten) -> Iterator[str]:
    """Says what was done to warm-up requests."""
    done = {"rewritten": rewritten.changed, "removed": rewritten.removed}
    said = [f"{len(numbers)} {what}" for what, numbers in done.items() if numbers]
    yield f"warm-up requests: {', '.join(said)}"
    for note, numbers in rewritten.notes.items():
        yield f"{_requests(numbers)}: {note}"


def _requests(numbers: Sequence[int]) -> str:
    """Returns for instance ``warm-up requests 1, 2``."""
    listed = ", ".join(map(str, numbers[:_LISTED]))
    more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
    return f"warm-up request{'s' if len(numbers) > 1 else ''} {listed}{more}"

"""Taking back the patch that was applied last: from its backup, or by the patch that undoes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, get_type_hints

from sigpb.comparing.compare import compare_signatures, match_tag_sets
from sigpb.comparing.report import whole_signature_lines
from sigpb.errors import PatchError
from sigpb.field_types import fits
from sigpb.patching.apply import changes_of, check
from sigpb.patching.compile import compile_patch
from sigpb.patching.patch_file import parse_text
from sigpb.patching.plan import Plan
from sigpb.patching.side_files import left_by, state_left, state_of
from sigpb.publishing.changes import Changes
from sigpb.publishing.restore import backups, kept_file
from sigpb.saved_model import fingerprint, history
from sigpb.saved_model.files import WARMUP_PATH, read_side_file, sha256_of
from sigpb.saved_model.grafts import Graft, grafts
from sigpb.saved_model.model import SavedModel, open_proto, tag_set_text

_SIDE_FILES = {fingerprint.FILE_NAME, WARMUP_PATH}


@dataclass(frozen=True)
class Undo:
    """How the last patch of a model is taken back.

    Attributes:
        record: What the model's record says of the patch.
        changes: The new content of the files that change. With a backup, only their names count.
        backup: The directory of the files as they were before the patch; None if none is used.
        plan: Without a backup, the plan of the patch that undoes it.
        lines: With a backup, what becomes of the signatures, in words.
        notes: What else there is to say.
    """

    record: Mapping[str, Any]
    changes: Changes
    backup: Path | None = None
    plan: Plan | None = None
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Applied:
    """What a record says of the last patch.

    Attributes:
        output_digest: The SHA-256 of the proto that the patch left; None if that was too large.
        output_bytes: The size of that proto.
        signatures_digest: The digest of its signatures.
        input_digest: The SHA-256 of the proto before; None if that was too large.
        input_bytes: The size of that proto.
        input_types_digest: The digest of what its signatures said, without the names of tensors.
        side_files: The SHA-256 of the files beside the proto, before and after; None: no file.
        undo: The patch that undoes it, in text format; None if there is none.
        irreversible: Why there is none.
    """

    output_digest: str | None
    output_bytes: int
    signatures_digest: str
    input_digest: str | None
    input_bytes: int
    input_types_digest: str
    side_files: Mapping[str, tuple[str | None, ...]]
    undo: str | None
    irreversible: tuple[str, ...] | None

    @property
    def changed_files(self) -> dict[str, str | None]:
        """The files beside the proto that the patch changed, each with its SHA-256 before."""
        return {name: pair[0] for name, pair in self.side_files.items() if pair[0] != pair[1]}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> _Applied | None:
        """Reads the record of a patch; returns None if it does not say all that."""
        hints = get_type_hints(cls)
        values: dict[str, Any] = {name: record.get(name) for name in hints}
        if not all(fits(values[name], hint) for name, hint in hints.items()):
            return None
        applied = cls(**values)
        is_known = all(
            (name in _SIDE_FILES or _is_of_adapters(name)) and len(pair) == 2
            for name, pair in applied.side_files.items()
        )
        return applied if is_known else None


def _is_of_adapters(name: str) -> bool:
    """Whether a path in a model is that of a file which adapters bring, or which makes room."""
    folder, *rest = PurePosixPath(name).parts or ("",)
    return folder in ("assets", "variables") and ".." not in rest


def plan_undo(model: SavedModel) -> Undo | None:
    """Returns how the last patch of a model is taken back; None if no patch is recorded.

    Raises:
        PatchError: If it cannot be taken back, or if something else changed the model since then.
    """
    directory, kept = model.directory, backups(model.directory)
    record = history.last_record(directory)
    if record is None:
        unknown = [each for each in kept if not _is_same_proto(each, model)]
        if not unknown:
            return None
        raise PatchError(
            f"{directory}: no record ({history.FILE_NAME}) says what left {unknown[0].name}, such "
            "as 'sigpb lint --fix' or a patch with --no_history, or whether the model was changed "
            f"since then.{_by_hand(directory, unknown)}"
        )
    applied = _Applied.read(record)
    if applied is None:
        raise PatchError(
            f"{directory}: the last line of {history.FILE_NAME} does not say how to undo its "
            "patch: an earlier version of sigpb wrote it, or it is damaged."
            f"{_by_hand(directory, kept)}"
        )
    if not _is_as_left(model, applied):
        raise PatchError(
            f"{model.file} is not as the last recorded patch left it. Something that leaves no "
            "record changed it, and taking the patch back would undo that too."
            f"{_by_hand(directory, kept)}"
        )
    backup = next((each for each in kept if _holds_before(each, model, applied)), None)
    changed = [
        name
        for name, (_, after) in applied.side_files.items()
        if state_of(directory / name) != after
    ]
    if backup is None:
        return _by_inverse(model, record, applied, "there is no backup of the last patch")
    if changed:
        why = f"{changed[0]} was changed after the last patch, so {backup.name} does not fit"
        return _by_inverse(model, record, applied, why, _by_hand(directory, [backup]))
    names = (model.file.name, *applied.changed_files, history.FILE_NAME)
    return Undo(
        record,
        dict.fromkeys(names),
        backup,
        lines=tuple(_differences(model, backup)),
        notes=tuple(_not_compared(applied)),
    )


def _by_inverse(
    model: SavedModel, record: Mapping[str, Any], applied: _Applied, why: str, by_hand: str = ""
) -> Undo:
    """Returns how the last patch is taken back by the one that undoes it.

    Args:
        model: The model.
        record: What the model's record says of the last patch.
        applied: The same, read.
        why: Why no backup is used.
        by_hand: How it is put back by hand, if there is one.
    """
    where = f"{model.directory}: {why}"
    if applied.undo is None:
        digest = f" (sha256:{applied.input_digest})" if applied.input_digest else ""
        raise PatchError(
            (
                f"{where}, and no patch undoes it. Take the model that the patch was applied to"
                f"{digest}.{by_hand}",
                *(applied.irreversible or ()),
            )
        )
    try:
        plan = check(compile_patch(model, parse_text(applied.undo)), model)
    except PatchError as error:
        raise PatchError(
            (f"{where}, and the patch that undoes it is refused.", *error.problems)
        ) from error
    committed = plan.commit(model).committed.values()
    made = [(graph.tags, graph.signature_defs) for graph in committed]
    if plan.is_empty or history.types_digest(made) != applied.input_types_digest:
        raise PatchError(
            f"{where}, and the recorded patch that should undo it does not restore the model's "
            "signatures."
        )
    changes, notes = changes_of(plan, model, history=False)
    digests = {
        name: (state_of(model.directory / name), state_left(content))
        for name, content in changes.items()
        if name in _SIDE_FILES
    }
    left = left_by(model, changes, committed)
    earlier = history.without_last(model.directory, left, digests)
    gone = tuple(
        f"{name} does not come back: the patch removed it, and {why}"
        for name, (before, after) in applied.side_files.items()
        if name in _SIDE_FILES and before is not None and after is None
    )
    return Undo(record, {**changes, history.FILE_NAME: earlier}, plan=plan, notes=(*notes, *gone))


def _is_as_left(model: SavedModel, applied: _Applied) -> bool:
    """Whether a model's proto is as the last patch left it."""
    if not _is_proto(model.file, applied.output_digest, applied.output_bytes):
        return False
    signatures = [(graph.tags, graph.signatures) for graph in model.meta_graphs]
    return history.signatures_digest(signatures) == applied.signatures_digest


def _holds_before(backup: Path, model: SavedModel, applied: _Applied) -> bool:
    """Whether a backup holds the files that the last patch changed as they were before it."""

    def kept(name: str) -> Path | None:
        return kept_file(model.directory, backup, name)

    main, record = kept(model.file.name), kept(history.FILE_NAME)
    return (
        main is not None
        and _is_proto(main, applied.input_digest, applied.input_bytes)
        and all(
            (file and state_of(file)) == before
            for name, before in applied.changed_files.items()
            for file in [kept(name)]
        )
        and history.is_before_last(read_side_file(record) if record else None, model.directory)
    )


def _is_proto(file: Path, digest: str | None, size: int) -> bool:
    """Whether a file has a digest; or a size, where a proto was too large for a digest."""
    return file.stat().st_size == size and (digest is None or sha256_of(file) == digest)


def _is_same_proto(backup: Path, model: SavedModel) -> bool:
    """Whether a backup holds the proto of a model as it is: its files were put back."""
    kept = kept_file(model.directory, backup, model.file.name)
    return kept is not None and _is_proto(kept, sha256_of(model.file), model.state.size)


def _not_compared(applied: _Applied) -> Iterator[str]:
    """Says what of a model was too large to be compared with what the record says."""
    if applied.input_digest is None or applied.output_digest is None:
        yield (
            "the proto is too large for a digest: sigpb compared only its size and its "
            "signatures with those that the patch left"
        )


def _differences(model: SavedModel, backup: Path) -> Iterator[str]:
    """Yields what becomes of the signatures of a model when a backup is put back."""
    file = kept_file(model.directory, backup, model.file.name)
    assert file is not None
    with open_proto(file) as before:
        pairs, removed, added = match_tag_sets(model.meta_graphs, before.meta_graphs)
        for now, then in pairs:
            yield f"MetaGraph {tag_set_text(then.tags)}"
            yield from _adapters(grafts(now), grafts(then))
            for change in compare_signatures(now, then):
                # The bytes come back: what a conversion would lose does not get lost.
                ends = tuple(
                    replace(end, by_way_of=None, computed_by=()) for end in change.endpoints
                )
                told = replace(change, endpoints=ends)
                yield from (f"  {line}" for line in whole_signature_lines(told) if told.is_change)
        yield from (f"MetaGraph {tag_set_text(graph.tags)}: removed" for graph in removed)
        yield from (f"MetaGraph {tag_set_text(graph.tags)}: added" for graph in added)


def _adapters(now: Sequence[Graft], then: Sequence[Graft]) -> Iterator[str]:
    """Yields which adapters go and come, the last one that was put there first."""
    for each in reversed([graft for graft in now if graft not in then]):
        yield f"  signature {each.signature!r}: adapter {each.name!r} {each.position} it taken out"
    for each in (graft for graft in then if graft not in now):
        yield f"  signature {each.signature!r}: adapter {each.name!r} put {each.position} it again"


def _by_hand(directory: Path, kept: Sequence[Path]) -> str:
    """Says how to put a backup back by hand."""
    if not kept:
        return ""
    newest = kept[0]
    return (
        f" 'sigpb diff {directory} {newest}' shows what the newest backup would change; 'cp -r "
        f"{newest}/. {directory}/' puts it back."
    )

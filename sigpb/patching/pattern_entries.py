r"""Patterns in the place of keys: one entry of a patch for many signatures, inputs or outputs.

A pattern is a regular expression in the syntax of Python's `re`, which has to match a whole key:
``^input_(\d+)$``, and ``feature_\1`` for the new key. Each model has its own keys, so a patch with
patterns is written out for a model before anything else is made of it, and all that is true of a
patch with keys is true of what comes of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sigpb import protos
from sigpb.edits.edit import is_new
from sigpb.errors import MOST_LISTED, PatchError, did_you_mean
from sigpb.patching.key_pattern import (
    TooManyTries,
    matching,
    partly_matched,
    pattern_problems,
)
from sigpb.saved_model.model import MetaGraph

_Entry = TypeVar("_Entry", protos.SignaturePatch, protos.EndpointPatch)


def entry_problems(patch: protos.SavedModelPatch) -> Iterator[str]:
    """Yields what is wrong with the patterns of a patch whatever the model."""
    for item in patch.signature:
        where = f"signature {_quoted(item)}"
        if _is_pattern(item):
            yield from (f"{where} {problem}" for problem in _problems(item))
            for field in ("copy_of", "create", "from_function", "before", "after", "ungraft"):
                if getattr(item, field):
                    yield f"{where}: key_pattern does not go with {field!r}; state the key."
        for side, endpoints in (("input", item.input), ("output", item.output)):
            for endpoint in filter(_is_pattern, endpoints):
                named = f"{where}: {side} {_quoted(endpoint)}"
                yield from (f"{named} {problem}" for problem in _problems(endpoint))
                if is_new(endpoint) or endpoint.HasField("from_tensor"):
                    yield f"{named} is added, so the patch has to state its key, and no pattern."
                if any(step.lstrip().startswith("model") for step in endpoint.step):
                    yield f"{named} has an adapter among its steps; state its key, and no pattern."
                for field in ("create", "from_function"):
                    if getattr(item, field):
                        yield f"{named}: key_pattern does not go with {field!r}; state the key."


def with_stand_ins(patch: protos.SavedModelPatch) -> protos.SavedModelPatch:
    """Returns a patch with a key in the place of each pattern, for what is checked of all keys."""
    after = protos.SavedModelPatch()
    after.CopyFrom(patch)
    for item in after.signature:
        for entry in filter(_is_pattern, _with_endpoints(item)):
            entry.key = _name(entry)
            if entry.HasField("rename_to"):
                entry.rename_to = f"{entry.key}={entry.rename_to}"
            entry.ClearField("key_pattern")
    return after


def with_keys(
    patch: protos.SavedModelPatch, graphs: Sequence[MetaGraph], *, was_applied: bool
) -> protos.SavedModelPatch:
    """Returns a patch with the keys that its patterns stand for.

    Args:
        patch: A patch that has no `entry_problems`.
        graphs: The MetaGraphs that it patches.
        was_applied: Whether the model's record has it, among others that came later.

    Raises:
        PatchError: With all patterns that stand for nothing, or for something else in each of
            several MetaGraphs, or that would rename once more what they renamed already, and with
            all keys of which two entries say the same thing.
    """
    problems: list[str] = []
    keys = {key for graph in graphs for key in graph.user_signatures}
    signatures: list[protos.SignaturePatch] = []
    for item in patch.signature:
        signatures += _written_out(item, "signature", [keys], problems, was_applied)
    after = protos.SavedModelPatch()
    after.CopyFrom(patch)
    del after.signature[:]
    for item in _merged(signatures, "signature", problems):
        where = f"signature {item.key!r}"
        if any(map(_is_pattern, _with_endpoints(item))):
            found = [graph.signatures[key] for graph in graphs if (key := _key_in(graph, item))]
            if not found:
                known = did_you_mean(
                    item.copy_of or item.key, keys, most=MOST_LISTED, listed_by="sigpb show"
                )
                problems.append(f"there is no signature {item.copy_of or item.key!r}; {known}.")
                continue
            for side, ends, existing in (
                ("input", item.input, [each.inputs for each in found]),
                ("output", item.output, [each.outputs for each in found]),
            ):
                named = f"{where}: {side}"
                written = [
                    each
                    for end in ends
                    for each in _written_out(end, named, existing, problems, was_applied)
                ]
                del ends[:]
                ends.extend(_merged(written, named, problems))
        after.signature.append(item)
    if problems:
        raise PatchError(problems)
    return after


def _with_endpoints(item: protos.SignaturePatch) -> Iterator[Any]:
    yield item
    yield from item.input
    yield from item.output


def _is_pattern(entry: protos.SignaturePatch | protos.EndpointPatch) -> bool:
    return entry.HasField("key_pattern")


def _name(entry: protos.SignaturePatch | protos.EndpointPatch) -> str:
    """Returns an entry's key, or its pattern as flags have it."""
    return f"re:{entry.key_pattern}" if _is_pattern(entry) else entry.key


def _problems(entry: protos.SignaturePatch | protos.EndpointPatch) -> Iterator[str]:
    if entry.key:
        yield f"has a key, {entry.key!r}, and a key_pattern; state one of them."
    yield from pattern_problems(entry.key_pattern, entry.rename_to)


def _quoted(entry: protos.SignaturePatch | protos.EndpointPatch) -> str:
    """Returns what messages call an entry; the backslashes of a pattern are as they were given."""
    return f"'{_name(entry)}'" if _is_pattern(entry) else repr(entry.key)


def _key_in(graph: MetaGraph, item: protos.SignaturePatch) -> str | None:
    """Returns the key of the signature that an entry is for, which may be renamed already."""
    keys = (item.copy_of,) if item.HasField("copy_of") else (item.key, item.rename_to)
    return next((key for key in keys if key in graph.user_signatures), None)


def _written_out(
    entry: _Entry,
    what: str,
    existing: Sequence[Collection[str]],
    problems: list[str],
    was_applied: bool,
) -> list[_Entry]:
    """Returns an entry for each key that one stands for.

    Args:
        entry: An entry of a patch, with a key or a pattern.
        what: What it is an entry for.
        existing: The keys that there are, in each MetaGraph.
        problems: What is wrong is added to these.
        was_applied: Whether the patch was applied before.
    """
    if not _is_pattern(entry):
        return [entry]
    template = entry.rename_to if entry.HasField("rename_to") else None
    try:
        first, *others = [matching(entry.key_pattern, template, keys) for keys in existing]
        made = [new for old, new in first.items() if new not in (None, old)] if was_applied else []
        again = matching(entry.key_pattern, None, filter(None, made))
    except TooManyTries as error:
        problems.append(f"{what} {_quoted(entry)}: {error}")
        return []
    if any(each != first for each in others):
        problems.append(
            f"{what} {_quoted(entry)} matches different keys in several MetaGraphs; select one by "
            "its tags."
        )
    if again:
        problems.append(
            f"{what} {_quoted(entry)} matches new keys too, such as {next(iter(again))!r}, and "
            "the record says that the patch was applied: it would rename these too. To rename "
            "them, give the patch another id."
        )
    if not first:
        problems.append(f"{what} {_quoted(entry)} matches nothing; {_known(entry, existing[0])}")
    written = []
    for old, new in first.items():
        each = type(entry)()
        each.CopyFrom(entry)
        each.ClearField("key_pattern")
        each.ClearField("rename_to")
        each.key = old
        if new not in (None, old):
            each.rename_to = new
        if len(each.ListFields()) > 1:  # Else it says nothing of its key.
            written.append(each)
    return written


def _known(entry: protos.SignaturePatch | protos.EndpointPatch, keys: Collection[str]) -> str:
    """Says which keys there are, and which a pattern almost matches."""
    known = did_you_mean("", keys, most=MOST_LISTED, listed_by="sigpb show")
    part = partly_matched(entry.key_pattern, keys)
    if part is None:
        return f"{known}."
    return f"{known}. It matches a part of {part!r}; write .* where the rest of the key is."


def _merged(entries: Iterable[_Entry], what: str, problems: list[str]) -> list[_Entry]:
    """Puts together what entries say of one key.

    Args:
        entries: Entries with keys.
        what: What they are entries for.
        problems: What two of them say of one thing is added to these.
    """
    merged: dict[object, _Entry] = {}
    for number, entry in enumerate(entries):
        is_own = (
            is_new(entry)
            if isinstance(entry, protos.EndpointPatch)
            else entry.HasField("copy_of") or entry.create
        )
        place: object = number if is_own else entry.key
        if place not in merged:
            merged[place] = type(entry)()
            merged[place].CopyFrom(entry)
            continue
        stated = {field.name for field, _ in merged[place].ListFields()}
        for field, _ in entry.ListFields():
            if field.name in stated - {"key", "input", "output"}:
                problems.append(
                    f"{what} {entry.key!r}: {field.name} is stated twice, once by a pattern that "
                    "matches this key; state it once."
                )
        merged[place].MergeFrom(entry)
    return list(merged.values())

"""What a patch says of adapters, whatever the model: what is wrong with it, and which are meant."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sigpb import protos
from sigpb.errors import PatchError, SigpbError
from sigpb.patching.model_steps import is_model_step, model_step_problems, parse_model_step
from sigpb.regular_files import is_url
from sigpb.rewrite.port import Side

_DIGEST = re.compile(r"[0-9a-f]{64}")

# What makes a signature, which then is grafted in a second patch.
_MAKES = ("copy_of", "from_function", "create")

_TWO_PATCHES = "make the two changes in two patches"


def graft_problems(item: protos.SignaturePatch) -> Iterator[str]:
    """Yields what is wrong with the adapters of a signature, in clauses that follow its name."""
    fields = [name for name in ("before", "after", "ungraft") if getattr(item, name)]
    for field in (name for name in _MAKES if getattr(item, name)) if fields else ():
        yield f"{fields[0]} does not go with {field}; {_TWO_PATCHES}."
    if item.drop and fields:
        yield f"drop does not go with {fields[0]}."
    if item.ungraft and (item.before or item.after):
        yield f"ungraft does not go with {fields[0]}; {_TWO_PATCHES}."
    for name, count in Counter(item.ungraft).items():
        if not name:
            yield "ungraft names no adapter; 'sigpb show' lists those that there are."
        elif count > 1:
            yield f"ungraft names {name!r} {count} times."
    for position, grafts in (("before", item.before), ("after", item.after)):
        for graft in grafts:
            problems = _problems(graft)
            yield from (f"{position} {graft.model!r}: {problem}" for problem in problems)


def _problems(graft: protos.Graft) -> Iterator[str]:
    if not graft.model:
        yield "it names no model."
    elif is_url(graft.model):
        yield "an adapter has to be on this machine; copy it from the store first."
    if graft.digest and not _DIGEST.fullmatch(graft.digest):
        yield f"{graft.digest!r} is not the SHA-256 of an adapter, 64 digits from 0 to f."
    if not all(getattr(pair, "from") and pair.to for pair in graft.map):
        yield "a pair of its map lacks a key; state 'from', an output, and 'to', an input."
        return
    for key, count in Counter(pair.to for pair in graft.map).items():
        if count > 1:
            yield f"its map has the input {key!r} {count} times; an input takes one output."


def with_digests(patch: protos.SavedModelPatch) -> protos.SavedModelPatch:
    """Returns a patch that names each adapter by its whole path and its digest.

    It means the same wherever it is carried out, as long as the adapters are as they are.

    Raises:
        PatchError: With all adapters that cannot be read, or are not those of a stated digest.
    """
    if any(problem for item in patch.signature for problem in _all_problems(item)):
        return patch  # Which is refused for these.
    after, problems = protos.SavedModelPatch(), list[str]()
    after.CopyFrom(patch)
    for item in after.signature:
        for graft in (*item.before, *item.after):
            with _collected(problems, item):
                graft.model, graft.digest = _located(graft.model, graft.digest)
        for endpoint in (*item.input, *item.output):
            for position, text in enumerate(endpoint.step):
                if is_model_step(text):
                    step = parse_model_step(text)
                    with _collected(problems, item):
                        path, digest = _located(step.path, step.digest)
                        endpoint.step[position] = str(replace(step, path=path, digest=digest))
    if problems:
        raise PatchError(problems)
    return after


def _all_problems(item: protos.SignaturePatch) -> Iterator[str]:
    yield from graft_problems(item)
    sides: tuple[tuple[Side, Sequence[protos.EndpointPatch]], ...]
    sides = (("input", item.input), ("output", item.output))
    for side, endpoints in sides:
        for endpoint in endpoints:
            yield from model_step_problems(side, endpoint)


@contextlib.contextmanager
def _collected(problems: list[str], item: protos.SignaturePatch) -> Iterator[None]:
    """Adds why an adapter cannot be located to what is wrong."""
    try:
        yield
    except PatchError as error:
        problems += (f"signature {item.key!r}: {problem}" for problem in error.problems)


def _located(model: str, digest: str) -> tuple[str, str]:
    """Returns the whole path of an adapter, and its digest.

    Raises:
        PatchError: If it cannot be read, or is another one than the digest says.
    """
    from sigpb.composing.adapters import adapter_at

    path = Path(model).absolute()
    try:
        now = adapter_at(path).digest
    except SigpbError as error:
        raise PatchError(f"adapter {model!r} cannot be read: {error}") from error
    if digest not in ("", now):
        raise PatchError(
            f"adapter {model!r} is another one than the patch or plan states: its digest is {now}, "
            f"and not {digest}. It was changed since then; make a new plan."
        )
    return str(path), now

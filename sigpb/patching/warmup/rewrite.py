"""Warm-up requests rewritten to follow a patch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import Any

from sigpb import protos
from sigpb.patching.warmup.requests import (
    SignatureChange,
    Unfit,
    follow_classify,
    follow_multi_inference,
    follow_predict,
    follow_regress,
)
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.warmup import WarmupRequest, signature_key

Signatures = Mapping[str, SignatureChange]
"""What becomes of the signatures of a MetaGraph, by the keys they had."""


# What all requests may come to, unless they came to more before.
_MOST_BYTES = 1 << 28


@dataclass
class Rewritten:
    """What becomes of warm-up requests.

    Attributes:
        records: Those that are left.
        changed: The numbers of those that are others now; they count from 1.
        removed: The numbers of those that have no signature any more.
        notes: What of requests is not as it was, and the numbers of those requests.
        problems: Why requests cannot be rewritten, and their numbers.
    """

    records: list[bytes] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    notes: dict[str, list[int]] = field(default_factory=dict)
    problems: dict[str, list[int]] = field(default_factory=dict)


def rewrite(requests: Sequence[WarmupRequest], graphs: Sequence[Signatures]) -> Rewritten:
    """Rewrites requests.

    Args:
        requests: The requests.
        graphs: What becomes of the signatures of each MetaGraph that may be served.
    """
    result = Rewritten()
    total = 0
    most = max(_MOST_BYTES, sum(len(request.record) for request in requests))
    for number, request in enumerate(requests, 1):
        try:
            record, notes = _followed(request, graphs)
            total += len(record or b"")
            if total > most:
                raise Unfit(f"with those before it, it would take more than {most:,} bytes")
        except Unfit as error:
            result.problems.setdefault(str(error), []).append(number)
            continue
        for note in notes:
            result.notes.setdefault(note, []).append(number)
        if record is None:
            result.removed.append(number)
        else:
            result.records.append(record)
            if record != request.record:
                result.changed.append(number)
    return result


def _followed(
    request: WarmupRequest, graphs: Sequence[Signatures]
) -> tuple[bytes | None, list[str]]:
    """Returns a request's new record, None if it has no signature any more, and notes on it."""
    given = request.log()
    before = _encoded(given)
    results: dict[bytes | None, list[str]] = {}
    for signatures in graphs:
        if any(key in signatures for key in _keys(given)):
            log = request.log()
            notes = list(_follow(log, signatures))
            results[_encoded(log) if _parts(log) else None] = notes
    if len(results) > 1:
        raise Unfit("the MetaGraphs would need different requests")
    record, notes = results.popitem() if results else (before, [])
    return request.record if record == before else record, notes


def _encoded(log: protos.PredictionLog) -> bytes:
    return deterministic_bytes(log)


def _parts(log: protos.PredictionLog) -> MutableSequence[Any]:
    """Returns what of a request names one signature each, in its `model_spec`."""
    kind = log.WhichOneof("log_type")
    if kind == "multi_inference_log":
        return log.multi_inference_log.request.tasks
    if kind == "predict_streamed_log":
        return log.predict_streamed_log.request
    if kind is None or kind == "session_run_log":  # which names tensors; these stay.
        return []
    return [getattr(log, kind).request]


def _keys(log: protos.PredictionLog) -> list[str]:
    return [signature_key(part.model_spec) for part in _parts(log)]


def _follow(log: protos.PredictionLog, signatures: Signatures) -> Iterator[str]:
    """Changes a request in place, empties it if all its signatures are deleted; yields notes."""
    kind, parts = log.WhichOneof("log_type"), _parts(log)
    changes = [signatures.get(key) for key in _keys(log)]
    deleted = [change.key for change in changes if change and change.new_key is None]
    what = "a part of it" if len(deleted) < len(parts) else "it"
    yield from (f"{what} is removed with signature {key!r}" for key in deleted)
    if len(deleted) == len(parts):
        log.Clear()
        return
    for index, change in reversed([*enumerate(changes)]):
        if change and change.new_key is None:
            del parts[index], changes[index]
        elif change and change.new_key != change.key:
            parts[index].model_spec.signature_name = change.new_key
    if kind == "multi_inference_log":
        yield from follow_multi_inference(log.multi_inference_log.request, changes)
        return
    for part, change in zip(parts, changes, strict=True):
        if change and kind == "classify_log":
            yield from follow_classify(part, change)
        elif change and kind == "regress_log":
            yield from follow_regress(part, change)
        elif change:
            yield from follow_predict(part, change)

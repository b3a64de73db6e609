"""What becomes of the files beside the proto that describe it or name its signatures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from sigpb import protos
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.publishing.changes import Changes
from sigpb.rewrite.commit import Committed
from sigpb.rewrite.draft import MetaGraphDraft, SignatureDraft
from sigpb.saved_model import fingerprint as fingerprints
from sigpb.saved_model import history as histories
from sigpb.saved_model import warmup as warmups
from sigpb.saved_model.model import SavedModel, parse
from sigpb.saved_model.warmup import WarmupRequest
from sigpb.wire import Message, Piece, assemble, size

FingerprintMode = Literal["recompute", "drop", "keep"]
WarmupMode = Literal["refuse", "drop", "keep"]

_CHECKPOINT_INDEX = Path("variables", "variables.index")


def fingerprint(
    model: SavedModel, pieces: Sequence[Piece], first: Committed, mode: FingerprintMode
) -> Changes:
    """Returns the new fingerprint of a model that has one.

    Args:
        model: The model as it was.
        pieces: What its proto is made of now.
        first: Its first MetaGraph as it is now, the one that counts.
        mode: Whether to recompute the fingerprint, to drop it, or to keep it though it is stale.

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
            new = fingerprints.refresh(old, first.signature_defs, first.object_graph)
        else:
            index = model.directory / _CHECKPOINT_INDEX
            patched = Message.root(assemble(pieces, model.buffer))
            new = fingerprints.compute(
                parse(protos.SavedModel, patched),
                index.read_bytes() if index.exists() else None,
                old.uuid,
            )
    except fingerprints.FingerprintError as error:
        raise PatchError(
            f"{error} To go on without a fingerprint, use --fingerprint=drop."
        ) from error
    return {fingerprints.FILE_NAME: new.SerializeToString(deterministic=True)}


def history(
    directory: Path, patch: protos.SavedModelPatch, committed: Iterable[Committed]
) -> Changes:
    """Returns the record of applied patches with this one added."""
    signatures = [(graph.tags, graph.signature_defs) for graph in committed]
    return {histories.FILE_NAME: histories.with_record(directory, patch, signatures)}


def warmup(directory: Path, drafts: Sequence[MetaGraphDraft], mode: WarmupMode) -> Changes:
    """Returns what becomes of warm-up requests that name something that changes.

    Raises:
        PatchError: If there are any and `mode` says to refuse.
    """
    if mode == "keep" or not (directory / warmups.PATH).exists():
        return {}
    try:
        stale = list(_stale(warmups.read_requests(directory), drafts))
    except ModelUnreadable as error:
        stale = [str(error)]
    if not stale:
        return {}
    if mode == "drop":
        return {warmups.PATH: None}
    raise PatchError(
        [
            *dict.fromkeys(stale),
            "TensorFlow Serving would refuse to load the model. Use --warmup=drop to remove the "
            "warm-up requests, or --warmup=keep to replace them yourself.",
        ]
    )


def _stale(requests: Iterable[WarmupRequest], drafts: Iterable[MetaGraphDraft]) -> Iterator[str]:
    """Yields what warm-up requests name that will not be there any more."""
    signatures = [
        signature
        for draft in drafts
        for signature in draft.signatures.values()
        if signature.ref.copy_of is None
    ]
    for request in requests:
        for signature in signatures:
            if signature.ref.key == request.signature:
                yield from _stale_names(request, signature)


def _stale_names(request: WarmupRequest, signature: SignatureDraft) -> Iterator[str]:
    where = f"{warmups.PATH} holds a request for signature {request.signature!r}"
    if signature.dropped or signature.key != request.signature:
        yield f"{where}, which is renamed or deleted."
    for key in request.inputs:
        if key in signature.inputs and signature.inputs[key].changed:
            yield f"{where} with the input {key!r}, which is renamed."
    for key in request.outputs:
        if key in signature.outputs and signature.outputs[key].changed:
            yield f"{where} that asks for the output {key!r}, which is renamed or dropped."

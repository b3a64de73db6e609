"""Predict requests that follow a patch."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.patching.warmup.signature_change import SignatureChange, Unfit
from sigpb.patching.warmup.values import adapt
from sigpb.rewrite.conversion import with_batch
from sigpb.tf.tensor_elements import sizes
from sigpb.tf.tensor_types import TensorType, encoding_of, tensor_type


def follow_predict(request: protos.PredictRequest, change: SignatureChange) -> Iterator[str]:
    """Changes a request so that the patched signature takes it.

    What it names and the signature did not have stays as it is.

    Yields:
        What of it is not as it was.

    Raises:
        Unfit: It cannot be.
    """
    yield from _follow_values(request, change)
    if any(change.inputs.get(key) != key for key in request.inputs if key in change.before.inputs):
        _rename_inputs(request, change)
    asked = [
        change.outputs.get(key, key)
        for key in request.output_filter
        if key in change.outputs or key not in change.before.outputs
    ]
    if request.output_filter and not asked:
        yield "the outputs it asks for are dropped; it asks for all there are"
    if asked != request.output_filter:
        request.output_filter[:] = asked


def _follow_values(request: protos.PredictRequest, change: SignatureChange) -> Iterator[str]:
    sent = sorted(key for key in request.inputs if key in change.inputs)
    resized: dict[int, int] = {}
    for key in sent:
        before, after = change.before.inputs[key], change.after.inputs[change.inputs[key]]
        if encoding_of(before) != "dense" or tensor_type(before) == tensor_type(after):
            continue
        try:
            notes, rows = adapt(request.inputs[key], tensor_type(before), tensor_type(after))
        except ValueError as error:
            raise Unfit(f"input {key!r}: {error}") from error
        yield from (f"input {key!r}: {note}" for note in notes)
        resized.update([rows] if rows else [])
    for key in sent if resized else ():
        yield from _follow_rows(key, request.inputs[key], change, resized)


def _follow_rows(
    key: str, tensor: protos.TensorProto, change: SignatureChange, resized: dict[int, int]
) -> Iterator[str]:
    """Gives an input of an open batch size the rows that others have now."""
    dtype, shape = tensor_type(change.after.inputs[change.inputs[key]])
    try:
        now = sizes(tensor)
        if shape and shape[0] is None and now and now[0] in resized:
            wanted = TensorType(dtype, with_batch(shape, resized[now[0]]))
            notes, _ = adapt(tensor, TensorType(dtype, shape), wanted)
            yield from (f"input {key!r}: {note}" for note in notes)
    except ValueError as error:
        raise Unfit(f"input {key!r}: {error}") from error


def _rename_inputs(request: protos.PredictRequest, change: SignatureChange) -> None:
    renamed = {
        change.inputs.get(key, key): tensor.SerializeToString(deterministic=True)
        for key, tensor in request.inputs.items()
        if key in change.inputs or key not in change.before.inputs
    }
    request.inputs.clear()
    for key, tensor in renamed.items():
        request.inputs[key].ParseFromString(tensor)

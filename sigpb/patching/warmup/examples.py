"""Classify, Regress and MultiInference requests, whose input are Examples.

TensorFlow Serving feeds the Examples, serialised, as a vector to the input ``inputs``, and wants
certain outputs (classifier.cc, regressor.cc and multi_inference.cc in
tensorflow_serving/servables/tensorflow).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sigpb import protos
from sigpb.patching.warmup.signature_change import SignatureChange, Unfit
from sigpb.patching.warmup.values import check_size
from sigpb.tf.serving import CLASSIFY, EXAMPLES, OUTPUTS, REGRESS
from sigpb.tf.tensor_types import dtype_of, shape_of


def follow_classify(
    request: protos.ClassificationRequest, change: SignatureChange
) -> Iterator[str]:
    """Changes a request so that the patched signature takes it.

    Yields:
        What of it is not as it was.

    Raises:
        Unfit: It cannot be.
    """
    _check(change, CLASSIFY)
    yield from _follow_rows(request.input, [change])


def follow_regress(request: protos.RegressionRequest, change: SignatureChange) -> Iterator[str]:
    """The same for a Regress request."""
    _check(change, REGRESS)
    yield from _follow_rows(request.input, [change])


def follow_multi_inference(
    request: protos.MultiInferenceRequest, changes: Sequence[SignatureChange | None]
) -> Iterator[str]:
    """The same for a MultiInference request.

    Args:
        request: The request, whose tasks name the signatures as they are called now.
        changes: What becomes of the signature of each task; None if there is none.
    """
    known = [change for change in changes if change is not None]
    for task, change in zip(request.tasks, changes, strict=True):
        if change is not None:
            _check(change, task.method_name)
    before = {
        change.before.inputs[EXAMPLES].name for change in known if EXAMPLES in change.before.inputs
    }
    after = {
        change.after.inputs[EXAMPLES].name for change in known if EXAMPLES in change.after.inputs
    }
    if len(before) == 1 < len(after):
        raise Unfit("its signatures do not share their input any more")
    yield from _follow_rows(request.input, known)


def _check(change: SignatureChange, method: str) -> None:
    problem = _problem(change.after, method)
    if problem and not _problem(change.before, method):
        raise Unfit(f"signature {change.key!r} {problem}")


def _problem(signature: protos.SignatureDef, method: str) -> str | None:
    """Says what keeps TensorFlow Serving from feeding Examples to a signature."""
    wanted = OUTPUTS.get(method)
    if wanted is None:
        return None
    if signature.method_name != method:
        return f"has the method name {signature.method_name!r}, not {method!r}"
    if list(signature.inputs) != [EXAMPLES] or not _is(signature.inputs[EXAMPLES], "string", {1}):
        return f"does not take a vector of strings as its only input, {EXAMPLES!r}"
    found = [key for key in wanted if key in signature.outputs]
    ranks = {2} if method == CLASSIFY else {1, 2}
    if (
        not found
        or len(signature.outputs) > len(wanted)
        or not all(_is(signature.outputs[key], wanted[key], ranks) for key in found)
    ):
        return f"does not return what {method!r} does: {_text(wanted)}"
    return None


def _is(info: protos.TensorInfo, dtype: str, ranks: set[int]) -> bool:
    shape = shape_of(info.tensor_shape)
    return info.dtype == dtype_of(dtype) and (shape is None or len(shape) in ranks)


def _text(outputs: Mapping[str, str]) -> str:
    return " or ".join(f"{key!r} of {dtype}" for key, dtype in outputs.items())


def _follow_rows(request: protos.Input, changes: Sequence[SignatureChange]) -> Iterator[str]:
    """Repeats or leaves out Examples if the batch size is fixed now."""
    wanted = {size for change in changes for size in _fixed(change)}
    if not wanted:
        return
    if len(wanted) > 1:
        raise Unfit(f"its signatures have the batch sizes {', '.join(map(str, sorted(wanted)))}")
    (size,) = wanted
    for kind in (request.example_list, request.example_list_with_context):
        count = len(kind.examples)
        if count and count != size:
            try:
                check_size(kind.ByteSize() * size // count, grown=size > count)
            except ValueError as error:
                raise Unfit(f"its Examples: {error}") from error
            examples = [kind.examples[index % count] for index in range(size)]
            copies = [type(example).FromString(example.SerializeToString()) for example in examples]
            del kind.examples[:]
            kind.examples.extend(copies)
            yield f"the Examples, {count}, are repeated or cropped to {size}"


def _fixed(change: SignatureChange) -> Iterator[int]:
    """Yields the batch size if the patch fixes it."""
    before, after = (
        shape_of(signature.inputs[EXAMPLES].tensor_shape) if EXAMPLES in signature.inputs else None
        for signature in (change.before, change.after)
    )
    if after and after[0] is not None and before != after:
        yield after[0]

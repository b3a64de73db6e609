"""Warm-up requests of each kind, as they follow what a patch does to the signatures they are for.

Predict requests hold tensors by the keys of inputs. Classify, Regress and MultiInference requests
hold Examples: TensorFlow Serving feeds them, serialised, as a vector to the input ``inputs``, and
wants certain outputs (classifier.cc, regressor.cc and multi_inference.cc in
tensorflow_serving/servables/tensorflow).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sigpb import protos
from sigpb.patching.warmup.values import adapt, check_size
from sigpb.rewrite.draft import Interfaces
from sigpb.rewrite.interface import Interface
from sigpb.rewrite.port import Port, with_batch
from sigpb.tf.serving import CLASSIFY, EXAMPLES, OUTPUTS, REGRESS
from sigpb.tf.tensor_elements import sizes
from sigpb.tf.tensor_types import TensorType, dtype_of, encoding_of, shape_of, tensor_type


class Unfit(Exception):
    """A request cannot be rewritten. The message says why, as a clause."""


@dataclass(frozen=True)
class SignatureChange:
    """A signature before and after a patch.

    Attributes:
        key: The key it had.
        new_key: The key it has; None if it is deleted.
        before: What it was.
        after: What it is; empty if it is deleted.
        inputs: For each input that it still has, by the key it had, the key it has.
        outputs: The same for outputs.
        stepped: The inputs whose values go through steps then, by the keys they had.
        reads_examples: Whether its inputs are read from tf.Examples then, and were not.
        fed: The keys of inputs that are fed elsewhere in the graph than anything was.
        adapted: What it was before adapters were put before and after it; None if none was.
    """

    key: str
    new_key: str | None
    before: protos.SignatureDef
    after: protos.SignatureDef
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    stepped: frozenset[str] = frozenset()
    reads_examples: bool = False
    fed: frozenset[str] = frozenset()
    adapted: protos.SignatureDef | None = None

    def check_steps(self, inputs: Iterable[str]) -> None:
        """Makes sure that no value of a request would have to come out of steps, or of the graph.

        Raises:
            Unfit: One would.
        """
        if self.adapted is not None and self.adapted.inputs != self.before.inputs:
            raise Unfit(
                f"an adapter comes before signature {self.key!r}, and sigpb cannot determine which "
                "values it turns into those that were sent"
            )
        if self.fed:
            raise Unfit(
                f"input {min(self.fed)!r} is fed inside of the graph, and sigpb cannot compute "
                "the value there from the values that were sent"
            )
        if found := self.stepped.intersection(inputs):
            raise Unfit(
                f"input {min(found)!r} gets steps, and sigpb cannot determine which values the "
                "steps turn into those that were sent"
            )


def signature_changes(
    interfaces: Interfaces, after: Mapping[str, protos.SignatureDef]
) -> dict[str, SignatureChange]:
    """Returns what becomes of the signatures of a MetaGraph, by the keys they had.

    Args:
        interfaces: What the signatures are to be.
        after: The signatures that the MetaGraph has after it.
    """
    before = interfaces.meta_graph.signatures
    return {
        ref.key: _change(signature, before[ref.key], after)
        for ref, signature in interfaces.signatures.items()
        if ref.copy_of is None
    }


def _change(
    signature: Interface,
    before: protos.SignatureDef,
    after: Mapping[str, protos.SignatureDef],
) -> SignatureChange:
    return SignatureChange(
        signature.ref.key,
        None if signature.dropped else signature.key,
        before,
        protos.SignatureDef() if signature.dropped else after[signature.key],
        _kept(signature.inputs),
        _kept(signature.outputs),
        frozenset(key for key, end in signature.inputs.items() if end.type and end.type.steps),
        signature.examples is not None,
        frozenset(port.key for port in signature.interior),
    )


def _kept(endpoints: Mapping[str, Port]) -> dict[str, str]:
    return {key: end.key for key, end in endpoints.items() if not end.dropped}


def follow_predict(request: protos.PredictRequest, change: SignatureChange) -> Iterator[str]:
    """Changes a request so that the patched signature takes it.

    What it names and the signature did not have stays as it is.

    Yields:
        What of it is not as it was.

    Raises:
        Unfit: It cannot be.
    """
    change.check_steps(request.inputs)
    if change.reads_examples:
        raise Unfit("the signature reads tf.Examples then, and the request holds tensors")
    if added := {*change.after.inputs} - {*change.inputs.values()} - {*request.inputs}:
        raise Unfit(f"it lacks the input {min(added)!r}, which is added")
    returned = change.adapted.outputs if change.adapted is not None else change.before.outputs
    if taken := {*request.output_filter} & {*returned} - {*change.before.outputs}:
        raise Unfit(f"it asks for the output {min(taken)!r}, which an adapter takes")
    yield from _follow_values(request, change)
    if any(change.inputs.get(key) != key for key in request.inputs if key in change.before.inputs):
        _rename_inputs(request, change)
    asked = [
        change.outputs.get(key, key)
        for key in request.output_filter
        if key in change.outputs or key not in change.before.outputs
    ]
    if request.output_filter and not asked:
        yield "the outputs it asks for are dropped; it now asks for all outputs"
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
        yield from _follow_batch(key, request.inputs[key], change, resized)


def _follow_batch(
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
    change.check_steps([EXAMPLES])
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

"""Which outputs of a signature feed which inputs of the one that comes after it.

What fits is decided by what the two signatures state, and so without a run: an output has to have
the dtype of the input, and each size that the input states. What an input leaves open takes
anything.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple, TypeAlias

from sigpb import protos
from sigpb.errors import PatchError, did_you_mean, listed
from sigpb.saved_model.grafts import Position
from sigpb.tf.tensor_types import (
    Encoding,
    Shape,
    TensorType,
    declared_type,
    dtype_name,
    encoding_of,
    shape_text,
    type_text,
)

_Endpoints: TypeAlias = Mapping[str, protos.TensorInfo]
_ENCODINGS: dict[Encoding, str] = {
    "dense": "dense",
    "coo_sparse": "sparse",
    "composite": "composite",
}


class Pair(NamedTuple):
    """An output of the first signature, and an input of the second that it feeds, by their keys."""

    output: str
    input: str


class Partner(NamedTuple):
    """One of two signatures of which the first feeds the second.

    Attributes:
        name: How messages call it: ``the adapter 'adapters/tokenize'``.
        signature: What it takes and returns.
    """

    name: str
    signature: protos.SignatureDef


class Fit(NamedTuple):
    """How two signatures fit together.

    Attributes:
        pairs: What feeds what, sorted by the inputs that are fed.
        left_out: The outputs of an adapter before a signature that feed nothing, so that clients
            never see them; of one after a signature there are none.
    """

    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]


def fitted(first: Partner, second: Partner, asked: Sequence[Pair], position: Position) -> Fit:
    """Returns which outputs feed which inputs.

    An output feeds the input of its own key. If a pair that is asked for names the output or the
    input, it feeds, or is fed, as the pairs say, and no otherwise. One output may feed several
    inputs.

    Args:
        first: The signature whose outputs feed.
        second: The signature whose inputs are fed.
        asked: The pairs that the patch asks for.
        position: Whether the first one is the adapter, or the second one. Of a signature after an
            adapter, an input that nothing feeds stays one of clients; an adapter after a signature
            has to be fed with all that it takes.

    Raises:
        PatchError: With all that does not fit.
    """
    outputs, inputs = first.signature.outputs, second.signature.inputs
    problems = [*_wrong_pairs(first, second, asked)]
    named = {pair.output for pair in asked}, {pair.input for pair in asked}
    alike = [
        Pair(key, key)
        for key in inputs
        if key in outputs and key not in named[0] and key not in named[1]
    ]
    known = (pair for pair in asked if pair.output in outputs and pair.input in inputs)
    pairs = sorted({*known, *alike}, key=lambda pair: (pair.input, pair.output))
    fed = {pair.input for pair in pairs}
    feeding = {pair.output for pair in pairs}
    if not pairs and not problems:
        problems.append(
            f"no output of {first.name} feeds an input of {second.name}: it returns "
            f"{listed(sorted(outputs))}, and {second.name} takes {listed(sorted(inputs))}. "
            f"{_what_may_feed(outputs, inputs)}"
        )
    if position == "after" and pairs:
        problems += (
            f"nothing feeds the input {key!r} ({_text(inputs[key])}) of {second.name}. "
            f"{first.name[:1].upper()}{first.name[1:]} returns {listed(sorted(outputs))}; "
            f"{_what_may_be_fed(outputs, inputs, key)}"
            for key in sorted(set(inputs) - fed - named[1])
        )
    for pair in pairs:
        problems += _misfits(first, second, pair, position)
    problems += _collisions(first, second, fed, feeding, position)
    if problems:
        raise PatchError(problems)
    unused = sorted(set(outputs) - feeding) if position == "before" else ()
    return Fit(tuple(pairs), tuple(unused))


def _map_of(output: str, input_: str) -> str:
    """Writes what a patch says of a pair."""
    return f'map {{ from: "{output}" to: "{input_}" }}'


def _what_may_feed(outputs: _Endpoints, inputs: _Endpoints) -> str:
    """Says which output may be meant to feed which input, where no key is that of both."""
    fits = [
        Pair(output, key)
        for key, taken in sorted(inputs.items())
        for output, made in sorted(outputs.items())
        if not misfit(made, taken)
    ]
    if fits:
        return f"Say which feeds which: {_map_of(*fits[0])}."
    made, taken = (
        ", ".join(f"{key!r} is {_text(info)}" for key, info in sorted(side.items()))
        for side in (outputs, inputs)
    )
    return (
        f"None of them fits: {made or 'nothing is returned'}; {taken or 'nothing is taken'}. Of "
        "several adapters, name first the one that values pass first."
    )


def _what_may_be_fed(outputs: _Endpoints, inputs: _Endpoints, key: str) -> str:
    """Says what becomes of an input of an adapter behind a signature that nothing feeds."""
    fitting = [output for output, made in sorted(outputs.items()) if not misfit(made, inputs[key])]
    if fitting:
        return f"name the one that feeds it: {_map_of(fitting[0], key)}."
    return (
        "none of these fits. Patch the adapter first, to give the input a value: "
        f'input {{ key: "{key}" bind: "…" }}.'
    )


def _wrong_pairs(first: Partner, second: Partner, asked: Sequence[Pair]) -> Iterator[str]:
    """Yields what is wrong with the pairs that a patch asks for, whatever their types."""
    outputs, inputs = first.signature.outputs, second.signature.inputs
    for pair in asked:
        where = f"map from {pair.output!r} to {pair.input!r}"
        if pair.output not in outputs:
            meant = did_you_mean(pair.output, outputs)
            yield f"{where}: {first.name} has no output {pair.output!r}; {meant}."
        if pair.input not in inputs:
            meant = did_you_mean(pair.input, inputs)
            yield f"{where}: {second.name} has no input {pair.input!r}; {meant}."
    sources = defaultdict[str, list[str]](list)
    for pair in asked:
        sources[pair.input].append(pair.output)
    for key, feeding in sources.items():
        if len(feeding) > 1:
            yield (
                f"the input {key!r} of {second.name} is fed {len(feeding)} times, by the outputs "
                f"{listed(feeding)}; keep one of them."
            )


def _misfits(first: Partner, second: Partner, pair: Pair, position: Position) -> Iterator[str]:
    """Yields why an output cannot feed an input, with both sides and with what would help."""
    made, taken = first.signature.outputs[pair.output], second.signature.inputs[pair.input]
    problem = misfit(made, taken)
    if problem:
        yield (
            f"the output {pair.output!r} of {first.name}, {_text(made)}, does not fit the input "
            f"{pair.input!r} of {second.name}, {_text(taken)}: {problem}. "
            f"{_help(first, second, pair, position)}"
        )


def misfit(made: protos.TensorInfo, taken: protos.TensorInfo) -> str:
    """Returns why an output cannot feed an input, as a clause; empty if it can.

    Args:
        made: The output.
        taken: The input.
    """
    first, second = encoding_of(made), encoding_of(taken)
    if first != second:
        return f"the one is {_ENCODINGS[first]}, and the other is {_ENCODINGS[second]}"
    if first != "composite":
        return _type_misfit(declared_type(made), declared_type(taken))
    specs = made.composite_tensor.type_spec, taken.composite_tensor.type_spec
    if specs[0].type_spec_class_name != specs[1].type_spec_class_name:
        names = " and ".join(spec.type_spec_class_name or "unnamed" for spec in specs)
        return f"they are of two kinds, {names}"
    parts = made.composite_tensor.components, taken.composite_tensor.components
    if len(parts[0]) != len(parts[1]):
        return f"the one has {len(parts[0])} components, and the other has {len(parts[1])}"
    problems = (misfit(*each) for each in zip(*parts, strict=True))
    found = ((number, problem) for number, problem in enumerate(problems) if problem)
    return next((f"of component {number}, {problem}" for number, problem in found), "")


def _type_misfit(made: TensorType, taken: TensorType) -> str:
    if made.dtype != taken.dtype:
        return f"{dtype_name(made.dtype)} is not {dtype_name(taken.dtype)}"
    if taken.shape is None:
        return ""
    if made.shape is None:
        return f"the rank, which is unknown, may not be {len(taken.shape)}"
    if len(made.shape) != len(taken.shape):
        return f"rank {len(made.shape)} is not rank {len(taken.shape)}"
    for axis, (size, wanted) in enumerate(zip(made.shape, taken.shape, strict=True)):
        if wanted is not None and size != wanted:
            if size is None:
                return f"dimension {axis}, which is open, may not be {wanted}"
            return f"dimension {axis} is {size}, not {wanted}"
    return ""


def _text(info: protos.TensorInfo) -> str:
    """Writes what a signature says of an endpoint."""
    encoding, text = encoding_of(info), type_text(declared_type(info))
    if encoding == "composite":
        parts = ", ".join(map(_text, info.composite_tensor.components))
        return f"{info.composite_tensor.type_spec.type_spec_class_name or 'composite'}({parts})"
    return text if encoding == "dense" else f"{_ENCODINGS[encoding]} {text}"


def _help(first: Partner, second: Partner, pair: Pair, position: Position) -> str:
    """Says what would make an output fit: what to patch of the adapter, or a map."""
    made, taken = first.signature.outputs[pair.output], second.signature.inputs[pair.input]
    others = [
        key
        for key, info in sorted(first.signature.outputs.items())
        if key != pair.output and not misfit(info, taken)
    ]
    if others:
        return f"If {listed(others)} is meant: {_map_of(others[0], pair.input)}."
    if encoding_of(made) != "dense" or encoding_of(taken) != "dense":
        return "Save the adapter anew with that type."
    types = declared_type(made), declared_type(taken)
    edits = _edits(pair, *types, position)
    if edits and position == "before" and _is_promise(*types):
        return f"If it is always of the shape that is taken, patch the adapter first: {edits}."
    if edits:
        return f"Patch the adapter first: {edits}."
    return "Save the adapter anew with that type."


def _edits(pair: Pair, made: TensorType, taken: TensorType, position: Position) -> str:
    """Returns what a patch of the adapter would have to say; empty if no patch helps."""
    from sigpb.rewrite.conversion import conversion
    from sigpb.rewrite.port import Side, WantedType
    from sigpb.steps.step import ConversionError

    side: Side = "output" if position == "before" else "input"
    key = pair.output if position == "before" else pair.input
    now, wanted = (made, taken) if side == "output" else (taken, made)
    try:
        conversion(side, now, WantedType(wanted.dtype, wanted.shape))
    except ConversionError:
        return ""
    if _mixes_rows(made.shape, taken.shape):
        return ""
    edits = []
    if now.dtype != wanted.dtype:
        edits.append(f'dtype: "{dtype_name(wanted.dtype)}"')
    if _type_misfit(made._replace(dtype=taken.dtype), taken):
        edits.append(f'shape: "{shape_text(wanted.shape)}"')
    return f'{side} {{ key: "{key}" {" ".join(edits)} }}'


def _is_promise(made: TensorType, taken: TensorType) -> bool:
    """Whether one shape only leaves open what the other one states."""
    if made.shape is None or taken.shape is None or len(made.shape) != len(taken.shape):
        return made.shape is None and taken.shape is not None
    sizes = zip(made.shape, taken.shape, strict=True)
    return made.shape != taken.shape and all(a is None or a == b for a, b in sizes)


def _mixes_rows(made: Shape, taken: Shape) -> bool:
    """Whether a reshape from one batch to another makes rows of another size."""
    if not made or not taken or made[0] is not None or taken[0] is not None:
        return False
    if None in (*made[1:], *taken[1:]):
        return False
    return prod(size for size in made if size) != prod(size for size in taken if size)


def _collisions(
    first: Partner,
    second: Partner,
    fed: Iterable[str],
    feeding: Iterable[str],
    position: Position,
) -> Iterator[str]:
    """Yields keys that two inputs, or two outputs, of the whole would have."""
    sides = [("inputs", [*first.signature.inputs], set(second.signature.inputs).difference(fed))]
    if position == "after":
        kept = set(first.signature.outputs).difference(feeding)
        sides.append(("outputs", [*second.signature.outputs], kept))
    for side, keys, others in sides:
        counts = Counter([*keys, *others])
        for key in sorted(key for key, count in counts.items() if count > 1):
            fed_by = f", or say what feeds it: {_map_of('…', key)}" if side == "inputs" else ""
            yield (
                f"{first.name} and {second.name} both have {key!r} among the {side} that stay; "
                f"rename one of the two first, with a patch of its own{fed_by}."
            )

"""Values for the inputs of a signature: made up or given, and as each of two models takes them."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigpb.errors import did_you_mean
from sigpb.regular_files import open_regular
from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.step import Step, Stored, joined, undone
from sigpb.tf.tensor_types import Shape, TensorType, dtype_name, dtype_of, integer_range
from sigpb.verifying.comparison import Array, Arrays
from sigpb.verifying.mapping import InputMapping, SignatureMapping
from sigpb.visible_text import natural

_OTHER_SIZE = 3
"""The size of an unknown dimension that is not the first one."""

_LIMIT = 50
"""The bound of made-up integers that the model takes as fractions or as text."""

_STRING = dtype_of("string")


Texts = tuple[bytes, ...]
"""Strings to feed."""


class NoValue(ValueError):
    """No values can be made for an input. The message says why."""


@dataclass(frozen=True)
class Recipe:
    """What values are like.

    Attributes:
        batch: The number of rows, in units of those that the old model takes.
        below: Integers are smaller than this: they may be positions in tables.
        scalars: Whether inputs of unknown rank are scalars, not one element for each row.
        examples: Serialized tf.Examples, for signatures of strings; None if the model reads none.
        wide: Whether fractions are from -3 to 3, not from 0 to 1.
        texts: What strings are; empty for made-up words.
    """

    batch: int
    below: int
    scalars: bool = False
    examples: tuple[bytes, ...] | None = None
    wide: bool = False
    texts: Texts = ()


def made_up(signature: SignatureMapping, recipe: Recipe, given: Collection[str] = ()) -> Arrays:
    """Makes values for a signature of the new model: distinct, and the same in every run.

    Args:
        signature: The signature.
        recipe: What the values are like.
        given: The tensors that need none.

    Raises:
        NoValue: There is an input that values cannot be made for.
    """
    numbers: dict[str, int] = {}
    values: Arrays = {}
    for each in signature.inputs:
        number = numbers.setdefault(each.components[0].tensor, len(numbers))
        names = {f"{each.new}{part.suffix}" for part in each.components}
        if each.new is not None and not names <= {*given}:
            made = _components(each, recipe, number)
            if each.default is not None:
                made[""][1::2] = array_of(each.default)
            values.update({each.new + suffix: array for suffix, array in made.items()})
    return values


def made_up_unneeded(signature: SignatureMapping, recipe: Recipe) -> Arrays:
    """Makes values, by the old keys, for inputs that nothing needs and only the old model takes."""
    return {
        f"{each.old}{suffix}": array
        for number, each in enumerate(signature.inputs)
        if each.is_unneeded and signature.feeding is None
        for suffix, array in _components(each, recipe, number).items()
    }


def for_old(
    signature: SignatureMapping, values: Mapping[str, Array], unneeded: Mapping[str, Array] = {}
) -> list[Arrays]:
    """Returns what the old model is fed for the same results.

    Args:
        signature: The signature.
        values: What the new model is fed.
        unneeded: Values of inputs that only the old model takes, by their keys there.

    Returns:
        One set of values; several if the old model takes fewer rows at a time.
    """
    whole: Arrays = {**unneeded}
    relaxed: dict[str, int] = {}
    for each in signature.inputs:
        if each.new is None or each.old is None:
            continue
        for part in each.components:
            value = values[each.new + part.suffix]
            is_value = part.suffix in ("", "_values")
            name = each.old + part.suffix
            whole[name] = converted(each.steps, value) if is_value else value
            if each.rows is not None:
                relaxed[name] = each.rows
    # Bound values come last: the input whose rows they get can be one that is repeated itself.
    for each in sorted(signature.inputs, key=lambda each: each.new is None):
        if each.old is None or each.is_unneeded:
            continue
        if each.new is None:
            whole[each.old] = array_of(each.value)
        if each.rows_of is not None:
            whole[each.old] = whole[each.old].repeat(len(whole[each.rows_of]), 0)
    counts = {len(whole[name]) // rows for name, rows in relaxed.items() if rows}
    return [
        {
            name: value[i * relaxed[name] : (i + 1) * relaxed[name]] if name in relaxed else value
            for name, value in whole.items()
        }
        for i in range(max(counts, default=1))
    ]


def converted(steps: Iterable[Step], value: Array) -> Array:
    """Returns a value after some steps."""
    for step in joined(steps):
        value = step.evaluate(value)
    return value


def array_of(value: bytes | None) -> Array:
    """Returns what a serialized TensorProto holds."""
    from tensorflow import make_ndarray
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    return make_ndarray(TensorProto.FromString(value or b""))


def _components(each: InputMapping, recipe: Recipe, number: int) -> Arrays:
    import numpy as np

    if each.encoding == "dense":
        return {"": _dense(each, recipe, number)}
    rows = recipe.batch
    if each.encoding == "coo_sparse":
        sizes = [size or _OTHER_SIZE for size in (each.declared.shape or (None, None))[1:]]
        indices = [[row, *(row % size for size in sizes)] for row in range(rows)]
        value = _readable(each, (rows,), recipe, number)
        shape = np.array([rows, *sizes])
        return {"_values": value, "_indices": np.array(indices), "_dense_shape": shape}
    if len(each.components) != 2:
        raise NoValue(f"no values can be made up for {each.new!r}, a composite tensor")
    values, splits = each.components  # A ragged tensor: its values and the limits of its rows.
    sizes = [rows + 1, *_sizes(values.type.shape, 1)[1:]]
    limits = [*range(rows), rows + 1]
    return {
        values.suffix: _array(values.type.dtype, values.type.dtype, sizes, recipe, number),
        splits.suffix: np.array(limits).astype(numpy_dtype(splits.type.dtype)),
    }


def _dense(each: InputMapping, recipe: Recipe, number: int) -> Array:
    (part,) = each.components
    rows = recipe.batch * (each.rows or 1)
    is_scalar = part.type.shape is None and recipe.scalars
    sizes = _sizes(() if is_scalar else part.type.shape, rows)
    return _readable(each, sizes, recipe, number)


def _readable(each: InputMapping, sizes: Iterable[int], recipe: Recipe, number: int) -> Array:
    """Makes values of the first component that the steps can read.

    What steps make of text is made up, or a sample of the next step, and written so that they read
    it.
    """
    import numpy as np

    outside = TensorType(each.components[0].type.dtype, tuple(sizes))
    steps = [*joined(each.steps)]
    reading, dtype, size = _reading(steps, outside)
    following = steps[len(reading) :]
    if following and (samples := following[0].samples):
        random = np.random.default_rng([number, recipe.batch])
        elements = np.array(samples, object if dtype == _STRING else numpy_dtype(dtype))
        chosen = elements[_integers(size, len(samples), random, number)]
        value = np.array(chosen, elements.dtype)  # Also a scalar, which would be `bytes`.
    elif dtype == each.dtype == _STRING and recipe.examples and len(size) == 1:
        count = len(recipe.examples)
        examples = [recipe.examples[row % count] for row in range(size[0])]
        value = np.array(examples, dtype=object)
    else:
        value = _array(dtype, each.dtype, size, recipe, number)
    if not reading:
        return value
    try:
        written, _ = undone(reading, outside, Stored(value.ravel().tolist(), value.shape))
    except ValueError as error:
        raise NoValue(f"no values can be made up for {each.new!r}: {error}") from None
    return np.array(written.elements, dtype=object).reshape(written.sizes)


def _reading(steps: Iterable[Step], operand: TensorType) -> tuple[list[Step], int, tuple[int, ...]]:
    """Returns the first steps, which take text, and the dtype and sizes of what they make of it.

    They end where a step has samples.
    """
    import numpy as np

    reading: list[Step] = []
    for step in steps:
        if operand.dtype != _STRING or step.samples:
            break
        reading.append(step)
        result = step.result(operand)
        if result.dtype == _STRING:  # A Reshape leaves sizes open.
            blank: Array = np.full(operand.shape or (), b"", dtype=object)
            result = TensorType(_STRING, step.evaluate(blank).shape)
        operand = result
    sizes = tuple(size for size in operand.shape or () if size is not None)
    return reading, operand.dtype, sizes


def _sizes(shape: Shape, rows: int) -> list[int]:
    if shape is None:
        return [rows]
    unknown = [rows, *[_OTHER_SIZE] * len(shape)]
    return [unknown[i] if size is None else size for i, size in enumerate(shape)]


def _array(dtype: int, read_as: int, sizes: Iterable[int], recipe: Recipe, number: int) -> Array:
    """Makes values of one dtype that can be converted to another dtype.

    Args:
        dtype: The dtype.
        read_as: The dtype that the old model takes.
        sizes: The shape.
        recipe: What the values are like.
        number: Differs from input to input, so that their values differ.
    """
    import numpy as np

    size, random = tuple(sizes), np.random.default_rng([number, recipe.batch])
    name, target = dtype_name(dtype), dtype_name(read_as)
    is_counted = integer_range(read_as) is not None
    below = 2 if target == "bool" else recipe.below if is_counted else _LIMIT
    if name == "string" and recipe.texts:
        numbers = range(number, number + math.prod(size))
        texts = [recipe.texts[each % len(recipe.texts)] for each in numbers]
        return np.array(texts, dtype=object).reshape(size)
    if name == "string":
        texts = [f"hello world {n}".encode() for n in _integers(size, 1000, random, number).flat]
        return np.array(texts, dtype=object).reshape(size)
    try:
        wanted = numpy_dtype(dtype)
    except AttributeError:
        raise NoValue(f"no values can be made up for the dtype {name}") from None
    limits = integer_range(dtype)
    if name == "bool":
        numbers = _integers(size, 2, random, number + recipe.batch)
    elif limits is not None:
        numbers = _integers(size, min(below, limits[1] + 1), random, number)
    elif target == "bool":
        numbers = _integers(size, below, random, number)
    else:
        numbers = np.asarray(random.random(size)) * (below if is_counted else 1)
        if recipe.wide and not is_counted:
            numbers = 6 * numbers - 3
    if wanted.kind == "c":
        numbers = numbers * (1 + 2j)
    return np.asarray(numbers).astype(wanted)


def _integers(size: tuple[int, ...], below: int, random: Any, number: int) -> Array:
    """Returns random integers; the first one differs from input to input."""
    import numpy as np

    integers = np.array(random.integers(below, size=size))
    if integers.size:
        integers.flat[0] = number % below
    return integers


class SamplesError(ValueError):
    """The file holds no samples. The message says what is wrong, and what is expected."""


def load_samples(file: Path) -> Arrays:
    """Reads a ``.npz`` file.

    Raises:
        SamplesError: The file is no ``.npz`` file, or holds Python objects.
    """
    import numpy as np

    try:
        with open_regular(file) as opened, np.load(opened, allow_pickle=False) as arrays:
            return {name: _with_bytes(arrays[name]) for name in arrays.files}
    except (OSError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise SamplesError(
            f"{file}: not a file of samples: {error}. It is to be one of numpy.savez, with an "
            "array for each input, by its key; strings as numpy.array([b'...'])."
        ) from error


def samples_for(samples: Mapping[str, Array], signature: SignatureMapping) -> Arrays:
    """Returns the samples for a signature of the new model.

    They are called by the key of an input, or, for this signature only, by its key, a slash and
    the key of the input; the tensors of sparse inputs as by ``tf.saved_model.load``.
    """
    names = {name: _spelled(name, signature, samples) for name in _names_of_inputs(signature)}
    return {name: samples[spelled] for name, spelled in names.items() if spelled is not None}


def unused_samples(
    samples: Mapping[str, Array], signatures: Sequence[SignatureMapping]
) -> str | None:
    """Says which samples would be fed to no signature, and what inputs there are; or None."""
    inputs = [(signature, name) for signature in signatures for name in _names_of_inputs(signature)]
    used = {_spelled(name, signature, samples) for signature, name in inputs}
    left = sorted(set(samples) - used, key=natural)
    if not left:
        return None
    names = sorted(
        {name for _, name in inputs} | {f"{signature.new}/{name}" for signature, name in inputs}
    )
    hints = (f"{each!r} is fed to no input; {did_you_mean(each, names)}." for each in left)
    return " ".join(hints)


def _names_of_inputs(signature: SignatureMapping) -> Iterator[str]:
    """Yields the names of the tensors that the new model is fed."""
    for each in signature.inputs:
        if each.new is not None:
            yield from (f"{each.new}{part.suffix}" for part in each.components)


def _spelled(name: str, signature: SignatureMapping, samples: Mapping[str, Array]) -> str | None:
    """Returns the name under which an input's sample is given, or None if there is none."""
    spellings = (f"{signature.new}/{name}", name)
    return next((spelled for spelled in spellings if spelled in samples), None)


def _with_bytes(array: Array) -> Array:
    import numpy as np

    if array.dtype.kind == "U":
        array = np.char.encode(array, "utf-8")
    return array.astype(object) if array.dtype.kind == "S" else array

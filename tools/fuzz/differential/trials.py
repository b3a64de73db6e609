"""Values to run a patched signature with, and what it has to return, by TensorFlow and numpy."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from .meaning import Change, Meaning
from .runs import Arrays
from .views import Endpoint, Shape

# What the size of an open dimension behind the first is made.
_INNER = 2


@dataclass(frozen=True)
class Trial:
    """Values to run a patched signature with.

    Attributes:
        fed: What the patched signature is fed, by key.
        groups: What the signature of the model is fed instead, once or more, by key.
        rows: The number of examples.
    """

    fed: Arrays
    groups: Sequence[Arrays]
    rows: int


def trials(meaning: Meaning) -> list[Trial]:
    """Makes up values for a signature, for each of some batch sizes."""
    is_open = any(change.shape and change.shape[0] is None for change in meaning.inputs.values())
    opened = meaning.opened_from
    sizes = [1, 3] if is_open else [_fixed_rows(meaning)]
    if opened and opened > 1:
        sizes = [opened, 3 * opened, 3]
    return [_trial(meaning, rows, opened) for rows in sizes]


def _fixed_rows(meaning: Meaning) -> int:
    sizes = [change.shape[0] for change in meaning.inputs.values() if change.shape]
    return next((size for size in sizes if size is not None), 1)


def _trial(meaning: Meaning, rows: int, opened: int | None) -> Trial:
    fed: Arrays = {}
    old: Arrays = {}
    for key, change in meaning.inputs.items():
        assert change.old is not None
        if not change.old.tensor:
            fed |= _components(key, change.old, change.dtype)
            old |= _components(change.key, change.old, change.old.dtype)
            continue
        fed[key] = _made_up(change, rows)
        old[change.key] = cast(_as_before(fed[key], change, opened), change.old.dtype)
    for key, text in meaning.bound.items():
        old[key] = _bound_value(text, meaning.signature.inputs[key], rows)
    if opened is None:
        return Trial(fed, [old], rows)
    return Trial(fed, list(_groups(meaning, old, rows, opened)), rows)


def _groups(meaning: Meaning, old: Arrays, rows: int, size: int) -> Any:
    """Yields the feeds of as many examples as the model takes; the last ones are repeated."""
    split = {
        key
        for key, value in old.items()
        if np.ndim(value) and len(value) == rows
        if meaning.signature.inputs.get(key) is not None
        if _is_split(meaning, key)
    }
    for start in range(0, rows, size):
        indices = np.minimum(np.arange(start, start + size), rows - 1)
        yield {key: value[indices] if key in split else value for key, value in old.items()}


def _is_split(meaning: Meaning, key: str) -> bool:
    shape = meaning.signature.inputs[key].shape
    if not shape:
        return False
    if shape[0] is None:
        return True
    return any(
        change.key == key and change.shape and change.shape[0] is None
        for change in meaning.inputs.values()
    )


def _made_up(change: Change, rows: int) -> Any:
    """Makes up a value, which depends on the tensor, so that keys of one tensor agree."""
    assert change.old is not None
    shape = (rows, _INNER) if change.shape is None else change.shape
    sizes = [
        (_INNER if axis else rows) if size is None else size for axis, size in enumerate(shape)
    ]
    seed = zlib.crc32(f"{change.old.tensor} {sizes} {change.dtype}".encode())
    numbers = np.random.default_rng(seed).integers(0, 9, sizes)
    old, new = change.old.dtype, change.dtype
    if new == "string" and change.old.tensor == "examples:0":
        return np.array([_example(number) for number in numbers.flat], object).reshape(sizes)
    if new == "string":
        words = [b"%d" % number for number in numbers.flat]
        return np.array(words, object).reshape(sizes)
    if new == "bool":
        return numbers % 2 == 1
    if old not in ("float16", "float32", "float64", "bfloat16"):
        return (numbers % 3).astype(tf.as_dtype(new).as_numpy_dtype)
    if new in ("float16", "float32", "float64", "bfloat16"):
        numbers = numbers * 0.5 - 1.75
    return numbers.astype(tf.as_dtype(new).as_numpy_dtype)


def _example(number: int) -> bytes:
    """Makes up what the models that parse ``tf.Example`` messages read."""
    example = tf.train.Example()
    example.features.feature["f"].float_list.value.extend([number, 0.5, -number, 2.0])
    return bytes(example.SerializeToString(deterministic=True))


def _components(key: str, endpoint: Endpoint, dtype: str) -> Arrays:
    """Makes up a sparse value, with one element in each of two rows."""
    rank = len(endpoint.shape or (2, 2))
    rows = [[row] * rank for row in range(2)]
    sizes = [size or 2 for size in endpoint.shape or (2, 2)]
    made = {
        "_indices": np.array(rows, np.int64),
        "_values": cast(np.array([1, 2]), dtype),
        "_dense_shape": np.array(sizes, np.int64),
    }
    return {key + part: value for part, value in made.items()}


def _as_before(value: Any, change: Change, opened: int | None) -> Any:
    assert change.old is not None
    old = change.old.shape
    if opened is not None and old and change.is_opened:
        return value.reshape([len(value), *old[1:]])
    return reshaped(value, change.shape, old)


def reshaped(value: Any, before: Shape, after: Shape) -> Any:
    """Reshapes a value that has the shape `before` to what `after` says.

    One open size is what is left over; several are those that are open in `before`, in order.
    """
    value = np.asarray(value)
    if after is None or before == after or fits(value.shape, after):
        return value
    if after.count(None) <= 1:
        return value.reshape([-1 if size is None else size for size in after])
    stated = before if before is not None else (None,) * value.ndim
    open_sizes = iter(
        size for size, known in zip(value.shape, stated, strict=True) if known is None
    )
    return value.reshape([next(open_sizes, 1) if size is None else size for size in after])


def fits(sizes: Sequence[int], shape: Sequence[int | None]) -> bool:
    """Whether an array of some sizes has the shape that is stated."""
    return len(sizes) == len(shape) and all(
        stated in (None, size) for size, stated in zip(sizes, shape, strict=True)
    )


def cast(value: Any, dtype: str) -> Any:
    """Converts a value with TensorFlow's own ops."""
    tensor = tf.constant(value)
    if tensor.dtype.name == dtype:
        return value
    if dtype == "string":
        return tf.strings.as_string(tensor).numpy()
    if tensor.dtype == tf.string:
        kind = tf.as_dtype(dtype)
        if dtype not in ("float32", "float64", "int32", "int64"):
            kind = tf.float32 if kind.is_floating else tf.int64
        tensor = tf.strings.to_number(tensor, kind)
    return tf.cast(tensor, tf.as_dtype(dtype)).numpy()


def _bound_value(text: str, endpoint: Endpoint, rows: int) -> Any:
    if endpoint.dtype == "string":
        value = np.array(_encoded(json.loads(text)), object)
    else:
        value = np.array(json.loads(text)).astype(tf.as_dtype(endpoint.dtype).as_numpy_dtype)
    shape = endpoint.shape
    if not shape:
        return value
    sizes = [
        (_INNER if axis else rows) if size is None else size for axis, size in enumerate(shape)
    ]
    if value.shape == ():
        return np.full(sizes, value)
    if shape[0] is None and value.shape[0] == 1:
        return np.repeat(value, rows, 0)
    return value


def _encoded(value: Any) -> Any:
    return [_encoded(part) for part in value] if isinstance(value, list) else value.encode()


def expected(
    meaning: Meaning, results: Sequence[Arrays], trial: Trial, stated: Mapping[str, Endpoint]
) -> Arrays:
    """Returns what a patched signature has to return.

    Args:
        meaning: The signature.
        results: What the signature of the model returned for each of the trial's groups.
        trial: The values.
        stated: The outputs that the patched signature states: an open one follows the batch.

    Returns:
        The outputs by key, without those that are added, and those that cannot be known: of an
        opened batch those that are no longer stated for the batch, and differ between groups.
    """
    found: Arrays = {}
    for key, change in meaning.outputs.items():
        if change.old is None:
            continue
        for part in change.old.parts:
            values = [result[part] for result in results]
            new_part = key + part.removeprefix(change.key)
            if not change.old.tensor:
                same_type = (change.dtype, change.shape) == (change.old.dtype, change.old.shape)
                if len(values) == 1 and same_type:
                    found[new_part] = values[0]
                continue
            shape = stated[key].shape if key in stated else None
            follows = meaning.opened_from is not None and shape is not None and shape[:1] == (None,)
            value = _joined(values, trial.rows, follows=follows)
            if value is not None:
                before = change.old.shape
                if meaning.opened_from is not None and before:
                    before = (None, *before[1:]) if change.shape and not change.shape[0] else before
                new = reshaped(value, before, change.shape)
                if _is_defined(new, change.dtype):
                    found[new_part] = cast(new, change.dtype)
    return found


def _is_defined(value: Any, dtype: str) -> bool:
    """Whether what a cast gives does not depend on the machine."""
    new = tf.as_dtype(dtype)
    if not new.is_integer or value.dtype.kind not in "fV":
        return True
    numbers = value.astype(np.float64)
    return bool(np.all((numbers > new.min - 1) & (numbers < new.max + 1)))


def _joined(values: Sequence[Any], rows: int, *, follows: bool) -> Any:
    """Puts the results of groups together; None if they differ and are not of the batch."""
    first = np.asarray(values[0])
    if follows and first.ndim:
        return np.concatenate(values)[:rows]
    same = all(np.array_equal(first, value) for value in values[1:])
    return values[0] if same else None

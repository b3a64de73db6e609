"""Comparing two arrays to the bit, or within a tolerance, and whether they say anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sigpb.verifying.report import Difference

Array = Any
"""A numpy array; numpy is imported where values are needed only."""

Arrays = dict[str, Array]


@dataclass(frozen=True)
class Tolerance:
    """How much floating-point numbers may differ: by ``atol + rtol * abs(before)``."""

    rtol: float = 0.0
    atol: float = 0.0


EXACT = Tolerance()
"""Bit for bit, but for what a NaN carries."""


def difference(before: Array, after: Array, tolerance: Tolerance = EXACT) -> Difference | None:
    """Returns how an array differs from what it has to be; None if it does not.

    NaN equals NaN; the two zeros of floating-point numbers differ, unless a tolerance is given.
    """
    import numpy as np

    before, after = as_array(before), as_array(after)
    if before.dtype != after.dtype:
        return Difference(f"its dtype is {_dtype(after)}, and {_dtype(before)} is expected")
    if before.shape != after.shape:
        return Difference(f"its shape is {list(after.shape)}, and {list(before.shape)} is expected")
    before, after = _comparable(before), _comparable(after)
    differs = ~_same(before, after, tolerance)
    if not differs.any():
        return None
    first = tuple(map(int, np.argwhere(differs)[0]))
    distances = _distances(before, after)
    worst = worst_at = None
    if distances is not None:
        distances = np.where(differs & ~np.isnan(distances), distances, -1)
        at = np.unravel_index(int(np.argmax(distances)), distances.shape)
        if 0 <= distances[at] < np.inf:
            worst, worst_at = float(distances[at]), tuple(map(int, at))
    count = f"{int(differs.sum())} of {differs.size} elements differ"
    return Difference(
        "it differs" if differs.size == 1 else count,
        worst=worst,
        worst_at=worst_at,
        first_at=first,
        before=_text(before[first]),
        after=_text(after[first]),
    )


def as_array(value: Array) -> Array:
    """Returns what TensorFlow returned as an array; a single string is ``bytes`` there."""
    import numpy as np

    if isinstance(value, bytes | str):
        return np.array(value, dtype=object)
    return np.asarray(value)


def _comparable(array: Array) -> Array:
    """Returns numbers of types that numpy lacks as numbers of a type that holds them exactly."""
    import numpy as np

    if array.dtype.names:  # Quantised numbers: structures of one integer.
        return array[array.dtype.names[0]]
    return array.astype(np.float64) if array.dtype.kind == "V" else array


def _same(before: Array, after: Array, tolerance: Tolerance) -> Array:
    import numpy as np

    if before.dtype.kind == "c":
        parts = (_same(getattr(before, p), getattr(after, p), tolerance) for p in ("real", "imag"))
        return np.logical_and(*parts)
    same = np.asarray(before == after, dtype=bool)
    if before.dtype.kind != "f":
        return same
    with np.errstate(all="ignore"):
        if tolerance == EXACT:
            same &= np.signbit(before) == np.signbit(after)
        else:
            wide_before, wide_after = before.astype(np.float64), after.astype(np.float64)
            allowed = tolerance.atol + tolerance.rtol * np.abs(wide_before)
            same |= np.isfinite(wide_before) & (np.abs(wide_after - wide_before) <= allowed)
    return same | (np.isnan(before) & np.isnan(after))


def _distances(before: Array, after: Array) -> Array | None:
    """Returns absolute differences as float64; None if the elements are no numbers."""
    import numpy as np

    if before.dtype.kind not in "iufcb":
        return None
    wide = np.complex128 if before.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        if before.dtype.kind in "iu":
            # The difference of large integers, which float64 does not hold one by one.
            larger, smaller = np.maximum(before, after), np.minimum(before, after)
            bits = before.dtype.itemsize * 8
            return (larger - smaller).astype(f"uint{bits}").astype(np.float64)
        return np.abs(after.astype(wide) - before.astype(wide))


def _dtype(array: Array) -> str:
    return "string" if array.dtype.kind == "O" else str(array.dtype)


def _text(element: Any) -> str:
    text = str(element.item() if hasattr(element, "item") else element)
    return text if len(text) <= 60 else text[:57] + "..."


def monotony(values: Sequence[Array]) -> str | None:
    """Returns what an output was in every run: ``empty``, ``NaN`` or its only value, as text.

    None if it had several values, or was a single number of a single run.
    """
    import numpy as np

    arrays = [as_array(value) for value in values]
    elements = [array.ravel() for array in arrays if array.size]
    if not elements:
        return "empty"
    if any(array.dtype.names for array in elements):
        return None
    whole = np.concatenate(elements)
    if whole.dtype.kind in "fc" and bool(np.isnan(whole).all()):
        return "NaN"
    if whole.size > 1 and bool((whole == whole[0]).all()):
        return repr(whole[0].item() if hasattr(whole[0], "item") else whole[0])
    return None


def informative(values: Sequence[Array]) -> bool:
    """Whether an output had values that are comparable: neither none, nor only NaN."""
    return monotony(values) not in ("empty", "NaN")

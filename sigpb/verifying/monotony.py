"""Results that are the same whatever is fed, so that comparing them tells little."""

from __future__ import annotations

from collections.abc import Sequence

from sigpb.verifying.comparison import Array, as_array


def monotony(values: Sequence[Array]) -> str | None:
    """Returns what an output was in every run: ``empty``, ``NaN`` or its only value, as text.

    None if it was more than that, or a single number of a single run.
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

"""Values for inputs that somebody gives, in a file of numpy's."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sigpb.errors import did_you_mean
from sigpb.regular_files import open_regular
from sigpb.verifying.mapping import SignatureMapping

Array = Any
Arrays = dict[str, Array]


class SamplesError(ValueError):
    """The file is none of samples. The message says what is wrong, and what is expected."""


def load(file: Path) -> Arrays:
    """Reads a ``.npz`` file.

    Raises:
        SamplesError: It is none, or holds Python objects.
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


def of_signature(samples: Mapping[str, Array], signature: SignatureMapping) -> Arrays:
    """Returns the samples for a signature of the new model.

    They are called by the key of an input, or, for this signature only, by its key, a slash and
    the key of the input; the tensors of sparse inputs as by ``tf.saved_model.load``.
    """
    names = {name: _spelled(name, signature, samples) for name in _inputs(signature)}
    return {name: samples[spelled] for name, spelled in names.items() if spelled is not None}


def unused(samples: Mapping[str, Array], signatures: Sequence[SignatureMapping]) -> str | None:
    """Says which samples would be fed to no signature, and what inputs there are; or None."""
    inputs = [(signature, name) for signature in signatures for name in _inputs(signature)]
    used = {_spelled(name, signature, samples) for signature, name in inputs}
    left = sorted(set(samples) - used)
    if not left:
        return None
    names = sorted(
        {name for _, name in inputs} | {f"{signature.new}/{name}" for signature, name in inputs}
    )
    hints = (f"{each!r} is fed to no input; {did_you_mean(each, names)}." for each in left)
    return " ".join(hints)


def _inputs(signature: SignatureMapping) -> Iterator[str]:
    """Yields what the tensors are called that the new model is fed."""
    for each in signature.inputs:
        if each.new is not None:
            yield from (f"{each.new}{part.suffix}" for part in each.components)


def _spelled(name: str, signature: SignatureMapping, samples: Mapping[str, Array]) -> str | None:
    """Returns what an input's sample is called, or None if there is none."""
    spellings = (f"{signature.new}/{name}", name)
    return next((spelled for spelled in spellings if spelled in samples), None)


def _with_bytes(array: Array) -> Array:
    import numpy as np

    if array.dtype.kind == "U":
        array = np.char.encode(array, "utf-8")
    return array.astype(object) if array.dtype.kind == "S" else array

"""Values that people give for the inputs of a signature, as arrays that the signature takes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sigpb import protos
from sigpb.errors import EnvironmentFailure, UsageError, did_you_mean, listed
from sigpb.parsers import parse_json_value, parse_literal
from sigpb.regular_files import open_regular, read_regular
from sigpb.steps.dtype_values import numpy_dtype
from sigpb.tf.tensor_types import TensorType, dtype_name, integer_range, shape_text, type_text
from sigpb.verifying.comparison import Array, Arrays
from sigpb.verifying.values import SamplesError, load_samples

Wanted = Mapping[str, TensorType]
"""What a signature takes, by what loaders call it."""

_INDEXED = re.compile(r"(?P<file>.*)\[(?P<name>[^\[\]]*)\]", re.DOTALL)


@dataclass(frozen=True)
class GivenInputs:
    """Values for inputs, as they were given.

    Attributes:
        values: Arrays, or nested lists of Python values, by the names of inputs.
        rows: The value of ``instances`` in a request to TensorFlow Serving: the inputs row by row.
        columns: The value of ``inputs`` in such a request.
        signature: The key of the signature that such a request names; None if it names none.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Any] | None = None
    columns: Any = None
    signature: str | None = None

    def by_name(self, wanted: Wanted) -> dict[str, Any]:
        """Returns the values by the names of inputs.

        Args:
            wanted: What the signature takes.

        Raises:
            UsageError: If a request does not say which values are for which input.
        """
        if self.rows is not None:
            is_named = [isinstance(row, dict) and set(row) != {"b64"} for row in self.rows]
            if not any(is_named):
                return {_only(wanted): [*self.rows], **self.values}
            names = set(self.rows[0]) if is_named[0] else set()
            if not all(is_named) or any(set(row) != names for row in self.rows):
                raise UsageError("The instances of the request do not all have the same inputs.")
            return {**{name: [row[name] for row in self.rows] for name in names}, **self.values}
        if self.columns is None:
            return dict(self.values)
        if isinstance(self.columns, dict) and set(self.columns) != {"b64"}:
            return {**self.columns, **self.values}
        return {_only(wanted): self.columns, **self.values}


def _only(wanted: Wanted) -> str:
    if len(wanted) != 1:
        raise UsageError(
            f"The signature has the inputs {listed(sorted(wanted))}: name them in the request, as "
            '{"instances": [{"KEY": …}]} or {"inputs": {"KEY": …}}.'
        )
    return next(iter(wanted))


def inputs_of_json(text: str | bytes, where: str) -> GivenInputs:
    """Reads a request to TensorFlow Serving's REST API.

    Args:
        text: The JSON.
        where: What it is called in errors.

    Raises:
        UsageError: If it is none.
    """
    try:
        request = parse_json_value(text)
    except ValueError as error:
        raise UsageError(f"{where}: not JSON: {error}.") from None
    forms = [
        name for name in ("instances", "inputs") if isinstance(request, dict) and name in request
    ]
    if len(forms) != 1 or not isinstance(request.get("signature_name", ""), str):
        raise UsageError(
            f'{where}: not a request: expected {{"instances": [{{"KEY": …}}, …]}}, or '
            '{"inputs": {"KEY": …}}, as TensorFlow Serving takes them.'
        )
    values = _decoded(request[forms[0]], where)
    signature = request.get("signature_name")
    if forms == ["inputs"]:
        return GivenInputs(columns=values, signature=signature)
    if not isinstance(values, list) or not values:
        raise UsageError(f"{where}: 'instances' is to be a list that is not empty.")
    return GivenInputs(rows=values, signature=signature)


def _decoded(value: Any, where: str) -> Any:
    """Returns a JSON value with bytes in the place of ``{"b64": …}``."""
    if isinstance(value, list):
        return [_decoded(each, where) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"b64"}:
        return {key: _decoded(each, where) for key, each in value.items()}
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise UsageError(f"{where}: what 'b64' holds is not base64: {error}.") from None


def inputs_of_file(file: Path) -> GivenInputs:
    """Reads a ``.npz`` file with an array for each input, or a ``.json`` file with a request.

    Raises:
        UsageError: If it is neither.
    """
    if file.suffix == ".npz":
        return GivenInputs(_loaded(file))
    try:
        return inputs_of_json(read_regular(file), str(file))
    except OSError as error:
        raise UsageError(
            f"{file}: {error.strerror or error}. Give a .npz file, a .json file, - for JSON on "
            "standard input, or KEY=FILE.npy."
        ) from None


def array_of_file(text: str) -> Array:
    """Returns the array in a ``.npy`` file, or one of a ``.npz`` file: ``FILE.npz[NAME]``.

    Raises:
        UsageError: If there is none.
    """
    indexed = _INDEXED.fullmatch(text)
    if indexed or text.endswith(".npz"):
        arrays = _loaded(Path(indexed["file"] if indexed else text))
        name = indexed["name"] if indexed else ""
        if indexed is None and len(arrays) == 1:
            return next(iter(arrays.values()))
        if name not in arrays:
            raise UsageError(f"{text}: there is no array {name!r}; {did_you_mean(name, arrays)}.")
        return arrays[name]
    import numpy as np

    try:
        with open_regular(text) as opened:
            array: Array = np.load(opened, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{text}: not a file of numpy.save: {error}.") from None
    return array


def _loaded(file: Path) -> Arrays:
    try:
        return load_samples(file)
    except SamplesError as error:
        raise UsageError(str(error)) from None


def literal(text: str, key: str) -> Any:
    """Returns the value of a Python literal, such as ``[[1, 2]]``; no code is run.

    Raises:
        UsageError: If it is none.
    """
    try:
        return parse_literal(text)
    except ValueError as error:
        raise UsageError(
            f"{key!r}: {error}. Give what numpy computes as a file instead: {key}=FILE.npy."
        ) from None


def examples(text: str, key: str) -> list[bytes]:
    """Returns serialized tf.Examples for a list of dictionaries, such as ``[{'age': [22.0]}]``.

    Raises:
        UsageError: If it is none.
    """
    rows = literal(text, key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{key!r}: expected a list of features by name: [{{'age': [22]}}].")
    return [_example(row, key) for row in rows]


def _example(row: Mapping[object, Any], key: str) -> bytes:
    example = protos.Example()
    for name, given in row.items():
        values = [*given] if isinstance(given, list | tuple) else [given]
        kinds = {type(value) for value in values}
        feature = example.features.feature[str(name)]
        try:
            if kinds <= {str, bytes}:
                texts = (each.encode() if isinstance(each, str) else each for each in values)
                feature.bytes_list.value.extend(texts)
            elif kinds == {int}:
                feature.int64_list.value.extend(values)
            elif kinds <= {int, float}:
                feature.float_list.value.extend(values)
            else:
                raise ValueError("it is neither numbers nor text")
        except ValueError as error:
            raise UsageError(f"{key!r}: feature {name!r}: {error}.") from None
    return example.SerializeToString(deterministic=True)


def as_arrays(given: Mapping[str, Any], wanted: Wanted, optional: Iterable[str] = ()) -> Arrays:
    """Returns arrays of the dtypes and shapes that a signature takes.

    Numbers are converted where that keeps them, as far as the dtype allows: whole numbers to
    integers of any size that holds them, and all numbers to fractions.

    Args:
        given: Arrays, or nested lists, by the names of inputs.
        wanted: What the signature takes.
        optional: The inputs that need no value.

    Raises:
        UsageError: With all that does not fit.
        EnvironmentFailure: If numpy is missing.
    """
    problems = [
        f"{name!r} is no input; {did_you_mean(name, wanted)}."
        for name in given
        if name not in wanted
    ]
    arrays: Arrays = {}
    for name, type_ in sorted(wanted.items()):
        if name in given:
            try:
                arrays[name] = _as_array(given[name], type_)
            except ValueError as error:
                problems.append(f"Input {name!r} takes {type_text(type_)}: {error}.")
        elif name not in optional:
            problems.append(f"Input {name!r}, {type_text(type_)}, is not given.")
    if problems:
        raise UsageError(" ".join(problems))
    return arrays


def _as_array(value: Any, wanted: TensorType) -> Array:
    """Returns a value as an array.

    Raises:
        ValueError: If it is none of the type.
    """
    import numpy as np

    if dtype_name(wanted.dtype) == "string":
        array = np.array(value, dtype=object)
        elements = [each.encode() if isinstance(each, str) else each for each in array.flat]
        if not all(isinstance(each, bytes) for each in elements):
            raise ValueError(f"{_told(array)} is given, which is not text of one shape")
        array = np.array([*elements, None], dtype=object)[:-1].reshape(array.shape)
    else:
        try:
            given = np.array(value)
        except ValueError:
            raise ValueError("its lists are of different lengths") from None
        array = _converted(given, wanted.dtype)
    shape = wanted.shape
    if shape is not None and (
        len(shape) != array.ndim
        or any(size not in (None, now) for size, now in zip(shape, array.shape, strict=True))
    ):
        hint = "; one row for each example is expected" if len(shape) == array.ndim + 1 else ""
        raise ValueError(f"{shape_text(array.shape)} is given{hint}")
    return array


def _converted(given: Array, dtype: int) -> Array:
    import numpy as np

    target, name, limits = numpy_dtype(dtype), dtype_name(dtype), integer_range(dtype)
    if given.dtype == target:
        return given
    kind = given.dtype.kind
    if name == "bool":
        fits = False
    elif limits is not None:
        is_whole = kind in "iu" or (kind == "f" and bool(np.all(given == np.trunc(given))))
        fits = is_whole and bool(np.all((given >= limits[0]) & (given <= limits[1])))
    else:
        fits = kind in ("iufc" if name.startswith("complex") else "iuf")
    if not fits:
        raise ValueError(f"{_told(given)} is given, which it does not hold")
    with np.errstate(over="ignore", invalid="ignore"):
        array: Array = given.astype(target)
    if kind == "f" and limits is None and bool(np.any(np.isinf(array) & np.isfinite(given))):
        raise ValueError(f"{_told(given)} is given, with values that it does not hold")
    return array


def _told(array: Array) -> str:
    kinds = {"O": "a value", "U": "text", "S": "text"}
    return f"{kinds.get(array.dtype.kind, array.dtype.name)} {shape_text(array.shape)}"


def check_numpy() -> None:
    """Makes sure that there is numpy, which TensorFlow brings.

    Raises:
        EnvironmentFailure: If there is none.
    """
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise EnvironmentFailure(
            "Models are run by TensorFlow, which is not installed: pip install tensorflow."
        ) from None

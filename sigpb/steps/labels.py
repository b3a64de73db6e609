"""Steps between text and its position in a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sigpb.steps.graph_body import GraphBody, dtype_attr, elements, integers
from sigpb.steps.step import ConversionError, Step, Stored, step_name
from sigpb.tf.tensor_types import (
    Shape,
    TensorType,
    dtype_name,
    dtype_of,
    integer_range,
    shape_proto,
)

_BOOL, _INT32, _INT64, _STRING = map(dtype_of, ("bool", "int32", "int64", "string"))

_ASSETS = "assets/"
"""The folder of a SavedModel for the files that its graph reads."""

_SMALLEST, _LARGEST = integer_range(_INT32) or (0, 0)


@dataclass(frozen=True)
class Labels(Step):
    """The op ``GatherV2`` of a list of texts: the label of each class.

    A class that has no label fails at run time: the op, which has kernels for text on CPUs only,
    checks each of them (tensorflow/core/kernels/gather_functor.h).

    Attributes:
        names: The label of class 0, that of class 1, and so on; or a text file of the model, as
            ``labels('assets/labels.txt')``, with one label in each line. It is read when the patch
            is planned, and its labels become a constant of the graph: the file can change, or go,
            and the model does not.
    """

    example: ClassVar = "int64 [?] → labels(['cat', 'dog'])"

    names: tuple[str, ...]

    @property
    def file(self) -> str | None:
        """The path, in the model, of the file that it names; None if it lists labels."""
        is_file = len(self.names) == 1 and self.names[0].startswith(_ASSETS)
        return self.names[0] if is_file else None

    def check_classes(self, count: int | None) -> None:
        """Makes sure that there is a label for each class, and no more than these.

        Raises:
            ConversionError: There is not.
        """
        if count not in (None, len(self.names)):
            raise ConversionError(
                f"labels has {len(self.names)} labels, and there are {count} classes"
            )

    def result(self, operand: TensorType) -> TensorType:
        """Returns strings of the shape of the operand, which has to be int32 or int64."""
        if operand.dtype not in (_INT32, _INT64):
            name = dtype_name(operand.dtype)
            before = "argmax()" if "float" in name else "cast('int64')"
            raise ConversionError(
                f"labels takes int32 or int64, not {name}; put {before} before it"
            )
        _bytes_of(self, self.names)
        return TensorType(_STRING, operand.shape)

    def operand(self, result: TensorType) -> TensorType:
        """Returns int64, of the shape of the result."""
        return TensorType(_INT64, result.shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the GatherV2, the labels, and the dimension."""
        names = _names(body, "Labels/names", _bytes_of(self, self.names))
        axis = integers(body, "Labels/axis", 0, _INT32)
        attributes = {
            "Tparams": dtype_attr(_STRING),
            "Tindices": dtype_attr(operand.dtype),
            "Taxis": dtype_attr(_INT32),
        }
        shape = shape_proto(operand.shape)
        [output] = body.add("GatherV2", "Labels", [names, tensor, axis], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Returns an array of ``bytes`` objects.

        Raises:
            ValueError: A class has no label; TensorFlow reports an InvalidArgument.
        """
        import numpy as np

        outside = (value < 0) | (value >= len(self.names))
        if outside.any():
            first = value[outside].flat[0]
            raise ValueError(f"class {first} has none of {len(self.names)} labels")
        names = np.array(_bytes_of(self, self.names), dtype=object)
        return names[value.ravel()].reshape(value.shape)

    @property
    def samples(self) -> tuple[int, ...]:
        """The classes that have a label."""
        return tuple(range(len(self.names)))

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Returns the first class that has each label."""
        names = _bytes_of(self, self.names)
        unknown = [text for text in value.elements if text not in names]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no label")
        return Stored([names.index(text) for text in value.elements], value.sizes), True

    def loss(self, operand: TensorType) -> str | None:
        """Says what happens to classes without a label."""
        return f"classes outside 0…{len(self.names) - 1} fail"


@dataclass(frozen=True)
class Lookup(Step):
    """Where each text is in a list, by comparing it with all of them: no table, no initializer.

    Attributes:
        names: The text of which the position is 0, that of which it is 1, and so on.
        default: What takes the place of a position for any other text.
    """

    example: ClassVar = "string [?,5] → lookup(['a', 'b'], -1)"

    names: tuple[str, ...]
    default: int = -1

    def result(self, operand: TensorType) -> TensorType:
        """Returns int64 of the shape of the operand, which has to be strings."""
        if operand.dtype != _STRING:
            raise ConversionError(
                f"lookup takes strings, not {dtype_name(operand.dtype)}; put as_string() before it"
            )
        _bytes_of(self, self.names)
        twice = next((each for each in self.names if self.names.count(each) > 1), None)
        if twice is not None:
            raise ConversionError(f"lookup has {twice!r} twice")
        if not _SMALLEST <= self.default <= _LARGEST:
            raise ConversionError(f"lookup cannot have the default {self.default}")
        return TensorType(_INT64, operand.shape)

    def operand(self, result: TensorType) -> TensorType:
        """Returns strings of the shape of the result."""
        return TensorType(_STRING, result.shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds nodes that compare, and add to the default how far the position is from it."""
        compared = shape_proto(_and(operand.shape, len(self.names)))
        shape, index, number = shape_proto(operand.shape), dtype_attr(_INT32), dtype_attr(_INT64)
        last = integers(body, "Lookup/axis", -1, _INT32)
        [text] = body.add(
            "ExpandDims",
            "Lookup/ExpandDims",
            [tensor, last],
            {"T": dtype_attr(_STRING), "Tdim": index},
            shape_proto(_and(operand.shape, 1)),
        )
        names = _names(body, "Lookup/names", _bytes_of(self, self.names))
        [is_equal] = body.add(
            "Equal", "Lookup/Equal", [text, names], {"T": dtype_attr(_STRING)}, compared
        )
        casts = {"SrcT": dtype_attr(_BOOL), "DstT": number}
        [count] = body.add("Cast", "Lookup/Cast", [is_equal], casts, compared)
        distances = [position - self.default for position in range(len(self.names))]
        distance = integers(body, "Lookup/distances", distances, _INT64)
        [apart] = body.add("Mul", "Lookup/Mul", [count, distance], {"T": number}, compared)
        [total] = body.add("Sum", "Lookup/Sum", [apart, last], {"T": number, "Tidx": index}, shape)
        default = integers(body, "Lookup/default", self.default, _INT64)
        [output] = body.add("AddV2", "Lookup", [total, default], {"T": number}, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Returns an array of int64."""
        import numpy as np

        positions = {name: at for at, name in enumerate(_bytes_of(self, self.names))}
        found = [positions.get(text, self.default) for text in value.ravel()]
        return np.array(found, dtype=np.int64).reshape(value.shape)

    @property
    def samples(self) -> tuple[bytes, ...]:
        """The texts in the list, and one that is not."""
        names = _bytes_of(self, self.names)
        return (*names, b" ".join(names) + b"?")

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Returns the text at each position."""
        names = _bytes_of(self, self.names)
        outside = [each for each in value.elements if not 0 <= each < len(names)]
        if outside:
            raise ValueError(f"there is no text at the position {outside[0]}")
        return Stored([names[each] for each in value.elements], value.sizes), True

    def loss(self, operand: TensorType) -> str | None:
        """Says what becomes of other text."""
        return f"other text becomes {self.default}"


def _bytes_of(step: Step, names: tuple[str, ...]) -> list[bytes]:
    """Returns texts as TensorFlow has them.

    Raises:
        ConversionError: There are none, or one of them is no Unicode text.
    """
    if not names:
        raise ConversionError(f"{step_name(type(step))} needs one text at least")
    try:
        return [name.encode() for name in names]
    except UnicodeEncodeError as error:
        raise ConversionError(
            f"{step_name(type(step))} cannot have the text {error.object!r}"
        ) from None


def _names(body: GraphBody, name: str, texts: list[bytes]) -> str:
    return elements(body, name, texts, _STRING, (len(texts),))


def _and(shape: Shape, size: int) -> Shape:
    return None if shape is None else (*shape, size)

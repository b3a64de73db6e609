"""What every boundary step is, and what chains of them do."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from sigpb.errors import SigpbError
from sigpb.steps.graph_body import GraphBody
from sigpb.tf.tensor_types import TensorType


class ConversionError(SigpbError):
    """No step, or chain of steps, leads from one type to another. The message says why."""

    exit_code = 2


UNKNOWN_DTYPE = 0
"""The dtype of what a step takes that takes several, and returns the same for all of them."""


class Stored(NamedTuple):
    """A value as a TensorProto keeps it.

    Attributes:
        elements: Its elements, in row-major order; the last one stands for all that are missing.
        sizes: Its shape.
    """

    elements: list[Any]
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Step(ABC):
    """One step, which makes of a tensor another one: a frozen dataclass.

    Its fields are Python literals, and its arguments wherever people write steps: see
    `sigpb.steps.syntax`.

    Attributes:
        example: What it is shown with: a type, and the step that takes it.
    """

    example: ClassVar[str]

    @abstractmethod
    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of what comes out.

        Raises:
            ConversionError: The step cannot take such an operand.
        """

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type of what goes in, given the type of what is to come out.

        Returns:
            The type; its dtype is `UNKNOWN_DTYPE` if only the shape follows.

        Raises:
            ConversionError: Nothing follows, unless a step says what does.
        """
        raise ConversionError(
            f"what {step_name(type(self))} takes does not follow from what it returns; state the "
            "dtype and the shape that clients see"
        )

    def classes(self, operand: TensorType) -> int | None:
        """Returns how many classes the numbers that come out stand for, from 0; None if unknown."""
        return None

    @abstractmethod
    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the nodes of the step.

        Args:
            body: Where to add them.
            tensor: What goes in, as the body spells it.
            operand: Its type, which `result` accepts.

        Returns:
            What comes out, as the body spells it.
        """

    @abstractmethod
    def evaluate(self, value: Any) -> Any:
        """Returns what the nodes make of a numpy array, to the bit.

        Where numpy rounds otherwise than the nodes do, TensorFlow's own functions are asked.
        """

    def joined(self, following: Sequence[Step]) -> tuple[Step, int]:
        """Returns the step that does this one and those that have to be done together with it.

        It is for steps of which the results for several examples make a tensor only after others.

        Args:
            following: The steps behind this one.

        Returns:
            The step, and how many of the following ones it does too.
        """
        return self, 0

    @property
    def samples(self) -> tuple[Any, ...]:
        """Elements to feed the step where made-up ones would not show what it does, if any."""
        return ()

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Returns what has to come in so that a value comes out, and whether exactly it does.

        Without numpy: it is for requests that are stored, and for defaults.

        Args:
            value: What came out so far.
            operand: The type of what comes in, of whose values the nearest ones are taken.

        Raises:
            ValueError: There is nothing that comes near.
        """
        raise ValueError(f"{self.describe()} cannot be undone")

    def describe(self) -> str:
        """Returns the step in a word or two, such as ``string to number``: what its class says."""
        return step_name(type(self)).replace("_", " ")

    def loss(self, operand: TensorType) -> str | None:
        """Says what of an operand's values can get lost; None if nothing can."""
        return None


def step_name(kind: type[Step]) -> str:
    """Returns what people call a kind of steps: ``string_to_number`` for `StringToNumber`."""
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


def result_of(steps: Iterable[Step], operand: TensorType) -> TensorType:
    """Returns the type of what comes out of a chain of steps.

    Raises:
        ConversionError: A step cannot take what comes out of the one before it.
    """
    for step in steps:
        operand = step.result(operand)
    return operand


def joined(steps: Iterable[Step]) -> Iterator[Step]:
    """Yields the steps of a chain as they are built and evaluated: see `Step.joined`."""
    left = [*steps]
    while left:
        step, count = left[0].joined(left[1:])
        yield step
        del left[: count + 1]


def build_steps(body: GraphBody, steps: Iterable[Step], tensor: str, operand: TensorType) -> str:
    """Adds the nodes of a chain of steps, and returns the last one's output."""
    for step in joined(steps):
        tensor, operand = step.build(body, tensor, operand), step.result(operand)
    return tensor


def undone(steps: Iterable[Step], operand: TensorType, value: Stored) -> tuple[Stored, bool]:
    """Returns what has to go into a chain of steps so that a value comes out.

    Args:
        steps: The steps.
        operand: The type of what goes in.
        value: What came out so far.

    Returns:
        The value, or the nearest one of that type, and whether exactly `value` comes out.

    Raises:
        ValueError: There is nothing that comes near.
    """
    taken = []
    for step in steps:
        taken.append((step, operand))
        operand = step.result(operand)
    is_exact = True
    for step, type_ in reversed(taken):
        value, exact = step.inverse(value, type_)
        is_exact &= exact
    return value, is_exact

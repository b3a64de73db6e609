"""Steps as people write them, and the types that they make of others."""

from __future__ import annotations

import pytest

from sigpb.steps.step import ConversionError
from sigpb.steps.syntax import parse_step, step_text
from sigpb.tf.tensor_types import TensorType, dtype_of, parse_shape, type_text


def type_of(text: str) -> TensorType:
    """Reads a type such as ``float32 [?,3]``."""
    dtype, shape = text.split(" ")
    return TensorType(dtype_of(dtype), parse_shape(shape))


def made_of(step: str, operand: str) -> str:
    """Returns what comes out of a step, which is written as it is read."""
    parsed = parse_step(step)
    assert step_text(parsed) == step
    return type_text(parsed.result(type_of(operand)))


def taken_for(step: str, result: str) -> str:
    """Returns what goes into a step so that a type comes out."""
    return type_text(parse_step(step).operand(type_of(result)))


def refused(step: str, operand: str) -> str:
    """Returns why a step does not take an operand."""
    with pytest.raises(ConversionError) as error:
        parse_step(step).result(type_of(operand))
    return str(error.value)

"""What undoes steps, compared with what the steps make of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sigpb.steps.cast import Cast
from sigpb.steps.conversion import convert, dtype_steps
from sigpb.steps.step import Step, Stored, undone
from sigpb.tf.tensor_types import TensorType, dtype_of
from tests.conversions import numpy_dtype

SENT: dict[str, list[list[Any]]] = {
    "bool": [[False, True]],
    "string": [[b"7", b"0"], [b"true", b"false"], [b"0.500000", b"-2.000000"], [b"some text"]],
    "complex64": [[1 + 0j, 0j], [0.5 - 2j]],
    "complex128": [[3 + 0j], [1e300 + 1j]],
}
INTEGERS = ("int4", "int8", "int16", "int32", "int64", "uint4", "uint8", "uint16", "uint32")
SENT |= {name: [[0, 1], [7], [5, 3]] for name in (*INTEGERS, "uint64")}
SENT["int64"] += [[-1], [2**24 + 1], [2**62]]
SENT["int32"] += [[-200, 1000]]
SENT |= {
    name: [[0.0, 1.0], [1.5], [-3.0, 200.0], [math.nan], [math.inf, -math.inf]]
    for name in ("float16", "bfloat16", "float32", "float64")
}
SENT["float64"] += [[1e300], [0.1]]
SENT["float32"] += [[0.10000000149011612]]


PAIRS = [(source, target) for source in SENT for target in SENT if source != target]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_conversion_makes_of_it_what_was_sent(source: str, target: str) -> None:
    steps = dtype_steps(dtype_of(target), dtype_of(source))
    for sent in SENT[source]:
        instead, exact = sent_instead(sent, source, target)
        value = np.array(instead, dtype=numpy_dtype(dtype_of(target)))
        assert value.tolist() == instead or value.dtype.kind not in "biu", "the dtype has them"
        for step in steps:
            value = step.evaluate(value)
        wanted = np.array(sent, dtype=numpy_dtype(dtype_of(source)))
        # An infinity may come back, from an integer that the float does not hold.
        assert equal(value, wanted) == exact or math.inf in sent, (sent, instead)


def sent_instead(sent: list[Any], source: str, target: str) -> tuple[list[Any], bool]:
    """What to send of the dtype `target` for what was sent of `source`."""
    steps = dtype_steps(dtype_of(target), dtype_of(source))
    operand = TensorType(dtype_of(target), (len(sent),))
    found, exact = undone(steps, operand, Stored(sent, (len(sent),)))
    assert found.sizes == (len(sent),)
    return found.elements, exact


def equal(one: Any, other: Any) -> bool:
    if one.dtype.kind == "O":
        return bool((one == other).all())
    return bool(((one == other) | ((one != one) & (other != other))).all())


@pytest.mark.parametrize(
    ("sent", "source", "target", "instead"),
    [
        ([1.5, 2.5, -3.2, 300.0], "float32", "uint8", [2, 2, 0, 255]),
        ([math.nan, math.inf, -math.inf], "float32", "int8", [0, 127, -128]),
        ([1e300, -1e300], "float64", "float32", [3.4028234663852886e38, -3.4028234663852886e38]),
        ([1e6, math.inf], "float32", "float16", [65504.0, math.inf]),
        ([3.4e38], "float32", "bfloat16", [3.3895313892515355e38]),
        ([0.1], "float32", "bfloat16", [0.10009765625]),
        ([0.4, 0.6, 7.0], "float32", "bool", [False, True, True]),
        ([2.6 + 5j], "complex64", "int32", [3]),
        ([0.1, 7.0], "float64", "string", [b"0.1", b"7.0"]),
        ([True, False], "bool", "string", [b"1", b"0"]),
        ([b"1.6", b"cat", b"(1.0,2.0)"], "string", "int8", [2, 0, 1]),
        ([b"0.250000"], "string", "float32", [0.25]),
        ([b"1.6", b"100"], "string", "int4", [2, 7]),
    ],
)
def test_nearest(sent: list[Any], source: str, target: str, instead: list[Any]) -> None:
    made, _ = sent_instead(sent, source, target)
    assert made == instead
    assert [type(value) for value in made] == [type(value) for value in instead]


def test_dtype_that_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="float8_e5m2"):
        sent_instead([1.0], "float32", "float8_e5m2")


def test_an_imaginary_part_beside_a_nan_is_lost() -> None:
    assert sent_instead([complex(math.nan, 0)], "complex64", "float32")[1]
    assert not sent_instead([complex(math.nan, 1)], "complex64", "float32")[1]
    assert not sent_instead([complex(1, math.nan)], "complex64", "string")[1]


def test_a_chain_is_undone_from_its_end() -> None:
    operand = TensorType(dtype_of("uint8"), (None, 2, 2))
    steps = convert(operand, TensorType(dtype_of("float32"), (None, 4)))
    found, exact = undone(steps, operand, Stored([1.0, 2.0, 3.0, 300.0], (1, 4)))
    assert (found, exact) == (Stored([1, 2, 3, 255], (1, 2, 2)), False)
    assert undone((), operand, Stored([1], (1,))) == (Stored([1], (1,)), True)


def test_a_step_may_have_no_inverse() -> None:
    class OneWay(Cast):
        inverse = Step.inverse

    with pytest.raises(ValueError, match="one way cannot be undone"):
        OneWay("int8").inverse(Stored([1], (1,)), TensorType(dtype_of("int8"), (1,)))

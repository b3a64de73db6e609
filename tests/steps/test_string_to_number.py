from __future__ import annotations

import math

import numpy as np
import pytest

from sigpb.steps.step import ConversionError
from sigpb.steps.string_to_number import StringToNumber
from sigpb.tf.tensor_types import TensorType, dtype_of
from tests.steps.graph_body import GraphDefBody

INT32, STRING = dtype_of("int32"), dtype_of("string")


def test_result_is_a_number() -> None:
    operand = TensorType(STRING, (None,))
    assert StringToNumber("int32").result(operand) == TensorType(INT32, (None,))


@pytest.mark.parametrize(
    ("source", "target"), [("int32", "int32"), ("string", "int8"), ("string", "float16")]
)
def test_other_dtypes_are_refused(source: str, target: str) -> None:
    with pytest.raises(ConversionError, match=f"cannot read {source} as {target}"):
        StringToNumber(target).result(TensorType(dtype_of(source), ()))


def test_node() -> None:
    body = GraphDefBody()
    built = StringToNumber("int32").build(body, "x:0", TensorType(STRING, (2,)))
    assert built == "StringToNumber:0"
    node = body.node("StringToNumber")
    assert {name: value.type for name, value in node.attr.items()} == {"out_type": INT32}
    assert body.shapes == {"StringToNumber": (2,)}


READABLE = [
    ("int32", b" +7\n", 7),
    ("int64", b"-9223372036854775808", -(2**63)),
    ("uint32", b"4294967295", 2**32 - 1),
    ("uint64", b"18446744073709551615", 2**64 - 1),
    ("float32", b"1.5e3", 1500),
    ("float32", b".5", 0.5),
    ("float32", b"1e39", math.inf),
    ("float32", b"-Infinity", -math.inf),
    ("float64", b"0x1p3", 8),
    ("float64", b"-nan", math.nan),
]


@pytest.mark.parametrize(("name", "text", "number"), READABLE)
def test_evaluate(name: str, text: bytes, number: float) -> None:
    found = StringToNumber(name).evaluate(np.array([[text]], dtype=object))
    assert found.dtype == np.dtype(name)
    np.testing.assert_array_equal(found, [[number]])


def test_evaluate_of_nothing() -> None:
    found = StringToNumber("int32").evaluate(np.zeros((0, 2), object))
    assert found.shape == (0, 2)


UNREADABLE = [
    ("int32", b"1.5"),
    ("int32", b"2147483648"),
    ("int32", b"0x10"),
    ("int32", b"true"),
    ("uint32", b"-1"),
    ("uint32", b"-0"),
    ("int64", b""),
    ("float32", b"1_0"),
    ("float32", b"1 2"),
    ("float32", "\N{ARABIC-INDIC DIGIT ONE}".encode()),
    ("float64", b"1e"),
    ("float64", b"."),
]


@pytest.mark.parametrize(("name", "text"), UNREADABLE)
def test_evaluate_refuses(name: str, text: bytes) -> None:
    with pytest.raises(ValueError, match=f"does not read as {name}"):
        StringToNumber(name).evaluate(np.array([text], dtype=object))


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("name", "text"), [*((name, text) for name, text, _ in READABLE), *UNREADABLE]
)
def test_tensorflow_reads_the_same(name: str, text: bytes) -> None:
    import tensorflow as tf

    step = StringToNumber(name)
    if (name, text) in UNREADABLE:
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.strings.to_number(tf.constant([text]), name)
    else:
        expected = tf.strings.to_number(tf.constant([text]), name).numpy()
        found = step.evaluate(np.array([text], dtype=object))
        assert (found.dtype, found.tobytes()) == (expected.dtype, expected.tobytes())


def test_loss_and_description() -> None:
    step = StringToNumber("int32")
    assert step.loss(TensorType(STRING, ())) == "text that does not read as int32 fails"
    assert step.describe() == "string to number"

from __future__ import annotations

import numpy as np
import pytest

from sigpb.steps.as_string import AsString
from sigpb.steps.step import ConversionError
from sigpb.tf.tensor_types import TensorType, dtype_of
from tests.steps.graph_body import GraphDefBody

INT32, STRING = dtype_of("int32"), dtype_of("string")


def test_result_is_a_string() -> None:
    assert AsString().result(TensorType(INT32, (None,))) == TensorType(STRING, (None,))


@pytest.mark.parametrize("name", ["string", "int4", "float8_e5m2", "variant", "qint8"])
def test_other_dtypes_are_refused(name: str) -> None:
    with pytest.raises(ConversionError, match=f"cannot write {name} as a string"):
        AsString().result(TensorType(dtype_of(name), ()))


def test_node() -> None:
    body = GraphDefBody()
    assert AsString().build(body, "x:0", TensorType(INT32, (2,))) == "AsString:0"
    node = body.node("AsString")
    assert node.attr["T"].type == INT32
    assert set(node.attr) == {"T"}
    assert body.shapes == {"AsString": (2,)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([True, False]), [b"true", b"false"]),
        (np.array([-128, 127], np.int8), [b"-128", b"127"]),
        (np.array([2**64 - 1], np.uint64), [b"18446744073709551615"]),
        (np.array([0.1, -0.0], np.float32), [b"0.100000", b"-0.000000"]),
        (np.array([0.1], np.float16), [b"0.099976"]),
        (np.array([1e20], np.float32), [b"100000002004087734272.000000"]),
        (np.array([np.inf, -np.inf, np.nan, -np.nan]), [b"inf", b"-inf", b"nan", b"-nan"]),
        (np.array([1 - 2j], np.complex64), [b"(1.000000,-2.000000)"]),
        (np.array([[1], [2]]), [[b"1"], [b"2"]]),
        (np.array(7), b"7"),
        (np.zeros((0, 2)), np.zeros((0, 2)).tolist()),
    ],
)
def test_evaluate(value: np.ndarray, expected: object) -> None:
    found = AsString().evaluate(value)
    assert found.tolist() == expected
    assert found.dtype == object
    assert found.shape == value.shape


@pytest.mark.parametrize(
    ("name", "loss"),
    [("int64", None), ("bool", None), ("float32", "keeps six decimals")],
)
def test_loss(name: str, loss: str | None) -> None:
    assert AsString().loss(TensorType(dtype_of(name), ())) == loss


def test_description() -> None:
    assert AsString().describe() == "as string"

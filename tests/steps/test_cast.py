from __future__ import annotations

import numpy as np
import pytest

from sigpb.steps.cast import Cast
from sigpb.steps.step import ConversionError
from sigpb.tf.tensor_types import TensorType, dtype_of
from tests.steps.graph_body import GraphDefBody

UINT8, FLOAT = dtype_of("uint8"), dtype_of("float32")


def test_result_has_the_new_dtype_and_the_old_shape() -> None:
    assert Cast("float32").result(TensorType(UINT8, (None, 3))) == TensorType(FLOAT, (None, 3))


@pytest.mark.parametrize(
    ("source", "target"),
    [("string", "float32"), ("float32", "int4"), ("int32", "float8_e5m2"), ("resource", "int32")],
)
def test_without_a_kernel_there_is_no_cast(source: str, target: str) -> None:
    with pytest.raises(ConversionError, match=f"cannot cast {source} to {target}"):
        Cast(target).result(TensorType(dtype_of(source), ()))


def test_a_dtype_has_one_name() -> None:
    assert Cast("DT_FLOAT") == Cast("float") == Cast("float32")
    with pytest.raises(ValueError, match="'foo' is not a dtype"):
        Cast("foo")


def test_node() -> None:
    body = GraphDefBody()
    assert Cast("float32").build(body, "x:0", TensorType(UINT8, (None, 3))) == "Cast:0"
    node = body.node("Cast")
    assert node.op == "Cast"
    assert list(node.input) == ["x:0"]
    assert node.attr["SrcT"].type == UINT8
    assert node.attr["DstT"].type == FLOAT
    assert set(node.attr) == {"SrcT", "DstT"}
    assert body.shapes == {"Cast": (None, 3)}


@pytest.mark.parametrize(
    ("value", "to", "expected"),
    [
        (np.array([-1.9, 1.9, 255.9], np.float32), "int32", np.array([-1, 1, 255], np.int32)),
        (np.array([300, -1], np.int32), "uint8", np.array([44, 255], np.uint8)),
        (np.array([0.5, 0, np.nan], np.float32), "bool", np.array([True, False, True])),
        (np.array([3 + 4j, 4j], np.complex64), "float32", np.array([3, 0], np.float32)),
        (np.array([3 + 4j, 4j], np.complex64), "bool", np.array([True, False])),
        (np.array([3 + 4j]), "complex64", np.array([3 + 4j], np.complex64)),
        # 79.53125 is midway between two float16; what is beyond it gets lost in float32.
        (np.array([79.53125226772826]), "float16", np.array([79.5], np.float16)),
        (np.zeros((0, 2), np.uint8), "float32", np.zeros((0, 2), np.float32)),
        (np.array(True), "int64", np.array(1)),
    ],
)
def test_evaluate(value: np.ndarray, to: str, expected: np.ndarray) -> None:
    found = Cast(to).evaluate(value)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("source", "target", "loss"),
    [
        ("uint8", "float32", None),
        ("bool", "float8_e5m2", None),
        ("bool", "int8", None),
        ("float16", "float32", None),
        ("float32", "complex128", None),
        ("int32", "float64", None),
        ("uint8", "int16", None),
        ("int4", "float8_e4m3fn", None),
        ("complex64", "complex128", None),
        ("float32", "int8", "truncates toward zero; values out of range are undefined"),
        ("int64", "int8", "values outside -128…127 do not fit"),
        ("int8", "uint8", "values outside 0…255 do not fit"),
        ("float32", "bool", "keeps only whether a value is 0"),
        ("int64", "bool", "keeps only whether a value is 0"),
        ("int64", "float32", "rounds beyond 2^24"),
        ("int64", "complex64", "rounds beyond 2^24"),
        ("int32", "float16", "rounds beyond 2^11; values beyond ±65504 do not fit"),
        ("float32", "bfloat16", "rounds"),
        ("float64", "float32", "rounds; values beyond ±3.4e+38 do not fit"),
        ("bfloat16", "float16", "rounds; values beyond ±65504 do not fit"),
        ("complex128", "complex64", "rounds; values beyond ±3.4e+38 do not fit"),
        ("complex64", "float32", "drops the imaginary part"),
        ("complex64", "bool", "drops the imaginary part; keeps only whether a value is 0"),
    ],
)
def test_loss(source: str, target: str, loss: str | None) -> None:
    assert Cast(target).loss(TensorType(dtype_of(source), ())) == loss


def test_description() -> None:
    assert Cast("float32").describe() == "cast"

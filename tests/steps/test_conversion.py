from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sigpb.steps.as_string import AsString
from sigpb.steps.cast import Cast
from sigpb.steps.conversion import convert, dtype_steps, losses, shape_steps
from sigpb.steps.reshape import Reshape
from sigpb.steps.step import ConversionError, Step, build_steps
from sigpb.steps.string_to_number import StringToNumber
from sigpb.tf.tensor_types import Shape, TensorType, dtype_names, dtype_of, parse_shape
from tests.steps.graph_body import GraphDefBody

Array = Any


def spelled(steps: tuple[Step, ...]) -> list[str]:
    """The steps as in ``["cast int32", "as string"]``."""
    return [
        f"{step.describe()} {step.to}"
        if isinstance(step, Cast | StringToNumber)
        else step.describe()
        for step in steps
    ]


@pytest.mark.parametrize(
    ("source", "target", "steps"),
    [
        ("uint8", "uint8", []),
        ("resource", "resource", []),
        ("uint8", "float32", ["cast float32"]),
        ("float32", "float8_e5m2", ["cast float8_e5m2"]),
        ("float8_e5m2", "complex64", ["cast complex64"]),
        ("float8_e5m2", "float8_e4m3fn", ["cast float8_e4m3fn"]),
        ("int64", "uint4", ["cast uint4"]),
        ("int64", "float8_e5m2", ["cast float32", "cast float8_e5m2"]),
        ("int4", "float32", ["cast int32", "cast float32"]),
        ("bool", "int4", ["cast int32", "cast int4"]),
        ("int4", "float8_e5m2", ["cast int32", "cast float32", "cast float8_e5m2"]),
        ("float8_e5m2", "int4", ["cast int32", "cast int4"]),
        ("bfloat16", "string", ["as string"]),
        ("int4", "string", ["cast int32", "as string"]),
        ("float8_e5m2", "string", ["cast float32", "as string"]),
        ("string", "uint64", ["string to number uint64"]),
        ("string", "uint8", ["string to number uint32", "cast uint8"]),
        ("string", "int4", ["string to number int32", "cast int4"]),
        ("string", "bool", ["string to number int32", "cast bool"]),
        ("string", "bfloat16", ["string to number float32", "cast bfloat16"]),
        ("string", "complex128", ["string to number float64", "cast complex128"]),
    ],
)
def test_dtype_steps(source: str, target: str, steps: list[str]) -> None:
    assert spelled(dtype_steps(dtype_of(source), dtype_of(target))) == steps


CONVERTIBLE = [
    name
    for name in dtype_names()
    if not name.endswith("fnuz")
    if name.strip("uq")[:4] != "int2"
    if not name.startswith(("q", "resource", "variant", "float4"))
]


@pytest.mark.parametrize("source", CONVERTIBLE)
@pytest.mark.parametrize("target", CONVERTIBLE)
def test_every_chain_fits_together(source: str, target: str) -> None:
    operand = TensorType(dtype_of(source), (2,))
    for step in dtype_steps(operand.dtype, dtype_of(target)):
        operand = step.result(operand)
    assert operand == TensorType(dtype_of(target), (2,))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resource", "is a handle"),
        ("variant", "is a handle"),
        ("qint8", "means nothing without its scale"),
        ("quint16", "means nothing without its scale"),
        ("float8_e4m3fnuz", "has no Cast kernels"),
        ("int2", "has no Cast kernels"),
    ],
)
def test_dtypes_that_cannot_be_converted(name: str, said: str) -> None:
    for source, target in ((name, "float32"), ("string", name)):
        with pytest.raises(ConversionError, match=f"{name} cannot be converted: it {said}"):
            dtype_steps(dtype_of(source), dtype_of(target))


def test_a_reference_cannot_be_converted() -> None:
    with pytest.raises(ConversionError, match=r"float32_ref cannot .* read from it"):
        dtype_steps(dtype_of("float32") + 100, dtype_of("float32"))


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("uint8", "float32", ()),
        ("float32", "float32", ()),
        ("float32", "int4", ("truncates toward zero; values out of range are undefined",)),
        ("int4", "float32", ()),
        ("bool", "float8_e4m3fn", ()),
        ("float8_e5m2", "string", ("keeps six decimals",)),
        (
            "string",
            "uint8",
            ("text that does not read as uint32 fails", "values outside 0…255 do not fit"),
        ),
    ],
)
def test_losses(source: str, target: str, said: tuple[str, ...]) -> None:
    steps = dtype_steps(dtype_of(source), dtype_of(target))
    assert losses(steps, TensorType(dtype_of(source), (None,))) == said


@pytest.mark.parametrize(
    ("source", "target", "steps"),
    [
        ("[?,784]", "[?,784]", ()),
        ("[?,784]", "<unknown>", ()),
        ("[1,784]", "[784]", (Reshape((784,)),)),
        ("[?,784]", "[?,28,28]", (Reshape((None, 28, 28)),)),
        ("<unknown>", "[?,3]", (Reshape((None, 3)),)),
        ("[?,?,64]", "[?,?,8,8]", (Reshape((None, None, 8, 8), (0, 1)),)),
        ("[?,0]", "[?,0,5]", (Reshape((None, 0, 5), (0,)),)),
    ],
)
def test_shape_steps(source: str, target: str, steps: tuple[Step, ...]) -> None:
    assert shape_steps(parse_shape(source), parse_shape(target)) == steps


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("[1,15]", "[1,10]", "number of elements"),
        ("[24]", "[?,?]", "cannot tell every"),
        ("<unknown>", "[?,?]", "cannot tell every"),
    ],
)
def test_shape_steps_that_do_not_exist(source: str, target: str, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        shape_steps(parse_shape(source), parse_shape(target))


UINT8, FLOAT, STRING = dtype_of("uint8"), dtype_of("float32"), dtype_of("string")


@pytest.mark.parametrize(
    ("source", "target", "steps"),
    [
        ((UINT8, (None, 4)), (UINT8, (None, 4)), ()),
        ((UINT8, (None, 4)), (FLOAT, (None, 2, 2)), (Reshape((None, 2, 2)), Cast("float32"))),
        ((UINT8, (None, 4)), (FLOAT, (1, 4)), (Cast("float32"),)),
        ((UINT8, (1, 4)), (STRING, (None, 4)), (AsString(),)),
        ((UINT8, None), (UINT8, (None, 4)), ()),
    ],
)
def test_convert(
    source: tuple[int, Shape], target: tuple[int, Shape], steps: tuple[Step, ...]
) -> None:
    assert convert(TensorType(*source), TensorType(*target)) == steps


def test_a_chain_is_built_in_its_order() -> None:
    body = GraphDefBody()
    operand, target = TensorType(UINT8, (None, 4)), TensorType(FLOAT, (None, 2, 2))
    steps = convert(operand, target)
    assert build_steps(body, steps, body.placeholder("x", *operand), operand) == "Cast:0"
    assert list(body.node("Cast").input) == ["Reshape:0"]
    assert body.shapes["Cast"] == (None, 2, 2)

    value: Array = np.arange(8, dtype=np.uint8).reshape(2, 4)
    for step in steps:
        value = step.evaluate(value)
    np.testing.assert_array_equal(value, np.arange(8, dtype=np.float32).reshape(2, 2, 2))

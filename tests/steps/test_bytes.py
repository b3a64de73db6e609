"""Strings of bytes as numbers, and web-safe base64."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.steps.bytes import DecodeBase64, DecodeRaw
from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.step import Stored, build_steps
from sigpb.tf.tensor_types import dtype_of
from tests.steps.chains import made_of, refused, taken_for, type_of
from tests.steps.graph_body import GraphDefBody
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow, run_in_a_graph

STRING = type_of("string [?]")
RAW = (
    *("uint8", "uint16", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
)


def texts(*values: bytes) -> Any:
    return np.array(values, dtype=object)


@pytest.mark.parametrize(
    ("step", "operand", "result"),
    [
        ("decode_raw('uint8', [2, 5, 3])", "string [?]", "uint8 [?,2,5,3]"),
        ("decode_raw('float32', [4])", "string [7]", "float32 [7,4]"),
        ("decode_raw('bfloat16', [])", "string [?]", "bfloat16 [?]"),
        ("decode_base64()", "string [?]", "string [?]"),
        ("decode_base64()", "string <unknown>", "string <unknown>"),
    ],
)
def test_type(step: str, operand: str, result: str) -> None:
    assert made_of(step, operand) == result


@pytest.mark.parametrize(
    ("step", "result", "operand"),
    [
        ("decode_raw('uint8', [2, 5, 3])", "uint8 [?,2,5,3]", "string [?]"),
        ("decode_raw('uint8', [2, 5, 3])", "float32 [7,2,5,3]", "string [7]"),
        ("decode_raw('uint8', [2, 5, 3])", "float32 <unknown>", "string [?]"),
        ("decode_base64()", "string [?]", "string [?]"),
    ],
)
def test_what_goes_in(step: str, result: str, operand: str) -> None:
    assert taken_for(step, result) == operand


@pytest.mark.parametrize(
    ("step", "operand", "said"),
    [
        (
            "decode_raw('uint8', [2])",
            "string [?,1]",
            "decode_raw takes one string for each example, string [?], not string [?,1]",
        ),
        ("decode_raw('uint8', [2])", "string []", "not string []"),
        ("decode_raw('uint8', [2])", "string <unknown>", "not string <unknown>"),
        ("decode_raw('uint8', [2])", "uint8 [?]", "not uint8 [?]"),
        ("decode_raw('bool', [2])", "string [?]", "not bool; read one of these, and put cast("),
        ("decode_raw('uint32', [2])", "string [?]", "not uint32; read one of these"),
        ("decode_raw('int4', [2])", "string [?]", "decode_raw reads uint8, uint16, "),
        ("decode_raw('uint8', [2, 0])", "string [?]", "decode_raw cannot have the shape [2, 0]"),
        ("decode_raw('uint8', [-1])", "string [?]", "decode_raw cannot have the shape [-1]"),
        ("decode_raw('uint8', [65536, 65536])", "string [?]", "cannot have the shape [65536"),
        ("decode_base64()", "uint8 [?]", "decode_base64 takes strings, not uint8"),
    ],
)
def test_refused(step: str, operand: str, said: str) -> None:
    assert said in refused(step, operand)


def test_numbers_by_hand() -> None:
    step = DecodeRaw("int16", (2, 1))
    assert step.evaluate(texts(b"\1\0\0\1", b"\xff\xff\2\3")).tolist() == [
        [[1], [256]],
        [[-1], [770]],
    ]
    assert step.evaluate(texts()).shape == (0, 2, 1)


@pytest.mark.parametrize("value", [texts(b"\1\0\0"), texts(b"\0" * 4, b"\0" * 8), texts(b"")])
def test_other_lengths(value: Any) -> None:
    with pytest.raises(ValueError, match="bytes does not hold 4"):
        DecodeRaw("int16", (2, 1)).evaluate(value)


ACCEPTED = [b"aGk", b"aGk=", b"aGk-", b"aGk_", b"aG", b"aG==", b"", b"aH", b"aR==", b"-_-_AAAA"]
NOT_ACCEPTED = [
    *(b"aGk+", b"aGk/", b"a", b"aG=", b"aGk\n", b" aGk", b"aGkx=", b"====", b"=", b"a==="),
    *(b"aGk=aGk=", b"aGkxa", b"aGkx==", b"aGkx====", b"aG\xc3\xa4", b"aGk=\n", b"aG=="[1:]),
]


def test_base64_by_hand() -> None:
    found = DecodeBase64().evaluate(texts(*ACCEPTED[:8])).tolist()
    assert found == [b"hi", b"hi", b"hi>", b"hi?", b"h", b"h", b"", b"h"]


@pytest.mark.parametrize("text", NOT_ACCEPTED)
def test_no_base64(text: bytes) -> None:
    with pytest.raises(ValueError, match="is no web-safe base64"):
        DecodeBase64().evaluate(texts(text))


@given(st.lists(st.binary()))
def test_base64_undone(values: list[bytes]) -> None:
    found, exact = DecodeBase64().inverse(Stored(values, (len(values),)), STRING)
    assert exact
    assert DecodeBase64().evaluate(texts(*found.elements)).tolist() == values


@given(
    st.sampled_from(RAW),
    st.integers(0, 3),
    st.lists(st.integers(1, 3), max_size=3).map(tuple),
    st.booleans(),
)
def test_numbers_undone(dtype: str, rows: int, shape: tuple[int, ...], is_same: bool) -> None:
    sizes, step = (rows, *shape), DecodeRaw(dtype, shape)
    value = np.arange(np.prod(sizes)).reshape(sizes).astype(numpy_dtype(dtype_of(dtype)))
    if is_same:
        value = np.full_like(value, 7)
    elements = value.ravel().tolist()
    stored = Stored(elements[:1] if is_same else elements, sizes)
    found, exact = step.inverse(stored, STRING)
    assert exact
    assert found.sizes == (rows,)
    assert step.evaluate(texts(*found.elements)).tobytes() == value.tobytes()


@pytest.mark.parametrize("sizes", [(2, 3), (), (2, 2, 2)])
def test_what_is_of_another_shape_is_not_undone(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="are not examples of"):
        DecodeRaw("uint8", (2,)).inverse(Stored([1], sizes), STRING)


def test_what_is_no_batch_is_not_undone() -> None:
    with pytest.raises(ValueError, match="are not examples of"):
        DecodeRaw("uint8", ()).inverse(Stored([1], ()), STRING)


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", RAW)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_numbers_in_tensorflow(dtype: str, rows: int) -> None:
    import tensorflow as tf

    type_ = numpy_dtype(dtype_of(dtype))
    random = np.random.default_rng(rows)
    value = texts(*(random.bytes(6 * type_.itemsize) for _ in range(rows)))
    step = DecodeRaw(dtype, (2, 3))
    for operand in (STRING, type_of(f"string [{rows}]")):
        assert_evaluated_as_in_tensorflow((step,), operand, value)
    if rows:
        expected = tf.io.decode_raw(value, tf.as_dtype(dtype_of(dtype))).numpy()
        assert step.evaluate(value).tobytes() == expected.tobytes()


@pytest.mark.tensorflow
@pytest.mark.parametrize("operand", ["string [?]", "string [1]"])
@pytest.mark.parametrize("length", [0, 4, 7, 16, 24])
def test_strings_of_other_lengths_fail_in_tensorflow(operand: str, length: int) -> None:
    import tensorflow as tf

    body, type_ = GraphDefBody(), type_of(operand)
    tensor = body.placeholder("x", *type_)
    fetched = build_steps(body, [DecodeRaw("int16", (2, 2))], tensor, type_)
    with pytest.raises(tf.errors.InvalidArgumentError):
        run_in_a_graph(body, [fetched], {tensor: texts(b"\0" * length)})


@pytest.mark.tensorflow
@pytest.mark.parametrize("rows", [0, 1, 3, len(ACCEPTED)])
def test_base64_in_tensorflow(rows: int) -> None:
    import tensorflow as tf

    value, step = texts(*ACCEPTED[:rows]), DecodeBase64()
    assert_evaluated_as_in_tensorflow((step,), STRING, value)
    assert_evaluated_as_in_tensorflow((step,), type_of("string [?,?]"), value.reshape(rows, 1))
    if rows:
        assert step.evaluate(value).tolist() == tf.io.decode_base64(value).numpy().tolist()
    encoded = texts(*(base64.urlsafe_b64encode(bytes(range(256))) for _ in range(rows)))
    assert_evaluated_as_in_tensorflow((step,), STRING, encoded)


@pytest.mark.tensorflow
@pytest.mark.parametrize("text", NOT_ACCEPTED)
def test_what_is_no_base64_fails_in_tensorflow(text: bytes) -> None:
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_base64([text])

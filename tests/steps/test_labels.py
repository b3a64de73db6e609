from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sigpb.steps.labels import Labels, Lookup
from sigpb.steps.step import ConversionError, Step, Stored, build_steps
from sigpb.steps.syntax import parse_step, step_text
from sigpb.tf.tensor_types import Shape, TensorType, dtype_of
from tests.steps.graph_body import GraphDefBody
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow, run_in_a_graph

INT32, INT64, STRING = map(dtype_of, ("int32", "int64", "string"))
PETS = ("cat", "dog", "Vögel")


@pytest.mark.parametrize("shape", [(None,), (), (None, 2, 3), None])
def test_types(shape: Shape) -> None:
    text = TensorType(STRING, shape)
    assert Labels(PETS).result(TensorType(INT64, shape)) == text
    assert Labels(PETS).result(TensorType(INT32, shape)) == text
    assert Labels(PETS).operand(text) == TensorType(INT64, shape)
    assert Lookup(PETS).result(text) == TensorType(INT64, shape)
    assert Lookup(PETS).operand(TensorType(INT64, shape)) == text


def test_values() -> None:
    found = Labels(PETS).evaluate(np.int32([[2, 0], [1, 1]]))
    assert found.tolist() == [["Vögel".encode(), b"cat"], [b"dog", b"dog"]]
    texts = np.array([[b"dog", b"Cat"], ["Vögel".encode(), b""]], dtype=object)
    assert Lookup(PETS).evaluate(texts).tolist() == [[1, -1], [2, -1]]
    assert Lookup(PETS, 7).evaluate(texts).tolist() == [[1, 7], [2, 7]]


@pytest.mark.parametrize("number", [-1, 3])
def test_a_class_without_a_label(number: int) -> None:
    with pytest.raises(ValueError, match=f"class {number} has none of 3 labels"):
        Labels(PETS).evaluate(np.int64([0, number]))


@pytest.mark.parametrize(
    ("step", "dtype", "said"),
    [
        (Labels(PETS), "float32", r"labels takes int32 or int64, not float32; put argmax\(\) befo"),
        (Labels(PETS), "uint8", r"labels takes int32 or int64, not uint8; put cast\('int64'\) bef"),
        (Labels(()), "int64", "labels needs one text at least"),
        (Labels(("a", "\udcff")), "int64", r"labels cannot have the text '\\udcff'"),
        (Lookup(PETS), "int64", r"lookup takes strings, not int64; put as_string\(\) before it"),
        (Lookup(()), "string", "lookup needs one text at least"),
        (Lookup(("\udcff",)), "string", r"lookup cannot have the text '\\udcff'"),
        (Lookup(("a", "b", "a")), "string", "lookup has 'a' twice"),
        (Lookup(PETS, 2**31), "string", "lookup cannot have the default 2147483648"),
        (Lookup(PETS, -(2**31) - 1), "string", "lookup cannot have the default -2147483649"),
    ],
)
def test_refused(step: Step, dtype: str, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        step.result(TensorType(dtype_of(dtype), (None,)))


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("labels(['cat', 'dog'])", Labels(("cat", "dog"))),
        ("labels(['it\\'s', 'ä'])", Labels(("it's", "ä"))),
        ("lookup(['a', 'b'])", Lookup(("a", "b"))),
        ("lookup(['a'], 5)", Lookup(("a",), 5)),
    ],
)
def test_there_and_back(text: str, step: Step) -> None:
    assert parse_step(text) == step
    assert parse_step(step_text(step)) == step


def test_other_ways_to_write_them() -> None:
    assert parse_step("labels('cat', 'dog')") == Labels(("cat", "dog"))
    assert parse_step("lookup(['a'], default=5)") == Lookup(("a",), 5)


def test_there_and_back_of_values() -> None:
    labels, lookup = Labels(PETS), Lookup(PETS)
    found = labels.inverse(Stored([b"dog", b"cat"], (2,)), TensorType(INT64, (None,)))
    assert found == (Stored([1, 0], (2,)), True)
    found = lookup.inverse(Stored([1, 0], (2,)), TensorType(STRING, (None,)))
    assert found == (Stored([b"dog", b"cat"], (2,)), True)
    with pytest.raises(ValueError, match="b'cow' is no label"):
        labels.inverse(Stored([b"dog", b"cow"], (2,)), TensorType(INT64, (None,)))
    for position in (-1, 3):
        with pytest.raises(ValueError, match=f"no text at the position {position}"):
            lookup.inverse(Stored([0, position], (2,)), TensorType(STRING, (None,)))


def test_losses() -> None:
    assert Labels(PETS).loss(TensorType(INT64, (None,))) == "classes outside 0…2 fail"
    assert Lookup(PETS, 7).loss(TensorType(STRING, (None,))) == "other text becomes 7"


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_labels_in_tensorflow(dtype: str) -> None:
    for sizes in ((0,), (1,), (3,), (), (3, 2)):
        value: Any = np.resize(np.array([2, 0, 1], dtype), sizes)
        for shape in ((None,) * len(sizes), None):
            operand = TensorType(dtype_of(dtype), shape)
            assert_evaluated_as_in_tensorflow((Labels(PETS),), operand, value)


@pytest.mark.tensorflow
@pytest.mark.parametrize("default", [-1, 1, 2**31 - 1, -(2**31)])
def test_lookup_in_tensorflow(default: int) -> None:
    texts = np.array([b"dog", b"cow", "Vögel".encode(), b"cat", b"", b"dog\0"], dtype=object)
    for sizes in ((0,), (1,), (3,), (), (3, 2), (0, 2)):
        for shape in ((None,) * len(sizes), None):
            operand = TensorType(STRING, shape)
            value: Any = np.resize(texts, sizes)
            assert_evaluated_as_in_tensorflow((Lookup(PETS, default),), operand, value)


@pytest.mark.tensorflow
@pytest.mark.parametrize("number", [-1, 3])
def test_a_class_without_a_label_fails_in_tensorflow(number: int) -> None:
    import tensorflow as tf

    operand, body = TensorType(INT64, (None,)), GraphDefBody()
    tensor = body.placeholder("x", *operand)
    fetched = build_steps(body, [Labels(PETS)], tensor, operand)
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"= {number} is not in \[0, 3\)"):
        run_in_a_graph(body, [fetched], {tensor: np.int64([0, number])})

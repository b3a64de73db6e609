"""Values that people give, as arrays of the types that a signature takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigpb import protos
from sigpb.errors import UsageError
from sigpb.tf.tensor_types import TensorType, dtype_of, parse_shape
from sigpb.verifying.given_inputs import (
    array_of_file,
    as_arrays,
    examples,
    inputs_of_file,
    inputs_of_json,
    literal,
)


def wanted(**types: str) -> dict[str, TensorType]:
    """For instance ``x="float32 [?,3]"``."""
    pairs = {name: text.split(" ") for name, text in types.items()}
    return {
        name: TensorType(dtype_of(dtype), parse_shape(shape))
        for name, (dtype, shape) in pairs.items()
    }


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        ([[1, 2], [3, 4]], "float32 [?,2]", np.array([[1, 2], [3, 4]], "float32")),
        ([0.1], "float32 [?]", np.array([0.1], "float32")),
        ([1.0, 255], "uint8 [?]", np.array([1, 255], "uint8")),
        (7, "int64 []", np.array(7, "int64")),
        ([True], "bool [1]", np.array([True])),
        (["größer", b"\xff\0"], "string [?]", np.array(["größer".encode(), b"\xff\0"], object)),
        ("a", "string []", np.array(b"a", object)),
        (np.ones((1, 2)), "float32 [?,?]", np.ones((1, 2), "float32")),
        (np.ones(2, "int16"), "float64 ?", np.ones(2)),
        ([[]], "float32 [?,0]", np.zeros((1, 0), "float32")),
        ([1 + 2j], "complex64 [?]", np.array([1 + 2j], "complex64")),
    ],
)
def test_converted(value: object, type_: str, expected: Any) -> None:
    array = as_arrays({"x": value}, wanted(x=type_))["x"]
    assert array.dtype == expected.dtype
    assert array.shape == expected.shape
    assert array.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("value", "type_", "said"),
    [
        ([1.5], "int32 [?]", "float64 [1] is given, which it does not hold"),
        ([300], "uint8 [?]", "int64 [1] is given, which it does not hold"),
        ([-1], "uint64 [?]", "int64 [1] is given, which it does not hold"),
        ([float("nan")], "int32 [?]", "float64 [1] is given, which it does not hold"),
        ([1e300], "float32 [?]", "float64 [1] is given, with values that it does not hold"),
        ([1], "bool [?]", "int64 [1] is given, which it does not hold"),
        ([True], "float32 [?]", "bool [1] is given, which it does not hold"),
        (["1"], "float32 [?]", "text [1] is given, which it does not hold"),
        ([None], "float32 [?]", "a value [1] is given, which it does not hold"),
        ([1], "string [?]", "a value [1] is given, which is not text of one shape"),
        ([["a"], ["b", "c"]], "string [?,?]", "a value [2] is given, which is not text"),
        ([[1], [2, 3]], "float32 [?,?]", "its lists are of different lengths"),
        ([1, 2, 3], "float32 [?,3]", "[3] is given; one row for each example is expected"),
        ([[1, 2]], "float32 [?,3]", "[1,2] is given."),
        ([1], "float32 []", "[1] is given."),
    ],
)
def test_refused(value: object, type_: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        as_arrays({"x": value}, wanted(x=type_))
    assert str(caught.value).startswith(f"Input 'x' takes {type_}: {said}")


def test_all_that_is_wrong_is_said_at_once() -> None:
    types = wanted(a="int32 []", b="int32 []", c="int32 [2]")
    with pytest.raises(UsageError) as caught:
        as_arrays({"aa": 1, "c": 1}, types, optional=["b"])
    assert str(caught.value) == (
        "'aa' is no input; did you mean 'a'? There are 'a', 'b', 'c'. Input 'a', int32 [], is not "
        "given. Input 'c' takes int32 [2]: [] is given; one row for each example is expected."
    )


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"inputs": {"x": [1], "y": [2]}}, {"x": [1], "y": [2]}),
        ({"instances": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}, {"x": [1, 3], "y": [2, 4]}),
        ({"inputs": {"x": [{"b64": "/w=="}]}}, {"x": [b"\xff"]}),
    ],
)
def test_requests(request_: object, expected: object) -> None:
    given = inputs_of_json(json.dumps(request_), "-")
    assert given.by_name(wanted(x="int32 [?]", y="int32 [?]")) == expected


@pytest.mark.parametrize("request_", [{"inputs": [1, 2]}, {"instances": [1, 2]}])
def test_the_only_input_needs_no_name(request_: object) -> None:
    given = inputs_of_json(json.dumps(request_), "-")
    assert given.by_name(wanted(x="int32 [?]")) == {"x": [1, 2]}
    with pytest.raises(UsageError, match="The signature has the inputs 'x', 'y': name them"):
        given.by_name(wanted(x="int32 [?]", y="int32 [?]"))


def test_bytes_without_a_name() -> None:
    given = inputs_of_json('{"instances": [{"b64": "YQ=="}], "signature_name": "f"}', "-")
    assert given.by_name(wanted(x="string [?]")) == {"x": [b"a"]}
    assert given.signature == "f"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "-: not JSON: "),
        ("[1]", "-: not a request: expected "),
        ('{"x": [1]}', "-: not a request: expected "),
        ('{"inputs": 1, "instances": [1]}', "-: not a request: expected "),
        ('{"inputs": 1, "signature_name": 2}', "-: not a request: expected "),
        ('{"instances": []}', "-: 'instances' is to be a list that is not empty."),
        ('{"inputs": {"b64": "?"}}', "-: what 'b64' holds is not base64: "),
        ('{"inputs": {"b64": 1}}', "-: what 'b64' holds is not base64: "),
        ('{"instances": [{"x": 1}, {"y": 1}]}', "The instances of the request do not all have"),
        ('{"instances": [1, {"x": 1}]}', "The instances of the request do not all have"),
    ],
)
def test_requests_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        inputs_of_json(text, "-").by_name(wanted(x="int32 [?]"))
    assert str(caught.value).startswith(said)


def test_files(tmp_path: Path) -> None:
    one, two = np.arange(3), np.ones(2)
    np.save(tmp_path / "one.npy", one)
    np.savez(tmp_path / "two.npz", one=one, two=two)
    np.savez(tmp_path / "single.npz", one=one)
    (tmp_path / "request.json").write_text('{"inputs": {"x": 1}}')
    assert array_of_file(f"{tmp_path}/one.npy").tolist() == one.tolist()
    assert array_of_file(f"{tmp_path}/two.npz[two]").tolist() == two.tolist()
    assert array_of_file(f"{tmp_path}/single.npz").tolist() == one.tolist()
    assert inputs_of_file(tmp_path / "two.npz").values.keys() == {"one", "two"}
    assert inputs_of_file(tmp_path / "request.json").columns == {"x": 1}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.npy", "not a file of numpy.save: "),
        ("objects.npy", "not a file of numpy.save: "),
        ("two.npz", "there is no array ''; there are 'one', 'two'."),
        ("two.npz[on]", "there is no array 'on'; did you mean 'one'?"),
        ("none.npz[one]", "not a file of samples: "),
    ],
)
def test_files_that_are_refused(tmp_path: Path, name: str, said: str) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    np.savez(tmp_path / "two.npz", one=[1], two=[2])
    with pytest.raises(UsageError) as caught:
        array_of_file(f"{tmp_path}/{name}")
    assert said in str(caught.value)
    with pytest.raises(UsageError):
        inputs_of_file(tmp_path / "none.json")


def test_literals_run_no_code() -> None:
    assert literal(" [[1, 2.5], ['a', b'b']] ", "x") == [[1, 2.5], ["a", b"b"]]
    for text in ("np.ones(3)", "__import__('os').system('false')", "[", "[" * 9999):
        with pytest.raises(UsageError, match=r"^'x': .* Give what numpy computes as a file"):
            literal(text, "x")


def test_examples() -> None:
    (encoded,) = examples("[{'age': 22, 'income': [1, 2.5], 'name': ['Ada', b'x']}]", "x")
    features = protos.Example.FromString(encoded).features.feature
    assert list(features["age"].int64_list.value) == [22]
    assert list(features["income"].float_list.value) == [1.0, 2.5]
    assert list(features["name"].bytes_list.value) == [b"Ada", b"x"]
    for text in ("{'age': 22}", "[1]", "[{'age': None}]", "[{'age': [1, 'a']}]", "[{'a': 9**99}]"):
        with pytest.raises(UsageError, match=r"^'x': "):
            examples(text, "x")
    with pytest.raises(UsageError, match="feature 'a': "):
        examples(f"[{{'a': {10**30}}}]", "x")

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigpb.steps.graph_body import GraphBody
from sigpb.steps.step import Step
from sigpb.steps.syntax import parse_step
from sigpb.tf.tensor_types import TensorType, dtype_of
from sigpb.verifying.values import (
    NoValue,
    Recipe,
    SamplesError,
    converted,
    for_old,
    load_samples,
    made_up,
    samples_for,
    unused_samples,
)
from tests.patches import ModelFactory
from tests.verifying.mappings import input_, signature, signature_by, type_of

THREE = Recipe(3, 5)


def value(new_type: str, old_type: str | None = None, recipe: Recipe = THREE) -> Any:
    return made_up(signature(input_("x", new_type, old_type)), recipe)["x"]


@pytest.mark.parametrize(
    ("type_", "shape"),
    [
        ("float32 [?,2]", (3, 2)),
        ("float32 [?,?]", (3, 3)),
        ("float32 [7,?]", (7, 3)),
        ("float32 []", ()),
        ("float32 <unknown>", (3,)),
    ],
)
def test_shape(type_: str, shape: tuple[int, ...]) -> None:
    assert value(type_).shape == shape


def test_scalars_for_unknown_ranks() -> None:
    recipe = Recipe(3, 5, scalars=True)

    assert value("float32 <unknown>", recipe=recipe).shape == ()
    assert value("float32 [?]", recipe=recipe).shape == (3,)


@pytest.mark.parametrize(
    "dtype",
    ["float32", "float16", "float64", "int8", "int64", "uint8", "uint64", "bool", "complex64"],
)
def test_dtype(dtype: str) -> None:
    assert value(f"{dtype} [?,2]").dtype == dtype


def test_complex_numbers_have_two_different_parts() -> None:
    found = value("complex64 [?,2]")
    assert np.all(found.real != found.imag)


def test_values_are_the_same_in_every_run_and_others_for_every_batch_size() -> None:
    assert np.array_equal(value("float32 [4,4]"), value("float32 [4,4]"))
    assert not np.array_equal(value("float32 [4,4]"), value("float32 [4,4]", recipe=Recipe(2, 5)))


def test_fractions_are_distinct() -> None:
    found = made_up(signature(input_("x", "float32 [?,9]"), input_("y", "float32 [?,9]")), THREE)

    assert len({*found["x"].flat, *found["y"].flat}) == 54


@pytest.mark.parametrize("type_", ["int64 []", "int32 [?,2]", "uint8 [3]"])
def test_integers_are_small_and_differ_between_inputs(type_: str) -> None:
    inputs = [input_(key, type_) for key in "abcde"]

    found = list(made_up(signature(*inputs), THREE).values())

    assert {array.ravel()[0] for array in found} == {0, 1, 2, 3, 4}
    assert all(0 <= element < 5 for array in found for element in array.flat)


def test_both_bools() -> None:
    assert set(value("bool [9]")) == {True, False}
    assert {bool(value("bool []", recipe=Recipe(size, 5))) for size in (1, 2, 5)} == {True, False}


@pytest.mark.parametrize(
    ("new_type", "old_type", "low", "high"),
    [
        ("uint8 [99]", "float32 [99]", 0, 49),
        ("int8 [99]", "int64 [99]", 0, 4),
        ("int64 [99]", "bool [99]", 0, 1),
        ("float32 [99]", "bool [99]", 0, 1),
        ("int32 [99]", "string [99]", 0, 49),
    ],
)
def test_values_suit_what_the_old_model_takes(
    new_type: str, old_type: str, low: int, high: int
) -> None:
    found = value(new_type, old_type)

    assert (found.min(), found.max()) == (low, high)


def test_fractions_for_an_integer_are_not_all_nought() -> None:
    assert {int(element) for element in value("float32 [99]", "int64 [99]")} == {0, 1, 2, 3, 4}


def test_texts() -> None:
    words, numbers = value("string [?]"), value("string [?]", "int64 [?]")

    assert [element.rpartition(b" ")[0] for element in words] == [b"hello world"] * 3
    assert all(0 <= int(element) < 5 for element in numbers)


def test_texts_of_a_model_that_reads_examples() -> None:
    recipe = Recipe(3, 5, examples=(b"first", b"second"))

    assert [*value("string [?]", recipe=recipe)] == [b"first", b"second", b"first"]
    assert value("string []", recipe=recipe).dtype == object
    assert value("float32 [?]", recipe=recipe).dtype == np.float32


@dataclass(frozen=True)
class Hashed(Step):
    """Reads text in a way that nobody can go back."""

    def result(self, operand: TensorType) -> TensorType:
        return TensorType(dtype_of("float32"), operand.shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        raise NotImplementedError

    def evaluate(self, value: Any) -> Any:
        raise NotImplementedError


def read(new_type: str, old_type: str, *steps: str | Step, recipe: Recipe = THREE) -> Any:
    """Returns values that steps read, and what they make of them."""
    chain = tuple(parse_step(each) if isinstance(each, str) else each for each in steps)
    taken = replace(input_("x", new_type), dtype=type_of(old_type).dtype, steps=chain)
    made = made_up(signature(taken), recipe)["x"]
    return made, converted(chain, made)


def test_samples_of_steps() -> None:
    lookup, labels = "lookup(['cat', 'dog'])", "labels(['cat', 'dog'])"
    texts, found = read("string [?,9]", "int64 [?,9]", lookup)
    assert (texts.shape, {*texts.flat}) == ((3, 9), {b"cat", b"dog", b"cat dog?"})
    assert {*found.flat} == {0, 1, -1}

    texts, found = read("string [?,9]", "float32 [?,9]", "decode_base64()", lookup)
    assert {*texts.flat} == {b"Y2F0", b"ZG9n", b"Y2F0IGRvZz8="}
    assert {*found.flat} == {0, 1, -1}

    classes, found = read("int32 [?,9]", "string [?,9]", labels)
    assert classes.dtype == np.int32
    assert {*found.flat} == {b"cat", b"dog"}

    for type_, step in (("string [?,0]", lookup), ("int32 [?,0]", labels)):
        assert read(type_, "float32 [?,0]", step)[0].shape == (3, 0)


@pytest.mark.tensorflow
def test_images_of_steps() -> None:
    decode = ("decode_image(3)", "resize(4, 6)")
    files, found = read("string [?]", "float32 [?,4,6,3]", *decode)
    assert {each[:4] for each in files} == {b"\x89PNG"}
    assert len({each[16:24] for each in files}) > 1, "they have several sizes"
    assert found.shape == (3, 4, 6, 3)

    file, found = read("string []", "float32 [1,4,6,3]", *decode)
    assert (file.shape, file.dtype, file.item()[:4]) == ((), object, b"\x89PNG")
    assert found.shape == (1, 4, 6, 3)

    files, found = read("string [?]", "uint8 [?,?,?,1]", "decode_base64()", "decode_image(1)")
    assert {each[:4] for each in files} == {b"iVBO"}
    assert found.shape == (3, 64, 48, 1)


def test_texts_that_steps_read() -> None:
    strings, numbers = read("string [?]", "int16 [?,2]", "decode_raw('int16', [2])")
    assert [len(each) for each in strings] == [4, 4, 4]
    assert 0 <= numbers.min() < numbers.max() < 5

    strings, words = read("string [?]", "string [?]", "decode_base64()")
    assert strings.shape == (3,)
    assert [each.rpartition(b" ")[0] for each in words] == [b"hello world"] * 3


def test_texts_that_several_steps_read() -> None:
    steps = ("decode_base64()", "decode_raw('uint8', [4, 6, 3])", "resize(2, 5)")
    strings, images = read("string [?]", "float32 [?,2,5,3]", *steps)

    assert len({*strings}) == 3
    assert images.shape == (3, 2, 5, 3)
    assert images.max() > 20


def test_texts_that_get_another_shape_before_they_are_read() -> None:
    steps = ("reshape([None, 2, 2])", "string_to_number('float32')")
    strings, numbers = read("string [?,4]", "float32 [?,2,2]", *steps)

    assert strings.shape == (3, 4)
    assert len({*numbers.flat}) == 12


def test_examples_are_written_as_steps_read_them() -> None:
    recipe = Recipe(3, 5, examples=(b"first", b"second"))
    strings, examples = read("string [?]", "string [?]", "decode_base64()", recipe=recipe)

    assert strings[0] == b"Zmlyc3Q="
    assert [*examples] == [b"first", b"second", b"first"]


def test_texts_that_nobody_can_write() -> None:
    with pytest.raises(NoValue, match="no values can be made up for 'x': hashed cannot be undone"):
        read("string [?]", "float32 [?]", Hashed())


def test_inputs_of_one_tensor_get_one_value() -> None:
    ends = (input_("x", "float32 [3]", tensor="t:0"), input_("y", "float32 [3]", tensor="t:0"))

    found = made_up(signature(*ends), THREE)

    assert np.array_equal(found["x"], found["y"])


@pytest.mark.parametrize("dtype", ["qint8", "resource"])
def test_dtypes_without_values(dtype: str) -> None:
    with pytest.raises(NoValue, match=f"no values can be made up for the dtype {dtype}"):
        value(f"{dtype} [?]")


def test_old_model_gets_converted_values() -> None:
    mapped = signature(input_("x", "uint8 [?,2,1]", "float32 [?,2]", new="image"))

    (found,) = for_old(mapped, {"image": np.array([[[1], [2]], [[3], [4]]], "uint8")})

    assert found.keys() == {"x"}
    assert found["x"].dtype == np.float32
    assert found["x"].tolist() == [[1, 2], [3, 4]]


def test_old_model_that_takes_fewer_rows() -> None:
    mapped = signature(input_("x", "int64 [?]", rows=2), input_("k", "int64 []"))

    fed = made_up(mapped, THREE)
    found = for_old(mapped, {"x": np.arange(6), "k": np.array(7)})

    assert fed["x"].shape == (6,)
    assert [each["x"].tolist() for each in found] == [[0, 1], [2, 3], [4, 5]]
    assert [each["k"].tolist() for each in found] == [7, 7, 7]


def test_sparse(fixture_model: ModelFactory) -> None:
    patch = """signature {
        key: "serving_default" input { key: "s" rename_to: "t" dtype: "int32" } }"""
    mapped = signature_by(fixture_model("tf1_sparse"), patch)

    fed = made_up(mapped, THREE)
    (found,) = for_old(mapped, fed)

    assert fed["t_indices"].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert fed["t_dense_shape"].tolist() == [3, 4]
    assert fed["t_values"].dtype == np.int32
    assert found["s_values"].dtype == np.float32
    assert found.keys() == {"d", "s_indices", "s_values", "s_dense_shape"}


def test_ragged(fixture_model: ModelFactory) -> None:
    fed = made_up(signature_by(fixture_model("tf1_composite"), ""), THREE)

    assert len(fed["r_component_0"]) == 4
    assert fed["r_component_1"].tolist() == [0, 1, 2, 4]


def test_all_dtypes_that_steps_know() -> None:
    pytest.importorskip("ml_dtypes")
    for name in ("bfloat16", "float8_e5m2", "int4", "uint4"):
        found = value(f"{name} [?,2]")
        assert (found.dtype.name, found.shape) == (name, (3, 2)), dtype_of(name)


def test_arrays(tmp_path: Path) -> None:
    file = tmp_path / "samples.npz"
    np.savez(file, x=np.array([[1, 2]], "uint8"), a=np.array([b"one", b"two"]), u=np.array(["ä"]))

    found = load_samples(file)

    assert found["x"].tolist() == [[1, 2]]
    assert [(name, found[name].dtype, [*found[name]]) for name in ("a", "u")] == [
        ("a", object, [b"one", b"two"]),
        ("u", object, ["ä".encode()]),
    ]


def test_neither_numpy_nor_there(tmp_path: Path) -> None:
    file = tmp_path / "samples.npz"
    with pytest.raises(SamplesError, match=r"samples\.npz: not a file of samples: .*numpy\.savez"):
        load_samples(file)
    file.write_bytes(b"no zip")
    with pytest.raises(SamplesError, match="not a file of samples"):
        load_samples(file)


def test_python_objects_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "samples.npz"
    np.savez(file, x=np.array([{}], object))

    with pytest.raises(SamplesError, match="not a file of samples"):
        load_samples(file)


def test_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([1]))

    with pytest.raises(SamplesError, match="not a file of samples"):
        load_samples(tmp_path / "x.npy")


def test_names() -> None:
    mapped = signature(input_("x", "int64 [?]", new="image"), input_("y", "int64 [?]"))
    samples = {"x": 1, "image": 2, "new/image": 3, "other/y": 4, "y": 5}

    assert samples_for(samples, mapped) == {"image": 3, "y": 5}


def test_parts_of_a_sparse_input(fixture_model: ModelFactory) -> None:
    mapped = signature_by(fixture_model("tf1_sparse"), "")

    found = samples_for({"s_values": 1, "serving_default/s_indices": 2, "s": 3}, mapped)

    assert found == {"s_values": 1, "s_indices": 2}


def test_unused_samples_are_named_with_the_inputs_there_are() -> None:
    signatures = [signature(input_("image", "float32 [?]")), signature(input_("y", "float32 [?]"))]

    assert unused_samples({"image": 1, "new/y": 2}, signatures) is None
    assert unused_samples({"imge": 1, "y": 2}, signatures) == (
        "'imge' is fed to no input; did you mean 'image'? There are 'image', 'new/image', "
        "'new/y', 'y'."
    )


def test_a_sample_that_another_one_takes_the_place_of_is_unused() -> None:
    found = unused_samples({"y": 1, "new/y": 2}, [signature(input_("y", "float32 [?]"))])

    assert found is not None
    assert found.startswith("'y' is fed to no input")

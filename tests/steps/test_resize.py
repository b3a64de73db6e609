"""Images of another size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.image_shapes import RESIZABLE
from sigpb.steps.resize import Resize
from sigpb.steps.step import UNKNOWN_DTYPE, ConversionError
from sigpb.tf.tensor_types import dtype_of
from tests.steps.chains import made_of, refused, taken_for, type_of
from tests.steps.graph_body import GraphDefBody
from tests.steps.in_tensorflow import assert_evaluated_as_in_tensorflow

METHODS = [
    *(("bilinear", False), ("nearest", False), ("bicubic", False), ("area", False)),
    *(("bilinear", True), ("bicubic", True)),
]


@pytest.mark.parametrize(
    ("step", "operand", "result"),
    [
        ("resize(7, 8)", "uint8 [?,4,6,3]", "float32 [?,7,8,3]"),
        ("resize(7, 8, 'nearest')", "uint8 [?,?,?,3]", "uint8 [?,7,8,3]"),
        ("resize(7, 8, 'bicubic')", "float64 [?,4,6,3]", "float32 [?,7,8,3]"),
        ("resize(7, 8, 'area')", "float16 [2,4,6,?]", "float32 [2,7,8,?]"),
        ("resize(7, 8, antialias=True)", "uint8 [?,4,6,3]", "float32 [?,7,8,3]"),
    ],
)
def test_type(step: str, operand: str, result: str) -> None:
    assert made_of(step, operand) == result


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "area"])
def test_several_dtypes_become_floats(method: Any) -> None:
    taken = Resize(7, 8, method).operand(type_of("float32 [?,7,8,3]"))
    assert taken == (UNKNOWN_DTYPE, (None, None, None, 3))


def test_nearest_leaves_the_dtype() -> None:
    assert taken_for("resize(7, 8, 'nearest')", "uint8 [?,7,8,3]") == "uint8 [?,?,?,3]"


def test_what_comes_out_are_images() -> None:
    with pytest.raises(ConversionError) as error:
        Resize(7, 8).operand(type_of("float32 [?,30]"))
    assert str(error.value) == (
        "resize returns images [?,height,width,channels], not [?,30]; put a reshape or flatten "
        "behind it"
    )
    with pytest.raises(ConversionError, match=r"not \[7,8,3\]; put squeeze\(0\) behind it"):
        Resize(7, 8).operand(type_of("float32 [7,8,3]"))


def test_files_are_decoded_first() -> None:
    with pytest.raises(ConversionError) as error:
        Resize(7, 8).operand(type_of("string [?]"))
    assert str(error.value) == (
        "resize returns images [?,height,width,channels] of numbers, not string [?]; put "
        "decode_image before it, not behind it"
    )


@pytest.mark.parametrize(
    ("step", "operand", "said"),
    [
        ("resize(0, 8)", "uint8 [?,4,6,3]", "resize cannot have the size 0"),
        ("resize(7, 16777216)", "uint8 [?,4,6,3]", "resize cannot have the size 16777216"),
        ("resize(7, 8)", "uint8 [?,0,6,3]", "resize cannot take empty images: [?,0,6,3]"),
        ("resize(7, 8)", "uint8 [?,4,6,0]", "resize cannot take empty images: [?,4,6,0]"),
        (
            "resize(7, 8)",
            "uint32 [?,4,6,3]",
            "resize takes images [?,height,width,channels] of bfloat16, float16, float32, float64, "
            "int16, int32, int64, int8, uint16, uint8, not uint32 [?,4,6,3]; put cast('float32') "
            "before it",
        ),
        (
            "resize(7, 8)",
            "string [?]",
            "uint8, not string [?]; put decode_image(channels=3) before it",
        ),
        ("resize(7, 8)", "uint8 [4,6,3]", "resize takes images"),
        (
            "resize(7, 8, 'nearest', True)",
            "uint8 [?,4,6,3]",
            "resize has antialias for bilinear and bicubic, not nearest; leave it out, or choose "
            "another method",
        ),
        ("resize(7, 8, 'area', True)", "uint8 [?,4,6,3]", "not area; leave it out"),
    ],
)
def test_refused(step: str, operand: str, said: str) -> None:
    assert said in refused(step, operand)


@pytest.mark.parametrize(
    ("step", "op", "attributes"),
    [
        (Resize(7, 8), "ResizeBilinear", {"half_pixel_centers"}),
        (Resize(7, 8, "nearest"), "ResizeNearestNeighbor", {"half_pixel_centers"}),
        (Resize(7, 8, "bicubic"), "ResizeBicubic", {"half_pixel_centers"}),
        (Resize(7, 8, "area"), "ResizeArea", set[str]()),
        (Resize(7, 8, antialias=True), "ScaleAndTranslate", {"kernel_type"}),
    ],
)
def test_op(step: Resize, op: str, attributes: set[str]) -> None:
    body, operand = GraphDefBody(), type_of("uint8 [?,4,6,3]")
    step.build(body, body.placeholder("x", *operand), operand)
    node = body.node("Resize")
    assert (node.op, {*node.attr} - {"_output_shapes"}) == (op, {"T", *attributes})
    assert body.shapes["Resize"] == (None, 7, 8, 3)


def test_what_is_lost() -> None:
    images = type_of("uint8 [?,4,6,3]")
    assert Resize(7, 8, "nearest").loss(images) == "drops or repeats pixels"
    assert Resize(7, 8, "area").loss(images) == "interpolates pixels"


def test_by_hand() -> None:
    image: Any = np.arange(12, dtype=np.uint8).reshape(1, 3, 4, 1)
    assert Resize(2, 2, "nearest").evaluate(image).tolist() == [[[[1], [3]], [[9], [11]]]]
    # Rows 0.25 and 1.75 of the three, and the middles of two columns each.
    assert Resize(2, 2).evaluate(image).tolist() == [[[[1.5], [3.5]], [[7.5], [9.5]]]]


@pytest.mark.tensorflow
def test_areas_by_hand() -> None:
    image: Any = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    # The means of four pixels each.
    means = [[[[2.5], [4.5]], [[10.5], [12.5]]]]
    assert Resize(2, 2, "area").evaluate(image).tolist() == means
    smoothed = Resize(2, 2, antialias=True).evaluate(image).ravel()
    # Each has 3/8 of the two pixels that are next, 1/8 of those behind, as far as there are any.
    row = np.float32([[3, 3, 1, 0], [0, 1, 3, 3]]) / 7
    assert np.allclose(smoothed, (row @ image[0, :, :, 0] @ row.T).ravel(), atol=1e-5)


def resized_in_tensorflow(value: Any, step: Resize) -> Any:
    import tensorflow as tf

    size = [step.height, step.width]
    return tf.image.resize(value, size, step.method, antialias=step.antialias).numpy()


@pytest.mark.tensorflow
@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@pytest.mark.parametrize("dtype", sorted(RESIZABLE))
def test_resized_to_many_sizes(dtype: str, method: Any) -> None:
    random = np.random.default_rng(7)
    for _ in range(60):
        rows, channels = random.integers(1, 3), random.integers(1, 6)
        before, after = random.integers(1, 70, 2), random.integers(1, 70, 2)
        numbers = random.random((rows, *before, channels)) * 255
        value = numbers.astype(numpy_dtype(dtype_of(dtype)))
        step = Resize(int(after[0]), int(after[1]), method)
        expected, found = resized_in_tensorflow(value, step), step.evaluate(value)
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes(), (value.shape, step)


@pytest.mark.tensorflow
@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@pytest.mark.parametrize("sizes", [(224, 224, 299, 299), (640, 479, 224, 224), (7, 9, 7, 20)])
def test_resized_as_models_want_it(sizes: tuple[int, int, int, int], method: Any) -> None:
    value: Any = np.random.default_rng(1).random((1, *sizes[:2], 3), np.float32) * 1e4 - 5e3
    step = Resize(sizes[2], sizes[3], method)
    assert step.evaluate(value).tobytes() == resized_in_tensorflow(value, step).tobytes()


@pytest.mark.tensorflow
@pytest.mark.parametrize("method", ["bilinear", "nearest"])
def test_what_is_no_number_is_resized_as_in_tensorflow(method: Any) -> None:
    value: Any = np.random.default_rng(1).random((1, 5, 6, 2)) * 1e300
    value[0, 2, 3, 0], value[0, 1, 1, 1] = np.nan, -np.inf
    step = Resize(7, 8, method)
    expected = resized_in_tensorflow(value, step)
    assert np.array_equal(step.evaluate(value), expected, equal_nan=True)


@pytest.mark.tensorflow
@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize(("method", "antialias"), METHODS)
def test_resized_by_the_nodes(method: Any, antialias: bool, rows: int) -> None:
    random = np.random.default_rng(rows)
    for dtype in sorted(RESIZABLE):
        value: Any = (random.random((rows, 9, 6, 3)) * 255).astype(numpy_dtype(dtype_of(dtype)))
        for shape in ("[?,?,?,3]", f"[{rows},9,6,?]"):
            step = Resize(7, 8, method, antialias)
            assert_evaluated_as_in_tensorflow((step,), type_of(f"{dtype} {shape}"), value)

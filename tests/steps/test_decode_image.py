"""Files of images, alone and in batches, of one size and of several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sigpb.steps.arithmetic import Scale
from sigpb.steps.axes import Transpose
from sigpb.steps.conversion import losses
from sigpb.steps.decode_image import DecodeImage
from sigpb.steps.grayscale import Grayscale
from sigpb.steps.resize import Resize
from sigpb.steps.step import Step, build_steps, joined
from sigpb.tf.tensor_types import shape_text, type_text
from tests.steps.chains import made_of, refused, taken_for, type_of
from tests.steps.graph_body import GraphDefBody
from tests.steps.image_files import GIF, bmp, jpeg, pixels, png, texts
from tests.steps.in_tensorflow import assert_same, evaluated, run_in_a_graph

DECODE, RESIZE, GRAY = DecodeImage(3), Resize(4, 6), Grayscale()


@pytest.mark.parametrize(
    ("step", "operand", "result"),
    [
        ("decode_image(3)", "string [?]", "uint8 [?,?,?,3]"),
        ("decode_image(1)", "string [7]", "uint8 [7,?,?,1]"),
        ("decode_image(4)", "string []", "uint8 [1,?,?,4]"),
    ],
)
def test_type(step: str, operand: str, result: str) -> None:
    assert made_of(step, operand) == result


@pytest.mark.parametrize(
    ("result", "operand"),
    [
        ("uint8 [?,4,6,3]", "string [?]"),
        ("float32 [7,4,6,3]", "string [7]"),
        ("uint8 <unknown>", "string [?]"),
    ],
)
def test_what_goes_in(result: str, operand: str) -> None:
    assert taken_for("decode_image(3)", result) == operand


@pytest.mark.parametrize(
    ("operand", "said"),
    [
        ("uint8 [?,4,6,3]", "not uint8 [?,4,6,3]; leave it out where images are decoded already"),
        ("string [?,1]", "not string [?,1]; put a step such as squeeze(1) before it, or state"),
        ("string <unknown>", "one file for each image, string [?], or one alone, string [], not"),
    ],
)
def test_refused(operand: str, said: str) -> None:
    assert said in refused("decode_image(3)", operand)


@pytest.mark.parametrize(
    ("steps", "counts"),
    [
        ([DECODE], [1]),
        ([DECODE, RESIZE], [2]),
        ([DECODE, GRAY, RESIZE, Scale(1, 2)], [3, 1]),
        ([DECODE, RESIZE, GRAY, RESIZE], [2, 1, 1]),
        ([DECODE, Transpose((1, 0, 2, 3)), RESIZE], [1, 1, 1]),
        ([DECODE, GRAY], [1, 1]),
        ([GRAY, RESIZE], [1, 1]),
    ],
)
def test_what_is_done_in_the_loop(steps: list[Step], counts: list[int]) -> None:
    done = [1 + len(getattr(step, "following", ())) for step in joined(steps)]
    assert done == counts


def test_what_fails() -> None:
    [alone] = losses([DECODE], type_of("string [?]"))
    assert alone == (
        "a string that is no image file fails; so do images of one batch that differ in size; put "
        "a resize next"
    )
    assert losses([DECODE, GRAY, RESIZE], type_of("string [?]")) == (
        "a string that is no image file fails; drops colors; interpolates pixels",
    )


def test_samples_differ_in_size_where_they_may() -> None:
    sizes = [
        {sample[16:24] for sample in next(joined(steps)).samples}
        for steps in ([DECODE], [DECODE, RESIZE])
    ]
    assert [*map(len, sizes)] == [1, 4]


def test_nodes() -> None:
    body, operand = GraphDefBody(), type_of("string [?]")
    build_steps(body, [DECODE, RESIZE], body.placeholder("x", *operand), operand)
    assert body.ops == [
        *("Placeholder", "Size", "Const", "TensorListReserve", "Const", "StatelessWhile"),
        "TensorListStack",
    ]
    assert shape_text(body.shapes["DecodeImage"]) == "[?,4,6,3]"
    condition, round_ = body.graph.library.function
    assert [node.op for node in condition.node_def] == ["Less", "Identity"]
    assert {"GatherV2", "DecodeImage", "ResizeBilinear"} < {node.op for node in round_.node_def}
    for function in (condition, round_):  # OpenVINO would never end reading it.
        assert not {node.name for node in function.node_def} & {*function.ret}
    loop = body.node("DecodeImage/while")
    assert loop.attr["_lower_using_switch_merge"].b
    assert loop.attr["body"].func.name == round_.signature.name != condition.signature.name


def test_one_image_takes_no_loop() -> None:
    body, operand = GraphDefBody(), type_of("string []")
    build_steps(body, [DECODE, RESIZE], body.placeholder("x", *operand), operand)
    assert not body.graph.library.function
    assert "DecodeImage" in body.ops
    assert shape_text(body.shapes["Resize"]) == "[1,4,6,3]"


def files() -> list[bytes]:
    return [png(pixels(7, 5)), jpeg(pixels(16, 9)), GIF, bmp(pixels(3, 11))]


def decoded_by_map_fn(value: Any, channels: int, *then: Any) -> Any:
    import tensorflow as tf

    def of_one(contents: Any) -> Any:
        image = tf.io.decode_image(contents, channels, expand_animations=False)
        for function in then:
            image = function(image)
        return image

    signature = tf.TensorSpec([None, None, None], tf.float32 if then else tf.uint8)
    return tf.map_fn(of_one, tf.constant(value), fn_output_signature=signature).numpy()


def run(steps: list[Step], operand: str, value: Any) -> Any:
    body, type_ = GraphDefBody(), type_of(operand)
    tensor = body.placeholder("x", *type_)
    [found] = run_in_a_graph(body, [build_steps(body, steps, tensor, type_)], {tensor: value})
    assert_same(found, evaluated(tuple(steps), value))
    return found


@pytest.mark.tensorflow
@pytest.mark.parametrize("operand", ["string [?]", "string [3]", "string [4]"])
def test_images_of_several_sizes(operand: str) -> None:
    import tensorflow as tf

    for count in {"[?]": (1, 3, 4), "[3]": (3,), "[4]": (4,)}[operand.split()[1]]:
        value = texts(*files()[:count])
        resized = decoded_by_map_fn(value, 3, lambda x: tf.image.resize(x, [4, 6], "area"))
        assert_same(run([DECODE, Resize(4, 6, "area")], operand, value), resized)
        gray = decoded_by_map_fn(
            value, 3, tf.image.rgb_to_grayscale, lambda x: tf.image.resize(x, [4, 6])
        )
        assert_same(run([DECODE, GRAY, RESIZE], operand, value), gray)


@pytest.mark.tensorflow
def test_images_of_one_size() -> None:
    value = texts(*(png(pixels(7, 5, start)) for start in range(3)))
    found = run([DECODE], "string [?]", value)
    assert_same(found, np.stack([pixels(7, 5, start) for start in range(3)]))
    assert_same(found, decoded_by_map_fn(value, 3))
    assert run([DecodeImage(1)], "string [?]", value).shape == (3, 7, 5, 1)
    assert run([DecodeImage(4)], "string [?]", value)[..., 3].min() == 255


@pytest.mark.tensorflow
@pytest.mark.parametrize("batch", [None, 3])
def test_steps_behind_see_the_shape(batch: int | None) -> None:
    import tensorflow as tf

    body, type_ = GraphDefBody(), type_of("string [?]" if batch is None else f"string [{batch}]")
    fetched = build_steps(body, [DECODE, RESIZE], body.placeholder("x", *type_), type_)
    for node in body.graph.node:
        node.attr.pop("_output_shapes", None)
    graph_def = tf.compat.v1.GraphDef.FromString(body.graph.SerializeToString())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        assert graph.get_tensor_by_name(fetched).shape.as_list() == [batch, 4, 6, 3]


@pytest.mark.tensorflow
def test_no_images() -> None:
    assert run([DECODE, RESIZE], "string [?]", texts()).shape == (0, 4, 6, 3)
    assert run([DECODE], "string [?]", texts()).shape == (0, 0, 0, 3)


@pytest.mark.tensorflow
def test_one_image() -> None:
    image = pixels(7, 5)
    value: Any = np.array(png(image), object)
    assert_same(run([DECODE], "string []", value), image[None])
    assert_same(run([DECODE, RESIZE], "string []", value), RESIZE.evaluate(image[None]))


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("step", "contents", "said"),
    [
        (DECODE, [b"text"], "Unknown image file format"),
        (DECODE, [b""], "Input is empty"),
        (DECODE, [png(pixels(7, 5))[:60]], "Invalid PNG data"),
        (DecodeImage(1), [GIF], "channels must be 0 or 3 for GIF"),
        (DecodeImage(1), [bmp(pixels(3, 11))], "must be 0, 3 or 4 for BMP"),
        (
            DECODE,
            [png(pixels(7, 5)), png(pixels(5, 7))],
            r"Incompatible shapes .* \[7,5,3\] vs. \[5,7,3\]",
        ),
    ],
)
def test_what_fails_in_tensorflow(step: DecodeImage, contents: list[bytes], said: str) -> None:
    import tensorflow as tf

    body, type_ = GraphDefBody(), type_of("string [?]")
    assert type_text(step.result(type_)).startswith("uint8 [?,?,?,")
    tensor = body.placeholder("x", *type_)
    fetched = step.build(body, tensor, type_)
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        run_in_a_graph(body, [fetched], {tensor: texts(*contents)})
    with pytest.raises(ValueError, match=r"is no image|must match"):
        step.evaluate(texts(*contents))

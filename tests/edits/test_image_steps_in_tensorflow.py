"""What image models compute with steps in front of them, by the functions that TensorFlow has."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.edits.built_models import SERVE, function_model, session_model
from tests.model_runner import Array
from tests.steps.image_files import GIF, bmp, png
from tests.steps.image_files import pixels as image
from tests.steps.image_files import texts as texts_of

pytestmark = pytest.mark.tensorflow


def pixels(*sizes: int, dtype: str = "uint8") -> Callable[[int], Array]:
    """Returns what makes images of different numbers."""

    def made(rows: int) -> Array:
        count = rows * int(np.prod(sizes))
        return (np.arange(count) * 37 % 256).reshape(rows, *sizes).astype(dtype)

    return made


def texts(images: Callable[[int], Array], write: Callable[[bytes], bytes]) -> Any:
    """Returns what makes a string of each image."""

    def made(rows: int) -> Array:
        found: Array = np.empty(rows, dtype=object)
        found[:] = [write(image.tobytes()) for image in images(rows)]
        return found

    return made


def read(strings: Any, dtype: Any, *sizes: int) -> Any:
    import tensorflow as tf

    return tf.reshape(tf.io.decode_raw(strings, dtype), [len(strings), *sizes])


@dataclass(frozen=True)
class Case:
    """Steps in front of a model of images of 4 rows, 6 columns and 3 channels.

    Attributes:
        endpoint: What a patch says of its input.
        fed: What makes values for it.
        expected: What the model then gets, by ``tf``, before it is cast to float32.
        batches: How many images there are.
    """

    endpoint: str
    fed: Callable[[int], Array]
    expected: Callable[[Any, Any], Any]
    batches: tuple[int, ...] = (0, 1, 3)


FILES = [png(image(7, 5)), GIF, bmp(image(3, 11))]


def decoded(tf: Any, contents: Any) -> Any:
    return tf.image.resize(tf.io.decode_image(contents, 3, expand_animations=False), [4, 6])


CASES = {
    "reverse_channels": Case(
        "step: 'reverse_channels()'",
        pixels(4, 6, 3, dtype="float32"),
        lambda tf, x: tf.reverse(x, [-1]),
    ),
    "layout": Case(
        "dtype: 'uint8' step: \"layout('NCHW', 'NHWC')\"",
        pixels(3, 4, 6),
        lambda tf, x: tf.keras.layers.Permute((2, 3, 1))(x),
    ),
    "crop": Case(
        "dtype: 'uint8' shape: '[?,7,9,3]' step: 'crop(1, 2, 4, 6)'",
        pixels(7, 9, 3),
        lambda tf, x: tf.image.crop_to_bounding_box(x, 1, 2, 4, 6),
    ),
    "middle": Case(
        "shape: '[?,8,8,3]' step: 'crop(2, 1, 4, 6)'",
        pixels(8, 8, 3, dtype="float32"),
        lambda tf, x: tf.image.resize_with_crop_or_pad(x, 4, 6),
    ),
    "pad": Case(
        "dtype: 'int16' step: 'pad(1, 0, 2, 1)'",
        pixels(3, 3, 3, dtype="int16"),
        lambda tf, x: tf.image.pad_to_bounding_box(x, 1, 2, 4, 6),
    ),
    "margin": Case(
        "step: 'pad(1, 2, 3, 0, value=-0.1)'",
        pixels(1, 3, 3, dtype="float32"),
        lambda tf, x: tf.pad(x, [[0, 0], [1, 2], [3, 0], [0, 0]], constant_values=-0.1),
    ),
    "decode_raw": Case(
        "step: \"decode_raw('uint8', [4, 6, 3])\"",
        texts(pixels(4, 6, 3), bytes),
        lambda tf, x: read(x, tf.uint8, 4, 6, 3),
    ),
    "decode_raw of floats": Case(
        "step: \"decode_raw('float32', [4, 6, 3])\"",
        texts(pixels(4, 6, 3, dtype="<f4"), bytes),
        lambda tf, x: read(x, tf.float32, 4, 6, 3),
    ),
    "decode_base64": Case(
        "step: 'decode_base64()' step: \"decode_raw('int16', [4, 6, 3])\"",
        texts(pixels(4, 6, 3, dtype="<i2"), lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=")),
        lambda tf, x: read(tf.io.decode_base64(x), tf.int16, 4, 6, 3),
    ),
    "resize": Case(
        "dtype: 'uint8' step: 'resize(4, 6)'",
        pixels(7, 5, 3),
        lambda tf, x: tf.image.resize(x, [4, 6]),
    ),
    "nearest": Case(
        "dtype: 'uint8' shape: '[?,3,11,3]' step: \"resize(4, 6, 'nearest')\"",
        pixels(3, 11, 3),
        lambda tf, x: tf.image.resize(x, [4, 6], "nearest"),
    ),
    "antialias": Case(
        "dtype: 'uint8' step: 'resize(4, 6, antialias=True)'",
        pixels(17, 5, 3),
        lambda tf, x: tf.image.resize(x, [4, 6], antialias=True),
    ),
    "decode_image": Case(
        "step: 'decode_base64()' step: 'decode_image(channels=3)' step: 'resize(4, 6)'",
        lambda rows: texts_of(*map(base64.urlsafe_b64encode, FILES[:rows])),
        lambda tf, x: np.reshape(
            [decoded(tf, each) for each in tf.io.decode_base64(x)], (-1, 4, 6, 3)
        ),
    ),
    "decode_image of a fixed batch": Case(
        "shape: '[3]' step: 'decode_image(3)' step: 'resize(4, 6)'",
        lambda rows: texts_of(*FILES[:rows]),
        lambda tf, x: np.stack([decoded(tf, each) for each in x]),
        batches=(3,),
    ),
    "decode_image of one": Case(
        "shape: '[]' step: 'decode_image(3)' step: 'resize(4, 6)'",
        lambda rows: np.array(FILES[0], object),
        lambda tf, x: decoded(tf, x.item())[None],
        batches=(1,),
    ),
    "all": Case(
        "step: 'decode_base64()' step: \"decode_raw('uint8', [3, 5, 7])\" "
        "step: \"layout('NCHW', 'NHWC')\" "
        "step: 'resize(6, 8)' step: 'crop(1, 2, 4, 6)' step: 'reverse_channels()'",
        texts(pixels(3, 5, 7), base64.urlsafe_b64encode),
        lambda tf, x: tf.reverse(
            tf.image.resize(
                tf.transpose(read(tf.io.decode_base64(x), tf.uint8, 3, 5, 7), [0, 2, 3, 1]), [6, 8]
            )[:, 1:5, 2:8],
            [-1],
        ),
    ),
}


def outputs_of(x: Any, m: Any) -> dict[str, Any]:
    return {"y": x * 2.5 + m, "b": x - 1.0}


def image_model(folder: Path, name: str) -> Path:
    if name == "tf2":
        return function_model(folder, outputs_of, x=[None, 4, 6, 3], m=[])

    def build(v1: Any) -> Any:
        x = v1.placeholder("float32", [None, 4, 6, 3], name="x")
        m = v1.placeholder("float32", [], name="m")
        return {"x": x, "m": m}, outputs_of(x, m)

    return session_model(folder, build)


def run(model: Path, loader: Any, fed: dict[str, Array]) -> dict[str, Array]:
    results = loader(model, SERVE, {"serving_default": fed})["serving_default"]
    assert not isinstance(results, str), results
    return dict(results)


def loaders(model: Path, name: str) -> list[tuple[Path, Any]]:
    if name == "tf1":
        return [(model, model_runner.run_v1), (model, model_runner.run_v2)]
    saved = model_runner.resave(model, SERVE, model.with_name(f"{model.name}_saved"))
    return [
        (model, model_runner.run_v1),
        (model, model_runner.run_v2),
        (saved, model_runner.run_v2),
    ]


def patch_of(case: Case) -> Any:
    endpoint = f'input {{ key: "x" rename_to: "a" {case.endpoint} }}'
    return parse_text(f'signature {{ key: "serving_default" {endpoint} }}')


@pytest.mark.parametrize("name", ["tf1", "tf2"])
def test_inputs(tmp_path: Path, name: str) -> None:
    import tensorflow as tf

    model = image_model(tmp_path, name)
    for number, (what, case) in enumerate(CASES.items()):
        patched = tmp_path / str(number)
        sigpb.patch(model, patch_of(case), output_dir=patched)
        for path, loader in loaders(patched, name):
            for rows in case.batches:
                value = case.fed(rows)
                taken = tf.cast(case.expected(tf, value), tf.float32).numpy()
                assert taken.shape == (rows, 4, 6, 3)
                besides = {"m": np.float32(0.5)}
                before = run(model, model_runner.run_v1, {"x": taken, **besides})
                after = run(path, loader, {"a": value, **besides})
                for key in ("y", "b"):
                    assert after[key].shape == before[key].shape
                    assert after[key].tobytes() == before[key].tobytes(), (what, rows, key)


@pytest.mark.parametrize("name", ["tf1", "tf2"])
def test_what_is_no_image_fails(tmp_path: Path, name: str) -> None:
    model, patched = image_model(tmp_path, name), tmp_path / "patched"
    case = CASES["decode_image of a fixed batch"]
    sigpb.patch(model, patch_of(case), output_dir=patched)
    fed = {"a": texts_of(FILES[0], b"text", FILES[1]), "m": np.float32(3)}
    for loader in (model_runner.run_v1, model_runner.run_v2):
        found = loader(patched, SERVE, {"serving_default": fed})["serving_default"]
        assert "InvalidArgumentError" in found
        assert "Unknown image file format" in found


@pytest.mark.parametrize("name", ["tf1", "tf2"])
def test_flat_outputs(tmp_path: Path, name: str) -> None:
    import tensorflow as tf

    model, patched = image_model(tmp_path, name), tmp_path / "patched"
    patch = 'signature { key: "serving_default" output { key: "y" step: "flatten()" } }'
    sigpb.patch(model, parse_text(patch), output_dir=patched)
    for path, loader in loaders(patched, name):
        for rows in (0, 1, 3):
            fed = {"x": pixels(4, 6, 3, dtype="float32")(rows), "m": np.float32(3)}
            before, after = run(model, model_runner.run_v1, fed), run(path, loader, fed)
            expected = tf.keras.layers.Flatten()(before["y"]).numpy().reshape(rows, 72)
            assert np.array_equal(after["y"], expected)
            assert np.array_equal(after["b"], before["b"])


def test_strings_are_made_up_to_verify(tmp_path: Path) -> None:
    model = image_model(tmp_path, "tf2")
    result = sigpb.patch(model, patch_of(CASES["all"]), dry_run=True, verify=["v1"])
    assert result.verification is not None
    assert result.verification.conclusion == "equivalent"

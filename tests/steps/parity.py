"""What each step is held against: the TensorFlow op, Keras layer or numpy function of that meaning.

One model returns what it is fed; one patch puts steps before or behind each of its endpoints.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sigpb
from sigpb.patching.patch_file import parse_text
from sigpb.rewrite.port import Side
from sigpb.steps.step import result_of
from sigpb.steps.syntax import parse_step
from sigpb.tf.tensor_types import TensorType, dtype_name, shape_text
from tests import model_runner
from tests.edits.built_models import SERVE
from tests.steps.chains import type_of
from tests.steps.image_files import bmp, jpeg, pixels, png, texts

Array = Any

BATCHES = (0, 1, 3)
LOADERS: Mapping[str, Callable[..., Any]] = {
    "v1": model_runner.run_v1,
    "v2": model_runner.run_v2,
}


@dataclass(frozen=True)
class Case:
    """Steps, and what they are held against.

    Attributes:
        steps: The steps, of which the first one is meant.
        operand: The type of what goes in.
        against: What they are held against, in words.
        expected: The same: takes ``tf`` and the value.
        value: Makes a value of a number of rows; random numbers of the type if left out.
        side: Whether they are the steps of an input or of an output.
        batches: How many examples there may be.
    """

    steps: tuple[str, ...]
    operand: str
    against: str
    expected: Callable[[Any, Array], Any]
    value: Callable[[int], Array] | None = None
    side: Side = "input"
    batches: tuple[int, ...] = BATCHES

    @property
    def name(self) -> str:
        """The name of the step that is meant."""
        return self.steps[0].partition("(")[0]

    @property
    def types(self) -> tuple[TensorType, TensorType]:
        """The types of what goes in and of what comes out."""
        operand = type_of(self.operand)
        return operand, result_of(map(parse_step, self.steps), operand)

    def made(self, rows: int) -> Array:
        """Makes a value."""
        if self.value is not None:
            return self.value(rows)
        dtype, shape = type_of(self.operand)
        sizes = (rows, *(size or 0 for size in (shape or ())[1:]))
        return (np.random.default_rng(rows).random(sizes) * 255).astype(dtype_name(dtype))


def _words(*choice: bytes) -> Callable[[int], Array]:
    return lambda rows: texts(*(choice[row % len(choice)] for row in range(rows)))


def _table(tf: Any, x: Array) -> Any:
    names = tf.lookup.KeyValueTensorInitializer(["cat", "dog"], [0, 1], tf.string, tf.int64)
    return tf.lookup.StaticHashTable(names, -1).lookup(tf.constant(x, tf.string))


def _decoded(tf: Any, x: Array) -> Any:
    def of_one(contents: Any) -> Any:
        image = tf.io.decode_image(contents, 3, expand_animations=False)
        return tf.image.resize(image, [4, 6])

    signature = tf.TensorSpec([4, 6, 3], tf.float32)
    return tf.map_fn(of_one, tf.constant(x, tf.string), fn_output_signature=signature)


def _resize(method: str, antialias: bool = False) -> Case:
    arguments = f"4, 6, {method!r}" + (", True" if antialias else "")
    said = f"`tf.image.resize`, {method}" + (", antialias" if antialias else "")
    return Case(
        (f"resize({arguments})",),
        "uint8 [?,9,11,3]",
        said,
        lambda tf, x: tf.image.resize(x, [4, 6], method, antialias=antialias),
    )


def _mirrored(mode: str) -> Case:
    margins = [[0, 0], [1, 2], [3, 0], [0, 0]]
    return Case(
        (f"pad(1, 2, 3, 0, mode={mode!r})",),
        "float32 [?,4,6,3]",
        f"`tf.pad`, {mode}" + ("; both fail for no images" if mode == "reflect" else ""),
        lambda tf, x: tf.pad(x, margins, mode),
        batches=BATCHES[mode == "reflect" :],
    )


def _scores(step: str, against: str, expected: Callable[[Any, Array], Any]) -> Case:
    def value(rows: int) -> Array:
        return np.random.default_rng(rows).random((rows, 7), np.float32) * 9 + 0.1

    return Case((f"{step}()",), "float32 [?,7]", against, expected, value, "output")


_IMAGES = "float32 [?,4,6,3]"
_MEAN, _STD = [123.7, 116.8, 103.9], [58.4, 57.1, 57.4]

CASES = (
    Case(("affine(0.1, 3)",), _IMAGES, "numpy", lambda tf, x: x * np.float32(0.1) + np.float32(3)),
    _scores("argmax", "`tf.argmax`", lambda tf, x: tf.argmax(x, -1)),
    Case(
        ("as_string()",), "float32 [?,3]", "`tf.strings.as_string`",
        lambda tf, x: tf.strings.as_string(x), side="output",
    ),
    Case(
        ("broadcast()",), "float32 [3]", "`tf.broadcast_to`",
        lambda tf, x: tf.broadcast_to(x, [int(x[0]), 3]), lambda rows: np.float32([rows, 0.1, -7]),
    ),
    Case(("cast('int16')",), _IMAGES, "`tf.cast`", lambda tf, x: tf.cast(x, tf.int16)),
    Case(
        ("clip(9.5, 200)",), _IMAGES, "`tf.clip_by_value`",
        lambda tf, x: tf.clip_by_value(x, 9.5, 200.0),
    ),
    Case(
        ("crop(1, 2, 2, 3)",), "uint8 [?,4,6,3]", "`tf.image.crop_to_bounding_box`",
        lambda tf, x: tf.image.crop_to_bounding_box(x, 1, 2, 2, 3),
    ),
    Case(
        ("decode_base64()",), "string [?]", "`tf.io.decode_base64`",
        lambda tf, x: tf.io.decode_base64(tf.constant(x, tf.string)),
        _words(*map(base64.urlsafe_b64encode, (b"a", b"bc", bytes(range(256))))),
    ),
    Case(
        ("decode_image(3)", "resize(4, 6)"), "string [?]",
        "`tf.map_fn` of `tf.io.decode_image` and `tf.image.resize`: JPEG, PNG, BMP of 3 sizes",
        _decoded,
        lambda rows: texts(*[jpeg(pixels(16, 9)), png(pixels(7, 5)), bmp(pixels(3, 11))][:rows]),
    ),
    Case(
        ("decode_raw('int16', [2, 3])",), "string [?]", "`tf.io.decode_raw`",
        lambda tf, x: tf.reshape(
            tf.io.decode_raw(tf.constant(x, tf.string), tf.int16), [len(x), 2, 3]
        ),
        _words(bytes(range(12)), bytes(range(200, 212))),
    ),
    _scores("exp", "`tf.math.exp`", lambda tf, x: tf.math.exp(x)),
    Case(
        ("expand_dims(-1)",), "uint8 [?,4,6]", "`tf.expand_dims`",
        lambda tf, x: tf.expand_dims(x, -1),
    ),
    Case(
        ("flatten()",), _IMAGES, "Keras `Flatten`",
        lambda tf, x: tf.reshape(tf.keras.layers.Flatten()(x), [len(x), 72]),
    ),
    Case(
        ("grayscale()",), "uint8 [?,4,6,3]", "`tf.image.rgb_to_grayscale`",
        lambda tf, x: tf.image.rgb_to_grayscale(x),
    ),
    _scores(
        "l2_normalize", "`tf.math.l2_normalize`", lambda tf, x: tf.math.l2_normalize(x, axis=-1)
    ),
    Case(
        ("labels(['cat', 'dog'])",), "int64 [?]", "`tf.gather`",
        lambda tf, x: tf.gather([b"cat", b"dog"], x),
        lambda rows: np.arange(rows, dtype=np.int64) % 2, "output",
    ),
    Case(
        ("layout('NCHW', 'NHWC')",), "uint8 [?,3,4,6]", "Keras `Permute`",
        lambda tf, x: tf.keras.layers.Permute((2, 3, 1))(x),
    ),
    _scores("log", "`tf.math.log`", lambda tf, x: tf.math.log(x)),
    Case(
        ("lookup(['cat', 'dog'])",), "string [?]", "`tf.lookup.StaticHashTable`",
        _table, _words(b"dog", b"cow", b"cat"),
    ),
    Case(
        ("one_hot(5)",), "int32 [?]", "`tf.one_hot`", lambda tf, x: tf.one_hot(x, 5),
        lambda rows: np.arange(-1, rows - 1, dtype=np.int32),
    ),
    Case(
        ("pad(1, 2, 3, 0, 7)",), _IMAGES, "`tf.pad`",
        lambda tf, x: tf.pad(x, [[0, 0], [1, 2], [3, 0], [0, 0]], constant_values=7),
    ),
    *(_mirrored(mode) for mode in ("reflect", "symmetric")),
    Case(
        ("reshape([None, 2, 9])",), "float32 [?,6,3]", "`tf.reshape`",
        lambda tf, x: tf.reshape(x, [-1, 2, 9]),
    ),
    *(_resize(method) for method in ("bilinear", "nearest", "bicubic", "area")),
    *(_resize(method, antialias=True) for method in ("bilinear", "bicubic")),
    Case(("reverse_channels()",), _IMAGES, "`tf.reverse`", lambda tf, x: tf.reverse(x, [-1])),
    Case(("round()",), _IMAGES, "`tf.round`", lambda tf, x: tf.round(x), side="output"),
    Case(
        (f"scale({_MEAN}, {_STD})",), _IMAGES, "numpy",
        lambda tf, x: (x - np.float32(_MEAN)) * np.float32(1 / np.array(_STD)),
    ),
    Case(
        (f"scale({_MEAN}, {_STD})",), _IMAGES, "Keras `Normalization`",
        lambda tf, x: tf.keras.layers.Normalization(mean=_MEAN, variance=np.square(_STD))(x),
    ),
    _scores("sigmoid", "`tf.math.sigmoid`", lambda tf, x: tf.math.sigmoid(x)),
    Case(
        ("slice(1, 2)",), _IMAGES, "`tf.slice`",
        lambda tf, x: tf.slice(x, [0, 0, 0, 1], [-1, -1, -1, 2]), side="output",
    ),
    _scores("softmax", "`tf.nn.softmax`", lambda tf, x: tf.nn.softmax(x)),
    Case(("squeeze(1)",), "uint8 [?,1,6]", "`tf.squeeze`", lambda tf, x: tf.squeeze(x, [1])),
    Case(
        ("string_to_number('float32')",), "string [?]", "`tf.strings.to_number`",
        lambda tf, x: tf.strings.to_number(tf.constant(x, tf.string)),
        _words(b"0.1", b"-7e3", b"3"),
    ),
    Case(
        ("threshold(99.5)",), _IMAGES, "`tf.greater_equal`",
        lambda tf, x: tf.greater_equal(x, 99.5), side="output",
    ),
    Case(
        ("top_k(3)",), "float32 [?,7]", "`tf.math.top_k`",
        lambda tf, x: tf.math.top_k(x, 3).values, side="output",
    ),
    Case(
        ("top_k(3, 'indices')",), "float32 [?,7]", "`tf.math.top_k`",
        lambda tf, x: tf.math.top_k(x, 3).indices, side="output",
    ),
    Case(
        ("transpose(0, 3, 1, 2)",), _IMAGES, "`tf.transpose`",
        lambda tf, x: tf.transpose(x, [0, 3, 1, 2]),
    ),
)  # fmt: skip


def model_of(folder: Path) -> Path:
    """Saves a model with an input and an output for each case, which returns what it is fed."""
    import tensorflow as tf

    module = tf.Module()
    specs = []
    for number, case in enumerate(CASES):
        dtype, shape = case.types[case.side == "input"]
        specs.append(tf.TensorSpec(shape, tf.as_dtype(dtype), name=f"x{number}"))

    def same(*tensors: Any) -> dict[str, Any]:
        return {f"y{number}": tf.identity(tensor) for number, tensor in enumerate(tensors)}

    module.same = tf.function(same, input_signature=specs)
    tf.saved_model.save(module, str(folder), signatures=module.same)
    return folder


def patch_of_all() -> Any:
    """Returns the patch that puts the steps of every case where they belong."""
    endpoints = []
    for number, case in enumerate(CASES):
        key = f"{'x' if case.side == 'input' else 'y'}{number}"
        dtype, shape = case.types[0]
        type_ = f'dtype: "{dtype_name(dtype)}" shape: "{shape_text(shape)}"'
        steps = " ".join(f'step: "{step}"' for step in case.steps)
        stated = type_ if case.side == "input" else ""
        endpoints.append(f'{case.side} {{ key: "{key}" {stated} {steps} }}')
    return parse_text(f'signature {{ key: "serving_default" {" ".join(endpoints)} }}')


def measured(folder: Path) -> Iterator[tuple[Case, dict[str, float]]]:
    """Runs all cases, and yields how far each is from what it is held against, by loader.

    The difference is the greatest one of all batches; 0 if all bits are the same.
    """
    import tensorflow as tf

    patched = folder / "patched"
    sigpb.patch(model_of(folder / "model"), patch_of_all(), output_dir=patched)
    far = [dict.fromkeys(LOADERS, 0.0) for _ in CASES]
    for rows in BATCHES:
        values = {
            f"x{number}": case.made(rows if rows in case.batches else case.batches[0])
            for number, case in enumerate(CASES)
        }
        expected = [
            np.asarray(case.expected(tf, values[f"x{number}"])) for number, case in enumerate(CASES)
        ]
        for loader, run in LOADERS.items():
            found = run(patched, SERVE, {"serving_default": values})["serving_default"]
            assert not isinstance(found, str), found
            for number, wanted in enumerate(expected):
                apart = difference(found[f"y{number}"], wanted)
                far[number][loader] = max(far[number][loader], apart)
    yield from zip(CASES, far, strict=True)


def difference(found: Array, expected: Array) -> float:
    """Returns the greatest difference of two arrays, 0 if all bits are the same.

    They have to be of one dtype and shape, and texts the same.
    """
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if found.dtype == object:
        assert found.tolist() == expected.tolist()
        return 0.0
    if found.tobytes() == expected.tobytes():
        return 0.0
    return float(np.max(np.abs(found.astype(np.float64) - expected.astype(np.float64))))

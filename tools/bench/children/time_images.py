"""Times calls with JPEG files of models that decode them, and of one behind a client that does so.

    python time_images.py REPORT MODEL PATCHED...

The client uses Pillow and numpy if Pillow is there, else TensorFlow's functions, one by one. Files
have three sizes. The report is JSON: the name of the client, and seconds. The steps alone are what
TensorFlow's own functions make of the files, in a function as `tf.map_fn` has it: the patched
models have the same nodes.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

ROUNDS = 10
SIZES = [(480, 640), (640, 480), (600, 800)] * 2 + [(480, 640), (640, 480)]
MEAN, STD = np.float32([123.7, 116.8, 103.9]), np.float32([58.4, 57.1, 57.4])

report, path, *patched_paths = sys.argv[1:]


def jpeg(number: int, height: int, width: int) -> bytes:
    """Returns a file of a smooth image, as photographs are."""
    coarse = tf.random.stateless_uniform([24, 32, 3], (number, 1), 0, 255)
    image = tf.cast(tf.image.resize(coarse, [height, width], "bicubic"), tf.float32)
    return bytes(tf.io.encode_jpeg(tf.cast(tf.clip_by_value(image, 0, 255), tf.uint8)).numpy())


def of_one(contents: Any, antialias: bool) -> Any:
    """Decodes and resizes a file by TensorFlow."""
    image = tf.io.decode_image(contents, 3, expand_animations=False)
    return tf.image.resize(image, [224, 224], antialias=antialias)


def by_pillow() -> Any:
    """Does what the steps do, by Pillow and numpy."""
    from PIL import Image

    images = []
    for contents in files:
        image = Image.open(io.BytesIO(contents)).convert("RGB")
        images.append(np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR), np.float32))
    return (np.stack(images) - MEAN) / STD


def by_tensorflow() -> Any:
    """Does what the steps do, by TensorFlow's functions, one by one."""
    images = [of_one(contents, False).numpy() for contents in files]
    return (np.stack(images) - MEAN) / STD


def steps(antialias: bool) -> Callable[[], Any]:
    """Returns the steps alone, as a function of TensorFlow."""

    def function(contents: Any) -> Any:
        images = tf.map_fn(
            lambda each: of_one(each, antialias),
            contents,
            fn_output_signature=tf.TensorSpec([224, 224, 3], tf.float32),
        )
        return (images - MEAN) * (1 / STD)

    traced = tf.function(function)
    return lambda: traced(strings)


files = [jpeg(number, *size) for number, size in enumerate(SIZES)]
strings = tf.constant(files)
client = by_pillow if find_spec("PIL") else by_tensorflow
loaded = [tf.saved_model.load(each) for each in (path, *patched_paths)]  # what holds the variables
model, *patched = (each.signatures["serving_default"] for each in loaded)
calls: dict[str, Callable[[], object]] = {
    "model": lambda: model(inputs=tf.constant(client())),
    "alone": client,
    **{f"patched{i}": partial(each, inputs=strings) for i, each in enumerate(patched)},
    "steps0": steps(antialias=False),
    "steps1": steps(antialias=True),
}
seconds: dict[str, list[float]] = {name: [] for name in calls}
for number in range(ROUNDS + 3):
    for name, call in calls.items():
        start = time.perf_counter()
        call()
        if number >= 3:
            seconds[name].append(time.perf_counter() - start)
said = "Pillow and numpy" if client is by_pillow else "TensorFlow, one by one"
Path(report).write_text(json.dumps({"client": said, **seconds}))

"""A dimension that was fixed and is open: the same as the function that is traced without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.edits.built_models import SERVE
from tests.patches import refusals

pytestmark = pytest.mark.tensorflow

LENGTH = 10

_RANDOM = np.random.default_rng(3)
KERNEL = _RANDOM.random((8, 3)).astype(np.float32)
FILTER = _RANDOM.random((3, 8, 4)).astype(np.float32)
PLACES = _RANDOM.random((LENGTH, 8)).astype(np.float32)
ROWS = _RANDOM.random((20, 5)).astype(np.float32)
FLAT = _RANDOM.random((8 * LENGTH, 3)).astype(np.float32)

Program = Callable[[Any, Any], Any]

OPENED: dict[str, Program] = {
    "dense": lambda tf, x: tf.nn.softmax(tf.tensordot(x, KERNEL, 1) + 1.5),
    "einsum": lambda tf, x: tf.einsum("btd,dk->btk", x, KERNEL),
    "by_hand": lambda tf, x: tf.reshape(tf.reshape(x, [-1, 8]) @ KERNEL, [-1, x.shape[1], 3]),
    "heads": lambda tf, x: tf.transpose(tf.reshape(x, [-1, x.shape[1], 2, 4]), [0, 2, 1, 3]),
    "embedding": lambda tf, x: tf.reduce_sum(tf.gather(ROWS, tf.cast(x * 3, tf.int32)), 2),
    "norm": lambda tf, x: (x - tf.reduce_mean(x, -1, keepdims=True)) * 2.5,
    "joined": lambda tf, x: tf.tile(tf.concat([x, 2 * x], -1), [1, 1, 2]),
    "zeros": lambda tf, x: tf.concat([x, tf.zeros([tf.shape(x)[0], x.shape[1], 2])], -1),
    "ones": lambda tf, x: x + tf.ones([x.shape[1], 8]),
    "units": lambda tf, x: tf.squeeze(tf.expand_dims(tf.nn.relu(x), 1) * 2, 1),
    "time_major": lambda tf, x: tf.transpose(x, [1, 0, 2]),
}

REFUSED: dict[str, tuple[Program, str]] = {
    "mean": (lambda tf, x: tf.reduce_mean(x, 1), "Mean 'Mean'"),
    "softmax": (lambda tf, x: tf.nn.softmax(x, 1), "Softmax 'Softmax'"),
    "conv": (lambda tf, x: tf.nn.conv1d(x, FILTER, 1, "SAME"), "Conv2D 'conv1d'"),
    "places": (lambda tf, x: x + PLACES, "AddV2 'add'"),
    "flat": (lambda tf, x: tf.reshape(x, [-1, 8 * LENGTH]) @ FLAT, "Reshape 'Reshape'"),
    "last": (lambda tf, x: x[:, -1], "StridedSlice 'strided_slice'"),
    "twice": (lambda tf, x: tf.concat([x, x], 1), "ConcatV2 'concat'"),
    "attention": (lambda tf, x: tf.matmul(x, x, transpose_b=True), "BatchMatMulV2 'MatMul'"),
    "counted": (
        lambda tf, x: x + tf.range(x.shape[1], dtype=tf.float32)[:, None],
        "AddV2 'add'",
    ),
    "scaled": (lambda tf, x: x / x.shape[1], "RealDiv 'truediv'"),
    "inverse": (lambda tf, x: x * (1.0 / x.shape[1]), "Mul 'mul'"),
    "root": (lambda tf, x: x / float(np.sqrt(LENGTH)), "RealDiv 'truediv'"),
    "root_there": (lambda tf, x: x / tf.sqrt(tf.cast(tf.constant(LENGTH), tf.float32)), "RealDiv"),
}


def opened(key: str, shape: str) -> str:
    return f'signature {{ key: "{key}" input {{ key: "x" shape: "{shape}" }} }}'


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signature for each program, and one of a fixed batch size too."""
    import tensorflow as tf

    programs = {**OPENED, **{key: program for key, (program, _) in REFUSED.items()}}

    def traced(program: Program, rows: int | None) -> Any:
        def function(x: Any) -> Any:
            return {"y": program(tf, x)}

        return tf.function(function, [tf.TensorSpec([rows, LENGTH, 8], tf.float32, name="x")])

    signatures = {key: traced(program, None) for key, program in programs.items()}
    signatures["fixed"] = traced(OPENED["dense"], 2)
    directory = tmp_path_factory.mktemp("open") / "model"
    tf.saved_model.save(tf.Module(), str(directory), signatures=signatures)
    return directory


def test_other_lengths(model: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    patch = "".join(opened(key, "[?,?,8]") for key in (*OPENED, "fixed"))
    sigpb.patch(model, parse_text(patch), output_dir=tmp_path / "patched")
    keys = [(key, key) for key in OPENED] + [("fixed", "dense")]
    values = {
        length: np.random.default_rng(length).random((3, length, 8)).astype(np.float32) - 0.25
        for length in (LENGTH, 1, 13)
    }
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.load(session, SERVE, str(tmp_path / "patched"))
        infos = {key: graph.signature_def[key] for key, _ in keys}
        in_session = {
            (key, length): session.run(info.outputs["y"].name, {info.inputs["x"].name: x})
            for key, info in infos.items()
            for length, x in values.items()
        }
    signatures = model_runner.load_v2(tmp_path / "patched", SERVE).signatures
    for key, program in keys:
        for length, x in values.items():
            wanted = OPENED[program](tf, tf.constant(x)).numpy()
            found = signatures[key](x=tf.constant(x))["y"].numpy()
            for each in (found, in_session[key, length]):
                np.testing.assert_allclose(each, wanted, rtol=1e-5, err_msg=f"{key}, {length}")


@pytest.mark.parametrize("key", REFUSED)
def test_what_depends_on_the_length(model: Path, key: str) -> None:
    problems = refusals(model, opened(key, "[?,?,8]"))
    beginning = (
        f"signature {key!r}: dimension 1 of input 'x' cannot be opened, taken for a batch of 10: "
    )
    assert any(each.startswith(beginning + REFUSED[key][1]) for each in problems), problems


def test_only_the_first_dimension(model: Path) -> None:
    """A function of a fixed batch size, of which the length stays."""
    plan = sigpb.plan(model, parse_text(opened("fixed", "[?,10,8]")))
    assert "[2,10,8] → float32 [?,10,8] (relax)" in str(plan)


def test_only_another_dimension(model: Path) -> None:
    plan = sigpb.plan(model, parse_text(opened("fixed", "[2,?,8]")))
    assert "[2,10,8] → float32 [2,?,8] (relax)" in str(plan)


def test_a_shape_that_changes_more_besides(model: Path) -> None:
    (problem,) = refusals(model, opened("dense", "[4,?,8]"))
    assert problem == (
        "signature 'dense': input 'x': [4,?,8] leaves open what [?,10,8] fixes, and differs in "
        "other dimensions too; state the same rank and the same other sizes"
    )

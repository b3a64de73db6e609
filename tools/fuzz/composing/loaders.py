"""Runs one signature of one model, in each of the ways in which models are loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # It rounds weights that are constants in its own way.

import tensorflow as tf

from tools.fuzz.differential import runs
from tools.fuzz.differential.runs import Arrays
from tools.fuzz.differential.views import Signature, read

from .fresh import fresh

tf.get_logger().setLevel("ERROR")

LOADERS = ("v1", "v2", "re-saved v1", "re-saved v2")
"""The loader of sessions, that of objects, and both on what is loaded and saved again."""


@dataclass(frozen=True)
class Place:
    """A signature of a model on the disk."""

    model: Path
    key: str = "serving_default"
    tags: tuple[str, ...] = ("serve",)

    @cached_property
    def signature(self) -> Signature:
        """What its SignatureDef says."""
        return next(g for g in read(self.model) if g.tags == self.tags).signatures[self.key]


def run(
    loader: str, place: Place, feeds: Sequence[Arrays], *, optimized: bool = True
) -> list[Arrays]:
    """Runs a signature for each of several feeds, one after another, in a new process.

    Args:
        loader: One of `LOADERS`.
        place: The signature.
        feeds: Values by the names of the parts of inputs.
        optimized: Whether TensorFlow may replace nodes by others, which may round otherwise.

    Returns:
        Values by the names of the parts of outputs, for each feed.

    Raises:
        Failed: If the model cannot be loaded, or the signature cannot be run.
    """
    return fresh(_run, loader.split()[-1], place, feeds, optimized)


def resave(place: Place, output: Path) -> Place:
    """Loads a model and saves it again, in a new process.

    Raises:
        Failed: If TensorFlow cannot do one of the two.
    """
    fresh(runs.resave, place.model, place.tags, output)
    return Place(output, place.key, ("serve",))


def mlir(model: Path) -> int:
    """Imports a model into MLIR from its object graph, in a new process, and verifies that.

    Raises:
        Failed: If the importer refuses the model, or what it makes is not valid.
    """
    return fresh(_mlir, str(model))


def _run(loader: str, place: Place, feeds: Sequence[Arrays], optimized: bool) -> list[Arrays]:
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not optimized})
    if loader == "v1":
        return runs.run_v1(place.model, place.tags, place.signature, feeds)
    return runs.run_v2(place.model, place.tags, place.key, feeds)


def _mlir(model: str) -> int:
    text = tf.mlir.experimental.convert_saved_model(model, "")
    return len(tf.mlir.experimental.run_pass_pipeline(text, "canonicalize"))

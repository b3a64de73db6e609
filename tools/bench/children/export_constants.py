"""Exports a function that takes one element of each of several constants.

python export_constants.py OUTPUT MEBIBYTES
"""

from __future__ import annotations

import sys

import numpy as np
import tensorflow as tf

_COUNT = 16

output, mebibytes = sys.argv[1], int(sys.argv[2])
values = [
    np.random.default_rng(number).integers(256, size=2**20 * mebibytes // _COUNT, dtype=np.uint8)
    for number in range(_COUNT)
]


def pick(x: tf.Tensor) -> dict[str, tf.Tensor]:
    """Adds up what is at some places of the constants."""
    taken = [tf.cast(tf.gather(tf.constant(value), x), tf.int32) for value in values]
    return {"y": tf.add_n(taken)}


module = tf.Module()
module.pick = tf.function(pick, input_signature=[tf.TensorSpec([None], tf.int32, "x")])
tf.saved_model.save(module, output, signatures=module.pick)

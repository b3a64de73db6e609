"""Renames inputs and outputs of `serving_default` as one does with TensorFlow.

python load_wrap_save.py MODEL OUTPUT OLD=NEW...
"""

from __future__ import annotations

import sys

import tensorflow as tf

source, target, *pairs = sys.argv[1:]
new_name = dict(pair.split("=") for pair in pairs)

model = tf.saved_model.load(source)
signature = model.signatures["serving_default"]
specs = signature.structured_input_signature[1]


def renamed(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
    """Calls the signature that is there under other names."""
    outputs = signature(**{key: inputs[new_name.get(key, key)] for key in specs})
    return {new_name.get(key, key): value for key, value in outputs.items()}


arguments = {
    new_name.get(key, key): tf.TensorSpec(spec.shape, spec.dtype, new_name.get(key, key))
    for key, spec in specs.items()
}
function = tf.function(renamed).get_concrete_function(**arguments)
tf.saved_model.save(model, target, signatures={"serving_default": function})

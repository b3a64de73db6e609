"""Renames an input of `serving_default` as one does with TensorFlow, many times in one process.

python load_wrap_save_many.py MODEL OUTPUT COUNT OLD=NEW...
"""

from __future__ import annotations

import shutil
import sys

import tensorflow as tf

source, target, count, *pairs = sys.argv[1:]
new_name = dict(pair.split("=") for pair in pairs)
for _ in range(int(count)):
    model = tf.saved_model.load(source)
    signature = model.signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    arguments = {
        new_name.get(key, key): tf.TensorSpec(spec.shape, spec.dtype, new_name.get(key, key))
        for key, spec in specs.items()
    }

    def renamed(signature=signature, specs=specs, **inputs):  # type: ignore[no-untyped-def]
        """Calls the signature that is there under other names."""
        return signature(**{key: inputs[new_name.get(key, key)] for key in specs})

    function = tf.function(renamed).get_concrete_function(**arguments)
    tf.saved_model.save(model, target, signatures={"serving_default": function})
    shutil.rmtree(target)

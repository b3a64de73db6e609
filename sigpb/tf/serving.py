"""What TensorFlow Serving demands of signatures."""

from __future__ import annotations

from collections.abc import Mapping

# tensorflow_serving/servables/tensorflow/predict_util.cc, classifier.cc, regressor.cc
PREDICT = "tensorflow/serving/predict"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"

EXAMPLES = "inputs"
"""The input by which it passes serialized tf.Examples, strings, for Classify and Regress."""

OUTPUTS: Mapping[str, Mapping[str, str]] = {
    CLASSIFY: {"classes": "string", "scores": "float32"},
    REGRESS: {"outputs": "float32"},
}
"""The outputs that it looks up in the answers to such requests, with their dtypes, by method."""

METHODS = frozenset({PREDICT, *OUTPUTS})
"""The methods it knows; newer servers check them only if they are told to."""

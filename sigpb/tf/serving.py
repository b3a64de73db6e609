"""What TensorFlow Serving demands of signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

DEFAULT_SIGNATURE = "serving_default"
"""The key of the signature that is meant where none is named, in TensorFlow Serving as well."""

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


def unknown_method(method: str) -> str:
    """Says of a method name that TensorFlow Serving does not know it; empty if it does."""
    if method in METHODS:
        return ""
    return f"The method name is {method!r}; TensorFlow Serving knows {', '.join(sorted(METHODS))}."


def wrong_dtypes(
    method: str, inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> Iterator[tuple[Literal["input", "output"], str, str]]:
    """Yields endpoints whose dtypes TensorFlow Serving refuses, for Classify and Regress.

    Args:
        method: The method name.
        inputs: The names of the dtypes of inputs, as far as they are known, by key.
        outputs: The same of outputs.

    Yields:
        The side, the key, and what is wrong, in a sentence.
    """
    if method not in OUTPUTS:
        return
    if (dtype := inputs.get(EXAMPLES, "string")) != "string":
        yield (
            "input",
            EXAMPLES,
            f"TensorFlow Serving passes {method} requests as serialized tf.Examples, but the input "
            f"takes {dtype}, not string.",
        )
    for key, wanted in OUTPUTS[method].items():
        if (dtype := outputs.get(key, wanted)) != wanted:
            yield (
                "output",
                key,
                f"TensorFlow Serving answers {method} requests from an output of {wanted}, not "
                f"{dtype}.",
            )

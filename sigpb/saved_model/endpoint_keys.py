"""What TensorFlow makes of the keys of a signature's inputs and outputs."""

from __future__ import annotations


def argument_name(key: str) -> str:
    """Returns the Python argument name that `tf.saved_model.load` gives to an input key.

    Inputs of a TF2 signature are passed to its function in the sorted order of these names, and
    two keys with the same name cannot be told apart (``sanitize_arg_name`` in
    tensorflow/core/function/polymorphism/function_type.py).
    """
    swapped = "".join(character if character.isalnum() else "_" for character in key)
    return swapped if swapped[:1].isalpha() else "arg_" + swapped

"""What TensorFlow makes of the keys of a signature's inputs and outputs."""

from __future__ import annotations

import keyword
import re

# What tf.saved_model.save accepts: a key that can name a node of the graph. It finds out from the
# name of the placeholder that it makes (tensorflow/python/saved_model/save.py).
_NODE_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


def argument_name(key: str) -> str:
    """Returns the Python argument name that `tf.saved_model.load` gives to an input key.

    Inputs of a TF2 signature are passed to its function in the sorted order of these names, and
    two keys with the same name cannot be told apart (``sanitize_arg_name`` in
    tensorflow/core/function/polymorphism/function_type.py).
    """
    swapped = "".join(character if character.isalnum() else "_" for character in key)
    return swapped if swapped[:1].isalpha() else "arg_" + swapped


def are_adapted(release: tuple[int, int] | None) -> bool:
    """Whether a release of TensorFlow writes argument names into the object graph, or plain keys.

    Since 2.12 it writes argument names (https://github.com/tensorflow/tensorflow/pull/59566); of an
    unknown release that is assumed.
    """
    return release is None or release >= (2, 12)


def is_callable(key: str) -> bool:
    """Whether `tf.saved_model.load` can make a function with an input of this key.

    It cannot if Python does not take the argument's name, or passes the function itself by it.
    """
    name = argument_name(key)
    return name.isidentifier() and not keyword.iskeyword(name) and name != "self"


def is_exportable(key: str) -> bool:
    """Whether `tf.saved_model.save` accepts an input key, in a model that was loaded with it."""
    return _NODE_NAME.fullmatch(key) is not None

"""Names for endpoints and signatures, chosen so that something can go wrong with them."""

from __future__ import annotations

import random

# Plain ones that sort in many ways, also with their numbers: input_10 comes before input_2.
PLAIN = (
    *("x", "b", "a", "p", "s", "z", "y", "A", "P", "Z", "_u", "x_1", "X_1", "input_10", "input_2"),
    *("inputs", "outputs", "scores", "image", "a_b", "output_0", "output_10", "output_2"),
)

# What exporters do not write, and clients ask for.
_ODD = ("x:0", "a/b", "a.b", "p-1", "1st", "é", "two words", "self", "class", "$v", "a=b", "^c")

SIGNATURES = ("serving_default", "predict", "other", "Other", "a", "z", "m:1", "two words")


def endpoint_key(chance: random.Random) -> str:
    """Draws a key that an endpoint is to have."""
    return chance.choice(PLAIN if chance.random() < 0.8 else _ODD)


def plain_keys(chance: random.Random, count: int) -> list[str]:
    """Draws different keys for a model, which TensorFlow can export."""
    return chance.sample([key for key in PLAIN if key != "_u"], count)

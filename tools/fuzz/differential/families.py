"""The families of models, and how often each is built."""

from __future__ import annotations

import random

from .keras_models import keras2_program, keras3_program
from .program import Program
from .tf1_models import tf1_program
from .tf2_models import tf2_program

# Models of Keras take seconds to build.
_BUILDERS = (tf2_program,) * 5 + (tf1_program,) * 5 + (keras2_program, keras3_program)

FAMILIES = {
    "tf2": tf2_program,
    "tf1": tf1_program,
    "keras2": keras2_program,
    "keras3": keras3_program,
}


def draw_program(chance: random.Random, families: tuple[str, ...] = ()) -> Program:
    """Draws a model of one of the families, or of any."""
    builders = [builder for builder in _BUILDERS if builder in map(FAMILIES.get, families)]
    return chance.choice(builders or _BUILDERS)(chance)

"""Boundary steps: what is done to a value between a signature's endpoint and its tensor.

Each step is a type rule, the nodes it adds to a graph, and a meaning in numpy. A new file in this
package is found without being registered.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from inspect import isabstract

from sigpb.steps.step import Step, step_name

__all__ = ["step_types"]


@cache
def step_types() -> dict[str, type[Step]]:
    """Returns every kind of step there is, by its name and sorted by that.

    Those that only other steps are made of begin with an underscore, and are left out.
    """
    kinds = {}
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        for value in vars(module).values():
            is_kind = isinstance(value, type) and issubclass(value, Step)
            is_kind = is_kind and not isabstract(value) and not value.__name__.startswith("_")
            if is_kind and value.__module__ == module.__name__:
                kinds[step_name(value)] = value
    return dict(sorted(kinds.items()))

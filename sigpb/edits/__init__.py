"""The edits. A new one, in a file of this package, is found without being registered."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache

from sigpb.edits.edit import Edit, EndpointTarget, SignatureTarget

__all__ = ["Edit", "EndpointTarget", "SignatureTarget", "edit_types"]


@cache
def edit_types() -> tuple[type[Edit], ...]:
    """Returns every kind of edit there is, sorted by name: as a plan lists them."""
    types: list[type[Edit]] = []
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        types += [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Edit)
            and not inspect.isabstract(value)
            and value.__module__ == module.__name__
        ]
    return tuple(sorted(types, key=lambda kind: kind.__name__))

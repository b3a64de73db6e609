"""The edits: one file each. A new file in this package is found without being registered."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from sigpb.edits.edit import Edit, EndpointTarget, SignatureTarget

__all__ = ["Edit", "EndpointTarget", "SignatureTarget", "edit_types"]


@cache
def edit_types() -> tuple[type[Edit], ...]:
    """Returns every kind of edit there is, in the order of the names of their modules."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    types: list[type[Edit]] = []
    for name in modules:
        module = importlib.import_module(f"{__name__}.{name}")
        types += [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Edit)
            and value is not Edit
            and value.__module__ == module.__name__
        ]
    return tuple(types)

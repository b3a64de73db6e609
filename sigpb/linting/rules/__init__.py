"""The rules: one file each. A new file in this package is found without being registered."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from sigpb.linting.rule import LintRule

__all__ = ["all_rules"]


@cache
def all_rules() -> tuple[LintRule, ...]:
    """Returns every rule there is, sorted by id."""
    rules: list[LintRule] = []
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        rules += [
            value()
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, LintRule)
            and value is not LintRule
            and value.__module__ == module.__name__
        ]
    return tuple(sorted(rules, key=lambda rule: rule.id))

"""What ops make of the batch dimension, and which sizes they accept: a rule for each op.

A module of rules is found by being here, and a rule by its decorator: see `operation`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from sigpb.batch_size.rules.operation import RULES, Rule


@cache
def _load() -> None:
    for module in pkgutil.iter_modules(__path__, __name__ + "."):
        importlib.import_module(module.name)


def rule_of(op: str) -> Rule | None:
    """Returns the rule of an op, or None."""
    _load()
    return RULES.get(op)

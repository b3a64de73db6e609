"""An input takes all shapes that it took, and more."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served, reshaped


def _check(served: Served) -> Iterator[str]:
    return reshaped(served, "input", "widened")


RULE = Rule("input-shape-widened", "compatible", __doc__, _check)

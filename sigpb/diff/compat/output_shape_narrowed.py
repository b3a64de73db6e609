"""An output has one of the shapes that it could have."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served, reshaped


def _check(served: Served) -> Iterator[str]:
    return reshaped(served, "output", "narrowed")


RULE = Rule("output-shape-narrowed", "compatible", __doc__, _check)

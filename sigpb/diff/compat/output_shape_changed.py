"""An output has another shape."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served, reshaped


def _check(served: Served) -> Iterator[str]:
    return reshaped(served, "output", "other")


RULE = Rule("output-shape-changed", "breaking", __doc__, _check)

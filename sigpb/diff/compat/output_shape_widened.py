"""An output may have other shapes than it could have."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served, reshaped


def _check(served: Served) -> Iterator[str]:
    return reshaped(served, "output", "widened")


RULE = Rule("output-shape-widened", "warning", __doc__, _check)

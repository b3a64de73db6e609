"""An input takes fewer shapes than it did."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served, reshaped


def _check(served: Served) -> Iterator[str]:
    return reshaped(served, "input", "narrowed")


RULE = Rule("input-shape-narrowed", "breaking", __doc__, _check)

"""An input is made of other tensors: dense, sparse or composite."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served, restated


def _check(served: Served) -> Iterator[str]:
    return restated(served, "input", lambda end: end.encoding)


RULE = Rule("input-encoding-changed", "breaking", __doc__, _check)

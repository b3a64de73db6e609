"""An input has another key, and nothing has the key it had."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served, renamed


def _check(served: Served) -> Iterator[str]:
    return renamed(served, "input")


RULE = Rule("input-renamed", "breaking", __doc__, _check)

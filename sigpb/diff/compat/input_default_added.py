"""An input may be left out."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served
from sigpb.diff.endpoint_text import default_text


def _check(served: Served) -> Iterator[str]:
    for before, after in served.kept("input"):
        if before.default is None and after.default is not None:
            yield f"input {before.key!r} has the default {default_text(after)} now"


RULE = Rule("input-default-added", "compatible", __doc__, _check)

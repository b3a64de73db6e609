"""An input has another value for those who leave it out."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served, same_default
from sigpb.diff.endpoint_text import default_text


def _check(served: Served) -> Iterator[str]:
    for before, after in served.kept("input"):
        if before.default is not None and after.default is not None:
            texts = default_text(before), default_text(after)
            if not same_default(before.default, after.default):
                yield f"input {before.key!r} has the default {texts[1]} in place of {texts[0]}"


RULE = Rule("input-default-changed", "warning", __doc__, _check)

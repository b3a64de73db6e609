"""An input that clients could leave out has to be sent."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served


def _check(served: Served) -> Iterator[str]:
    for before, after in served.kept("input"):
        if before.default is not None and after.default is None:
            yield f"input {before.key!r} has no default any more"


RULE = Rule("input-default-removed", "breaking", __doc__, _check)

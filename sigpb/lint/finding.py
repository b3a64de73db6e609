"""What a rule finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a model, or may surprise.

    Attributes:
        rule: The id of the rule that found it.
        severity: An ``error`` makes a loader or a server fail, or return wrong values; a
            ``warning`` does so for some of them; an ``info`` is good to know.
        message: What is wrong, in whole sentences.
        where: The part of the model that it is about; empty for the model as a whole.
        fix: What ``--fix`` does about it; None if it does nothing.
    """

    rule: str
    severity: Severity
    message: str
    where: str
    fix: str | None = None


def listed(names: Sequence[str], limit: int = 5) -> str:
    """Writes names as ``'a', 'b' and 3 more``.

    Args:
        names: The names.
        limit: How many are written at most.
    """
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(map(repr, names[:limit])) + more

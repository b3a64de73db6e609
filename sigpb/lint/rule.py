"""What every rule is, and what rules find."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from sigpb.lint.fixing import Fixing
from sigpb.lint.linted_model import LintedModel

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


class LintRule(ABC):
    """Something that a model should be.

    Attributes:
        id: Names the rule in reports and on the command line.
        severity: How severe what it finds is, as a rule.
        explanation: What it is about, why it matters and what to do; ends like a sentence.
        fixes: What can be done about it, by a name for each way. With several ways, the user has
            to choose one.
        is_decisive: Whether a model in which it finds something can be read by nobody, so that
            the other rules are not asked.
    """

    id: ClassVar[str]
    severity: ClassVar[Severity]
    explanation: ClassVar[str]
    fixes: ClassVar[Mapping[str, str]] = {}
    is_decisive: ClassVar[bool] = False

    @abstractmethod
    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Yields what the rule finds in a model.

        Raises:
            ModelUnreadable: If a part of the model is damaged.
        """

    def fix(self, fixing: Fixing, way: str) -> None:  # noqa: B027 (most rules have no fix)
        """Fixes what was found where its `Finding.fix` says so.

        Args:
            fixing: The model, and what becomes of it.
            way: One of `fixes`.

        Raises:
            PatchError: If it cannot be fixed in this way.
        """

    def finding(
        self, message: str, where: str = "", *, severity: Severity | None = None, fix: str = ""
    ) -> Finding:
        """Returns a finding of this rule."""
        return Finding(self.id, severity or self.severity, message, where, fix or None)

"""The rules of 'sigpb lint'; 'lint-rules RULE' says what a rule is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sigpb.cli.help import layout
from sigpb.inspect.styled_text import Line, line

if TYPE_CHECKING:
    from sigpb.linting.rule import LintRule


def lines(arguments: Sequence[str], width: int) -> Iterator[Line]:
    """Yields the text.

    Args:
        arguments: The ids of rules; all of them are listed if there are none.
        width: The columns of a line.

    Raises:
        UsageError: If there is no such rule.
    """
    from sigpb.cli.commands.lint import explanation
    from sigpb.linting.rules import all_rules

    if not arguments:
        yield layout.heading("Rules:")
        yield from layout.terms(map(_entry, all_rules()), width)
    for number, name in enumerate(arguments):
        if number:
            yield line("")
        yield from layout.paragraphs(explanation(name), width)


def _entry(rule: LintRule) -> tuple[str, str]:
    """Returns the id of a rule, and what it finds."""
    summary = (type(rule).__doc__ or "").partition("\n")[0]
    return (
        rule.id,
        f"{summary.replace('``', '')} [{rule.severity}{', can be fixed' if rule.fixes else ''}]",
    )

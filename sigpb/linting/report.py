"""What linting models found, as data, text, JSON values and HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sigpb import html_text, protos
from sigpb.errors import ModelUnreadable, SigpbError
from sigpb.inspect.proto_source import models_at
from sigpb.json_values import json_value
from sigpb.linting.lint import lint
from sigpb.linting.rule import SEVERITIES, Finding, LintRule
from sigpb.visible_text import visible_lines


@dataclass(frozen=True)
class ModelReport:
    """What is to be said of a model.

    Attributes:
        findings: What was found, or is left after fixing.
        fixed: What was fixed.
        backup: The directory of the files as they were; None if there is none.
    """

    findings: tuple[Finding, ...]
    fixed: tuple[Finding, ...] = ()
    backup: Path | None = None


@dataclass(frozen=True, repr=False)
class LintReport:
    """What is to be said of all models; printing it shows what ``sigpb lint`` prints.

    Attributes:
        models: The models by their paths, or URLs.
        unreadable: Why others could not be read.
        unfixed: Why models could not be fixed, while others were.
    """

    models: Mapping[Path | str, ModelReport]
    unreadable: tuple[str, ...] = ()
    unfixed: Mapping[Path | str, SigpbError] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found in all models."""
        return tuple(each for model in self.models.values() for each in model.findings)

    @property
    def counts(self) -> Counter[str]:
        """The number of findings by severity."""
        return Counter(finding.severity for finding in self.findings)

    @property
    def conclusion(self) -> str:
        """The last line: how much was found in how many models."""
        counts = [_counted(self.counts[severity], severity) for severity in SEVERITIES]
        if self.unreadable:
            counts.append(f"{len(self.unreadable)} that cannot be read")
        return f"{_counted(len(self.models), 'model')}: {', '.join(counts)}"

    def __str__(self) -> str:
        return visible_lines(self.lines())

    def __repr__(self) -> str:
        return f"<LintReport of {self.conclusion}>"

    def _repr_html_(self) -> str:
        titles = ("severity", "rule", "where", "what", "fix")
        parts = []
        for path, model in self.models.items():
            rows = [
                (
                    html_text.Cell(each.severity, "warning" if each.severity != "info" else "dim"),
                    *(each.rule, each.where, each.message, each.fix or ""),
                )
                for each in model.findings
            ]
            parts += [html_text.heading(str(path)), html_text.table(titles, rows)] if rows else []
        return html_text.document(
            *parts,
            html_text.lines(*self.unreadable, *self.unfixed_lines()),
            html_text.heading(self.conclusion),
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON values; docs/json.md describes it."""
        return {
            "models": [
                {"model": str(path), **json_value(model)} for path, model in self.models.items()
            ],
            "counts": {severity: self.counts[severity] for severity in SEVERITIES},
            "unreadable": list(self.unreadable),
            "unfixed": self.unfixed_lines(),
        }

    def unfixed_lines(self) -> list[str]:
        """Says why models could not be fixed, a line for each reason."""
        return [
            f"{path}: not fixed: {line}"
            for path, error in self.unfixed.items()
            for line in error.lines
        ]

    def lines(self) -> list[str]:
        """Returns the lines of the report; models of which there is nothing to say are counted."""
        lines = []
        for path, model in self.models.items():
            if model.findings or model.fixed:
                lines.append(str(path))
                lines += [_line("fixed", finding) for finding in model.fixed]
                for finding in model.findings:
                    lines.append(_line(finding.severity, finding))
                    lines += [f"           --fix {finding.fix}"] if finding.fix else []
                if model.backup:
                    lines.append(f"  the files as they were are in {model.backup}")
        return [*lines, self.conclusion]


def lint_all(
    paths: Iterable[str | Path], rules: Sequence[LintRule], policy: protos.LintPolicy
) -> LintReport:
    """Lints models; those that cannot be read are reported, and the others are linted all the same.

    Args:
        paths: Models, or directories with models below them; paths or URLs.
        rules: The rules.
        policy: What is asked of the models.
    """
    models: dict[Path | str, ModelReport] = {}
    unreadable: list[str] = []
    for path in paths:
        try:
            for model in models_at(path):
                try:
                    models[model] = ModelReport(lint(model, rules, policy))
                except ModelUnreadable as error:
                    unreadable.append(str(error))
        except ModelUnreadable as error:
            unreadable.append(str(error))
    return LintReport(models, tuple(unreadable))


def _line(kind: str, finding: Finding) -> str:
    where = f"{finding.where}: " if finding.where else ""
    return f"  {kind:<7}  {finding.rule}: {where}{finding.message}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 or noun == 'info' else 's'}"

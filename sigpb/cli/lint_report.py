"""What `sigpb lint` prints."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sigpb.errors import SigpbError
from sigpb.json_values import json_value
from sigpb.linting.rule import SEVERITIES, Finding


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


@dataclass
class Report:
    """What is to be said of all models.

    Attributes:
        models: The models by their paths.
        unreadable: Why others could not be read.
        unfixed: Why models could not be fixed, while others were.
    """

    models: dict[Path, ModelReport] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    unfixed: dict[Path, SigpbError] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[str]:
        """The number of findings by severity."""
        return Counter(
            finding.severity for model in self.models.values() for finding in model.findings
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON values; docs/json.md describes it."""
        return {
            "models": [
                {"model": str(path), **json_value(model)} for path, model in self.models.items()
            ],
            "counts": {severity: self.counts[severity] for severity in SEVERITIES},
            "unreadable": self.unreadable,
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
        counts = [_counted(self.counts[severity], severity) for severity in SEVERITIES]
        return [*lines, f"{_counted(len(self.models), 'model')}: {', '.join(counts)}"]


def _line(kind: str, finding: Finding) -> str:
    where = f"{finding.where}: " if finding.where else ""
    return f"  {kind:<7}  {finding.rule}: {where}{finding.message}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 or noun == 'info' else 's'}"

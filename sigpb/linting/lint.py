"""Linting a model, and fixing what can be fixed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.policy import EMPTY_POLICY, severity_of
from sigpb.linting.rule import SEVERITIES, Finding, Fixing, LintRule
from sigpb.phases import phase
from sigpb.publishing.changes import EXCHANGE_NAME
from sigpb.publishing.exchange import locked
from sigpb.publishing.new_files import remove
from sigpb.publishing.publish import publish_in_place
from sigpb.publishing.unfinished import is_unfinished, take_back_unfinished
from sigpb.remote.at_hand import at_hand
from sigpb.saved_model.files import BINARY_NAME, TEXT_NAME, locate
from sigpb.saved_model.model import SavedModel, open_proto

Ways = Mapping[str, str]
"""Which of its fixes is to be made, by the id of a rule that has several."""

NO_WAYS: Ways = {}


@dataclass(frozen=True)
class Fixed:
    """What became of a model.

    Attributes:
        fixed: The findings that are fixed.
        findings: The findings that are left.
        backup: The directory of the files as they were; None if there is none.
    """

    fixed: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    backup: Path | None


@phase("lint")
def lint(
    path: str | Path, rules: Sequence[LintRule], policy: protos.LintPolicy = EMPTY_POLICY
) -> tuple[Finding, ...]:
    """Returns what rules find in a model, the most severe first.

    Args:
        path: The model's directory, or its URL.
        rules: The rules.
        policy: What is asked of the model.

    Raises:
        ModelUnreadable: If there is no model, or not one that can be read.
        EnvironmentFailure: If the store of a URL fails.
    """
    with at_hand(path) as found, _open(found.path) as model:
        return _findings(model, rules, policy)


def fix(
    path: str | Path,
    rules: Sequence[LintRule],
    policy: protos.LintPolicy = EMPTY_POLICY,
    *,
    ways: Ways = NO_WAYS,
    backup: bool = True,
) -> Fixed:
    """Fixes what rules find in a model and can fix, in place: all of it or nothing.

    Args:
        path: The model's directory.
        rules: The rules.
        policy: What is asked of the model.
        ways: Which fix to make, for each rule that has several.
        backup: Whether to keep the files as they were.

    Raises:
        ModelUnreadable: If there is no model, or not one that can be read.
        PatchError: If a way has to be chosen, if something cannot be fixed in the way that is
            chosen, or if that would bring new errors.
        EnvironmentFailure: If something cannot be read or written.
    """
    taken_back: tuple[Finding, ...] = ()
    if is_unfinished(_main_proto(path).parent):
        # First: what has to be fixed is seen when the files of the model fit together again.
        findings = lint(path, rules, policy)
        taken_back = tuple(each for each in findings if each.where == EXCHANGE_NAME)
        take_back_unfinished(_main_proto(path).parent)
    with _open(path) as model:
        before = _findings(model, rules, policy)
        fixable = tuple(finding for finding in before if finding.fix)
        if problems := undecided(fixable, rules, ways):
            raise PatchError(problems)
        fixing = Fixing(model)
        for rule in rules:
            if any(finding.rule == rule.id for finding in fixable):
                rule.fix(fixing, ways.get(rule.id) or next(iter(rule.fixes)))
        _check(fixing, rules, policy, before)
        changes, kept = fixing.changes(), None
        if changes:
            kept = publish_in_place(model.directory, changes, expected=model.state, backup=backup)
        if fixing.leftovers:
            with locked(model.directory):
                for leftover in fixing.leftovers:
                    remove(leftover)
        backup_directory = kept and model.directory / kept.name
    left = lint(path, rules, policy)
    fixed = (*taken_back, *(each for each in fixable if each not in left))
    return Fixed(fixed, left, backup_directory)


def undecided(findings: Sequence[Finding], rules: Sequence[LintRule], ways: Ways) -> list[str]:
    """Says, for findings that can be fixed in several ways, that one has to be chosen."""
    found = {finding.rule for finding in findings if finding.fix}
    return [
        f"What {rule.id} found can be fixed in {len(rule.fixes)} ways. Choose one: "
        + ", or ".join(
            f"--choose={rule.id}={way}, which {what}" for way, what in rule.fixes.items()
        )
        + f"; or leave it as it is with --ignore={rule.id}."
        for rule in rules
        if rule.id in found and len(rule.fixes) > 1 and rule.id not in ways
    ]


def _open(path: str | Path) -> SavedModel:
    return open_proto(_main_proto(path))


def _main_proto(path: str | Path) -> Path:
    """Finds the proto that loaders read, also where there are two."""
    directory = Path(path)
    if directory.name in (BINARY_NAME, TEXT_NAME):
        directory = directory.parent
    if (directory / BINARY_NAME).is_file() and (directory / TEXT_NAME).exists():
        return directory / BINARY_NAME
    return locate(Path(path))


def _findings(
    model: SavedModel, rules: Sequence[LintRule], policy: protos.LintPolicy
) -> tuple[Finding, ...]:
    linted = LintedModel(model, policy)
    findings = []
    for rule in sorted(rules, key=lambda rule: not rule.is_decisive):
        severity = severity_of(policy, rule.id)
        for finding in rule.findings(linted):
            changed = dataclasses.replace(finding, severity=severity or finding.severity)
            findings.append(changed)
        if findings and rule.is_decisive:
            break
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def _check(
    fixing: Fixing,
    rules: Sequence[LintRule],
    policy: protos.LintPolicy,
    before: Sequence[Finding],
) -> None:
    """Makes sure that the proto as fixed has no errors that it did not have before."""
    known = {(finding.rule, finding.where) for finding in before}
    new = [
        f"{finding.where}: {finding.message}"
        for finding in _findings(fixing.model, rules, policy)
        if finding.severity == "error" and (finding.rule, finding.where) not in known
    ]
    if new:
        raise PatchError(["Nothing was changed, because the fix would bring new errors:", *new])

"""What an interrupted run left."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, Fixing, LintRule
from sigpb.publishing.changes import EXCHANGE_NAME, TEMPORARY_PREFIX
from sigpb.publishing.unfinished import is_unfinished


class Leftovers(LintRule):
    """Finds temporary files of sigpb in a model, and unfinished copies beside it."""

    id = "leftovers"
    severity = "warning"
    explanation = (
        f"Files and directories whose names start with {TEMPORARY_PREFIX!r} belong to a run of "
        "sigpb that was interrupted, or is not over yet. Loaders do not look at them, but they "
        "take up space."
    )
    remedy = (
        "Make sure that no run of sigpb is at work on the model. An unfinished copy beside the "
        "model is not removed by --fix, because a run that makes it may not be over: remove it "
        "yourself."
    )
    example = ".sigpb-tmp-backup-0123abcd: An interrupted run left this."
    fixes = {"remove": "takes back what was begun, and removes what is in the model"}

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks in the model, and beside it for copies under its name."""
        directory = model.model.directory.absolute()
        if is_unfinished(directory):
            yield self.finding(
                "A process was killed while it exchanged files of the model, or is exchanging "
                "them now. The proto is whole, but files beside it may be missing.",
                EXCHANGE_NAME,
                fix="takes back what was begun",
            )
        for path in sorted(directory.rglob(f"{TEMPORARY_PREFIX}*")):
            if not any(TEMPORARY_PREFIX in part for part in path.relative_to(directory).parts[:-1]):
                yield self.finding(
                    "An interrupted run left this.",
                    str(path.relative_to(directory)),
                    fix=self.fixes["remove"],
                )
        copy = re.compile(re.escape(f"{TEMPORARY_PREFIX}{directory.name[:50]}-") + "[0-9a-f]{8}")
        for path in sorted(directory.parent.glob(f"{TEMPORARY_PREFIX}*")):
            if copy.fullmatch(path.name):
                yield self.finding("An interrupted run left this unfinished copy.", str(path))

    def fix(self, fixing: Fixing, way: str) -> None:
        """Has what is in the model removed."""
        fixing.leftovers += sorted(fixing.model.directory.rglob(f"{TEMPORARY_PREFIX}*"))

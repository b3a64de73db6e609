"""Verifying what changes make of a model before they are published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sigpb.patching.plan import Plan
from sigpb.publishing.changes import Changes
from sigpb.publishing.staged import staged
from sigpb.saved_model.model import SavedModel, open_model
from sigpb.verifying.from_plan import mapping_of
from sigpb.verifying.report import NotEquivalent, VerifyReport
from sigpb.verifying.verify import Options, verify


def verify_changes(
    model: SavedModel, plan: Plan, changes: Changes, options: Options, output: Path
) -> VerifyReport:
    """Compares a model with what changes make of it.

    Args:
        model: The model as it is.
        plan: The plan that the changes carry out.
        changes: The new content of its files.
        options: How to compare them.
        output: Where it is going to be, for the report.

    Raises:
        UnsafeModel: If it has ops that reach outside of it, and are not allowed.
        EnvironmentFailure: If TensorFlow cannot run it.
        NotEquivalent: If it does not do what it did.
    """
    with staged(model.directory, changes) as stage, open_model(stage) as patched:
        report = verify(model, patched, mapping_of(model, plan), options)
    report = replace(report, new=output)
    if report.verdict != "equivalent":
        raise NotEquivalent(report)
    return report

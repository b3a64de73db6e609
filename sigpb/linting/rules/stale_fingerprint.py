"""A fingerprint that belongs to another model."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, Fixing, LintRule, fingerprint_of
from sigpb.saved_model import fingerprint as fingerprints

# What the hashes of other versions of TensorFlow agree about with this one's.
_LASTING = ("graph_def_program_hash", "saved_object_graph_hash", "checkpoint_hash")
_ALL = (*_LASTING, "saved_model_checksum", "signature_def_hash")


class StaleFingerprint(LintRule):
    """Recomputes the hashes of ``fingerprint.pb``."""

    id = "stale-fingerprint"
    severity = "warning"
    explanation = (
        "The hashes in fingerprint.pb are not those of the model: something changed the model "
        "and left the file as it was. Whoever compares fingerprints takes it for another model."
    )
    remedy = "Find out what changed the model, if you do not know."
    example = (
        "fingerprint.pb: It does not belong to this model: saved_model_checksum, "
        "signature_def_hash differ."
    )
    fixes = {"recompute": "recomputes the fingerprint"}

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares the hashes that are there, and that are quick to compute."""
        file = model.model.directory / fingerprints.FILE_NAME
        if not file.exists():
            return
        try:
            wanted = fingerprint_of(model.model)
        except fingerprints.FingerprintError:
            return  # The rule function-names says why.
        fix = self.fixes["recompute"]
        try:
            found = fingerprints.read(file)
        except ModelUnreadable as error:
            yield self.finding(str(error), fingerprints.FILE_NAME, fix=fix)
            return
        if stale := _differing(found, wanted):
            yield self.finding(
                f"It does not belong to this model: {', '.join(stale)} "
                f"{'differs' if len(stale) == 1 else 'differ'}.",
                fingerprints.FILE_NAME,
                fix=fix,
            )

    def fix(self, fixing: Fixing, way: str) -> None:
        """Has the fingerprint recomputed."""
        fixing.fingerprint = True


def _differing(found: protos.FingerprintDef, wanted: protos.FingerprintDef) -> list[str]:
    same_version = found.version.producer == fingerprints.PRODUCER
    return [
        name
        for name in (_ALL if same_version else _LASTING)
        if getattr(found, name) and getattr(wanted, name)
        if getattr(found, name) != getattr(wanted, name)
    ]

"""A fingerprint that TensorFlow would have written."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, Fixing, LintRule, fingerprint_of
from sigpb.saved_model import fingerprint as fingerprints
from sigpb.saved_model.model import SavedModel

# `tf.saved_model.save` writes fingerprints from this version on
# (tensorflow/python/saved_model/save.py); the builder of TF1 models never did.
_FIRST_VERSION = (2, 12)


class MissingFingerprint(LintRule):
    """Finds models without ``fingerprint.pb`` where `tf.saved_model.save` leaves one."""

    id = "missing-fingerprint"
    severity = "info"
    explanation = (
        "TensorFlow 2.12 and later write fingerprint.pb beside a model. This model has none: "
        "something removed it, or did not copy it. Models load without it; "
        "tf.saved_model.experimental.read_fingerprint fails."
    )
    remedy = "If nobody reads fingerprints, there is nothing to do."
    example = "fingerprint.pb: TensorFlow 2.21.0 writes one, and there is none."
    fixes = {"compute": "computes the fingerprint"}

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at who wrote the model."""
        file = model.model.directory / fingerprints.FILE_NAME
        first = model.model.meta_graphs[0]
        release = first.tensorflow_release
        if file.exists() or not first.has_object_graph or not release:
            return
        if release >= _FIRST_VERSION:
            yield self.finding(
                f"TensorFlow {first.tensorflow_version} writes one, and there is none.",
                fingerprints.FILE_NAME,
                fix=self.fixes["compute"] if _can_be_made(model.model) else "",
            )

    def fix(self, fixing: Fixing, way: str) -> None:
        """Has a fingerprint computed."""
        fixing.fingerprint = True


def _can_be_made(model: SavedModel) -> bool:
    try:
        fingerprint_of(model)
    except fingerprints.FingerprintError:
        return False
    return True

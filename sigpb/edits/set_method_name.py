"""Sets the method name of a signature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.edits.edit import Edit, SignatureTarget
from sigpb.rewrite.draft import MetaGraphDraft, SignatureRef


@dataclass(frozen=True)
class SetMethodName(Edit):
    """Sets `method_name`, by which TensorFlow Serving tells what requests a signature takes."""

    signature: SignatureRef
    before: str
    to: str

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch names another method than the signature has."""
        before = target.signature_def.method_name
        if target.patch.HasField("method_name") and target.patch.method_name != before:
            yield cls(target.ref, before, target.patch.method_name)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the method name."""
        draft.signature(self.signature).method_name = self.to

    def describe(self) -> str:
        """Returns for instance ``signature 'x': method '' → 'tensorflow/serving/predict'``."""
        return f"signature {self.signature.key!r}: method {self.before!r} → {self.to!r}"

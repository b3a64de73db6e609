"""Renames a signature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.edits.edit import Edit, SignatureTarget
from sigpb.rewrite.draft import MetaGraphDraft, SignatureRef


@dataclass(frozen=True)
class RenameSignature(Edit):
    """Gives a signature another key."""

    signature: SignatureRef
    to: str

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the signature is not yet under the patch's ``rename_to``."""
        if target.patch.HasField("rename_to") and target.patch.rename_to != target.ref.key:
            yield cls(target.ref, target.patch.rename_to)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the new key."""
        draft.signature(self.signature).key = self.to

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default' → 'predict'``."""
        return f"signature {self.signature.key!r} → {self.to!r}"

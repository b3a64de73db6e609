"""Copies a signature under a second key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.edits.edit import Edit, SignatureTarget
from sigpb.rewrite.draft import MetaGraphDraft, SignatureRef


@dataclass(frozen=True)
class CopySignature(Edit):
    """Adds the signature `signature`, which names its original too."""

    signature: SignatureRef

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``copy_of``."""
        if target.ref.copy_of is not None:
            yield cls(target.ref)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Makes the copy."""
        draft.signature(self.signature)

    def describe(self) -> str:
        """Returns for instance ``signature 'legacy': copied from 'serving_default'``."""
        return f"signature {self.signature.key!r}: copied from {self.signature.copy_of!r}"

"""Deletes a signature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.edits.edit import Edit, SignatureTarget
from sigpb.rewrite.draft import MetaGraphDraft, SignatureRef


@dataclass(frozen=True)
class DeleteSignature(Edit):
    """Removes a signature; the part of the graph behind it stays."""

    signature: SignatureRef

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``drop``."""
        if target.patch.drop:
            yield cls(target.ref)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Drops the signature."""
        draft.signature(self.signature).dropped = True

    def describe(self) -> str:
        """Returns for instance ``signature 'legacy': deleted``."""
        return f"signature {self.signature.key!r}: deleted"

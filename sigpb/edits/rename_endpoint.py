"""Renames an input or output of a signature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.edits.edit import Edit, EndpointTarget
from sigpb.rewrite.draft import MetaGraphDraft, Side, SignatureRef


@dataclass(frozen=True)
class RenameEndpoint(Edit):
    """Gives an input or output another key."""

    signature: SignatureRef
    side: Side
    key: str
    to: str

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted where the endpoint is not yet under the patch's ``rename_to``."""
        if target.patch.HasField("rename_to") and target.patch.rename_to != target.key:
            yield cls(target.signature.ref, target.side, target.key, target.patch.rename_to)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the new key."""
        draft.signature(self.signature).endpoints(self.side)[self.key].key = self.to

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default': input 'x' → 'image'``."""
        return f"signature {self.signature.key!r}: {self.side} {self.key!r} → {self.to!r}"

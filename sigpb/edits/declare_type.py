"""States the dtype and shape of an input or output, which this version cannot change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.edits.edit import Edit, EndpointTarget
from sigpb.rewrite.draft import MetaGraphDraft, Side, SignatureRef
from sigpb.saved_model.model import MetaGraph
from sigpb.tensor_types import dtype_name, shape_of, shape_text


@dataclass(frozen=True)
class DeclareType(Edit):
    """Refuses a dtype or shape other than the one there is."""

    signature: SignatureRef
    side: Side
    key: str
    before: str
    to: str

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted where the patch names another dtype or shape than the endpoint has."""
        for field, before in (
            ("dtype", dtype_name(target.info.dtype)),
            ("shape", shape_text(shape_of(target.info.tensor_shape))),
        ):
            wanted = getattr(target.patch, field)
            if target.patch.HasField(field) and wanted.replace(" ", "") != before:
                yield cls(target.signature.ref, target.side, target.key, before, wanted)

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """Always: changing what flows through the graph takes more than names."""
        yield (
            f"signature {self.signature.key!r}: {self.side} {self.key!r} is {self.before}, and this "
            f"version of sigpb cannot make it {self.to}."
        )

    def apply(self, draft: MetaGraphDraft) -> None:
        """Changes nothing."""

    def describe(self) -> str:
        """Returns for instance ``signature 'predict': input 'x' float32 → uint8``."""
        return (
            f"signature {self.signature.key!r}: {self.side} {self.key!r} {self.before} → {self.to}"
        )

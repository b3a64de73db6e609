"""The signatures a MetaGraph is to have: what edits change and `rewrite.commit` writes.

A draft starts as a description of the MetaGraph as it is. Its parts keep the keys they have in the
model beside the keys they are to have, so all changes are simultaneous and their order does not
matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sigpb import protos
from sigpb.saved_model.model import MetaGraph

Side = Literal["input", "output"]


@dataclass(frozen=True)
class SignatureRef:
    """Names a signature of a draft.

    Attributes:
        key: The signature's key in the model; for a copy, the key it is to have.
        copy_of: For a copy, the key of its original in the model.
    """

    key: str
    copy_of: str | None = None

    @property
    def source(self) -> str:
        """The key, in the model, of the signature that this one is or is copied from."""
        return self.key if self.copy_of is None else self.copy_of


@dataclass
class EndpointDraft:
    """An input or output of a signature.

    Attributes:
        source: Its key in the model.
        key: The key it is to have.
        dropped: Whether it is to go.
    """

    source: str
    key: str
    dropped: bool = False

    @property
    def changed(self) -> bool:
        """Whether it differs from the model."""
        return self.dropped or self.key != self.source


@dataclass
class SignatureDraft:
    """A signature, and its endpoints by their keys in the model."""

    ref: SignatureRef
    key: str
    method_name: str
    source_method_name: str
    inputs: dict[str, EndpointDraft]
    outputs: dict[str, EndpointDraft]
    dropped: bool = False

    def endpoints(self, side: Side) -> dict[str, EndpointDraft]:
        """Returns the inputs or the outputs, also those that are to go."""
        return self.inputs if side == "input" else self.outputs

    def kept(self, side: Side) -> list[EndpointDraft]:
        """Returns the inputs or outputs that are not to be dropped."""
        return [end for end in self.endpoints(side).values() if not end.dropped]

    def keys(self, side: Side) -> list[str]:
        """Returns the keys that the inputs or outputs are to have."""
        return [end.key for end in self.kept(side)]

    @property
    def endpoints_changed(self) -> bool:
        """Whether any input or output differs from the model."""
        return any(end.changed for end in (*self.inputs.values(), *self.outputs.values()))

    @property
    def changed(self) -> bool:
        """Whether it is a copy, or its SignatureDef or the key of that differs from the model."""
        return (
            self.ref.copy_of is not None
            or self.dropped
            or self.key != self.ref.source
            or self.method_name != self.source_method_name
            or self.endpoints_changed
        )


@dataclass
class MetaGraphDraft:
    """A MetaGraph as it is to be.

    Attributes:
        meta_graph: The MetaGraph as it is.
        tags: The tag-set it is to have.
        signatures: Its signatures without TensorFlow's internal ones, and copies.
    """

    meta_graph: MetaGraph
    tags: tuple[str, ...]
    signatures: dict[SignatureRef, SignatureDraft] = field(default_factory=dict)

    @classmethod
    def of(cls, meta_graph: MetaGraph) -> MetaGraphDraft:
        """Returns a draft without changes."""
        draft = cls(meta_graph, meta_graph.tags)
        for key in meta_graph.user_signatures:
            draft.signature(SignatureRef(key))
        return draft

    def signature(self, ref: SignatureRef) -> SignatureDraft:
        """Returns the signature that `ref` names; a copy comes into being by asking for it."""
        if ref not in self.signatures:
            self.signatures[ref] = _unchanged(ref, self.meta_graph.signatures[ref.source])
        return self.signatures[ref]

    def kept(self) -> Iterator[SignatureDraft]:
        """Yields the signatures that are not to be dropped."""
        return (signature for signature in self.signatures.values() if not signature.dropped)


def _unchanged(ref: SignatureRef, signature_def: protos.SignatureDef) -> SignatureDraft:
    return SignatureDraft(
        ref=ref,
        key=ref.key,
        method_name=signature_def.method_name,
        source_method_name=signature_def.method_name,
        inputs=_endpoints(signature_def.inputs),
        outputs=_endpoints(signature_def.outputs),
    )


def _endpoints(infos: Mapping[str, protos.TensorInfo]) -> dict[str, EndpointDraft]:
    return {key: EndpointDraft(key, key) for key in sorted(infos)}

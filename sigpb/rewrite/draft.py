"""The signatures a MetaGraph is to have, while edits change them.

A draft starts as a description of the MetaGraph as it is. Its parts keep the keys they have in the
model beside the keys they are to have, so all changes are simultaneous and their order does not
matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, NamedTuple, TypeVar

from sigpb import protos
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import Shape, TensorType

Side = Literal["input", "output"]
SIDES: tuple[Side, Side] = ("input", "output")


@dataclass(frozen=True, slots=True)
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


class WantedType(NamedTuple):
    """What an endpoint's type is to be, as far as it changes.

    Attributes:
        dtype: The dtype; None for the one it has.
        shape: The shape; "same" for the one it has.
        insist: Whether a reshape is meant even if it looks like a transpose.
    """

    dtype: int | None = None
    shape: Shape | Literal["same"] = "same"
    insist: bool = False

    def of(self, now: TensorType) -> TensorType:
        """Returns the whole type, given the one it has."""
        return TensorType(
            now.dtype if self.dtype is None else self.dtype,
            now.shape if self.shape == "same" else self.shape,
        )


class Endpoint:
    """What is asked of an endpoint that is to be, whether edits still change it or not."""

    __slots__ = ()

    source: str
    key: str
    dropped: bool
    type: WantedType | None
    bound: protos.TensorProto | None
    default: protos.TensorProto | None
    tensor: str | None

    @property
    def renamed(self) -> bool:
        """Whether it stays under another key."""
        return not self.dropped and self.key != self.source

    @property
    def changed(self) -> bool:
        """Whether it differs from the model."""
        return self.dropped or self.renamed or self.default is not None or self.converted

    @property
    def converted(self) -> bool:
        """Whether other values pass through it, so that the graph has to change."""
        return self.type is not None or self.bound is not None


AnyEndpoint = TypeVar("AnyEndpoint", bound=Endpoint)


class Signature(Generic[AnyEndpoint]):
    """What is asked of a signature that is to be, whether edits still change it or not."""

    __slots__ = ()

    ref: SignatureRef
    key: str
    method_name: str
    source_method_name: str
    inputs: Mapping[str, AnyEndpoint]
    outputs: Mapping[str, AnyEndpoint]
    dropped: bool
    added: Sequence[AnyEndpoint]

    def endpoints(self, side: Side) -> Mapping[str, AnyEndpoint]:
        """Returns the inputs or the outputs, also those that are to go, but not added ones."""
        return self.inputs if side == "input" else self.outputs

    def kept(self, side: Side) -> list[AnyEndpoint]:
        """Returns the inputs or outputs that are not to be dropped, without added ones."""
        return [end for end in self.endpoints(side).values() if not end.dropped]

    def keys(self, side: Side) -> list[str]:
        """Returns the keys that the inputs or outputs are to have, added ones too."""
        return [end.key for end in (*self.kept(side), *(self.added if side == "output" else ()))]

    @property
    def endpoints_changed(self) -> bool:
        """Whether any input or output differs from the model."""
        endpoints = (*self.inputs.values(), *self.outputs.values())
        return bool(self.added) or any(end.changed for end in endpoints)

    @property
    def converted(self) -> bool:
        """Whether values are converted, or added, so that what the graph says of them matters."""
        ends = (*self.inputs.values(), *self.outputs.values(), *self.added)
        return not self.dropped and any(
            end.converted or end.default is not None or end.tensor is not None for end in ends
        )

    @property
    def drops_outputs(self) -> bool:
        """Whether it stays, but outputs go: perhaps all that an earlier patch added."""
        return not self.dropped and any(end.dropped for end in self.outputs.values())

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


@dataclass(slots=True)
class EndpointDraft(Endpoint):
    """An input or output of a signature.

    Attributes:
        source: Its key in the model.
        key: The key it is to have.
        dropped: Whether it is to go.
        type: What type it is to have; None if that does not change.
        bound: For an input that is to go, the value it has from then on.
        rows_of: For a bound value of one row that is repeated, the input that has as many rows, by
            its key in the model.
        default: The value a client may leave out; None if that does not change.
        tensor: For an output that is to be added, the name of its tensor, in the graph or in a
            function. Its `source` means nothing then.
    """

    source: str
    key: str
    dropped: bool = False
    type: WantedType | None = None
    bound: protos.TensorProto | None = None
    rows_of: str | None = None
    default: protos.TensorProto | None = None
    tensor: str | None = None

    def change_type(
        self,
        dtype: int | None = None,
        shape: Shape | Literal["same"] = "same",
        *,
        insist: bool = False,
    ) -> None:
        """Sets what of the type is to change; the rest stays as it is set."""
        set_ = self.type or WantedType()
        self.type = WantedType(
            set_.dtype if dtype is None else dtype,
            set_.shape if shape == "same" else shape,
            set_.insist or insist,
        )


@dataclass(slots=True)
class SignatureDraft(Signature[EndpointDraft]):
    """A signature, and its endpoints by their keys in the model."""

    ref: SignatureRef
    key: str
    method_name: str
    source_method_name: str
    inputs: dict[str, EndpointDraft]
    outputs: dict[str, EndpointDraft]
    dropped: bool = False
    added: list[EndpointDraft] = field(default_factory=list)


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

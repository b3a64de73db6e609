"""What every edit is."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sigpb import protos
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.interface import SignatureRef
from sigpb.rewrite.port import Port, Side
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import TensorType, dtype_name, shape_text


class SignatureTarget(NamedTuple):
    """A signature that a patch names, found in a MetaGraph.

    Attributes:
        meta_graph: The MetaGraph.
        ref: The signature there, by the key it has now.
        patch: What the patch says of it.
    """

    meta_graph: MetaGraph
    ref: SignatureRef
    patch: protos.SignaturePatch

    @property
    def signature_def(self) -> protos.SignatureDef:
        """The signature as it is; of a copy, its original."""
        return self.meta_graph.signatures[self.ref.source]


class EndpointTarget(NamedTuple):
    """An input or output that a patch names, found in a signature.

    Attributes:
        signature: The signature.
        side: Whether it is an input or an output.
        key: The key it has now.
        patch: What the patch says of it.
    """

    signature: SignatureTarget
    side: Side
    key: str
    patch: protos.EndpointPatch

    @property
    def info(self) -> protos.TensorInfo:
        """Its TensorInfo as it is."""
        signature_def = self.signature.signature_def
        endpoints = signature_def.inputs if self.side == "input" else signature_def.outputs
        return endpoints[self.key]


def is_new(patch: protos.EndpointPatch) -> bool:
    """Whether a patch adds an input or output, rather than to name one of the model."""
    return patch.add or any(map(patch.HasField, NEW_FROM))


def has_patterns(patch: protos.SavedModelPatch) -> bool:
    """Whether a patch has patterns in the place of keys."""
    return any(
        entry.HasField("key_pattern")
        for item in patch.signature
        for entry in (item, *item.input, *item.output)
    )


def has_grafts(patch: protos.SavedModelPatch) -> bool:
    """Whether a patch puts adapters before or after signatures, or takes some out."""
    ends = (end for item in patch.signature for end in (*item.input, *item.output))
    return any(each.before or each.after or each.ungraft for each in patch.signature) or any(
        step.lstrip().startswith("model") for end in ends for step in end.step
    )


NEW_FROM = ("from_tensor", "from_output", "from_input")
"""The fields that say what an output is made of that a patch adds."""


@dataclass(frozen=True)
class Edit(ABC):
    """One change of a MetaGraph's signatures: a frozen dataclass, and a step of a plan.

    A subclass overrides one of the three ``from_`` methods, which say when a patch asks for it;
    each yields nothing where the model already is as wanted.
    """

    @classmethod
    def from_patch(cls, meta_graph: MetaGraph, patch: protos.SavedModelPatch) -> Iterable[Edit]:
        """Yields the edits that a patch asks for of a MetaGraph as a whole."""
        return ()

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterable[Edit]:
        """Yields the edits that a patch asks for of a signature."""
        return ()

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterable[Edit]:
        """Yields the edits that a patch asks for of an input or output."""
        return ()

    def refusals(self, meta_graph: MetaGraph) -> Iterable[str]:
        """Yields why this edit cannot be made to the MetaGraph as it is, in whole sentences."""
        return ()

    def warnings(self) -> Iterable[str]:
        """Yields what of this edit works but may surprise, in whole sentences."""
        return ()

    def unchecked(self) -> Iterable[str]:
        """Yields what of this edit only a run of the model shows.

        Each is a clause that begins with ``what`` or ``whether``.
        """
        return ()

    def irreversible(self) -> Iterable[str]:
        """Yields why no patch takes this edit back, in whole sentences."""
        return ()

    def to_json(self) -> dict[str, Any]:
        """Returns the edit as JSON values: its name, its line, and its fields.

        A type is written as a dtype and a shape: `new_type` as `new_dtype` and `new_shape`.
        """
        values: dict[str, Any] = {"edit": type(self).__name__, "text": self.describe()}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, TensorType):
                prefix = field.name.removesuffix("type")
                values[f"{prefix}dtype"] = dtype_name(value.dtype)
                values[f"{prefix}shape"] = shape_text(value.shape)
            else:
                is_ref = isinstance(value, SignatureRef)
                values[field.name] = value._asdict() if is_ref else value
        return values

    @abstractmethod
    def apply(self, draft: MetaGraphDraft) -> None:
        """Puts the change into a draft."""

    @abstractmethod
    def describe(self) -> str:
        """Returns the change as a line for people, before and after."""


@dataclass(frozen=True)
class SignatureEdit(Edit):
    """A change of one signature.

    Attributes:
        signature: The signature.
    """

    signature: SignatureRef

    @property
    def where(self) -> str:
        """What is changed, as plans and refusals name it."""
        return f"signature {self.signature.key!r}"


@dataclass(frozen=True)
class EndpointEdit(SignatureEdit):
    """A change of one input or output.

    Attributes:
        side: Whether it is an input or an output.
        key: The key that it has in the model.
    """

    side: Side
    key: str

    @property
    def where(self) -> str:
        """What is changed, as plans and refusals name it."""
        return f"{super().where}: {self.side} {self.key!r}"

    def change(self, draft: MetaGraphDraft, change: Callable[[Port], Port]) -> None:
        """Puts what a function makes of the input or output into a draft."""
        endpoints = draft.signature(self.signature).endpoints(self.side)
        endpoints[self.key] = change(endpoints[self.key])

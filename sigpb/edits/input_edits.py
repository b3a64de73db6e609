"""The edits that change where values enter a graph: inputs fed inside of it, and dropped ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sigpb.edits.edit import Edit, EndpointEdit, EndpointTarget, SignatureTarget
from sigpb.edits.tensor_edits import NewEndpoint, is_of_type
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.port import Port
from sigpb.tf.tensor_names import full


@dataclass(frozen=True)
class FeedInput(NewEndpoint):
    """Has an input fed at a tensor of the graph, or of a function that the signature calls.

    Attributes:
        tensor: The name of the tensor.
        replaced: The tensor that the input of this key was fed at; None for a new key.
    """

    tensor: str
    replaced: str | None

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``from_tensor``, unless the input is that tensor."""
        inputs = target.signature_def.inputs
        for item in target.patch.input:
            if not item.HasField("from_tensor"):
                continue
            info = inputs.get(item.key)
            if info and info.name == full(item.from_tensor) and is_of_type(info, item):
                continue
            replaced = info.name if info else None
            stated = cls.stated(item)
            yield cls(target.ref, tensor=item.from_tensor, replaced=replaced, **stated)

    def unchecked(self) -> Iterator[str]:
        """What is computed of values that clients send there is not run."""
        yield f"what {self.where} computes from input {self.key!r} at {self.tensor!r}"

    def apply(self, draft: MetaGraphDraft) -> None:
        """Puts the input in the place of what had its key."""
        port = self.typed(Port(self.key, self.key, {}, tensor=self.tensor))
        draft.signature(self.signature).inputs[self.key] = port

    def describe(self) -> str:
        """Returns for instance ``… input 'age' fed at tensor 'ParseExample/ParseExampleV2:0'``."""
        was = "" if self.replaced is None else f", in place of {self.replaced!r}"
        return (
            f"{self.where}: input {self.key!r} fed at tensor {self.tensor!r}{was}"
            f"{self.as_type}{(self.steps and ' by ' + ', '.join(self.steps)) or ''}"
        )


@dataclass(frozen=True)
class DropInput(EndpointEdit):
    """Takes an input that nothing is computed from out of a signature."""

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``drop``."""
        if target.patch.drop and target.side == "input":
            yield cls(target.signature.ref, target.side, target.key)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Drops the input. Whether something needs it, the graph says."""
        self.change(draft, lambda port: replace(port, dropped=True))

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default': input 'examples' dropped``."""
        return f"{self.where} dropped"

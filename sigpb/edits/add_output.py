"""Adds an output to a signature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.edits.edit import Edit, SignatureTarget
from sigpb.rewrite.draft import EndpointDraft, MetaGraphDraft, SignatureRef
from sigpb.tf.tensor_names import full
from sigpb.tf.tensor_types import dtype_of, parse_shape


@dataclass(frozen=True)
class AddOutput(Edit):
    """Makes a tensor of the graph, or of a function that the signature calls, an output.

    Attributes:
        tensor: The name of the tensor.
        dtype: The dtype that the output is to have; None for that of the tensor.
        shape: The shape that it is to have; None for that of the tensor.
        reshape: Whether a reshape is meant even if it looks like a transpose.
    """

    signature: SignatureRef
    key: str
    tensor: str
    dtype: str | None
    shape: str | None
    reshape: bool

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``from_tensor``, unless the output is that tensor."""
        outputs = target.signature_def.outputs
        for item in target.patch.output:
            if not item.HasField("from_tensor"):
                continue
            if item.key in outputs and outputs[item.key].name == full(item.from_tensor):
                continue
            yield cls(
                target.ref,
                item.key,
                item.from_tensor,
                item.dtype if item.HasField("dtype") else None,
                item.shape if item.HasField("shape") else None,
                item.reshape,
            )

    def apply(self, draft: MetaGraphDraft) -> None:
        """Adds the output."""
        endpoint = EndpointDraft(self.key, self.key, tensor=self.tensor)
        if self.dtype is not None:
            endpoint.change_type(dtype=dtype_of(self.dtype))
        if self.shape is not None:
            endpoint.change_type(shape=parse_shape(self.shape), insist=self.reshape)
        draft.signature(self.signature).added.append(endpoint)

    def describe(self) -> str:
        """Returns for instance ``… output 'pooled' added from tensor 'pool/Mean:0'``."""
        type_ = " ".join(part for part in ("", self.dtype, self.shape) if part is not None)
        return (
            f"signature {self.signature.key!r}: output {self.key!r} added from tensor "
            f"{self.tensor!r}{type_ and ' as' + type_}"
        )

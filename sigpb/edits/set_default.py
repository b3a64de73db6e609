"""Gives an input of a signature a default value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb import protos
from sigpb.edits.change_batch_size import ChangeBatchSize, batch_size_of
from sigpb.edits.change_type import ChangeType
from sigpb.edits.edit import Edit, EndpointTarget
from sigpb.rewrite.conversion import with_batch
from sigpb.rewrite.draft import MetaGraphDraft, Side, SignatureRef
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import (
    Encoding,
    dtype_name,
    dtype_of,
    encoding_of,
    parse_shape,
    shape_of,
    shape_text,
)
from sigpb.tf.tensor_values import is_same, tensor_proto


@dataclass(frozen=True)
class SetDefault(Edit):
    """Sets the value that TensorFlow Serving takes for an input that a request leaves out.

    Attributes:
        dtype: The dtype that the input is to have.
        shape: The shape that it is to have, as text.
        value: The value, in JSON.
    """

    signature: SignatureRef
    side: Side
    key: str
    encoding: Encoding
    dtype: str
    shape: str
    value: str

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted where the input has no default, or another one than the patch states.

        Also where it has that default, but gets another type: it is the default of that type then.
        """
        patch, info = target.patch, target.info
        if not patch.HasField("default"):
            return
        dtype = dtype_name(dtype_of(patch.dtype) if patch.HasField("dtype") else info.dtype)
        shape = shape_of(info.tensor_shape)
        has_batch = _has_batch(target)
        if patch.HasField("shape"):
            shape = parse_shape(patch.shape)
        elif has_batch:
            shape = with_batch(shape, batch_size_of(target.signature.patch))
        ref = target.signature.ref
        encoding = encoding_of(info)
        edit = cls(ref, target.side, target.key, encoding, dtype, shape_text(shape), patch.default)
        if has_batch or any(ChangeType.from_endpoint(target)) or not edit._is_set(target):
            yield edit

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """The value has to be one of the input's dtype and shape."""
        where = f"signature {self.signature.key!r}: {self.side} {self.key!r}"
        if self.encoding != "dense":
            yield f"{where} cannot have this default: it is made of several tensors."
            return
        try:
            tensor_proto(self.value, dtype_of(self.dtype), parse_shape(self.shape))
        except ValueError as error:
            yield f"{where} cannot have this default: {error}"

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the default."""
        draft.signature(self.signature).inputs[self.key].default = self._tensor()

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default': input 'scale' default 10``."""
        return f"signature {self.signature.key!r}: {self.side} {self.key!r} default {self.value}"

    def _tensor(self) -> protos.TensorProto:
        """Returns the value; nothing if there is none and the edit is refused."""
        try:
            return tensor_proto(self.value, dtype_of(self.dtype), parse_shape(self.shape))
        except ValueError:
            return protos.TensorProto()

    def _is_set(self, target: EndpointTarget) -> bool:
        defaults = target.signature.signature_def.defaults
        return self.key in defaults and is_same(defaults[self.key], self._tensor())


def _has_batch(target: EndpointTarget) -> bool:
    """Whether the batch size that changes is one of the input's dimensions."""
    return any(
        isinstance(edit, ChangeBatchSize) and target.key in edit.inputs
        for edit in ChangeBatchSize.from_signature(target.signature)
    )

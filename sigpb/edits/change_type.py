"""Changes the dtype and the shape of an input or output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.edits.edit import Edit, EndpointTarget
from sigpb.rewrite.conversion import Conversion, conversion
from sigpb.rewrite.draft import MetaGraphDraft, Side, SignatureRef
from sigpb.rewrite.restoration import origin_type
from sigpb.saved_model.model import MetaGraph
from sigpb.steps.step import ConversionError
from sigpb.tf.tensor_types import (
    Encoding,
    TensorType,
    declared_type,
    dtype_name,
    dtype_names,
    dtype_of,
    encoding_of,
    parse_shape,
    shape_text,
    type_text,
)


@dataclass(frozen=True)
class ChangeType(Edit):
    """Gives an input or output another dtype, another shape, or both.

    Attributes:
        type: The type it has.
        new_type: The type it is to have.
        reshape: Whether a reshape is meant even if it looks like a transpose.
    """

    signature: SignatureRef
    side: Side
    key: str
    encoding: Encoding
    type: TensorType
    new_type: TensorType
    reshape: bool

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted where the endpoint has another dtype or shape than the patch states."""
        patch, info = target.patch, target.info
        now = declared_type(info)
        wanted = TensorType(
            dtype_of(patch.dtype) if patch.HasField("dtype") else now.dtype,
            parse_shape(patch.shape) if patch.HasField("shape") else now.shape,
        )
        if now != wanted:
            ref, encoding = target.signature.ref, encoding_of(info)
            yield cls(ref, target.side, target.key, encoding, now, wanted, patch.reshape)

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """Not every type can be converted to every other."""
        where = f"signature {self.signature.key!r}: {self.side} {self.key!r}"
        if self.encoding == "composite":
            yield (
                f"{where} is a composite tensor, such as a ragged one, of several tensors; its "
                "type cannot be changed."
            )
        elif self.encoding == "coo_sparse" and self.type.shape != self.new_type.shape:
            yield (
                f"{where} is a sparse tensor: the dtype of its values can be changed, its shape "
                "cannot."
            )
        elif (dtype := dtype_name(self.type.dtype)) not in dtype_names():
            yield f"{where} has no dtype that TensorFlow knows, but {dtype}."
        else:
            try:
                self._conversion()
            except ConversionError as error:
                if not self._is_restored(meta_graph):
                    yield f"{where}: {error}"

    def unchecked(self) -> Iterator[str]:
        """Where elements are after a reshape, and of which shape an output is, only a run shows."""
        try:
            kinds = self._conversion().kinds
        except ConversionError:  # It is restored, not converted: see `refusals`.
            return
        where, shape = f"signature {self.signature.key!r}", shape_text(self.new_type.shape)
        if "reshape" in kinds or ("relax" in kinds and self.side == "input"):
            yield f"what {where} computes with {self.side} {self.key!r} as {shape}"
        elif "refine" in kinds and self.side == "output":
            yield f"whether output {self.key!r} of {where} is always of the shape {shape}"

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the new type."""
        endpoint = draft.signature(self.signature).endpoints(self.side)[self.key]
        if self.type.dtype != self.new_type.dtype:
            endpoint.change_type(dtype=self.new_type.dtype)
        if self.type.shape != self.new_type.shape:
            endpoint.change_type(shape=self.new_type.shape, insist=self.reshape)

    def describe(self) -> str:
        """Returns for instance ``… input 'x' float32 [?,784] → uint8 [?,28,28,1] (reshape, cast)``.

        What can get lost on the way follows: ``(cast: truncates toward zero)``.
        """
        try:
            change = self._conversion()
        except ConversionError:
            how = "as it was before an earlier patch"
        else:
            how = ", ".join(change.kinds)
            if change.losses:
                how += ": " + "; ".join(change.losses)
        return (
            f"signature {self.signature.key!r}: {self.side} {self.key!r} {type_text(self.type)} "
            f"→ {type_text(self.new_type)} ({how})"
        )

    def _conversion(self) -> Conversion:
        return conversion(self.side, self.type, self.new_type, insist=self.reshape)

    def _is_restored(self, meta_graph: MetaGraph) -> bool:
        """Whether it is to be what it was before sigpb gave it a tensor of its own."""
        signature = meta_graph.signatures[self.signature.source]
        infos = signature.inputs if self.side == "input" else signature.outputs
        return origin_type(meta_graph, infos[self.key]) == self.new_type

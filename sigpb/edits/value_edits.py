"""The edits that give an input a value: for good, or for clients that leave it out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sigpb import protos
from sigpb.edits.edit import Edit, EndpointEdit, EndpointTarget
from sigpb.edits.tensor_edits import ChangeBatchSize, ChangeType, batch_size_of
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.port import Port, with_batch
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import (
    Encoding,
    TensorType,
    dtype_of,
    encoding_of,
    parse_shape,
    shape_of,
    shape_proto,
)


@dataclass(frozen=True)
class ValueEdit(EndpointEdit):
    """An edit that gives an input a value.

    Attributes:
        encoding: How the input is encoded.
        type: The type that the value has to be of.
        value: The value, in JSON.
    """

    encoding: Encoding
    type: TensorType
    value: str

    @abstractmethod
    def put(self, port: Port, value: protos.TensorProto) -> Port:
        """Returns the input with the value."""

    def apply(self, draft: MetaGraphDraft) -> None:
        """Puts the value into the draft."""
        try:
            value = self.tensor()
        except ValueError:  # The edit is refused.
            value = protos.TensorProto()
        self.change(draft, lambda port: self.put(port, value))

    def tensor(self) -> protos.TensorProto:
        """Returns the value.

        Raises:
            ValueError: It is no value of the type.
        """
        from sigpb.tf.tensor_values import tensor_proto

        return tensor_proto(self.value, *self.type)


@dataclass(frozen=True)
class BindInput(ValueEdit):
    """Gives an input a constant value; it leaves the signature.

    An input of an open batch size gets the value of one example for each row of another input that
    is left. The value of one example has one row, or lacks the first dimension. Every other value
    is what the graph gets, whatever the batch size.

    Attributes:
        batch: The input whose rows are the batch; None if this one has no open batch size, or if
            no other one that has is left.
    """

    batch: str | None

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``bind``."""
        if target.patch.HasField("bind"):
            ref, info, value = target.signature.ref, target.info, target.patch.bind
            type_ = TensorType(info.dtype, shape_of(info.tensor_shape))
            batch = _batch(target) if _is_open(info) else None
            yield cls(ref, target.side, target.key, encoding_of(info), type_, value, batch)

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """The value has to be one of the input's dtype and shape."""
        where = f"{self.where} cannot be bound"
        if self.encoding != "dense":
            yield f"{where}, since it is made of several tensors."
            return
        try:
            self.tensor()
        except ValueError as error:
            yield f"{where}: {error}"

    def put(self, port: Port, value: protos.TensorProto) -> Port:
        """Takes the input out of the signature."""
        rows_of = self.batch if _rows(value) == 1 else None
        return replace(port, dropped=True, bound=value, rows_of=rows_of)

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default': input 'training' bound to false``.

        What becomes of it in a batch follows: ``for each row of input 'x'``.
        """
        text = f"{self.where} bound to {self.value}"
        if self.batch is None:
            return text
        rows = _rows(self.tensor())
        if rows == 1:
            return f"{text} for each row of input {self.batch!r}"
        return f"{text}, {rows} rows however many input {self.batch!r} has"

    def unchecked(self) -> Iterator[str]:
        """A constant can be of the right type and still of a size that the graph does not take."""
        yield f"what the graph computes with {self.side} {self.key!r} bound"

    def tensor(self) -> protos.TensorProto:
        """Returns the value; that of one example with one row."""
        from sigpb.tf.tensor_values import tensor_proto

        dtype, shape = self.type
        if self.batch is not None and shape:
            try:
                example = tensor_proto(self.value, dtype, shape[1:])
            except ValueError:
                pass
            else:
                sizes = shape_of(example.tensor_shape) or ()
                example.tensor_shape.CopyFrom(shape_proto((1, *sizes)))
                return example
        return super().tensor()


def _rows(value: protos.TensorProto) -> int | None:
    """Returns the first size of a value; None if it has no dimensions."""
    return value.tensor_shape.dim[0].size if value.tensor_shape.dim else None


def _is_open(info: protos.TensorInfo) -> bool:
    """Whether an input is a tensor whose first dimension is open."""
    return encoding_of(info) == "dense" and (shape_of(info.tensor_shape) or ())[:1] == (None,)


def _batch(target: EndpointTarget) -> str | None:
    """Returns the first input, by its key, that has an open batch size and is left."""
    inputs = target.signature.signature_def.inputs
    gone = {
        item.key
        for item in target.signature.patch.input
        if item.drop or item.HasField("bind") or item.HasField("from_tensor")
    }
    return next((key for key in sorted(inputs) if key not in gone and _is_open(inputs[key])), None)


@dataclass(frozen=True)
class SetDefault(ValueEdit):
    """Sets the value that TensorFlow Serving takes for an input that a request leaves out."""

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted where the input has no default, or another one than the patch states.

        Also where it has that default, but gets another type: it is the default of that type then.
        """
        patch, info = target.patch, target.info
        if not patch.HasField("default"):
            return
        dtype = dtype_of(patch.dtype) if patch.HasField("dtype") else info.dtype
        shape = shape_of(info.tensor_shape)
        has_batch = _has_batch(target)
        if patch.HasField("shape"):
            shape = parse_shape(patch.shape)
        elif has_batch:
            shape = with_batch(shape, batch_size_of(target.signature.patch))
        ref, type_ = target.signature.ref, TensorType(dtype, shape)
        edit = cls(ref, target.side, target.key, encoding_of(info), type_, patch.default)
        if has_batch or any(ChangeType.from_endpoint(target)) or not edit._is_set(target):
            yield edit

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """The value has to be one of the input's dtype and shape."""
        where = f"{self.where} cannot have this default"
        if self.encoding != "dense":
            yield f"{where}: it is made of several tensors."
            return
        try:
            self.tensor()
        except ValueError as error:
            yield f"{where}: {error}"

    def put(self, port: Port, value: protos.TensorProto) -> Port:
        """Sets the default."""
        return replace(port, default=value)

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default': input 'scale' default 10``."""
        return f"{self.where} default {self.value}"

    def _is_set(self, target: EndpointTarget) -> bool:
        from sigpb.tf.tensor_values import is_same

        defaults = target.signature.signature_def.defaults
        try:
            return self.key in defaults and is_same(defaults[self.key], self.tensor())
        except ValueError:  # The edit is refused.
            return False


def _has_batch(target: EndpointTarget) -> bool:
    """Whether the batch size that changes is one of the input's dimensions."""
    return any(
        isinstance(edit, ChangeBatchSize) and target.key in edit.inputs
        for edit in ChangeBatchSize.from_signature(target.signature)
    )

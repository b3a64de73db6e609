"""The edits that change the tensors of a signature: types, the batch size, and what is returned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sigpb import protos
from sigpb.edits.edit import Edit, EndpointEdit, EndpointTarget, SignatureEdit, SignatureTarget
from sigpb.errors import MOST_LISTED, listed
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.port import Port, Side, WantedType, with_batch
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import (
    Encoding,
    Shape,
    TensorType,
    declared_type,
    dtype_name,
    dtype_names,
    dtype_of,
    encoding_of,
    parse_shape,
    shape_of,
    shape_text,
    type_text,
)
from sigpb.visible_text import natural

if TYPE_CHECKING:
    from sigpb.rewrite.conversion import Conversion


@dataclass(frozen=True)
class ChangeType(EndpointEdit):
    """Gives an input or output another dtype, another shape, or both.

    Attributes:
        type: The type it has.
        new_type: The type it is to have.
        reshape: Whether a reshape is meant even if it looks like a transpose.
    """

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
        if now != wanted and not patch.step:
            ref, encoding = target.signature.ref, encoding_of(info)
            yield cls(ref, target.side, target.key, encoding, now, wanted, patch.reshape)

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """Not every type can be converted to every other."""
        if self.encoding == "composite":
            yield (
                f"{self.where} is a composite tensor, such as a ragged one, of several tensors; "
                "its type cannot be changed."
            )
        elif self.encoding == "coo_sparse" and self.type.shape != self.new_type.shape:
            yield (
                f"{self.where} is a sparse tensor: the dtype of its values can be changed, its "
                "shape cannot."
            )
        elif (dtype := dtype_name(self.type.dtype)) not in dtype_names():
            yield f"{self.where} has no dtype that TensorFlow knows, but {dtype}."
        else:
            change = self._conversion()
            if isinstance(change, str) and not self._is_restored(meta_graph):
                yield f"{self.where}: {change}"

    def unchecked(self) -> Iterator[str]:
        """Where elements are after a reshape, and of which shape an output is, only a run shows."""
        change = self._conversion()
        if isinstance(change, str):  # It is restored, not converted: see `refusals`.
            return
        kinds = change.kinds
        where, shape = f"signature {self.signature.key!r}", shape_text(self.new_type.shape)
        if "reshape" in kinds or ("relax" in kinds and self.side == "input"):
            yield f"what {where} computes with {self.side} {self.key!r} as {shape}"
        elif "refine" in kinds and self.side == "output":
            yield f"whether output {self.key!r} of {where} is always of the shape {shape}"

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the new type."""
        if self.type.dtype != self.new_type.dtype:
            self.change(draft, lambda port: port.retyped(dtype=self.new_type.dtype))
        if self.type.shape != self.new_type.shape:
            shape, insist = self.new_type.shape, self.reshape
            self.change(draft, lambda port: port.retyped(shape=shape, insist=insist))

    def describe(self) -> str:
        """Returns for instance ``… input 'x' float32 [?,784] → uint8 [?,28,28,1] (reshape, cast)``.

        What can get lost on the way follows: ``(cast: truncates toward zero)``.
        """
        change = self._conversion()
        how = "as it was before an earlier patch" if isinstance(change, str) else _described(change)
        return f"{self.where} {type_text(self.type)} → {type_text(self.new_type)} ({how})"

    def _conversion(self) -> Conversion | str:
        return _conversion(self.side, self.type, WantedType(*self.new_type, self.reshape))

    def _is_restored(self, meta_graph: MetaGraph) -> bool:
        """Whether it is to be what it was before sigpb gave it a tensor of its own."""
        from sigpb.rewrite.restoration import origin_type

        signature = meta_graph.signatures[self.signature.source]
        infos = signature.inputs if self.side == "input" else signature.outputs
        return origin_type(meta_graph, infos[self.key]) == self.new_type


@dataclass(frozen=True)
class ApplySteps(EndpointEdit):
    """Has values pass steps between client and tensor.

    Attributes:
        tensor: The tensor that the endpoint stands for.
        type: The type that it has.
        steps: The steps, as `sigpb.steps.syntax` writes them, in the order in which values pass.
        new_dtype: The dtype that clients are to see; None for what follows from the steps.
        new_shape: The shape that clients are to see; None for what follows from the steps.
        reshape: Whether a reshape is meant even if it looks like a transpose.
    """

    encoding: Encoding
    tensor: str
    type: TensorType
    steps: tuple[str, ...]
    new_dtype: str | None
    new_shape: str | None
    reshape: bool

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted wherever the patch has steps: of the model itself nobody can tell."""
        patch, info = target.patch, target.info
        if patch.step:
            yield cls(
                target.signature.ref,
                target.side,
                target.key,
                encoding_of(info),
                info.name,
                declared_type(info),
                tuple(patch.step),
                patch.dtype if patch.HasField("dtype") else None,
                patch.shape if patch.HasField("shape") else None,
                patch.reshape,
            )

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """Each step has to take what comes before it, and none may be applied twice."""
        from sigpb.graphs.added_nodes import is_added

        if self.encoding != "dense":
            yield f"{self.where} is no dense tensor, but {self.encoding}; it cannot pass steps."
        elif is_added(self.tensor):
            yield (
                f"{self.where} stands for the tensor {self.tensor!r}, which an earlier patch "
                "added, perhaps with these steps. Patch the model as it was before that one."
            )
        elif isinstance(change := self._conversion(), str):
            yield f"{self.where}: {change}"

    def unchecked(self) -> Iterator[str]:
        """What the steps make of values is not run."""
        where = f"signature {self.signature.key!r}"
        yield f"what {where} computes with the steps of {self.side} {self.key!r}"

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the steps, and what is stated of the type."""
        self.change(draft, lambda port: replace(port, type=self._wanted()))

    def describe(self) -> str:
        """Returns for instance ``… input 'x' float32 [?,4] → uint8 [?,4] (cast('float32'), …)``."""
        change = self._conversion()
        if isinstance(change, str):
            return f"{self.where}: {', '.join(self.steps)}"
        types = f"{type_text(self.type)} → {type_text(change.outside)}"
        return f"{self.where} {types} ({_described(change)})"

    def _wanted(self) -> WantedType:
        return wanted_type(self.new_dtype, self.new_shape, self.steps, insist=self.reshape)

    def _conversion(self) -> Conversion | str:
        return _conversion(self.side, self.type, self._wanted())


@lru_cache(maxsize=256)
def wanted_type(
    dtype: str | None, shape: str | None, steps: tuple[str, ...], *, insist: bool
) -> WantedType:
    """Returns what a patch wants of a type, whose parts are known to be written rightly.

    Steps may be long lists of labels, which are read once for all who ask.
    """
    from sigpb.steps.syntax import parse_step

    return WantedType(
        None if dtype is None else dtype_of(dtype),
        "same" if shape is None else parse_shape(shape),
        insist,
        tuple(map(parse_step, steps)),
    )


def _conversion(side: Side, now: TensorType, wanted: WantedType) -> Conversion | str:
    """Returns how an endpoint is converted, or why it cannot be."""
    from sigpb.rewrite.conversion import conversion
    from sigpb.steps.step import ConversionError

    try:
        return conversion(side, now, wanted)
    except ConversionError as error:
        return str(error)


def _described(change: Conversion) -> str:
    """Returns what is done to values, and what of them can get lost on the way."""
    how = ", ".join(change.kinds)
    return f"{how}: {'; '.join(change.losses)}" if change.losses else how


@dataclass(frozen=True)
class ChangeBatchSize(SignatureEdit):
    """Leaves the batch size of a signature open, or fixes it; outputs follow the inputs.

    Attributes:
        inputs: The inputs that have it.
        sizes: The batch sizes that they have; None for an open one.
        size: The batch size wanted.
        left: The inputs whose first dimension is taken for something else, and stays.
    """

    inputs: tuple[str, ...]
    sizes: tuple[int | None, ...]
    size: int | None
    left: tuple[str, ...] = ()

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the batch size of any input is another than the patch states."""
        if not target.patch.HasField("batch_size"):
            return
        size = batch_size_of(target.patch)
        stated = {
            item.key
            for item in target.patch.input
            if any(map(item.HasField, ("shape", "bind", "from_tensor"))) or item.drop
        }
        shapes = _shapes(target.signature_def.inputs)
        batches = {key: shape[0] for key, shape in shapes.items() if shape and key not in stated}
        every = dict(batches)
        for known in (None, size):  # What differs from a batch size is something else.
            if known in batches.values():
                alike = {known, 1} if size is None else {known}
                rank = min(len(shapes[key] or ()) for key in batches if batches[key] == known)
                batches = {
                    key: batch
                    for key, batch in batches.items()
                    if batch == known or (batch in alike and len(shapes[key] or ()) >= rank)
                }
        changed = sorted((key for key, batch in batches.items() if batch != size), key=natural)
        if changed or not (batches or stated):
            sizes = tuple(batches[key] for key in changed)
            others = every.keys() - batches.keys()
            left = sorted((key for key in others if every[key] != size), key=natural)
            yield cls(target.ref, tuple(changed), sizes, size, tuple(left))

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """There has to be one batch size."""
        fixed = sorted({size for size in self.sizes if size is not None})
        if not self.inputs:
            yield (
                f"{self.where} has no input that states a first dimension, so its batch size is "
                "unknown; state the shapes of its inputs."
            )
        elif self.size is not None and fixed:
            yield (
                f"{self.where} has the batch size {' or '.join(map(str, fixed))}, which the graph "
                'may rely on; a fixed batch size can only be made open: batch_size "?".'
            )
        elif len(fixed) > 1:
            pairs = zip(self.inputs, self.sizes, strict=True)
            sizes = ", ".join(f"{key!r} has {size}" for key, size in pairs)
            yield (
                f"{self.where} has inputs with different first dimensions: {sizes}. State the "
                "shape of the inputs that have the batch size."
            )

    def unchecked(self) -> Iterator[str]:
        """What is computed of several examples is not run."""
        size = "any batch size" if self.size is None else f"a batch size of {self.size}"
        yield f"what {self.where} computes for {size}"

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the first dimension of the inputs."""
        inputs = draft.signature(self.signature).inputs
        shapes = _shapes(draft.meta_graph.signatures[self.signature.source].inputs)
        for key in self.inputs:
            inputs[key] = inputs[key].retyped(shape=with_batch(shapes[key], self.size))

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default': batch size 1 → ? (input 'x')``."""
        before = self.sizes[0] if self.sizes[0] is not None else "?"
        after = "?" if self.size is None else self.size
        inputs = listed(self.inputs, MOST_LISTED)
        if self.left:
            inputs += f"; not of input {listed(self.left, MOST_LISTED)}"
        return f"{self.where}: batch size {before} → {after} (input {inputs})"


def batch_size_of(patch: protos.SignaturePatch) -> int | None:
    """Returns the batch size that a patch states; None for an open one."""
    (size,) = parse_shape(patch.batch_size) or (None,)
    return size


def _shapes(inputs: Mapping[str, protos.TensorInfo]) -> dict[str, Shape]:
    """Returns the shapes of dense inputs."""
    return {key: shape_of(info.tensor_shape) for key, info in inputs.items() if info.name}


def is_of_type(info: protos.TensorInfo, patch: protos.EndpointPatch) -> bool:
    """Whether an endpoint has what a patch says of its type, and is to pass no steps."""
    now = declared_type(info)
    return (
        not patch.step
        and (not patch.HasField("dtype") or dtype_of(patch.dtype) == now.dtype)
        and (not patch.HasField("shape") or parse_shape(patch.shape) == now.shape)
    )


@dataclass(frozen=True)
class NewEndpoint(SignatureEdit):
    """What edits have in common that give a signature an endpoint which it does not have.

    Attributes:
        key: The key that it gets.
        dtype: The dtype that clients are to see; None for that of what it is made of.
        shape: The shape that they are to see; None for that of what it is made of.
        reshape: Whether a reshape is meant even if it looks like a transpose.
        steps: The steps that its values pass.
    """

    key: str
    dtype: str | None
    shape: str | None
    reshape: bool
    steps: tuple[str, ...]

    @classmethod
    def stated(cls, patch: protos.EndpointPatch) -> dict[str, Any]:
        """Returns these fields as a patch states them."""
        return {
            "key": patch.key,
            "dtype": patch.dtype if patch.HasField("dtype") else None,
            "shape": patch.shape if patch.HasField("shape") else None,
            "reshape": patch.reshape,
            "steps": tuple(patch.step),
        }

    def typed(self, port: Port) -> Port:
        """Returns a port with the type that is stated, if any is."""
        if self.dtype is None and self.shape is None and not self.steps:
            return port
        wanted = wanted_type(self.dtype, self.shape, self.steps, insist=self.reshape)
        return replace(port, type=wanted)

    @property
    def as_type(self) -> str:
        """The type that is stated, as ``" as float32 [?]"``; empty if none is."""
        type_ = " ".join(part for part in (self.dtype, self.shape) if part is not None)
        return f" as {type_}" if type_ else ""

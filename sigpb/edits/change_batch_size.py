"""Changes the batch size of a signature: the first dimension of its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.edits.edit import Edit, SignatureTarget
from sigpb.rewrite.conversion import with_batch
from sigpb.rewrite.draft import MetaGraphDraft, SignatureRef
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import Shape, parse_shape, shape_of


@dataclass(frozen=True)
class ChangeBatchSize(Edit):
    """Leaves the batch size of a signature open, or fixes it; outputs follow the inputs.

    Attributes:
        inputs: The inputs that have it.
        sizes: The batch sizes that they have; None for an open one.
        size: The batch size wanted.
        left: The inputs whose first dimension is taken for something else, and stays.
    """

    signature: SignatureRef
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
            if item.HasField("shape") or item.HasField("bind")
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
        changed = sorted(key for key, batch in batches.items() if batch != size)
        if changed or not (batches or stated):
            sizes = tuple(batches[key] for key in changed)
            left = sorted(key for key in every.keys() - batches.keys() if every[key] != size)
            yield cls(target.ref, tuple(changed), sizes, size, tuple(left))

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """There has to be one batch size."""
        where = f"signature {self.signature.key!r}"
        fixed = sorted({size for size in self.sizes if size is not None})
        if not self.inputs:
            yield (
                f"{where} has no input that states a first dimension, so that its batch size is "
                "not known; state the shapes of its inputs."
            )
        elif self.size is not None and fixed:
            yield (
                f"{where} has the batch size {' or '.join(map(str, fixed))}, which the graph may "
                'rely on; a fixed batch size can only be made open: batch_size "?".'
            )
        elif len(fixed) > 1:
            pairs = zip(self.inputs, self.sizes, strict=True)
            sizes = ", ".join(f"{key!r} has {size}" for key, size in pairs)
            yield (
                f"{where} has inputs with different first dimensions: {sizes}. State the shape of "
                "those that have the batch size."
            )

    def unchecked(self) -> Iterator[str]:
        """What is computed of several examples is not run."""
        size = "any batch size" if self.size is None else f"a batch size of {self.size}"
        yield f"what signature {self.signature.key!r} computes for {size}"

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the first dimension of the inputs."""
        signature = draft.signature(self.signature)
        shapes = _shapes(draft.meta_graph.signatures[self.signature.source].inputs)
        for key in self.inputs:
            signature.inputs[key].change_type(shape=with_batch(shapes[key], self.size))

    def describe(self) -> str:
        """Returns for instance ``signature 'serving_default': batch size 1 → ? (input 'x')``."""
        before = self.sizes[0] if self.sizes[0] is not None else "?"
        after = "?" if self.size is None else self.size
        inputs = ", ".join(map(repr, self.inputs))
        if self.left:
            inputs += f"; not of input {', '.join(map(repr, self.left))}"
        return f"signature {self.signature.key!r}: batch size {before} → {after} (input {inputs})"


def batch_size_of(patch: protos.SignaturePatch) -> int | None:
    """Returns the batch size that a patch states; None for an open one."""
    (size,) = parse_shape(patch.batch_size) or (None,)
    return size


def _shapes(inputs: Mapping[str, protos.TensorInfo]) -> dict[str, Shape]:
    """Returns the shapes of dense inputs."""
    return {key: shape_of(info.tensor_shape) for key, info in inputs.items() if info.name}

"""How the values of an endpoint become those of its tensor, or the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from sigpb.rewrite.interface import Side, with_batch
from sigpb.steps.conversion import convert, losses
from sigpb.steps.shape_matching import check_promise, shape_change
from sigpb.steps.step import ConversionError, Step
from sigpb.tf.tensor_types import Shape, TensorType, shape_text


@dataclass(frozen=True)
class Conversion:
    """What is done between an endpoint and its tensor.

    Attributes:
        outside: The type of the endpoint.
        inside: The type that its tensor has to have.
        steps: What leads from the endpoint to the tensor for an input, back for an output.
        kinds: What is changed, in words: ``cast``, ``refine``, ``relax``, ``reshape``.
        losses: What of the values can get lost.
    """

    outside: TensorType
    inside: TensorType
    steps: tuple[Step, ...]
    kinds: tuple[str, ...]
    losses: tuple[str, ...]

    @property
    def arriving(self) -> Shape:
        """What is known of the shape, of an input, that the tensor has then."""
        outside, inside = self.outside.shape, self.inside.shape
        if outside is None or None in outside or inside is None or inside.count(None) != 1:
            return inside
        size = prod(size for size in outside if size) // prod(size for size in inside if size)
        return tuple(size if each is None else each for each in inside)


@lru_cache(maxsize=256)
def conversion(
    side: Side, tensor: TensorType, wanted: TensorType, *, insist: bool = False
) -> Conversion:
    """Returns how an endpoint gets another type; once for all who ask.

    Args:
        side: Whether it is an input or an output.
        tensor: The type that it has.
        wanted: The type that it is to have.
        insist: Whether a reshape is meant even if it looks like a transpose.

    Raises:
        ConversionError: There is no way.
    """
    if (wanted.shape or ()).count(0) > (tensor.shape or ()).count(0):
        raise ConversionError(
            f"{shape_text(wanted.shape)} has a size of 0, so that there would be no values; state "
            "another size, or ? for any"
        )
    inside, kinds = tensor, []
    if is_batch_relaxed(tensor.shape, wanted.shape):
        inside = TensorType(tensor.dtype, with_batch(tensor.shape, None))
        kinds.append("relax")
    change = shape_change(inside.shape, wanted.shape)
    if change == "relax" and side == "input":
        raise ConversionError(
            f"only the first dimension, the batch, can be relaxed, and {shape_text(wanted.shape)} "
            f"leaves open what {shape_text(tensor.shape)} fixes"
        )
    if change != "same" and change not in kinds:
        kinds.append(change)
    if change == "refine" and side == "input":
        # Of an output it is a promise; nodes state what is known.
        inside = TensorType(tensor.dtype, wanted.shape)
    first, last = (wanted, inside) if side == "input" else (inside, wanted)
    steps = convert(first, last, insist=insist)
    if change == "reshape" and side == "output":
        check_promise(inside.shape, wanted.shape)
    kinds += [step.describe() for step in steps]
    once = tuple(dict.fromkeys(kinds))
    return Conversion(wanted, inside, steps, once, losses(steps, first))


def is_batch_relaxed(before: Shape, after: Shape) -> bool:
    """Whether a shape leaves its first dimension open where it was fixed, and nothing else."""
    if not before or not after or before[0] is None or after[0] is not None:
        return False
    rest, new_rest = before[1:], after[1:]
    return rest == new_rest or _size(rest) == _size(new_rest) is not None


def _size(shape: Sequence[int | None]) -> int | None:
    """Returns the number of elements, or None if it is not known."""
    return None if None in shape else prod(size for size in shape if size is not None)

"""How the values of an endpoint become those of its tensor, or the other way round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from sigpb.rewrite.port import Side, WantedType, with_batch
from sigpb.steps.conversion import convert, losses
from sigpb.steps.labels import Labels
from sigpb.steps.shape_matching import check_promise, shape_change
from sigpb.steps.step import UNKNOWN_DTYPE, ConversionError, Step, result_of
from sigpb.steps.syntax import shown, step_text
from sigpb.tf.tensor_types import Shape, TensorType, shape_text, type_text

_RANK_OF_IMAGES = 4
_CHANNELS = {1, 3, 4}

# The steps that make images of some number of channels of those of another.
_OTHER_CHANNELS: Mapping[tuple[int | None, int | None], str] = {
    (3, 1): "grayscale()",
    (4, 3): "slice(0, 3)",
}


@dataclass(frozen=True)
class Conversion:
    """What is done between an endpoint and its tensor.

    Attributes:
        outside: The type of the endpoint.
        inside: The type that its tensor has to have.
        steps: What leads from the endpoint to the tensor for an input, back for an output.
        kinds: What is changed, in words: ``cast``, ``refine``, ``relax``, ``reshape``, or a step.
        losses: What of the values can get lost.
        made: The type behind the steps that are asked for; `outside` if none are.
    """

    outside: TensorType
    inside: TensorType
    steps: tuple[Step, ...]
    kinds: tuple[str, ...]
    losses: tuple[str, ...]
    made: TensorType

    @property
    def arriving(self) -> Shape:
        """What is known of the shape, of an input, that the tensor has then."""
        made, inside = self.made.shape, self.inside.shape
        if made is None or None in made or inside is None or inside.count(None) != 1:
            return inside
        size = prod(size for size in made if size) // prod(size for size in inside if size)
        return tuple(size if each is None else each for each in inside)

    def chain(self, side: Side) -> str:
        """Returns each step between two types: ``uint8 [?] → cast('float32') → float32 [?]``."""
        type_ = self.outside if side == "input" else self.inside
        parts = [type_text(type_)]
        for step in self.steps:
            type_ = step.result(type_)
            parts += (shown(step_text(step)), type_text(type_))
        return " → ".join(parts)


@lru_cache(maxsize=256)
def conversion(side: Side, tensor: TensorType, wanted: WantedType) -> Conversion:
    """Returns how an endpoint gets another type; once for all who ask.

    Args:
        side: Whether it is an input or an output.
        tensor: The type that it has.
        wanted: What it is to have, and the steps that are asked for. Casts and a reshape that are
            needed besides are on the side of the tensor of an input, of the client of an output.

    Raises:
        ConversionError: There is no way.
    """
    if not wanted.steps:
        return _converted(side, tensor, wanted.of(tensor), insist=wanted.insist, opens=True)
    if side == "input":
        outside = wanted.of(tensor)
        if wanted.dtype is None or wanted.shape == "same":
            outside = wanted.of(_taken(wanted.steps, tensor))
        if outside.dtype == UNKNOWN_DTYPE:
            raise ConversionError(
                f"{step_text(wanted.steps[0])} takes several dtypes; state what clients send"
            )
        made = result_of(wanted.steps, outside)
        _check_size(made.shape, tensor.shape)
        rest = _converted(side, tensor, made, insist=wanted.insist)
        inside, first = rest.inside, outside
        _check_rows(made.shape, inside.shape)
    else:
        made = result_of(wanted.steps, tensor)
        rest = _converted(side, made, wanted.of(made), insist=wanted.insist)
        outside, inside, first = rest.outside, tensor, tensor
        if rest.inside != made:
            raise ConversionError(
                f"the steps give {shape_text(made.shape)}, whose batch size is fixed; you cannot "
                "state another"
            )
    steps = (*wanted.steps, *rest.steps)
    _check_labels(steps, first)
    kinds = (*(step.describe() for step in wanted.steps), *rest.kinds)
    return Conversion(outside, inside, steps, kinds, losses(steps, first), made)


def _check_size(made: Shape, taken: Shape) -> None:
    """Makes sure that the steps of an input give images of the size that a tensor takes.

    Raises:
        ConversionError: They leave it open, or have other sizes or channels, so that no reshape
            makes the one of the other.
    """
    if made is None or taken is None or not len(made) == len(taken) == _RANK_OF_IMAGES:
        return
    shapes = f"{shape_text(made)}, and the tensor takes {shape_text(taken)}"
    resize = f"add the step resize({taken[1]}, {taken[2]})"
    if made[1:3] == (None, None) and None not in taken[1:3]:
        raise ConversionError(f"the steps give images of any size, {shapes}; {resize}")
    if made[0] != taken[0] or not {made[3], taken[3]} <= _CHANNELS:
        return
    if made[3] != taken[3] and made[1:3] == taken[1:3]:
        step = _OTHER_CHANNELS.get((made[3], taken[3]))
        raise ConversionError(
            f"the steps give images of other channels, {shapes}; "
            + (f"add the step {step}, or " if step else "")
            + f"have clients, or decode_image, give {taken[3]}"
        )
    counts = {_size(made[1:]), _size(taken[1:])}
    if made[3] == taken[3] and len(counts - {None}) > 1:
        raise ConversionError(f"the steps give images of another size, {shapes}; {resize}")


def _check_labels(steps: Sequence[Step], operand: TensorType) -> None:
    """Makes sure that there are as many labels as there are classes.

    Raises:
        ConversionError: There are not.
    """
    count = None
    for step in steps:
        if isinstance(step, Labels):
            step.check_classes(count)
        count, operand = step.classes(operand), step.result(operand)


def _check_rows(made: Shape, taken: Shape) -> None:
    """Makes sure that no reshape behind the steps of an input makes several rows of one.

    Raises:
        ConversionError: One would, although nobody states it.
    """
    if made is None or taken is None or not made.count(None) == taken.count(None) == 1:
        return
    counts = [prod(size for size in shape if size is not None) for shape in (made, taken)]
    if counts[0] != counts[1]:
        raise ConversionError(
            f"the steps give {shape_text(made)}, {counts[0]} elements for each ?, and the tensor "
            f"takes {shape_text(taken)}; if several rows are to be made of each, add the step "
            f"reshape({[*taken]})"
        )


def _taken(steps: Sequence[Step], result: TensorType) -> TensorType:
    """Returns the type that a chain of steps takes, given that of what comes out.

    Raises:
        ConversionError: It does not follow.
    """
    for step in reversed(steps):
        result = step.operand(result)
    return result


def _converted(
    side: Side, tensor: TensorType, wanted: TensorType, *, insist: bool, opens: bool = False
) -> Conversion:
    """Returns how an endpoint gets another type, by casts and a reshape.

    What steps leave open is opened for no dimension but the first: nobody stated that.
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
    elif opens and side == "input" and opened_axes(tensor.shape, wanted.shape):
        inside = TensorType(tensor.dtype, wanted.shape)
        kinds.append("relax")
    change = shape_change(inside.shape, wanted.shape)
    if change == "relax" and side == "input":
        why = "differs in other dimensions too; state the same rank and the same other sizes"
        if not opens:
            why = "behind steps, only the first dimension (the batch) can be opened"
        raise ConversionError(
            f"{shape_text(wanted.shape)} leaves open what {shape_text(tensor.shape)} fixes, and "
            f"{why}"
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
    return Conversion(wanted, inside, steps, once, losses(steps, first), wanted)


def is_batch_relaxed(before: Shape, after: Shape) -> bool:
    """Whether a shape leaves its first dimension open where it was fixed, and nothing else."""
    if not before or not after or before[0] is None or after[0] is not None:
        return False
    rest, new_rest = before[1:], after[1:]
    return rest == new_rest or _size(rest) == _size(new_rest) is not None


def opened_axes(before: Shape, after: Shape) -> tuple[int, ...]:
    """Returns the dimensions that one shape fixes and the other leaves open.

    None if the two differ in anything else.
    """
    if before is None or after is None or len(before) != len(after):
        return ()
    axes = [axis for axis, sizes in enumerate(zip(before, after, strict=True)) if len({*sizes}) > 1]
    return tuple(axes) if all(after[axis] is None for axis in axes) else ()


def _size(shape: Sequence[int | None]) -> int | None:
    """Returns the number of elements, or None if it is not known."""
    return None if None in shape else prod(size for size in shape if size is not None)

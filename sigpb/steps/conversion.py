"""The chain of steps from one tensor type to another."""

from __future__ import annotations

from collections.abc import Iterable

from sigpb.steps.as_string import AsString, takes
from sigpb.steps.cast import CASTABLE, Cast, has_kernel
from sigpb.steps.reshape import Reshape
from sigpb.steps.shape_matching import (
    check_reshape,
    shape_change,
    sources_of_unknown_sizes,
)
from sigpb.steps.step import ConversionError, Step, joined
from sigpb.steps.string_to_number import StringToNumber
from sigpb.tf.tensor_types import Shape, TensorType, dtype_name, dtype_of, is_handle

# What text is read as where StringToNumber does not have the dtype itself.
_READ_AS = {
    "bool": "int32",
    "int4": "int32",
    "int8": "int32",
    "int16": "int32",
    "uint4": "uint32",
    "uint8": "uint32",
    "uint16": "uint32",
    "complex128": "float64",
    "complex64": "float32",
    "float16": "float32",
    "bfloat16": "float32",
    "float8_e5m2": "float32",
    "float8_e4m3fn": "float32",
}


def convert(source: TensorType, target: TensorType, *, insist: bool = False) -> tuple[Step, ...]:
    """Returns the steps from one type to another.

    Shapes that `shape_change` calls refined or relaxed need no step.

    Args:
        source: The type that there is.
        target: The type wanted.
        insist: Whether a reshape is meant even if it looks like a transpose.

    Raises:
        ConversionError: There are none. The message says why, and what can be done.
    """
    steps = dtype_steps(source.dtype, target.dtype)
    if shape_change(source.shape, target.shape) == "reshape":
        return (*shape_steps(source.shape, target.shape, insist=insist), *steps)
    return steps


def losses(steps: Iterable[Step], operand: TensorType) -> tuple[str, ...]:
    """Says what of an operand's values can get lost on the way.

    A chain of casts counts as one: what comes from int4 by way of int32 fits float32.
    """
    chain = tuple(joined(steps))
    said, before = [], operand
    for step, following in zip(chain, (*chain, None)[1:], strict=True):
        operand = step.result(operand)
        if not (isinstance(step, Cast) and isinstance(following, Cast)):
            said.append(step.loss(before))
            before = operand
    return tuple(loss for loss in said if loss is not None)


def holds(dtype: int, source: int) -> bool:
    """Whether a dtype has all values of another one, by the steps that lead there."""
    before, after = TensorType(source, None), TensorType(dtype, None)
    try:
        return not losses(convert(before, after), before)
    except ConversionError:
        return False


def dtype_steps(source: int, target: int) -> tuple[Step, ...]:
    """Returns the steps from one dtype to another.

    Text becomes a bool by way of an integer: ``"1"`` and ``"0"``, not ``"true"``.

    Args:
        source: The dtype that there is.
        target: The dtype wanted.

    Raises:
        ConversionError: A dtype is not one of numbers, bools or strings that TensorFlow converts.
    """
    if source == target:
        return ()
    for dtype in (source, target):
        _check_convertible(dtype)
    string = dtype_of("string")
    if target == string:
        if takes(source):
            return (AsString(),)
        small_integer = dtype_name(source) in ("int4", "uint4")
        return (Cast("int32" if small_integer else "float32"), AsString())
    if source == string:
        name = dtype_name(target)
        read_as = _READ_AS.get(name, name)
        return (StringToNumber(read_as), *_casts(dtype_of(read_as), target))
    return _casts(source, target)


def _casts(source: int, target: int) -> tuple[Step, ...]:
    if source == target:
        return ()
    name = dtype_name(target)
    if has_kernel(source, target):
        return (Cast(name),)
    int32 = dtype_of("int32")
    if dtype_name(source) in ("int4", "uint4"):
        return (Cast("int32"), *_casts(int32, target))
    if name in ("int4", "uint4"):
        return (*_casts(source, int32), Cast(name))
    return (Cast("float32"), Cast(name))  # to float8


def _check_convertible(dtype: int) -> None:
    name = dtype_name(dtype)
    if name in CASTABLE or name == "string":
        return
    if name.endswith("_ref"):
        why = "is a reference to a variable; choose a tensor that is read from it"
    elif is_handle(dtype):
        why = "is a handle, not numbers; leave this dtype as it is"
    elif name.startswith(("qint", "quint")):
        why = "means nothing without its scale; quantise or dequantise in the model itself"
    else:
        why = "has no Cast kernels in TensorFlow; choose another dtype"
    raise ConversionError(f"A dtype of {name} cannot be converted: it {why}.")


def shape_steps(source: Shape, target: Shape, *, insist: bool = False) -> tuple[Step, ...]:
    """Returns the step that reshapes one shape to another.

    Args:
        source: The shape that there is.
        target: The shape wanted.
        insist: Whether a reshape is meant even if it looks like a transpose.

    Returns:
        One Reshape; nothing if the shapes are the same, or if any is wanted.

    Raises:
        ConversionError: `check_reshape` refuses it, or an unknown size of `target` cannot be
            determined from `source`.
    """
    if target is None or source == target:
        return ()
    check_reshape(source, target, insist=insist)
    unknown = target.count(None)
    # If a size is 0, any number of rows has as many elements as any other.
    if unknown == 0 or (unknown == 1 and 0 not in target):
        return (Reshape(target),)
    return (Reshape(target, sources_of_unknown_sizes(source, target)),)

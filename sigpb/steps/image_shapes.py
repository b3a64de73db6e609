"""Tensors of images, channels last: which of them a step takes, and of what size they are."""

from __future__ import annotations

from sigpb.steps.step import ConversionError, Step, step_name
from sigpb.tf.tensor_types import TensorType, dtype_name, dtype_of, shape_text, type_text

RESIZABLE = frozenset({"uint8", "int8", "uint16", "int16", "int32", "int64"}) | {
    *("float16", "bfloat16", "float32", "float64")
}
"""The attribute T of ResizeBilinear and the others (tensorflow/core/ops/image_ops.cc)."""

NUMBERS = RESIZABLE | {"uint32", "uint64"}
"""That of Slice and PadV2 that has CPU kernels, as far as it is numbers."""

_MOST_PIXELS = 2**24
"""A side has to have fewer (tensorflow/core/kernels/image/resize_nearest_neighbor_op.cc)."""

_RANK_OF_ONE = 3
"""That of an image without a batch."""

Images = tuple[int | None, int | None, int | None, int | None]


def images_of(step: Step, operand: TensorType, dtypes: frozenset[str]) -> Images:
    """Returns the sizes of images.

    Args:
        step: The step that gets them.
        operand: Their type.
        dtypes: The names of the dtypes that the step takes.

    Raises:
        ConversionError: It is no tensor of images.
    """
    name = step_name(type(step))
    if dtype_name(operand.dtype) not in dtypes:
        is_text = operand.dtype == dtype_of("string")
        before = "decode_image(channels=3)" if is_text else "cast('float32')"
        raise ConversionError(
            f"{name} takes images [?,height,width,channels] of {', '.join(sorted(dtypes))}, not "
            f"{type_text(operand)}; put {before} before it"
        )
    if operand.shape is None or len(operand.shape) != 4:
        raise ConversionError(
            f"{name} takes images [?,height,width,channels], not {shape_text(operand.shape)}; "
            "put a reshape or expand_dims before it, or state the shape"
        )
    batch, height, width, channels = operand.shape
    return batch, height, width, channels


def of_any_size(step: Step, result: TensorType) -> TensorType:
    """Returns a type of images whose height and width are not known."""
    batch, _, _, channels = of_any_rank(step, result)
    return TensorType(result.dtype, (batch, None, None, channels))


def of_any_rank(step: Step, result: TensorType) -> Images:
    """Returns the sizes of images that come out, each None if the rank is not known.

    Raises:
        ConversionError: They are no images.
    """
    name = step_name(type(step))
    if result.dtype == dtype_of("string"):
        raise ConversionError(
            f"{name} returns images [?,height,width,channels] of numbers, not {type_text(result)}; "
            "put decode_image before it, not behind it"
        )
    sizes = (None,) * 4 if result.shape is None else result.shape
    if len(sizes) != 4:
        behind = "squeeze(0)" if len(sizes) == _RANK_OF_ONE else "a reshape or flatten"
        raise ConversionError(
            f"{name} returns images [?,height,width,channels], not "
            f"{shape_text(result.shape)}; put {behind} behind it"
        )
    batch, height, width, channels = sizes
    return batch, height, width, channels


def check_pixels(step: Step, *counts: int, least: int = 0) -> None:
    """Makes sure that sizes in pixels are ones that TensorFlow's kernels take.

    Raises:
        ConversionError: One is not.
    """
    for count in counts:
        if not least <= count < _MOST_PIXELS:
            raise ConversionError(
                f"{step_name(type(step))} cannot have the size {count}, which is not from {least} "
                f"to {_MOST_PIXELS - 1}"
            )

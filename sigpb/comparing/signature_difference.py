"""What became of a signature and its endpoints, as data."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sigpb import protos
from sigpb.rewrite.port import Side
from sigpb.tf.tensor_elements import elements, sizes
from sigpb.tf.tensor_types import Encoding, Shape, dtype_name, shape_text
from sigpb.visible_text import visible

Evidence = Literal["tensor", "key", "type"]
"""Why two endpoints are taken for the same one.

``tensor``: one and the same tensor is behind both, perhaps by way of nodes that sigpb added.
``key``: they have the same key. ``type``: no other endpoint fits: they are the only two left that
have their type, or a tensor of that name, or they are inputs that nothing computes from.
"""


@dataclass(frozen=True, slots=True)
class StatedEndpoint:
    """An input or output, as a SignatureDef states it.

    Attributes:
        dtype: As the number of the enum ``DataType``.
        tensors: The names of its tensors.
        default: The value that a client may leave out.
    """

    key: str
    encoding: Encoding
    dtype: int
    shape: Shape
    tensors: tuple[str, ...]
    default: protos.TensorProto | None = None

    @property
    def encoded_default(self) -> bytes | None:
        """The default as bytes, which are equal for equal defaults; None if there is none."""
        if self.default is None:
            return None
        return self.default.SerializeToString(deterministic=True)


@dataclass(frozen=True, slots=True, repr=False)
class EndpointChange:
    """What became of an input or output.

    Attributes:
        before: What it was; None if it was added.
        after: What it is; None if it was removed.
        evidence: Why the two are taken for the same; None if there are not two.
        rewired: Whether the key, though the same, stands for another tensor of the same graph.
        by_way_of: A dtype that the values pass on the way from one to the other, and that loses
            some of them, where a conversion from the dtype of the one to that of the other would
            not; None if there is none.
        computed_by: The ops of steps that compute other values on the way, as no conversion does.
        bound: The value that a removed input has from now on, in JSON; None if there is none.
        node_name: The name that a patch gave the node of its tensor, if it did not have it before;
            empty if it has such a name no more.
        tensor: Of an added output, the tensor of the other model that it stands for; None if that
            is not known.
    """

    side: Side
    before: StatedEndpoint | None
    after: StatedEndpoint | None
    evidence: Evidence | None = None
    rewired: bool = False
    by_way_of: int | None = None
    computed_by: tuple[str, ...] = ()
    bound: str | None = None
    tensor: str | None = None
    node_name: str | None = None

    def __repr__(self) -> str:
        from sigpb.comparing.report import endpoint_text

        return f"<EndpointChange {visible(endpoint_text(self))}>"

    @property
    def renamed(self) -> bool:
        """Whether it has another key."""
        return bool(self.before and self.after and self.before.key != self.after.key)

    @property
    def retyped(self) -> bool:
        """Whether it has another dtype, shape or encoding."""
        return bool(self.before and self.after) and _type(self.before) != _type(self.after)

    @property
    def default_changed(self) -> bool:
        """Whether it has another default value, or has one only before or after."""
        before, after = self.before, self.after
        return bool(before and after and before.encoded_default != after.encoded_default)

    @property
    def is_change(self) -> bool:
        """Whether anything is different."""
        one_only = self.before is None or self.after is None
        return (
            one_only
            or self.renamed
            or self.retyped
            or self.default_changed
            or self.rewired
            or self.passes_steps
            or self.node_name is not None
        )

    @property
    def passes_steps(self) -> bool:
        """Whether values become others on the way, in a manner that the two types do not tell."""
        return self.by_way_of is not None or bool(self.computed_by)


def _type(endpoint: StatedEndpoint | None) -> tuple[object, ...]:
    return (endpoint.encoding, endpoint.dtype, endpoint.shape) if endpoint else ()


@dataclass(frozen=True, slots=True, repr=False)
class SignatureDifference:
    """What became of a signature.

    Attributes:
        before: Its key; None if it was added and is no copy.
        after: Its key; None if it was removed.
        copied: Whether `before` is there as well, so that this is a copy of it.
        method_before: Its method name.
        method_after: Its method name.
        endpoints: All its inputs and outputs, also those that are the same.
    """

    before: str | None
    after: str | None
    copied: bool
    method_before: str
    method_after: str
    endpoints: tuple[EndpointChange, ...]

    def __repr__(self) -> str:
        from sigpb.comparing.report import signature_lines

        title = visible(next(signature_lines(self)))
        return f"<SignatureDifference {title}, {len(self.changed_endpoints)} endpoints changed>"

    @property
    def renamed(self) -> bool:
        """Whether it has another key."""
        both = self.before is not None and self.after is not None
        return both and not self.copied and self.before != self.after

    @property
    def changed_endpoints(self) -> tuple[EndpointChange, ...]:
        """The inputs and outputs of which anything is different."""
        return tuple(change for change in self.endpoints if change.is_change)

    @property
    def is_change(self) -> bool:
        """Whether anything is different."""
        return (
            self.copied
            or self.before != self.after
            or self.method_before != self.method_after
            or bool(self.changed_endpoints)
        )


def endpoint_type_text(endpoint: StatedEndpoint) -> str:
    """Returns dtype and shape: ``float32 [?,3]``, with the encoding if it is no dense tensor."""
    text = f"{dtype_name(endpoint.dtype)} {shape_text(endpoint.shape)}"
    return text if endpoint.encoding == "dense" else f"{endpoint.encoding} {text}"


def default_text(endpoint: StatedEndpoint) -> str:
    """Returns the default value: in JSON, or its dtype where it cannot be written so."""
    if endpoint.default is None:
        return "none"
    text = value_text(endpoint.default)
    return text if text is not None else f"some {dtype_name(endpoint.default.dtype)}"


_LARGEST = 1 << 16


def value_text(tensor: protos.TensorProto) -> str | None:
    """Writes a value in JSON; None if it is too large, or of a dtype that JSON has no values for.

    `sigpb.tf.tensor_values.tensor_proto` reads it back, given the dtype and the shape.
    """
    try:
        shape = sizes(tensor)
        if math.prod(shape) > _LARGEST:
            return None
        stored = elements(tensor)
        missing = math.prod(shape) - len(stored)
        values = [_json_value(value, dtype_name(tensor.dtype)) for value in stored]
        return json.dumps(_nested([*values, *values[-1:] * missing], shape), ensure_ascii=False)
    except (TypeError, ValueError):  # Such as complex numbers, and bytes that are not text.
        return None


def _json_value(value: Any, name: str) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return _shortest(value) if name == "float32" and math.isfinite(value) else value


def _shortest(value: float) -> float:
    """Returns the number with the fewest digits that is the same float32."""
    shorter = (float(f"{value:.{digits}g}") for digits in range(1, 9))
    return next((number for number in shorter if _is_float32(number, value)), value)


def _is_float32(number: float, value: float) -> bool:
    try:
        return struct.pack("<f", number) == struct.pack("<f", value)
    except OverflowError:
        return False


def _nested(values: Sequence[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return values[0]
    step = math.prod(shape[1:])
    return [
        _nested(values[index * step : (index + 1) * step], shape[1:]) for index in range(shape[0])
    ]

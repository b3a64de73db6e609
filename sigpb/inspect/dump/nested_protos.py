"""What the bytes in bytes fields are: messages, and numbers."""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.inspect.schema import KnownField
from sigpb.tf.tensor_elements import elements
from sigpb.tf.tensor_types import dtype_name, shape_of, shape_text
from sigpb.wire import Message

_ANY = protos.Any.DESCRIPTOR.full_name
_TENSOR = protos.TensorProto.DESCRIPTOR.full_name
_COLLECTION = protos.CollectionDef.BytesList.DESCRIPTOR.full_name
_ATTRIBUTE = protos.AttrValue.DESCRIPTOR.full_name

# What TensorFlow registers collections for (tensorflow/python/ops/control_flow_ops.py,
# training/queue_runner_impl.py, training/saver.py). Variables can be in collections of any name.
_COLLECTIONS = {
    "cond_context": "CondContextDef",
    "while_context": "WhileContextDef",
    "queue_runners": "QueueRunnerDef",
    "savers": "SaverDef",
}

# tensorflow/core/ops/functional_ops.cc: of the ops that call functions.
_ATTRIBUTES = {"config_proto": "ConfigProto"}

# Tensors of more bytes are not written as numbers.
_SMALL_TENSOR = 1 << 9


def message_type(schema: Descriptor, field: KnownField, key: str) -> Descriptor | None:
    """Returns the type of the messages that a bytes field may hold; they still have to fit it.

    Args:
        schema: The type of the message that the field is in.
        field: The field.
        key: The key of the innermost map that this message is in.
    """
    name = None
    if schema.full_name == _COLLECTION and field.name == "value":
        name = _COLLECTIONS.get(key, "VariableDef")
    elif schema.full_name == _ATTRIBUTE and field.name == "s":
        name = _ATTRIBUTES.get(key)
    found: Descriptor | None = getattr(protos, name).DESCRIPTOR if name else None
    return found


def type_of_any(url: str) -> Descriptor | None:
    """Returns the type that the URL of an ``Any`` names, if it is known here."""
    try:
        return protos.POOL.FindMessageTypeByName(url.rpartition("/")[2])
    except KeyError:
        return None


def is_any(schema: Descriptor) -> bool:
    """Whether a message is an ``Any``."""
    return schema.full_name == _ANY


def numbers(message: Message, schema: Descriptor, field: KnownField) -> str | None:
    """Writes out the numbers in a small tensor's ``tensor_content``.

    Returns:
        Its dtype, shape and elements; None if the field is another, or the tensor not small.
    """
    if schema.full_name != _TENSOR or field.name != "tensor_content":
        return None
    if message.end - message.start > _SMALL_TENSOR:
        return None
    try:
        tensor = protos.TensorProto.FromString(message.content())
        values = elements(tensor)
    except (DecodeError, UnicodeDecodeError, ValueError):
        return None
    shape = shape_text(shape_of(tensor.tensor_shape))
    return f"{dtype_name(tensor.dtype)} {shape}: {', '.join(map(_text, values))}"


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)

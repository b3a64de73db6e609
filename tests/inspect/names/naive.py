"""Another way to the names in a model: a walk over parsed protos that knows only their schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from sigpb.inspect.schema import is_repeated

# What is not searched: see `sigpb.inspect.names.occurrence`. What ops and tensors consist of, what
# only people read, and what names nothing in the model.
LEFT_OUT = {
    "tensorflow.TensorProto",
    "tensorflow.GraphDebugInfo",
    "tensorflow.NodeDef.ExperimentalDebugInfo",
    "tensorflow.FullTypeDef",
    "tensorflow.OpDef.AttrDef",
    "tensorflow.OpDeprecation",
    "tensorflow.TensorShapeProto",
    "google.protobuf.Any",
}
LEFT_OUT_FIELDS = {
    "tensorflow.MetaGraphDef.MetaInfoDef.tensorflow_version",
    "tensorflow.MetaGraphDef.MetaInfoDef.tensorflow_git_version",
    "tensorflow.MetaGraphDef.MetaInfoDef.meta_graph_version",
    "tensorflow.SavedUserObject.metadata",
    "tensorflow.SavedVariable.device",
    "tensorflow.SavedResource.device",
    "tensorflow.OpDef.control_output",
    "tensorflow.OpDef.summary",
    "tensorflow.OpDef.description",
    "tensorflow.CollectionDef.BytesList.value",
    "tensorflow.FunctionDef.control_ret.key",
    "tensorflow.FunctionDef.ret.key",
}

# Definitions of ops, of which only the names count.
LEFT_OUT_PATHS = (
    ".meta_info_def.stripped_op_list.op.input_arg",
    ".meta_info_def.stripped_op_list.op.output_arg",
)


def strings(message: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yields the texts in a message, each with the names of the fields that it is in."""
    if message.DESCRIPTOR.full_name in LEFT_OUT:
        return
    for field, value in message.ListFields():
        here = f"{path}.{field.name}"
        name = f"{message.DESCRIPTOR.full_name}.{field.name}"
        if name in LEFT_OUT_FIELDS or here.startswith(LEFT_OUT_PATHS):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for key in value:
                if isinstance(key, str) and f"{name}.key" not in LEFT_OUT_FIELDS:
                    yield here, key
                inner = field.message_type.fields_by_name["value"]
                yield from _values(inner, value[key], here)
        else:
            for element in value if is_repeated(field) else [value]:
                yield from _values(field, element, here)


def _values(field: Any, value: Any, here: str) -> Iterator[tuple[str, str]]:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        yield from strings(value, here)
    elif field.type == FieldDescriptor.TYPE_STRING:
        yield here, value
    elif field.type == FieldDescriptor.TYPE_BYTES:
        yield here, value.decode(errors="backslashreplace")

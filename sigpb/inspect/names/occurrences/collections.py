"""The names in the collections of a MetaGraph, some of which hold encoded messages.

Which collection holds which message is a convention of TensorFlow 1: see ``to_proto`` and
``proto_function`` in tensorflow/python/framework/ops.py and in the modules of the classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from sigpb import protos
from sigpb.inspect.names.occurrences.occurrence import Occurrence, Role
from sigpb.inspect.names.occurrences.signatures import in_tensor_info
from sigpb.inspect.outline import outline
from sigpb.inspect.place import Place
from sigpb.saved_model.model import parse
from sigpb.wire import Message, WireError

# The fields of a message that name tensors or nodes: the names of these fields by their numbers,
# with [] where they repeat, and what is in them, unless it is text.
_Names: TypeAlias = "Mapping[int, tuple[str, _Names | None]]"

# tensorflow/core/framework/variable.proto
_VARIABLE: _Names = {
    1: ("variable_name", None),
    2: ("initializer_name", None),
    3: ("snapshot_name", None),
    6: ("initial_value_name", None),
}
_MAX_VARIABLE_FIELD = 9

# tensorflow/core/protobuf/control_flow.proto; a ControlFlowContextDef holds one of the two.
_VALUES: _Names = {
    1: ("values[]", None),
    2: ("external_values[]", {1: ("key", None), 2: ("value", None)}),
}
_CONTEXT: dict[int, tuple[str, _Names | None]] = {}
_COND: _Names = {
    1: ("context_name", None),
    2: ("pred_name", None),
    3: ("pivot_name", None),
    5: ("values_def", _VALUES),
    6: ("nested_contexts[]", _CONTEXT),
}
_WHILE: _Names = {
    1: ("context_name", None),
    5: ("pivot_name", None),
    6: ("pivot_for_pred_name", None),
    7: ("pivot_for_body_name", None),
    8: ("loop_exit_names[]", None),
    9: ("values_def", _VALUES),
    10: ("loop_enter_names[]", None),
    11: ("maximum_iterations_name", None),
    12: ("nested_contexts[]", _CONTEXT),
}
_CONTEXT.update({1: ("cond_ctxt", _COND), 2: ("while_ctxt", _WHILE)})

# tensorflow/core/protobuf/queue_runner.proto, saver.proto
_QUEUE_RUNNER: _Names = {
    1: ("queue_name", None),
    2: ("enqueue_op_name[]", None),
    3: ("close_op_name", None),
    4: ("cancel_op_name", None),
}
_SAVER: _Names = {
    1: ("filename_tensor_name", None),
    2: ("save_tensor_name", None),
    3: ("restore_op_name", None),
}

_KNOWN: Mapping[str, _Names] = {
    "cond_context": _COND,
    "while_context": _WHILE,
    "queue_runners": _QUEUE_RUNNER,
    "savers": _SAVER,
}

# What protobuf's own parsers allow.
_MAX_DEPTH = 100


def in_collection(key: str, collection: Message, place: Place) -> Iterator[Occurrence]:
    """Yields the names in a CollectionDef that stands under a key."""
    yield Occurrence(Role.COLLECTION, key, place)
    parsed = parse(protos.CollectionDef, collection)
    kind = parsed.WhichOneof("kind")
    if kind == "node_list":
        for position, name in enumerate(parsed.node_list.value):
            here = Place(Place(place, kind), "value", position)
            yield Occurrence(Role.COLLECTION_TENSOR, name, here)
    elif kind == "bytes_list":
        for position, content in enumerate(parsed.bytes_list.value):
            yield from _in_bytes(key, content, Place(Place(place, kind), "value", position))
    elif kind == "any_list":
        for position, packed in enumerate(parsed.any_list.value):
            here = Place(Place(place, kind), "value", position)
            value = Message.root(packed.value)
            if packed.type_url.endswith("/tensorflow.TensorInfo"):
                info = outline(protos.TensorInfo, value)
                yield from in_tensor_info(info, here, Role.COLLECTION_TENSOR)
            elif packed.type_url.endswith("/tensorflow.AssetFileDef"):
                yield from in_asset(outline(protos.AssetFileDef, value), here)


def in_asset(asset: protos.AssetFileDef, place: Place) -> Iterator[Occurrence]:
    """Yields the names in an AssetFileDef."""
    yield Occurrence(Role.ASSET, asset.filename, Place(place, "filename"))
    yield from in_tensor_info(asset.tensor_info, Place(place, "tensor_info"), Role.ASSET_TENSOR)


def _in_bytes(key: str, content: bytes, place: Place) -> Iterator[Occurrence]:
    message = Message.root(content)
    names = _KNOWN.get(key)
    if names is None and _is_variable(message):
        names = _VARIABLE
    if names is not None:
        try:
            yield from list(_in_message(message, names, place, _MAX_DEPTH))
        except WireError:
            pass  # Somebody else's collection of that name.
        else:
            return
    try:
        yield Occurrence(Role.COLLECTION_TEXT, content.decode(), place)
    except UnicodeDecodeError:
        return


def _is_variable(message: Message) -> bool:
    """Whether bytes are a VariableDef, whose collections can have any name."""
    try:
        numbers = {field.number for field in message.fields()}
    except WireError:
        return False
    return {1, 2, 3} <= numbers and max(numbers) <= _MAX_VARIABLE_FIELD


def _in_message(message: Message, names: _Names, place: Place, depth: int) -> Iterator[Occurrence]:
    if not depth:
        raise WireError(f"messages nested too deep at byte {message.start}", message.start)
    positions: Counter[int] = Counter()
    for field in message.fields():
        if field.number not in names:
            continue
        name, inner = names[field.number]
        repeats = name.endswith("[]")
        here = Place(place, name.removesuffix("[]"), positions[field.number] if repeats else None)
        positions[field.number] += 1
        if inner is None:
            yield Occurrence(Role.COLLECTION_TENSOR, message.text(field), here)
        else:
            yield from _in_message(message.message(field), inner, here, depth - 1)

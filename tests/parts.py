"""A model's bytes in parts that have a name, to tell which of them a patch changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sigpb import protos
from sigpb.wire import Message

# The messages that are taken apart; everything below them is one part.
_DIVIDED = {
    message.DESCRIPTOR.full_name
    for message in (
        protos.SavedModel,
        protos.MetaGraphDef,
        protos.MetaGraphDef.MetaInfoDef,
        protos.GraphDef,
        protos.FunctionDefLibrary,
        protos.SavedObjectGraph,
    )
}


def parts(model: bytes) -> dict[str, bytes]:
    """The parts of a binary SavedModel in their order, such as ``signature_def[predict]``.

    MetaGraphs are told apart only if there are several, as in ``meta_graphs[1].signature_def[x]``.
    """
    divided = dict(_divide(Message.root(model), protos.SavedModel.DESCRIPTOR))
    if any(name.startswith("meta_graphs[1]") for name in divided):
        return divided
    return {name.removeprefix("meta_graphs[0]."): part for name, part in divided.items()}


def changed_parts(before: bytes, after: bytes) -> set[str]:
    """The names of the parts that differ or are in one model only; the others keep their order."""
    old, new = parts(before), parts(after)
    changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    assert [name for name in old if name not in changed] == [
        name for name in new if name not in changed
    ]
    return changed


def _divide(message: Message, descriptor: Any) -> Iterator[tuple[str, bytes]]:
    counts: dict[int, int] = {}
    for field in message.fields():
        declared = descriptor.fields_by_number.get(field.number)
        name = declared.name if declared else f"field {field.number}"
        kind = declared.message_type if declared else None
        if kind is not None and kind.GetOptions().map_entry:
            key = message.message(field).last(1)
            assert key is not None
            name += f"[{message.text(key)}]"
        elif declared is None or _is_repeated(declared):
            name += f"[{counts.get(field.number, 0)}]"
        counts[field.number] = counts.get(field.number, 0) + 1
        if kind is not None and kind.full_name in _DIVIDED:
            for inner, part in _divide(message.message(field), kind):
                yield f"{name}.{inner}", part
        else:
            yield name, bytes(message.buffer[field.start : field.end])


def _is_repeated(field: Any) -> bool:
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == field.LABEL_REPEATED)  # protobuf < 6

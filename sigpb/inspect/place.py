"""Where something stands in a proto, as a path that is written out only when it is shown."""

from __future__ import annotations

from typing import NamedTuple

from sigpb.inspect.proto_scalars import quoted


class Place(NamedTuple):
    r"""A field of a message, or one of the elements of a field.

    ``str`` writes the path: ``meta_graphs[serve].graph_def.node["dense/MatMul"].input[0]``.

    Attributes:
        outer: Where the message stands; None if it is the whole file.
        field: The name of the field, as the schema has it.
        key: Which element: a position, or the key of a map, or the name of a node or function.
            It is quoted, with ``"``, ``\`` and control characters escaped as in text protos,
            so that `dump.proto_path` reads the path.
    """

    outer: Place | None
    field: str
    key: str | int | None = None

    def __str__(self) -> str:
        texts = []
        place: Place | None = self
        while place is not None:
            texts.append(f"{place.field}{_subscript(place.key)}")
            place = place.outer
        return ".".join(reversed(texts))


def _subscript(key: str | int | None) -> str:
    if key is None:
        return ""
    return f"[{key}]" if isinstance(key, int) else f"[{quoted(key)}]"

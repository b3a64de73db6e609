"""Whether records cover all bytes of a file, at every level, without gap or overlap."""

from __future__ import annotations

from collections.abc import Iterable

from sigpb.inspect.wire_tree import Record


def assert_covers(found: Iterable[Record], size: int) -> None:
    open_messages = [(0, size)]  # where the next field has to start, and where the last one ends
    for record in found:
        while len(open_messages) > record.depth + 1:
            position, end = open_messages.pop()
            assert position == end, f"bytes {position} to {end} are missing before {record}"
        assert len(open_messages) == record.depth + 1
        position, end = open_messages.pop()
        assert position == record.start < record.end <= end, record
        open_messages.append((record.end, end))
        if record.kind == "message":
            assert record.field is not None
            open_messages.append((record.field.value_start, record.field.value_end))
    assert all(position == end for position, end in open_messages), open_messages

"""The parts of a MetaGraph in its file, and which of their fields only one of two models has.

Fields are compared by their bytes, without being parsed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sigpb import protos
from sigpb.comparing.difference import SectionDifference
from sigpb.wire import Buffer, Field, Message, SourceRange, sha256

# The messages that are taken apart, by their names.
_DIVIDED = {
    "graph_def": protos.GraphDef,
    "graph_def.library": protos.FunctionDefLibrary,
    "object_graph_def": protos.SavedObjectGraph,
}


_CHUNK = 1 << 20

_Fields = list[tuple[Message, Field]]

Span = tuple[int, int]
"""Where bytes start, and where they end, which is not included."""


@dataclass(frozen=True)
class Unmatched:
    """The fields of a section that only one of two MetaGraphs has.

    Attributes:
        section: The section.
        before: The fields that only the first MetaGraph has, each with the message it is in.
        after: The fields that only the second MetaGraph has, likewise.
    """

    section: SectionDifference
    before: tuple[tuple[Message, Field], ...]
    after: tuple[tuple[Message, Field], ...]


def compare_sections(before: Message, after: Message) -> dict[str, Unmatched]:
    """Returns the sections of two MetaGraphDefs by name."""
    first, second = _sections(before), _sections(after)
    names = dict.fromkeys((*first, *second))
    return {name: _compare(name, first[name], second[name]) for name in names}


def _sections(meta_graph: Message) -> dict[str, _Fields]:
    sections: dict[str, _Fields] = defaultdict(list)
    for name, message, field in _fields(meta_graph, protos.MetaGraphDef, ""):
        sections[name].append((message, field))
    return sections


def _fields(
    message: Message, message_class: type[protos.MetaGraphDef], prefix: str
) -> Iterator[tuple[str, Message, Field]]:
    names = {field.number: field.name for field in message_class.DESCRIPTOR.fields}
    for field in message.fields():
        name = prefix + names.get(field.number, f"field {field.number}")
        if name in _DIVIDED:
            inner: type[protos.MetaGraphDef] = _DIVIDED[name]
            yield from _fields(message.message(field), inner, name + ".")
        else:
            yield name, message, field


def _compare(name: str, before: _Fields, after: _Fields) -> Unmatched:
    # All fields of a buffer: which of its messages they are in does not matter here.
    fields, others = [field for _, field in before], [field for _, field in after]
    removed, added = fields, others
    if before and after:
        removed, added = unmatched(before[0][0], fields, after[0][0], others)
    section = SectionDifference(
        name,
        _size(fields),
        _size(others),
        _size(removed),
        _size(added),
        joined_spans([(field.start, field.end) for field in added]),
    )
    return Unmatched(section, _with_messages(before, removed), _with_messages(after, added))


def _size(fields: list[Field]) -> int:
    return sum(field.end - field.start for field in fields)


def _with_messages(section: _Fields, fields: list[Field]) -> tuple[tuple[Message, Field], ...]:
    starts = {field.start for field in fields}
    return tuple((message, field) for message, field in section if field.start in starts)


def same_bytes(first: Buffer, start: int, second: Buffer, other_start: int, size: int) -> bool:
    """Whether two buffers have the same bytes, `size` of them, from two offsets on."""
    return common_prefix(first, start, second, other_start, size) == size


def common_prefix(first: Buffer, start: int, second: Buffer, other_start: int, size: int) -> int:
    """Returns how many bytes, up to `size`, are the same before the first that differs."""
    done = 0
    while done < size:
        step = min(_CHUNK, size - done)
        here, there = start + done, other_start + done
        if first[here : here + step] != second[there : there + step]:
            return done + _first_difference(first[here : here + step], second[there : there + step])
        done += step
    return size


def _first_difference(first: Buffer, second: Buffer) -> int:
    low, high = 0, len(first)  # The first `low` bytes are the same, the first `high` are not.
    while high - low > 1:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low


def unmatched(
    first: Message, fields: Sequence[Field], second: Message, others: Sequence[Field]
) -> tuple[list[Field], list[Field]]:
    """Returns the fields of each of two messages that the other does not have.

    Fields are the same if their bytes are; where they are does not matter.

    Args:
        first: A message.
        fields: Some of its fields, in order.
        second: Another message.
        others: Some of its fields, in order.
    """
    shorter = min(len(fields), len(others))
    start = 0
    while start < shorter and _equal(first, fields[start], second, others[start]):
        start += 1
    end = 0
    while end < shorter - start and _equal(first, fields[-1 - end], second, others[-1 - end]):
        end += 1
    left, right = fields[start : len(fields) - end], others[start : len(others) - end]
    if not left or not right:
        return list(left), list(right)
    digests, other_digests = _digests(first, left), _digests(second, right)
    return (
        [left[i] for i in _without(digests, other_digests)],
        [right[i] for i in _without(other_digests, digests)],
    )


def _equal(first: Message, field: Field, second: Message, other: Field) -> bool:
    size = field.end - field.start
    return size == other.end - other.start and same_bytes(
        first.buffer, field.start, second.buffer, other.start, size
    )


def _digests(message: Message, fields: Sequence[Field]) -> list[str]:
    return [sha256((SourceRange(field.start, field.end),), message.buffer) for field in fields]


def _without(digests: Sequence[str], others: Sequence[str]) -> Iterator[int]:
    left = Counter(others)
    for i, each in enumerate(digests):
        if left[each]:
            left[each] -= 1
        else:
            yield i


def joined_spans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Joins spans, which are in order, where one starts at the end of another."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)

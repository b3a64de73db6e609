"""Finds the fields of a message that another one does not have, without parsing them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sigpb.wire import Buffer, Field, Message, SourceRange, sha256

_CHUNK = 1 << 20

Span = tuple[int, int]
"""Where bytes start, and where they end, which is not included."""


def is_same(first: Buffer, start: int, second: Buffer, other_start: int, size: int) -> bool:
    """Whether two buffers have the same bytes, `size` of them, from two offsets on."""
    return common_prefix(first, start, second, other_start, size) == size


def common_prefix(first: Buffer, start: int, second: Buffer, other_start: int, size: int) -> int:
    """Returns how many of up to `size` bytes are the same, to begin with."""
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
    return size == other.end - other.start and is_same(
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


def merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Joins spans, which are in order, where one starts at the end of another."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sigpb.comparing.sections import common_prefix, joined_spans, unmatched
from sigpb.wire import Message, length_delimited

contents = st.lists(st.binary(max_size=2), max_size=6)


def message_of(parts: list[bytes]) -> Message:
    return Message.root(b"".join(length_delimited(1, part) for part in parts))


@given(contents, contents)
def test_unmatched_is_what_only_one_has(first: list[bytes], second: list[bytes]) -> None:
    a, b = message_of(first), message_of(second)

    left, right = unmatched(a, list(a.fields()), b, list(b.fields()))

    values = [sorted(map(a.value, left)), sorted(map(b.value, right))]
    for mine, others, found in ((first, second, values[0]), (second, first, values[1])):
        expected = list(mine)
        for part in others:
            if part in expected:
                expected.remove(part)
        assert found == sorted(expected)


@given(st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=9))
def test_common_prefix(start: bytes, first: bytes, second: bytes) -> None:
    a, b = start + b"0" + first, start + b"1" + second
    size = min(len(a), len(b))

    assert common_prefix(a, 0, b, 0, size) == len(start)
    assert common_prefix(a, 0, a, 0, len(a)) == len(a)


def test_joined_spans() -> None:
    assert joined_spans([(0, 2), (2, 5), (6, 7)]) == ((0, 5), (6, 7))

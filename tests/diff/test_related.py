from __future__ import annotations

import pytest

from sigpb.diff.related import related_pairs
from sigpb.errors import PatchError


def keys(count: int, prefix: str = "k") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def test_only_what_has_something_in_common() -> None:
    pairs = related_pairs([{"a"}, {"b", "c"}, set()], [{"c"}, {"b"}, {"a"}], keys(3), keys(3))
    assert pairs == [(0, 2), (1, 0), (1, 1)]


def test_few_of_one_thing_are_all_compared() -> None:
    pairs = related_pairs([{"a"}] * 50, [{"a"}] * 50, keys(50), keys(50))
    assert pairs == [(i, j) for i in range(50) for j in range(50)]


def test_of_many_those_of_one_key_are_one() -> None:
    pairs = related_pairs([{"a"}] * 2000, [{"a"}] * 2000, keys(2000), keys(2000))
    assert pairs == [(i, i) for i in range(2000)]


def test_of_many_those_of_other_keys_are_compared_with_all() -> None:
    pairs = related_pairs([{"a"}] * 60, [{"a"}] * 60, keys(60), [*keys(59), "new"])
    others = {(59, j) for j in range(60)} | {(i, 59) for i in range(60)}
    assert set(pairs) == {(i, i) for i in range(59)} | others


def test_too_many_of_other_keys_are_refused() -> None:
    with pytest.raises(PatchError, match=r"'a'.*More than 10,000 pairs of keys of one tensor"):
        related_pairs([{"a"}] * 200, [{"a"}] * 200, keys(200), keys(200, "other"))

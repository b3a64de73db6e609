"""Which keys are compared, and which of the pairs are taken."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.comparing.pairing import cheapest_pairs, related_pairs
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


costs = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(-9, 3).map(float)
)


def lowest_sum(costs: dict[tuple[int, int], float]) -> float:
    return min(
        sum(costs[pair] for pair in pairs)
        for count in range(5)
        for pairs in itertools.combinations(costs, count)
        if len({first for first, _ in pairs}) == len({second for _, second in pairs}) == count
    )


@given(costs)
def test_is_the_cheapest(costs: dict[tuple[int, int], float]) -> None:
    pairs = cheapest_pairs(costs)

    assert len(set(pairs.values())) == len(pairs)
    assert sum(costs[pair] for pair in pairs.items()) == lowest_sum(costs)


def test_nothing_to_pair() -> None:
    assert cheapest_pairs({}) == {}
    assert cheapest_pairs({(0, 0): 1.0}) == {}

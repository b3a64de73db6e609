"""Pairing endpoints, or signatures, of two models: which may be one, and which pairs cost least."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sigpb.errors import PatchError

# Where more pairs than this have a tensor in common, things with equal keys are taken for one.
_FEW = 2_500

# More pairs than this, whose keys differ, are refused: comparing them would take minutes.
_MOST = 10_000


def related_pairs(
    firsts: Sequence[Collection[str]],
    seconds: Sequence[Collection[str]],
    first_keys: Sequence[str],
    second_keys: Sequence[str],
) -> list[tuple[int, int]]:
    """Returns the pairs of a first and a second thing that have something in common, sorted.

    Args:
        firsts: For each thing of the first kind, what it may have in common with others.
        seconds: The same for the second kind.
        first_keys: The keys of the first.
        second_keys: The keys of the second.

    Raises:
        PatchError: If too many things with different keys have the same tensor or function.
    """
    holders: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for number, things in enumerate((firsts, seconds)):
        for i, tokens in enumerate(things):
            for token in tokens:
                holders[token][number].append(i)
    found: set[tuple[int, int]] = set()
    for token, (old, new) in holders.items():
        if len(old) * len(new) <= _FEW:
            found.update((i, j) for i in old for j in new)
            continue
        by_key = {second_keys[j]: j for j in new}
        same = {i: by_key[first_keys[i]] for i in old if first_keys[i] in by_key}
        lost = [i for i in old if i not in same]
        come = set(new) - set(same.values())
        if len(lost) * len(new) + len(old) * len(come) > _MOST:
            raise PatchError(
                f"{len(old):,} keys of the first model and {len(new):,} of the second stand for "
                f"{token!r}, and {len(lost):,} and {len(come):,} of them are not in the other. "
                f"More than {_MOST:,} pairs of keys of one tensor are not compared."
            )
        found.update(same.items())
        found.update((i, j) for i in lost for j in new)
        found.update((i, j) for i in old for j in come)
    return sorted(found)


def cheapest_pairs(costs: Mapping[tuple[int, int], float]) -> dict[int, int]:
    """Returns the pairs whose costs have the lowest sum; things may stay without a partner.

    Args:
        costs: What a pair costs, below 0 if it is better than none. Others cannot be paired.

    Returns:
        For each number of the first kind that has a partner, that of the second kind.
    """
    pairs: dict[int, int] = {}
    for part in _independent_parts(costs):
        found: dict[int, int] = {}
        while True:
            path, gain = _cheapest_change(part, found)
            if gain >= -1e-9:
                break
            for first, second in path:
                found[first] = second
        pairs |= found
    return pairs


def _independent_parts(
    costs: Mapping[tuple[int, int], float],
) -> list[Mapping[tuple[int, int], float]]:
    """Splits pairs into groups; no thing is in pairs of two groups."""
    seconds, firsts = defaultdict(list), defaultdict(list)
    for first, second in costs:
        seconds[first].append(second)
        firsts[second].append(first)
    part_of: dict[int, int] = {}
    for start in seconds:
        to_do = [] if start in part_of else [start]
        part_of.setdefault(start, start)
        while to_do:
            for second in seconds[to_do.pop()]:
                for first in firsts.pop(second, ()):
                    if first not in part_of:
                        part_of[first] = start
                        to_do.append(first)
    parts: dict[int, dict[tuple[int, int], float]] = defaultdict(dict)
    for pair, cost in costs.items():
        parts[part_of[pair[0]]][pair] = cost
    return list(parts.values())


def _cheapest_change(
    costs: Mapping[tuple[int, int], float], pairs: Mapping[int, int]
) -> tuple[list[tuple[int, int]], float]:
    """Finds the change that lowers the sum of costs the most: the pairs to set, the new one first.

    That is the shortest path, by Bellman and Ford's method, from a first without a partner to a
    second without one, where a second that has a partner leads on to that one.
    """
    partner = {second: first for first, second in pairs.items()}
    paths: dict[int, tuple[float, list[tuple[int, int]]]] = {}
    starts = {first: (0.0, list[tuple[int, int]]()) for first, _ in costs if first not in pairs}
    best: tuple[list[tuple[int, int]], float] = ([], 0.0)
    while starts:
        reached: dict[int, tuple[float, list[tuple[int, int]]]] = {}
        for (first, second), cost in costs.items():
            if first in starts and pairs.get(first) != second:
                length, path = starts[first]
                length += cost
                if second not in paths or length < paths[second][0] - 1e-9:
                    paths[second] = reached[second] = (length, [*path, (first, second)])
        starts = {}
        for second, (length, path) in reached.items():
            if second not in partner:
                if length < best[1]:
                    best = (path, length)
            else:
                first = partner[second]
                starts[first] = (length - costs[first, second], path)
    return best

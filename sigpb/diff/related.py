"""Which things of two kinds are compared with each other: those that have something in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sigpb.errors import PatchError

# Where more pairs than this have the same thing in common, those of one key are taken for one.
_FEW = 2_500

# More pairs than this, of other keys, are not told apart: that would take minutes.
_MOST = 10_000


def related_pairs(
    firsts: Sequence[Collection[str]],
    seconds: Sequence[Collection[str]],
    first_keys: Sequence[str],
    second_keys: Sequence[str],
) -> list[tuple[int, int]]:
    """Returns the numbers of those that may be one, sorted.

    Args:
        firsts: For each thing of the first kind, what it may have in common with others.
        seconds: The same for the second kind.
        first_keys: The keys of the first.
        second_keys: The keys of the second.

    Raises:
        PatchError: If too many of other keys have the same in common.
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

"""Finds what a patch names in a model to which the patch, or a part of it, was applied before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sigpb import protos


@dataclass(frozen=True)
class Resolution:
    """Where the keys of a patch are in the model.

    Attributes:
        current: The key that each thing has now by the key it has in the patch. Things that are
            renamed already are there under their new key; things that are gone already are not.
        missing: Keys of the patch for which there is nothing.
    """

    current: dict[str, str]
    missing: tuple[str, ...]


def resolve(renames: Mapping[str, str | None], existing: Collection[str]) -> Resolution:
    """Tells the keys that are still to be renamed from those that are renamed already.

    Renames that are linked, such as a → b and b → c, are judged together: they are pending if all
    old keys exist, done if all new keys exist and no other old key does. A permutation like a → b
    and b → a looks like its own result, and counts as pending.

    Args:
        renames: The keys of the patch, each with its new key or None.
        existing: The keys of the model.
    """
    current: dict[str, str] = {}
    missing: list[str] = []
    for chain in _chains(renames):
        targets = {target for key in chain if (target := renames[key]) is not None}
        if all(key in existing for key in chain):
            current.update({key: key for key in chain})
        elif (
            targets
            and all(target in existing for target in targets)
            and not any(key in existing for key in chain if key not in targets)
        ):
            current.update({key: target for key in chain if (target := renames[key]) is not None})
        else:
            current.update({key: key for key in chain if key in existing})
            missing += [key for key in chain if key not in existing]
    return Resolution(current, tuple(missing))


def resolve_endpoints(
    patches: Sequence[protos.EndpointPatch], existing: Collection[str]
) -> Resolution:
    """Resolves the inputs or outputs that a patch names of a signature."""
    return resolve(
        {item.key: item.rename_to if item.HasField("rename_to") else None for item in patches},
        existing,
    )


def _chains(renames: Mapping[str, str | None]) -> Iterator[list[str]]:
    """Yields the keys grouped so that a key and the new key it gets are in one group."""
    neighbours: dict[str, set[str]] = {key: set() for key in renames}
    for key, target in renames.items():
        if target in neighbours:
            neighbours[key].add(target)
            neighbours[target].add(key)
    seen: set[str] = set()
    for start in renames:
        if start in seen:
            continue
        chain, waiting = [], [start]
        while waiting:
            key = waiting.pop()
            if key not in seen:
                seen.add(key)
                chain.append(key)
                waiting += neighbours[key]
        yield chain

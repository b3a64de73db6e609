"""What became of models, in the order of their paths, though several are patched at a time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from sigpb.batch.job import Outcome


def path_order(path: str) -> list[str]:
    """Returns what paths are sorted by: a directory comes with all that is in it."""
    return path.split("/")


def in_order(
    done: Iterable[Outcome], known: Iterable[Outcome], models: Iterable[str]
) -> Iterator[Outcome]:
    """Yields outcomes in the order of paths, each as soon as all before it are there.

    Only outcomes that others are waited for are held.

    Args:
        done: What becomes of models, in any order; not of all of them if the batch is stopped.
        known: What became of other models already.
        models: The directories of the models that `done` tells of.
    """
    before = sorted(known, key=_order)
    return heapq.merge(before, _when_due(done, sorted(models, key=path_order)), key=_order)


def _when_due(done: Iterable[Outcome], models: list[str]) -> Iterator[Outcome]:
    early: dict[str, Outcome] = {}
    due = iter(models)
    model = next(due, None)
    for outcome in done:
        early[outcome.model] = outcome
        while model in early:
            yield early.pop(model)
            model = next(due, None)
    yield from sorted(early.values(), key=_order)


def _order(outcome: Outcome) -> list[str]:
    return path_order(outcome.model)

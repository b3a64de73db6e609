from __future__ import annotations

from collections.abc import Iterator

from sigpb.batch.job import Outcome
from sigpb.batch.order import in_order


def test_models_that_are_done_early_wait_for_those_before_them() -> None:
    asked: list[str] = []

    def done() -> Iterator[Outcome]:
        for path in ("r/b", "r/a", "r/d", "r/c"):
            asked.append(path)
            yield Outcome(path, "patched")

    known = [Outcome(path, "skipped") for path in ("r/a/1", "q")]
    ordered = in_order(done(), known, ["r/a", "r/b", "r/c", "r/d", "r/e"])

    seen = [(each.model, len(asked)) for each in ordered]
    assert seen == [("q", 2), ("r/a", 2), ("r/a/1", 2), ("r/b", 2), ("r/c", 4), ("r/d", 4)]


def test_models_without_those_before_them_are_told_of_at_the_end() -> None:
    done = [Outcome(path, "patched") for path in ("c", "b")]
    assert [each.model for each in in_order(done, [], "abcd")] == ["b", "c"]

"""Where the batch is after a Reshape, for sizes that are given and for those to be inferred."""

from __future__ import annotations

import pytest

from sigpb.batch_size.rules.layout import Layout, batch_in_literal, layout_of, resolved
from sigpb.batch_size.rules.sizes import OTHERWISE, Batch, Dims

N = Batch()


@pytest.mark.parametrize(
    ("dims", "layout"),
    [
        ((N, 7, 8), Layout(1, "", 56)),
        ((5, N, 8), Layout(5, "", 8)),
        ((Batch(10), 8), Layout(1, "", 80)),
        ((Batch(10, outer=5), 8), Layout(5, "", 16)),
        ((None, N, 8), Layout(None, "", 8)),
        ((3, 4), None),
        ((N, N), None),
        ((OTHERWISE, 4), None),
    ],
)
def test_layout(dims: Dims, layout: Layout | None) -> None:
    assert layout_of(dims) == layout


@pytest.mark.parametrize(
    ("dims", "target", "shape"),
    [
        ((N, 7, 8), (-1, 56), (N, 56)),
        ((N, 7, 8), (-1, 8), (Batch(7), 8)),
        ((7, N, 8), (-1, 8), (Batch(7, outer=7), 8)),
        ((Batch(7), 8), (N, 7, -1), (N, 7, 8)),
        ((Batch(7), 8), (N, -1, 8), (N, 7, 8)),
        ((N, 6, 8), (N, 6, 4, 2), (N, 6, 4, 2)),
        ((N, None), (-1, None), (N, None)),
        ((N, None, 8), (-1, 8), None),
        ((N, 7), (N, 8), None),
        ((N, 7), (-1, 2), None),
        ((7, N, 8), (N, -1, 8), None),  # would mix the examples
    ],
)
def test_resolved(dims: Dims, target: Dims, shape: Dims | None) -> None:
    assert resolved(dims, target) == shape


@pytest.mark.parametrize(
    ("size", "dims", "target", "found"),
    [
        (4, (N, 6), [4, 6], (0, N)),
        (4, (N, 6), [1, 4, 6], (1, N)),
        (4, (5, N, 6), [20, 6], (0, Batch(5, outer=5))),
        (4, (Batch(5, outer=5), 6), [5, 4, 6], (1, N)),
        (4, (N, 6), [2, 12], None),
        (4, (OTHERWISE, 6), [4, 6], None),
        # With a batch of one, each size of one could be it.
        (1, (N, 6), [1, 1, 6], (0, N)),
        (1, (Batch(5), 6), [1, 5, 6], (0, N)),
        (1, (Batch(5, outer=5), 6), [1, 5, 6], (1, Batch(5, outer=5))),
        (1, (5, N, 6), [5, 6], (0, Batch(5, outer=5))),
        (1, (N, 5, 6), [5, 6], (0, Batch(5))),
    ],
)
def test_literal(size: int, dims: Dims, target: list[int], found: tuple[int, Batch] | None) -> None:
    assert batch_in_literal(dims, target, size) == found

from __future__ import annotations

from typing import Any

import pytest

from tests.batch_size.batch_graphs import result_of

N = -1  # the batch, in the shapes of operands

LIMITS = (3, 5, (), ())


class TestCombinedNonMaxSuppression:
    OP = "CombinedNonMaxSuppression"

    def test_of_each_image(self) -> None:
        shapes = result_of(self.OP, (N, 6, 1, 4), (N, 6, 2), *LIMITS, outputs=4)
        assert shapes == [(None, 5, 4), (None, 5), (None, 5), (None,)]

    def test_padded_for_each_class(self) -> None:
        shapes = result_of(self.OP, (N, 6, 1, 4), (N, 6, 2), *LIMITS, outputs=4, pad_per_class=True)
        assert shapes == [(None, None, 4), (None, None), (None, None), (None,)]

    @pytest.mark.parametrize(
        ("boxes", "scores", "reason"),
        [
            ((6, N, 1, 4), (6, N, 2), "it takes boxes [6,N,1,4] and scores [6,N,2]"),
            ((N, 6, 4), (N, 6, 2), "it takes boxes [N,6,4]"),
            ((N, 6, 1, 4), (3, 6, 2), "'operand1' is of size 3 in dimension 0"),
            ((4, 6, 1, 4), (N, 6, 2), "'operand0' of shape [4,6,1,4] is made for the batch size 4"),
        ],
    )
    def test_refused(self, boxes: Any, scores: Any, reason: str) -> None:
        assert reason in result_of(self.OP, boxes, scores, *LIMITS, outputs=4)

    def test_limits_of_the_batch(self) -> None:
        reason = result_of(self.OP, (N, 6, 1, 4), (N, 6, 2), (N,), 5, (), (), outputs=4)
        assert "its limits depend on the batch" in reason


class TestSegments:
    @pytest.mark.parametrize("op", ["SegmentSum", "SegmentMean", "SegmentMax"])
    def test_along_another_dimension(self, op: str) -> None:
        assert result_of(op, (3, N), [0, 0, 1]) == (None, None)

    def test_unsorted(self) -> None:
        assert result_of("UnsortedSegmentSum", (3, N, 7), [0, 2, 1], 5) == (5, None, 7)
        assert result_of("UnsortedSegmentSum", (2, 3, N), [[0, 1, 1], [1, 0, 0]], 5) == (5, None)

    @pytest.mark.parametrize(
        ("op", "operands"),
        [
            ("SegmentSum", [(N, 7), [0, 1, 2, 3]]),  # constants of the old batch size
            ("SegmentSum", [(N, 7), (N,)]),
            ("SegmentSum", [(3, 7), (N,)]),
            ("UnsortedSegmentSum", [(N, 7), [0, 0, 0, 0], 2]),
            ("UnsortedSegmentSum", [(3, N), [[0, 1, 2, 3]] * 3, 5]),
        ],
    )
    def test_of_several_examples(self, op: str, operands: list[Any]) -> None:
        assert "may be of several examples" in result_of(op, *operands)


class TestDenseBincount:
    def test_of_each_row(self) -> None:
        assert result_of("DenseBincount", (N, 7), 5, (0,)) == (None, 5)
        assert result_of("DenseBincount", (N, 7), 5, (N, 7)) == (None, 5)

    @pytest.mark.parametrize(
        ("operands", "reason"),
        [
            ([(N,), 5, (0,)], "it counts the numbers of several examples, of shape [N]"),
            ([(7, N), 5, (0,)], "it counts the numbers of several examples, of shape [7,N]"),
            ([(N, 7), (), (0,)], "the value of its operand 'operand1' is not known"),
            ([(N, 7), 5, (4, 7)], "'operand2' of shape [4,7] is made for the batch size 4"),
        ],
    )
    def test_refused(self, operands: list[Any], reason: str) -> None:
        assert reason in result_of("DenseBincount", *operands)

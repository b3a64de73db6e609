"""Reshape: which of the sizes it states is the batch, and what it states afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from sigpb.batch_size.dimension import BatchError
from tests.batch_size.batch_graphs import (
    const_values,
    graph,
    integers,
    node,
    placeholder,
    relax,
    result_of,
    with_shapes,
)

N = -1  # the batch, in the shapes of operands


@pytest.mark.parametrize(
    ("size", "before", "target", "after", "shape"),
    [
        # The batch is one of the sizes.
        (1, (7, 7), [1, 49], [-1, 49], (None, 49)),
        (4, (7, 7), [4, 49], [-1, 49], (None, 49)),
        (4, (49,), [4, 7, 7, 1], [-1, 7, 7, 1], (None, 7, 7, 1)),
        (4, (7, 7), [1, 4, 49], [1, -1, 49], (1, None, 49)),
        (1, (49,), [1, 1, 49], [-1, 1, 49], (None, 1, 49)),
        (4, (4,), [4, 2, 2], [-1, 2, 2], (None, 2, 2)),
        # Another size is to be inferred, and is known.
        (1, (7, 7), [1, -1], [-1, 49], (None, 49)),
        (4, (7, 7), [4, -1], [-1, 49], (None, 49)),
        (1, (7, 7, 64), [1, -1, 64], [-1, 49, 64], (None, 49, 64)),
        # The batch is inferred already.
        (1, (7, 7), [-1, 49], None, (None, 49)),
        (4, (7, 7), [-1, 7, 7, 1], None, (None, 7, 7, 1)),
        (1, (64,), [1, -1, 64], None, (1, None, 64)),
        # The batch is merged with others.
        (4, (10, 64), [40, 64], [-1, 64], (None, 64)),
        (1, (10, 64), [10, 64], [-1, 64], (None, 64)),
        (4, (10, 64), [-1, 64], None, (None, 64)),
    ],
)
def test_constant(
    size: int, before: tuple[int, ...], target: list[int], after: list[int] | None, shape: Any
) -> None:
    nodes = graph(
        placeholder("x", size, *before),
        integers("shape", target),
        node("result", "Reshape", "x", "shape"),
    )

    relaxed = relax(nodes, size)

    assert relaxed.shapes["result", 0] == shape
    if after is None:
        assert "result" not in relaxed.nodes
    else:
        new, result = relaxed.nodes["result"]
        assert const_values(new) == after
        assert list(result.input) == ["x", new.name]


@pytest.mark.parametrize("size", [1, 4])
def test_merged_and_taken_apart_again(size: int) -> None:
    """What Keras makes of a Dense layer for sequences."""
    nodes = graph(
        placeholder("x", size, 10, 64),
        integers("rows", [10 * size, 64]),
        node("merged", "Reshape", "x", "rows"),
        placeholder("kernel", 64, 3),
        node("product", "MatMul", "merged", "kernel"),
        integers("sequences", [size, 10, 3]),
        node("result", "Reshape", "product", "sequences"),
    )

    relaxed = relax(nodes, size)

    assert relaxed.shapes["result", 0] == (None, 10, 3)
    assert const_values(relaxed.nodes["merged"][0]) == [-1, 64]
    assert const_values(relaxed.nodes["result"][0]) == [-1, 10, 3]


def test_unknown_size_beside_the_batch() -> None:
    """Two sizes cannot be inferred: the batch size is computed."""
    nodes = graph(
        placeholder("x", 4, None, 64),
        integers("shape", [4, -1, 8, 8]),
        node("result", "Reshape", "x", "shape"),
    )

    relaxed = relax(nodes)

    *new, result = relaxed.nodes["result"]
    assert relaxed.shapes["result", 0] == (None, None, 8, 8)
    assert [each.op for each in new if each.op != "Const"] == ["Shape", "StridedSlice", "Pack"]
    assert list(new[0].input) == ["x"]
    assert result.input[1] == new[-1].name


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        (["size", "rest"], (None, 49)),
        (["size", "inferred"], (None, 49)),
        (["inferred", "rest"], (None, 49)),
    ],
)
def test_computed_shape(target: list[str], shape: Any) -> None:
    nodes = graph(
        placeholder("x", 4, 7, 7),
        node("sizes", "Shape", "x"),
        integers("zero", [0]),
        integers("one", [1]),
        node("size", "StridedSlice", "sizes", "zero", "one", "one", shrink_axis_mask=1),
        integers("rest", 49),
        integers("inferred", -1),
        node("shape", "Pack", *target),
        node("result", "Reshape", "x", "shape"),
    )
    relaxed = relax(nodes)
    assert relaxed.shapes["result", 0] == shape
    assert relaxed.nodes.keys() == {"x"}


@pytest.mark.parametrize("target", [[2, 12], [-1, 12], [3, 8]])
def test_refused(target: list[int]) -> None:
    problem = result_of("Reshape", (N, 6), target)
    assert problem.endswith(
        f"it makes shape {str(target).replace(' ', '')} of shape [N,6], "
        "and sigpb cannot tell which of the sizes is the batch."
    )


def test_shared_constant_stays() -> None:
    """Others may take the constant: they still get it as it was."""
    nodes = graph(
        with_shapes(placeholder("x", 4, 2, 3), [4, 2, 3]),
        integers("shape", [4, 6]),
        with_shapes(node("result", "Reshape", "x", "shape"), [4, 6]),
        node("shape/taken", "Identity", "shape"),
    )
    relaxed = relax(nodes)
    assert relaxed.nodes.keys() == {"x", "result"}
    assert relaxed.nodes["result"][0].name not in nodes


def test_what_works_across_merged_examples_is_refused() -> None:
    nodes = graph(
        placeholder("x", 1, 10, 64),
        integers("rows", [10, 64]),
        node("merged", "Reshape", "x", "rows"),
        integers("axes", [0]),
        node("result", "Sum", "merged", "axes"),
    )
    with pytest.raises(
        BatchError, match=r"along dimension 0 of shape \[10N,64\], in which the batch"
    ):
        relax(nodes, 1)


def test_squeeze_of_all_names_what_it_takes_away() -> None:
    """With a batch of one, it would take the batch away too."""
    nodes = graph(placeholder("x", 4, 1, 5, 1), node("result", "Squeeze", "x"))
    (result,) = relax(nodes).nodes["result"]
    assert list(result.attr["squeeze_dims"].list.i) == [1, 3]

    with pytest.raises(BatchError, match=r"every dimension of size 1 of \[N,1,5,1\], and"):
        relax(graph(placeholder("x", 1, 1, 5, 1), node("result", "Squeeze", "x")), 1)

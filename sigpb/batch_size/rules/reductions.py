"""Ops that work along some dimensions: sums, softmax, sorting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sigpb.batch_size.rules.agreement import agreed
from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.sizes import Batch, Dims, has_batch, is_less, multiply, text
from sigpb.batch_size.rules.values import Tensor


@rule("All", "Any", "EuclideanNorm", "Max", "Mean", "Min", "Prod", "Sum", "ReduceJoin", checks=True)
def reduce(op: Operation) -> Tensor:
    """Reduces the dimensions that a constant names."""
    dims = op.dims(0)
    axes = {axis % len(dims) for axis in op.constant(1)} if dims else set()
    if op.node.op in ("All", "Any"):  # Decides, or is asserted; nothing else may come of it.
        whole = has_batch(dims[axis] for axis in axes)
    else:
        whole = False
        check_mixing(op, dims, axes)
    keep = op.flag("keep_dims")
    shape = tuple(
        1 if axis in axes else dim for axis, dim in enumerate(dims) if keep or axis not in axes
    )
    value = op.operands[0].value
    if op.node.op == "Prod" and value is not None:
        product = multiply(value) if axes or not dims else None
        return Tensor(shape, (product,)) if len(shape) <= 1 else Tensor(shape)
    return Tensor(shape, whole=whole)


def check_mixing(op: Operation, dims: Dims, axes: Iterable[int], number: int = 0) -> None:
    """Refuses to work along a dimension with the batch in it, where examples would mix.

    Args:
        op: The node.
        dims: The shape of what it works on.
        axes: The dimensions that it works along; negative ones count from the end.
        number: Which of its operands that is.
    """
    if op.size is None or op.operands[number].of_whole_batch:
        return
    for axis in axes:
        if isinstance(dims[axis], Batch):
            raise Refusal(
                f"it works along dimension {axis % len(dims)} of shape {text(dims)}, in which the "
                "batch is: each example would change the results of the others"
            )


def along(op: Operation, axes: Iterable[int]) -> Tensor:
    """Returns the result of what works along some dimensions of its operand and keeps its shape."""
    dims = op.dims(0)
    check_mixing(op, dims, axes)
    return Tensor(dims)


@rule("ArgMax", "ArgMin", checks=True)
def arg_max(op: Operation) -> Tensor:
    """Leaves out one dimension."""
    dims = op.dims(0)
    axis = op.axis(1, len(dims))
    check_mixing(op, dims, [axis])
    return Tensor((*dims[:axis], *dims[axis + 1 :]))


@rule("Softmax", "LogSoftmax", checks=True)
def softmax(op: Operation) -> Tensor:
    """Works along the last dimension."""
    return along(op, [-1])


@rule("Cumsum", "Cumprod", checks=True)
@rule("CumulativeLogsumexp")
def cumulate(op: Operation) -> Tensor:
    """Works along one dimension."""
    return along(op, [op.axis(1, len(op.dims(0)))])


@rule("Reverse", "ReverseV2", checks=True)
def reverse(op: Operation) -> Tensor:
    """Keeps the shape."""
    # The first version takes a bool for each dimension.
    return along(op, op.constant(1) if op.node.op == "ReverseV2" else range(len(op.dims(0))))


@rule("TopKV2", "TopK", checks=True)
def top_k(op: Operation) -> Sequence[Tensor]:
    """Works along the last dimension."""
    dims = op.dims(0)
    check_mixing(op, dims, [-1])
    if op.node.op == "TopKV2":
        value = op.operands[1].value
        count = value[0] if value else None
    else:
        count = op.integer("k")
    op.require(None if count is None else not is_less(dims[-1], count))
    chosen = Tensor((*dims[:-1], count))
    return [chosen, chosen]


@rule("InTopK", "InTopKV2")
def in_top_k(op: Operation) -> Tensor:
    """One answer for each row."""
    rows, classes = op.dims(0)
    check_mixing(op, (rows, classes), [1])
    return Tensor(agreed(op, [[(0, 0, rows), (1, 0, op.dims(1)[0])]]))


@rule("L2Loss", checks=True)
def loss(op: Operation) -> Tensor:
    """One number for all."""
    check_mixing(op, op.dims(0), range(len(op.dims(0))))
    return Tensor(())

"""Ops that keep the elements and change the shape."""

from __future__ import annotations

from sigpb.batch_size.rules.layout import batch_in_literal, layout_of, product, resolved
from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.products import is_training
from sigpb.batch_size.rules.sizes import (
    MERGED,
    OTHERWISE,
    Batch,
    Dim,
    Dims,
    can_be_equal,
    has_batch,
    known,
    text,
)
from sigpb.batch_size.rules.values import Tensor


@rule("Reshape", checks=True)
def reshape(op: Operation) -> Tensor:
    """Gives a tensor the shape that an operand states."""
    target, dims = op.value(1), op.dims(0)
    op.understand(1)
    op.require(_keeps_count(dims, target))
    value = op.operands[0].value
    if value is not None and len(target) <= 1:
        return Tensor((len(value),) if target else (), value)
    if not has_batch(dims):
        if has_batch(target):
            raise _unclear(dims, target)
        return Tensor(_inferred(dims, target))
    if (beside := _beside_unknown(op, dims, target)) is not None:
        return Tensor(beside)
    sizes = known(target)
    if sizes is not None:
        return Tensor(_literal(op, dims, sizes))
    shape = resolved(dims, target) if has_batch(target) else None
    if shape is None:
        raise _unclear(dims, target)
    return Tensor(shape)


def _beside_unknown(op: Operation, dims: Dims, target: Dims) -> Dims | None:
    """Returns the shape where an unknown size is before the batch, or merged with it.

    The number of elements settles what the sizes are: ``[?,N,8]`` to ``[-1,8]``, and back, or to
    ``[-1,N,2,4]``. None if a reshape does something else.
    """
    if not target or target[0] not in (None, -1, OTHERWISE):
        return None
    is_apart = dims[:2] == (None, Batch())
    rest = dims[2:] if is_apart else dims[1:]
    if not (is_apart or dims[:1] == (MERGED,)) or known(rest) is None:
        return None

    def takes_rest(new: Dims) -> bool:
        return known(new) is not None and -1 not in new and product(new) == product(rest)

    if is_apart and takes_rest(target[1:]):
        return (MERGED, *target[1:])
    new = target[2:]
    if not takes_rest(new):
        return None
    is_literal = op.size is not None and target[1:2] == (op.size,) and op.can_tell_size()
    if is_literal:
        op.replaced[1] = (-1, Batch(), *new)
    return (None, Batch(), *new) if is_literal or target[1:2] == (Batch(),) else None


def _keeps_count(dims: Dims, target: Dims) -> bool:
    """Whether a shape can have as many elements as another."""
    count, rest = product(dims), product([dim for dim in target if dim != -1])
    if count is None or rest is None:
        return True
    return count == rest if -1 not in target else not rest or count % rest == 0


def _inferred(dims: Dims, target: Dims) -> Dims:
    """Returns a target with what its -1 stands for, if that is known."""
    count, rest = product(dims), product(tuple(dim for dim in target if dim != -1))
    inferred = None if count is None or not rest else count // rest
    return tuple(inferred if dim == -1 else dim for dim in target)


def _unclear(dims: Dims, target: Dims) -> Refusal:
    return Refusal(
        f"it makes shape {text(target)} of shape {text(dims)}, and "
        "sigpb cannot tell which of the sizes is the batch"
    )


def _literal(op: Operation, dims: Dims, target: tuple[int, ...]) -> Dims:
    """Returns the shape for a target without the batch, and rewrites the target if it has to be."""
    natural = resolved(dims, target) if -1 in target else None
    if natural is not None and _keeps_batch(dims, natural):
        return natural
    skip = 0 if op.size == 1 and _is_for_layer_norm(op) else None
    place = None if op.size is None else batch_in_literal(dims, target, op.size, skip=skip)
    if place is None:
        if natural is not None and not (op.size == 1 and 1 in target):
            return natural
        raise _unclear(dims, target)
    axis, batch = place
    result: list[Dim] = [*target[:axis], batch, *target[axis + 1 :]]
    if -1 in result:
        inferred = result.index(-1)
        count = product([dim.factor if isinstance(dim, Batch) else dim for dim in dims])
        if count is None:
            op.replaced[1] = tuple(result)
            result[inferred] = None
            return tuple(result)
        rest = product([each for each in target[:axis] + target[axis + 1 :] if each != -1])
        assert rest, "the batch has a place beside the others"
        result[inferred] = count // (rest * batch.factor)
    relaxed = tuple(dim if isinstance(dim, int) else -1 for dim in result)
    if 0 in relaxed:  # Of no elements, TensorFlow infers another size.
        op.replaced[1] = tuple(result)
    elif relaxed != target:
        op.replaced[1] = relaxed
    return tuple(result)


def _keeps_batch(dims: Dims, shape: Dims) -> bool:
    """Whether the dimension of the batch comes out as it was, with what follows it.

    If sizes of one come before it, one of them may have been meant as the batch.
    """
    batch = next(dim for dim in dims if isinstance(dim, Batch))
    if batch not in shape or layout_of(dims) is None:
        return False
    place, rest = shape.index(batch), dims[dims.index(batch) + 1 :]
    if 1 in shape[:place] and (batch != Batch() or rest == (1,)):
        return False
    return shape[place + 1 :] == rest or (
        product(rest) is not None and product(rest) == product(shape[place + 1 :])
    )


def _is_for_layer_norm(op: Operation) -> bool:
    """Whether the result goes to a batch norm that computes statistics of it.

    Keras 2 normalises layers like that: with all examples as channels of a single one
    (tf_keras/src/layers/normalization/layer_normalization.py).
    """
    users = op.users()
    return any(user.op.startswith("FusedBatchNorm") and is_training(user) for user in users)


@rule("Squeeze", checks=True)
def squeeze(op: Operation) -> Tensor:
    """Leaves out dimensions of size one."""
    dims = op.dims(0)
    for axis in op.integers("squeeze_dims"):
        op.require(can_be_equal([1, dims[axis]]))
    axes = {axis % len(dims) for axis in op.integers("squeeze_dims")}
    if has_batch(dims[axis] for axis in axes):
        raise Refusal("it takes the batch dimension away, which has to be of size 1 for that")
    if not axes:
        axes = {axis for axis, dim in enumerate(dims) if dim == 1}
        if None in dims:
            raise Refusal(f"it is not known which dimensions of {text(dims)} it takes away")
    shape = tuple(dim for axis, dim in enumerate(dims) if axis not in axes)
    lost_batch = not op.integers("squeeze_dims") and any(op.is_size(1, dim) for dim in dims)
    if lost_batch and (len(shape) != 2 or axes or not op.only_used_as("BiasAdd", 1)):
        raise Refusal(
            f"it takes away every dimension of size 1 of {text(dims)}, and with them the batch"
        )
    if lost_batch:
        op.computed_by = "Identity"
    elif not op.integers("squeeze_dims"):
        op.attributes["squeeze_dims"] = sorted(axes)
    return Tensor(shape, op.operands[0].value, lost_batch=lost_batch)


@rule("ExpandDims", checks=True)
def expand_dims(op: Operation) -> Tensor:
    """Puts in a dimension of size one."""
    dims = op.dims(0)
    axis = op.axis(1, len(dims) + 1)
    value = op.operands[0].value if not dims else None
    return Tensor((*dims[:axis], 1, *dims[axis:]), value)


@rule("Transpose", checks=True)
@rule("ConjugateTranspose")
def transpose(op: Operation) -> Tensor:
    """Changes the order of the dimensions."""
    dims = op.dims(0)
    return Tensor(tuple(dims[axis] for axis in op.constant(1)))

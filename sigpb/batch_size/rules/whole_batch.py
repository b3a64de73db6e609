"""What depends on the batch as a whole, and so must not get into the results of an example.

How many examples there are, the number that one has among them, and what is computed from all of
them may tell sizes, and be asserted. What a node computes from them, and what a branch returns that
they decide, depends on the batch as a whole too. Where they meet what belongs to one example, the
result of that example would depend on the others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sigpb.batch_size.rules.layout import product
from sigpb.batch_size.rules.operation import Operation
from sigpb.batch_size.rules.sizes import OTHERWISE, Dims, has_batch
from sigpb.batch_size.rules.values import INT32, INT64, Tensor
from sigpb.tf.ops import PASSING

# The elements of the first operand, in their order.
_SAME_ELEMENTS = PASSING | {"Cast", "ExpandDims", "Reshape", "Squeeze"}

# Which operand decides what is computed: of all examples, or none.
_DECIDES = {
    "Case": 0,
    "If": 0,
    "LoopCond": 0,
    "RefSwitch": 1,
    "StatelessCase": 0,
    "StatelessIf": 0,
    "Switch": 1,
}


def with_whole_batch(
    op: Operation, outputs: Sequence[Tensor], dtypes: Sequence[int]
) -> tuple[Tensor, ...]:
    """Returns the outputs of a node, marked if they depend on the batch as a whole.

    Args:
        op: The node, after its rule was applied.
        outputs: What the rule says.
        dtypes: The dtypes of its outputs; empty if they are not known.

    Raises:
        Refusal: The results of an example would depend on other examples.
    """
    decides = _DECIDES.get(op.node.op)
    if decides is not None and op.operands[decides].follows_batch:
        return tuple(dataclasses.replace(output, whole=True) for output in outputs)
    whole = [
        number
        for number, operand in enumerate(op.operands)
        if operand.of_whole_batch and number not in op.understood
    ]
    if not whole:
        lost = any(
            operand.has_examples and number not in op.understood
            for number, operand in enumerate(op.operands)
        )
        return tuple(
            _marked(output) if lost and _is_without(output) else output for output in outputs
        )
    op.refuse_to_open(
        any(operand.has_examples for operand in op.operands),
        f"its operand {op.spelling(whole[0])!r} depends on the batch as a whole (its size, the "
        "numbers of its examples, or all of them), and another belongs to single examples",
    )
    counted_in = op.operands[0].counted_in if op.node.op in _SAME_ELEMENTS else None
    return tuple(
        _marked(
            output,
            counted_in=counted_in,
            is_integer=number < len(dtypes) and dtypes[number] in (INT32, INT64),
        )
        for number, output in enumerate(outputs)
    )


def _is_without(tensor: Tensor) -> bool:
    """Whether nothing of a tensor is known to be of single examples."""
    return tensor.element is None and not has_batch(tensor.shape or ())


def _marked(tensor: Tensor, *, counted_in: Dims | None = None, is_integer: bool = False) -> Tensor:
    """Marks a tensor, unless the rule knows its elements; a short vector of sizes has a value."""
    if tensor.value is not None:
        return tensor
    count = product(tensor.shape) if tensor.shape is not None and len(tensor.shape) <= 1 else None
    value = (OTHERWISE,) * count if count and is_integer else None
    return dataclasses.replace(tensor, whole=True, value=value, counted_in=counted_in)

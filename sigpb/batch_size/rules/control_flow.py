"""The control flow of TensorFlow 1: nodes that pass tensors on to one place or another."""

from __future__ import annotations

from collections.abc import Sequence

from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.values import SCALAR, UNKNOWN, Tensor, text


@rule("Enter", "Exit", "NextIteration", "LoopCond", checks=True)
@rule("RefEnter", "RefExit", "RefNextIteration")
def pass_on(op: Operation) -> Tensor:
    """The result is the operand."""
    return op.operands[0]


@rule("Switch", checks=True)
@rule("RefSwitch")
def switch(op: Operation) -> Sequence[Tensor]:
    """The operand comes out at one of two places."""
    return [op.operands[0], op.operands[0]]


@rule("Merge", "RefMerge")
def merge(op: Operation) -> Sequence[Tensor]:
    """Whatever comes; what comes from the end of a loop is checked later."""
    known = [operand for operand in op.operands if operand != UNKNOWN]
    shapes = {operand.shape for operand in known}
    if len(shapes) != 1:
        raise Refusal(f"its operands have the shapes {', '.join(sorted(map(text, shapes)))}")
    counts = {operand.count for operand in known}
    if len(counts) != 1:
        raise Refusal("its operands are lists of different numbers of tensors")
    elements = [operand.element for operand in known if operand.element is not None]
    same = len({operand.value for operand in op.operands}) == 1
    value = known[0].value if same else None
    element = elements[-1] if elements else None
    return [Tensor(known[0].shape, value, element, count=counts.pop()), SCALAR]

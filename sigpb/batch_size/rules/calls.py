"""Control flow: ops that call functions, and those of TensorFlow 1 that hand tensors on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from sigpb.batch_size.rules import example_loops
from sigpb.batch_size.rules.operation import Demand, Operation, Refusal, Wanted, differing, rule
from sigpb.batch_size.rules.sizes import OTHERWISE, Dim, Dims, has_batch, text, with_batch
from sigpb.batch_size.rules.values import SCALAR, UNKNOWN, Tensor
from sigpb.tf.stated_shapes import merged
from sigpb.tf.tensor_types import shape_of

# Enough for what depends on the batch to get through all variables of a loop.
_MOST_ROUNDS = 20


@rule("PartitionedCall", "StatefulPartitionedCall")
def call(op: Operation) -> Sequence[Tensor]:
    """The results of the function."""
    return op.call("f", 0, op.node.attr["f"].func.name, op.operands)


@rule("If", "StatelessIf")
def if_(op: Operation) -> Sequence[Tensor]:
    """The results of either branch, which have to agree."""
    branches = [
        op.call(attribute, 0, op.node.attr[attribute].func.name, op.operands[1:])
        for attribute in ("then_branch", "else_branch")
    ]
    return _agreed_branches(op, branches)


@rule("Case", "StatelessCase")
def case(op: Operation) -> Sequence[Tensor]:
    """The results of one of the branches, which have to agree."""
    branches = [
        op.call("branches", place, function.name, op.operands[1:])
        for place, function in enumerate(op.node.attr["branches"].list.func)
    ]
    return _agreed_branches(op, branches)


def _agreed_branches(op: Operation, branches: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    def fail(position: int, left: Tensor, right: Tensor) -> None:
        raise Refusal(
            f"its branches return shapes {text(left.shape)} and {text(right.shape)} as result "
            f"{position}"
        )

    results = list(branches[0])
    for other in branches[1:]:
        results = [
            _joined(i, a, b, fail) for i, (a, b) in enumerate(zip(results, other, strict=True))
        ]
    _state_shapes(op, results)
    return results


@rule("While", "StatelessWhile")
def while_(op: Operation) -> Sequence[Tensor]:
    """The variables of the loop, as they are in every round."""
    if example_loops.has_list_of_examples(op.operands):
        return _through_examples(op)
    try:
        return _rounds(op)
    except Refusal as refusal:
        op.calls.clear()
        try:
            return _through_examples(op)
        except Refusal as other:
            raise refusal from other


def _through_examples(op: Operation) -> list[Tensor]:
    state = example_loops.follow(op)
    _state_shapes(op, state)
    return state


def _rounds(op: Operation) -> list[Tensor]:
    """Returns the variables of a loop whose rounds work on the whole batch."""
    stated = _stated(op)
    state = list(op.operands)
    wanted: list[Wanted] = []

    def start_over(position: int, left: Tensor, right: Tensor) -> None:
        found = differing(left, right, op.size, position)
        if found is None:
            raise Refusal(
                f"its variable {position} begins with shape {text(left.inner)} and becomes "
                f"{text(right.inner)}"
            )
        wanted.append(found)

    for _ in range(_MOST_ROUNDS):
        results = op.call("body", 0, op.node.attr["body"].func.name, state)
        state, before = (
            [
                _joined(i, a, b, start_over, stated[i] if i < len(stated) else ())
                for i, (a, b) in enumerate(zip(state, results, strict=True))
            ],
            state,
        )
        if wanted:
            raise Demand(*wanted)
        if state == before:
            break
    else:
        raise Refusal("the shapes of its variables change in every round")
    (goes_on,) = op.call("cond", 0, op.node.attr["cond"].func.name, state)
    _state_shapes(op, state)
    if goes_on.follows_batch:  # All examples decide together how often the body is repeated.
        return [dataclasses.replace(variable, whole=True) for variable in state]
    return state


def _stated(op: Operation) -> list[Dims | None]:
    if "output_shapes" not in op.node.attr:
        return []
    return [shape_of(proto) for proto in op.node.attr["output_shapes"].list.shape]


def _state_shapes(op: Operation, tensors: Sequence[Tensor]) -> None:
    """Notes what the attribute `output_shapes` has to state."""
    stated = _stated(op)
    if len(stated) == len(tensors):
        op.shapes["output_shapes"] = [
            before if before is None or tensor.shape is None else with_batch(before, tensor.shape)
            for before, tensor in zip(stated, tensors, strict=True)
        ]


Fail = Callable[[int, Tensor, Tensor], None]


def _joined(
    position: int, left: Tensor, right: Tensor, fail: Fail, stated: Dims | None = ()
) -> Tensor:
    """Returns what is known of a tensor that is either of two."""
    if left == right:
        return left
    element = _joined_element(position, left, right, fail)
    if left.shape is None or right.shape is None:
        if left.follows_batch or right.follows_batch:
            fail(position, left, right)
        return Tensor(None, None, element)
    whole = left.whole or right.whole
    if len(left.shape) != len(right.shape):
        if left.follows_batch or right.follows_batch:
            fail(position, left, right)
        return Tensor(None)
    dims: list[Dim] = []
    for a, b in zip(left.shape, right.shape, strict=True):
        if a != b and has_batch([a, b]):
            fail(position, left, right)
        dims.append(a if a == b else None)
    if left.count != right.count and has_batch([left.count, right.count]):
        fail(position, left, right)
    count = left.count if left.count == right.count else None
    value = _joined_value(left.value, right.value)
    return Tensor(tuple(dims), value, element, whole=whole, count=count)


def _joined_element(position: int, left: Tensor, right: Tensor, fail: Fail) -> Tensor | None:
    """Returns what a list holds; what it holds at first may be unknown."""
    if left.element is None or right.element is None:
        return left.element or right.element
    a, b = left.element.shape, right.element.shape
    if a is None or b is None:
        return left.element if b is None else right.element
    if len(a) != len(b):
        fail(position, left, right)
        return left.element
    for x, y in zip(a, b, strict=True):
        if x is not None and y is not None and x != y:
            fail(position, left, right)
    return Tensor(merged(a, b))


def _joined_value(left: Dims | None, right: Dims | None) -> Dims | None:
    if left is None or right is None or len(left) != len(right):
        given = (*(left or ()), *(right or ()))
        count = max(len(left or ()), len(right or ()))
        return (OTHERWISE,) * count if has_batch(given) else None
    return tuple(_either(a, b) for a, b in zip(left, right, strict=True))


def _either(left: Dim, right: Dim) -> Dim:
    if left == right:
        return left
    return OTHERWISE if has_batch([left, right]) else None


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

from __future__ import annotations

import pytest

from sigpb.tf.control_flow import surroundings
from tests.graphs.small_graphs import attr, by_name

FRAME = attr("frame_name", "s: 'loop'")
# while i < n: c = i > 1; i = (i + 1) if c else (i + 2)
GRAPH = f"""
    x = Placeholder()
    zero = Const()
    enter = Enter(zero) {FRAME}
    limit = Enter(x) {FRAME}
    merge = Merge(enter, next)
    less = Less(merge, limit)
    loop_cond = LoopCond(less)
    switch = Switch(merge, loop_cond)
    one = Const(^switch)
    greater = Greater(switch:1, one)
    inner_switch = Switch(switch:1, greater)
    add = Add(inner_switch:1, one)
    add_two = Add(inner_switch, one)
    inner_merge = Merge(add, add_two)
    next = NextIteration(inner_merge)
    exit = Exit(switch)
    after = Neg(exit)
    q = Placeholder()
    outer_switch = Switch(after, q)
    pivot = Identity(outer_switch:1)
    constant = Const(^pivot)
    yes = Mul(outer_switch:1, constant)
    nested_enter = Enter(yes) {attr("frame_name", "s: 'nested'")}
    nested_exit = Exit(nested_enter)
    outer_merge = Merge(outer_switch, nested_exit)
    result = Neg(outer_merge, ^yes_is_done)
    yes_is_done = Merge(pivot, outer_switch)
    """
LOOP = "a loop, which only the outputs of Exit nodes leave"
BRANCH = "a branch, which only the outputs of Merge nodes leave"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("x zero exit after q outer_merge result yes_is_done", None),
        ("enter limit merge less loop_cond switch one greater inner_switch add next", LOOP),
        ("inner_merge nested_enter", LOOP),
        ("outer_switch pivot constant yes nested_exit", BRANCH),
        ("is_not_there", None),
    ],
)
def test_where_tensors_are(names: str, expected: str | None) -> None:
    nodes = by_name(GRAPH)
    assert {name: surroundings(f"{name}:0", nodes) for name in names.split()} == dict.fromkeys(
        names.split(), expected
    )


def test_another_output_and_the_spelling_of_functions() -> None:
    nodes = by_name(GRAPH)
    assert surroundings("switch:1", nodes) == LOOP
    assert surroundings("yes:z:0", nodes) == BRANCH


def test_a_long_chain_and_a_cycle_of_no_loop() -> None:
    chain = "\n".join(f"n{i + 1} = Neg(n{i})" for i in range(5000))
    assert surroundings("n5000", by_name(f"n0 = Switch(a, b)\n{chain}")) == BRANCH
    assert surroundings("a", by_name("a = Neg(b)\nb = Neg(a)")) is None


def test_a_merge_of_what_does_not_depend_on_a_branch() -> None:
    graph = "a = Const()\nm = Merge(a, a)\ns = Switch(m, a)\nn = Neg(s)"
    assert surroundings("n", by_name(graph)) == BRANCH

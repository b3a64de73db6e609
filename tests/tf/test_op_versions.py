from __future__ import annotations

import pytest

from sigpb.tf.op_versions import Need, OpNeeds, limited_ops, releases_text

EVERY = ("1.15", *(f"2.{minor}" for minor in range(22)))


def from_release(oldest: str) -> tuple[str, ...]:
    return EVERY[EVERY.index(oldest) :]


def needs(*nodes: tuple[str, str]) -> OpNeeds:
    """Nodes that are called n0, n1 …, each given by its op and its attributes."""
    found = OpNeeds({"my_function"})
    for number, (op, attributes) in enumerate(nodes):
        found.add(f"n{number}", op, attributes.split())
    return found


@pytest.mark.parametrize(
    ("op", "attribute", "known"),
    [
        ("DisableCopyOnRead", "", from_release("2.10")),
        ("VarHandleOp", "debug_name", from_release("2.15")),
        ("VarHandleOp", "dtype", EVERY),
        ("MatMul", "grad_a", from_release("2.16")),
        ("MatMul", "_any_name", EVERY),
        ("MatMul", "grad_c", ()),
        ("BlockLSTMV2", "", ("1.15", *from_release("2.1"))),
        ("BlockLSTMV2", "cell_clip", ("1.15", *from_release("2.1"))),
        ("BigQueryReader", "", ("1.15",)),
        ("BigQueryReader", "project_id", ("1.15",)),
        ("MyOp", "", ()),
    ],
)
def test_which_releases_know_it(op: str, attribute: str, known: tuple[str, ...]) -> None:
    assert Need(op, attribute).known_to == {*known}


def test_what_every_release_knows() -> None:
    found = needs(("MatMul", "T transpose_a _class"), ("my_function", "x"))
    assert found.known_to == EVERY
    assert (found.oldest(), found.foreign()) == ("1.15 (the oldest compared)", "")


def test_the_oldest_release() -> None:
    found = needs(
        ("DisableCopyOnRead", ""), ("MatMul", "T grad_b"), ("VarHandleOp", "dtype"), ("MatMul", "T")
    )
    assert found.known_to == from_release("2.16")
    assert found.oldest() == (
        "2.16 (attribute 'grad_b' of op MatMul in node 'n1'), or 2.10, which ignores attributes "
        "that it does not know"
    )


def test_several_reasons() -> None:
    found = needs(*[("MatMul", "grad_a grad_b"), ("BatchMatMulV3", "grad_x grad_y")] * 2)
    assert found.oldest() == (
        "2.16 (attribute 'grad_x' of op BatchMatMulV3 in 2 nodes such as 'n1'; attribute 'grad_y' "
        "of op BatchMatMulV3 in 2 nodes such as 'n1'; attribute 'grad_a' of op MatMul in 2 nodes "
        "such as 'n0'; 1 more), or 2.6, which ignores attributes that it does not know"
    )


@pytest.mark.parametrize(
    ("attribute", "oldest"),
    [("allowed_devices", "2.3"), ("debug_name", "2.15"), ("dtype", "1.15")],
)
def test_older_releases_refuse_attributes_and_newer_ones_ignore_them(
    attribute: str, oldest: str
) -> None:
    text = needs(("VarHandleOp", attribute)).oldest()
    assert text.startswith(oldest)
    assert text.endswith(", or 2.5, which ignores attributes that it does not know") == (
        attribute == "debug_name"
    )


def test_a_release_that_lacks_what_older_ones_have() -> None:
    found = needs(("BlockLSTMV2", "T"))
    assert found.known_to == ("1.15", *from_release("2.1"))
    assert found.oldest() == "1.15, but not 2.0 (op BlockLSTMV2 in node 'n0')"


def test_what_no_release_knows_together() -> None:
    found = needs(("BigQueryReader", ""), ("DisableCopyOnRead", ""))
    assert found.known_to == ()
    assert found.oldest() == (
        "none (op BigQueryReader in node 'n0'; op DisableCopyOnRead in node 'n1')"
    )


def test_what_is_not_of_tensorflow_counts_apart() -> None:
    found = needs(("MyOp", "grad_a"), ("MatMul", "T my_attribute"))
    assert found.oldest() == "1.15 (the oldest compared)"
    found.add("read", "DisableCopyOnRead", ())
    assert found.oldest() == "2.10 (op DisableCopyOnRead in node 'read')"
    assert found.foreign() == (
        "attribute 'my_attribute' of op MatMul in node 'n1'; op MyOp in node 'n0'"
    )


def test_the_table() -> None:
    assert releases_text() == "1.15 and 2.0 to 2.21"
    assert {"DisableCopyOnRead", "VarHandleOp", "MatMul"} <= limited_ops()
    assert "Identity" not in limited_ops()

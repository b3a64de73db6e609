"""What two messages differ in is taken back, also after other fields changed."""

from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.composing.way_back import LAYOUT
from sigpb.wire import Edits, Message, assemble
from sigpb.wire.differences import Difference, differences, take_back


def encoded(nodes: str, ops: str = "Add", assets: str = "", **signatures: str) -> bytes:
    """A MetaGraphDef: nodes as ``name=op``, ops of the list, assets, and signatures' methods."""
    graph = protos.MetaGraphDef()
    for each in nodes.split():
        name, _, op = each.partition("=")
        graph.graph_def.node.add(name=name, op=op)
    for op in ops.split():
        graph.meta_info_def.stripped_op_list.op.add(name=op)
    for name in assets.split():
        graph.asset_file_def.add(filename=name)
    for key, method in signatures.items():
        graph.signature_def[key].method_name = method
    return graph.SerializeToString(deterministic=True)


def found(before: bytes, after: bytes) -> list[Difference]:
    return [*differences(Message.root(before), Message.root(after), LAYOUT)]


def taken_back(now: bytes, before: bytes, after: bytes) -> tuple[bytes, list[Difference]]:
    edits = Edits(now)
    left = [*take_back(edits, Message.root(now), LAYOUT, found(before, after))]
    return assemble(edits.pieces(), now), left


BEFORE = encoded("a=Add b=Mul", assets="x", s="predict")

CHANGED = [
    encoded("a=Add b=Mul c=Add", assets="x", s="predict"),
    encoded("a=Add b=Sub", assets="x", s="predict"),
    encoded("b=Mul", assets="x", s="predict"),
    encoded("a=Add", assets="x", s="predict"),
    encoded("a=Add b=Mul", "Abs Add Mul", assets="x", s="predict"),
    encoded("a=Add b=Mul", assets="x y z", s="predict"),
    encoded("a=Add b=Mul", assets="y", s="predict"),
    encoded("a=Add b=Mul", assets="x", s="classify", t="predict"),
    encoded("a=Add b=Mul", assets="x"),
    encoded("", "", ""),
]


@pytest.mark.parametrize("after", CHANGED)
def test_the_bytes_are_what_they_were(after: bytes) -> None:
    assert taken_back(after, BEFORE, after) == (BEFORE, [])


@pytest.mark.parametrize("length", [1, 127, 128, 65_536, 65_537, 200_000])
def test_beginnings_of_any_length_are_the_same(length: int) -> None:
    before = encoded(f"{'n' * length}=Abs b=Mul", assets="x")
    after = encoded(f"{'n' * length}=Abs b=Sub c=Add", assets="x")
    assert [each.field.name for each in found(before, after)] == ["b", "c"]
    assert taken_back(after, before, after) == (before, [])


def test_equal_messages_do_not_differ() -> None:
    assert found(BEFORE, BEFORE) == []


def test_other_fields_that_changed_since_stay() -> None:
    after = encoded("a=Add b=Mul c=Add", "Abs Add", assets="x y", s="predict", t="predict")
    now = encoded("a=Sub b=Mul c=Add d=Neg", "Abs Add Neg", assets="x y", s="p", t="predict")
    expected = encoded("a=Sub b=Mul d=Neg", "Add Neg", assets="x", s="p")
    assert taken_back(now, BEFORE, after) == (expected, [])


@pytest.mark.parametrize(
    ("now", "field"),
    [
        (encoded("a=Add b=Neg", assets="x y", s="q"), "b"),  # replaced once more
        (encoded("a=Add", assets="x y", s="q"), "b"),  # removed
    ],
)
def test_what_was_changed_once_more_is_left_alone(now: bytes, field: str) -> None:
    after = encoded("a=Add b=Sub", assets="x y", s="q")
    content, (left,) = taken_back(now, BEFORE, after)
    assert left.field.name == field
    assert protos.MetaGraphDef.FromString(content).signature_def["s"].method_name == "predict"


def test_elements_without_names_go_only_from_the_end() -> None:
    after = encoded("a=Add b=Mul", assets="x y", s="predict")
    now = encoded("a=Add b=Mul", assets="x y z", s="predict")
    content, left = taken_back(now, BEFORE, after)
    assert (content, [each.field.place for each in left]) == (now, [1])


def test_what_a_removed_message_held_is_left_alone() -> None:
    now = encoded("a=Add", "Abs Add")
    edits, message = Edits(b""), Message.root(b"")
    assert len([*take_back(edits, message, LAYOUT, found(encoded("a=Add"), now))]) == 1

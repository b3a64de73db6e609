from __future__ import annotations

from dataclasses import replace

from sigpb import protos
from sigpb.rewrite.examples import examples_port
from sigpb.rewrite.interface import Feature, Interface, SignatureRef
from sigpb.rewrite.passing import Surface, passed_in, passed_out
from sigpb.rewrite.port import Port
from sigpb.steps.broadcast import Broadcast
from sigpb.tf.tensor_types import TensorType, dtype_of
from sigpb.tf.tensor_values import tensor_proto
from tests.rewrite.drafts import conversion_to
from tests.steps.graph_body import GraphDefBody

from .small_models import type_of

FLOAT, STRING = map(dtype_of, ("float32", "string"))
CAST = conversion_to("input", type_of("float32 [?,2]"), type_of("uint8 [?,2]"))
BACK = conversion_to("output", type_of("float32 []"), type_of("int64 []"))
INFO = protos.TensorInfo(dtype=FLOAT)


class Top(Surface):
    """A graph in which clients feed ``new_x`` for an input ``x``, which was ``old_x``."""

    def __init__(self) -> None:
        self.made = GraphDefBody()
        super().__init__(self.made)

    def fed(self, port: Port) -> str:
        what = "text" if port.info.dtype == STRING else "new"
        return f"{what}_{port.source}"

    def taken(self, port: Port) -> str:
        return f"old_{port.source}"

    def type_inside(self, port: Port) -> TensorType:
        return port.inside

    def constant_name(self, port: Port) -> str:
        return f"{port.source}/value"

    def lines(self, *ops: str) -> list[str]:
        return [
            f"{node.name} = {node.op}({', '.join(node.input)})"
            for node in self.made.graph.node
            if node.op in ops
        ]


def row(key: str, rows_of: str) -> Port:
    value = tensor_proto("[[7]]", FLOAT, (1, 1))
    return Port(key, key, {key: INFO}, dropped=True, bound=value, rows_of=rows_of)


def test_inputs_in_the_order_that_is_given() -> None:
    top = Top()
    bound = Port("b", "b", {"b": INFO}, dropped=True, bound=tensor_proto("3", FLOAT, ()))
    ports = [Port("x", "y", {"x": INFO}, conversion=CAST), bound, Port("z", "z", {"z": INFO})]
    assert passed_in(ports, top) == {"x": "Cast:0", "b": "b/value:0"}
    assert top.lines("Cast", "Const") == ["Cast = Cast(new_x)", "b/value = Const()"]


def test_rows_are_those_of_what_the_graph_takes() -> None:
    top = Top()
    ports = [
        row("b", "x"),
        Port("x", "x", {"x": INFO}, conversion=CAST),
        row("c", "z"),
        Port("z", "z", {"z": INFO}),
    ]
    made = passed_in(ports, top)
    assert made == {
        "x": "Cast:0",
        "b": "b/value/BroadcastTo:0",
        "c": "c/value/BroadcastTo:0",
    }
    assert top.lines("Shape") == [
        "b/value/BroadcastTo/Shape = Shape(Cast:0)",
        "c/value/BroadcastTo/Shape = Shape(old_z)",
    ]


def test_rows_come_last_and_by_key_whatever_the_order() -> None:
    top = Top()
    ports = [row("c", "x"), row("b", "x"), Port("x", "x", {"x": INFO}, conversion=CAST)]
    assert list(passed_in(ports, top)) == ["x", "b", "c"]
    assert top.lines("Cast", "BroadcastTo") == [
        "Cast = Cast(new_x)",
        "b/value/BroadcastTo = BroadcastTo(b/value:0, b/value/BroadcastTo/shape:0)",
        "c/value/BroadcastTo = BroadcastTo(c/value:0, c/value/BroadcastTo/shape:0)",
    ]


def test_rows_of_what_is_repeated_itself() -> None:
    """The row that clients send becomes a batch before its rows are counted."""
    top, one = Top(), Broadcast()
    inside, outside = type_of("float32 [?,1]"), type_of("float32 [1]")
    repeated = replace(conversion_to("input", inside, outside), steps=(one,))
    x = Port("x", "x", {"x": INFO}, conversion=repeated, rows_of="z")
    made = passed_in([row("b", "x"), x, Port("z", "z", {"z": INFO})], top)
    assert made == {"x": "Broadcast:0", "b": "b/value/BroadcastTo:0"}
    assert top.lines("Shape") == [
        "Broadcast/Shape = Shape(old_z)",
        "b/value/BroadcastTo/Shape = Shape(Broadcast:0)",
    ]


def test_inputs_that_are_read_from_examples() -> None:
    """In place of what clients feed, with the steps behind it."""
    top, floats = Top(), TensorType(FLOAT, (None, 2))
    ports = {"x": Port("x", "x", {"x": INFO}, conversion=CAST)}
    signature = Interface(
        SignatureRef("s"),
        *("s", "", ""),
        inputs=ports,
        outputs={},
        examples=examples_port("e"),
        features=(Feature("x", "b", floats),),
    )
    assert passed_in([*ports.values()], top, signature) == {"x": "Cast:0"}
    parse, cast = top.lines("ParseExampleV2", "Cast")
    assert parse.startswith("ParseExample/ParseExampleV2 = ParseExampleV2(text_e, ")
    assert cast == "Cast = Cast(ParseExample/ParseExampleV2:0)"


def test_outputs() -> None:
    top = Top()
    assert passed_out(Port("y", "y", {"y": INFO}), "t:0", top) == "t:0"
    assert passed_out(Port("y", "y", {"y": INFO}, conversion=BACK), "t:0", top) == "Cast:0"
    assert top.lines("Cast") == ["Cast = Cast(t:0)"]

from __future__ import annotations

from sigpb import protos
from sigpb.rewrite.interface import SignatureRef
from sigpb.rewrite.port import Port, WantedType
from sigpb.tf.tensor_types import dtype_of
from sigpb.tf.tensor_values import tensor_proto
from tests.graphs.small_graphs import FLOAT, lines, nodes, placeholder

from .drafts import all_of, bind, drop, rename, retype
from .small_models import Model, meta_graph_def, type_of

FLOAT32 = dtype_of("float32")
GRAPH = f"""
    x = Placeholder() {placeholder(-1, 4)}
    b = Placeholder() {placeholder()}
    y = Add(x, b) {FLOAT}
    """
SIGNATURE = "x: float32 [?,4]; b: float32 [] -> y: float32 [?,4]"
TWO = {"s": SIGNATURE, "t": SIGNATURE}


def test_a_port_has_the_types_on_both_sides_of_what_is_done() -> None:
    change = all_of(retype("s", "input", "x", "uint8"), rename("s", inputs={"x": "image"}))
    ports = Model(meta_graph_def(GRAPH, TWO), change).interface().inputs
    assert (ports["x"].key, ports["x"].source, ports["x"].tensors) == ("image", "x", ("x:0",))
    assert (ports["x"].outside, ports["x"].inside) == (
        type_of("uint8 [?,4]"),
        type_of("float32 [?,4]"),
    )
    assert (ports["b"].outside, ports["b"].inside) == (type_of("float32 []"),) * 2
    assert ports["b"].conversion is None


def test_what_of_a_type_is_to_change_adds_up() -> None:
    retyped = Port("x", "x", {}).retyped(dtype=FLOAT32)
    assert retyped.type == WantedType(FLOAT32, "same", insist=False)
    insisting = retyped.retyped(shape=(None, 4), insist=True)
    assert insisting.type == WantedType(FLOAT32, (None, 4), insist=True)
    assert insisting.retyped(shape=None).type == WantedType(FLOAT32, None, insist=True)


def test_without_conversions() -> None:
    change = all_of(retype("s", "input", "x", "uint8"), drop("s", output="y"))
    interface = Model(meta_graph_def(GRAPH, TWO), change).interface()
    assert list(interface.conversions("input")) == ["x"]
    plain = interface.unconverted()
    assert plain.conversions("input") == {}
    assert (plain.inputs["x"].type, plain.outputs) == (
        interface.inputs["x"].type,
        interface.outputs,
    )


def test_what_goes_on_being_fed() -> None:
    change = all_of(
        retype("s", "input", "x", "uint8"), bind("t", "b", tensor_proto("1", FLOAT32, ()))
    )
    interfaces = Model(meta_graph_def(GRAPH, TWO), change).interfaces()
    first, second = (interfaces.signatures[SignatureRef(key)] for key in "st")
    assert (list(first.fed_as_before()), list(second.fed_as_before())) == (["b"], ["x"])
    assert interfaces.fed_as_before == {"b": 1, "x": 1}


def test_what_is_written_does_not_change_the_interfaces() -> None:
    model = Model(meta_graph_def(GRAPH, TWO), retype("s", "input", "x", "uint8"))
    parts = model.interfaces().parts
    parts.top.append(*nodes("kept = Neg(x)"))
    fork = parts.fork()
    fork.top.append(*nodes("more = Neg(x)"))
    fork.top.remove(["y"])
    function = protos.FunctionDef()
    function.signature.name = "f"
    assert fork.top.add_function(function) == "f_1"
    assert lines(parts.top.changed_nodes) == ["kept = Neg(x)"]
    assert lines(fork.top.changed_nodes) == ["kept = Neg(x)", "more = Neg(x)"]
    assert (parts.top.removed_nodes, parts.top.fresh_name("more")) == ([], "more")
    assert fork.top.fresh_name("KEPT") == "KEPT_1"
    assert fork.library.get("f_1") is not None
    assert parts.library.get("f_1") is None
    assert parts.library.fresh_name("g") == "g_1"
    assert fork.library.fresh_name("g") == "g_2"

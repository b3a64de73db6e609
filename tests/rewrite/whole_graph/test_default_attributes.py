from __future__ import annotations

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.rewrite.whole_graph.rewrite import Wanted
from sigpb.wire import length_delimited
from tests.graphs.small_graphs import attr, graph_def

from .rewritten import function, rewritten

STRIP = Wanted(strip_defaults=True)


def meta_graph(text: str, *functions: protos.FunctionDef) -> protos.MetaGraphDef:
    graph = graph_def(text)
    graph.library.function.extend(functions)
    return protos.MetaGraphDef(graph_def=graph)


def attributes(found: protos.MetaGraphDef) -> dict[str, list[str]]:
    """The attributes of each node of the top level and of functions."""
    graph = found.graph_def
    bodies = (graph.node, *(each.node_def for each in graph.library.function))
    return {node.name: sorted(node.attr) for body in bodies for node in body}


CAST = f"Cast() {attr('SrcT', 'type: DT_INT32')} {attr('DstT', 'type: DT_FLOAT')}"


def test_default_values_go() -> None:
    truncate = attr("Truncate", "b: false")
    before = meta_graph(f"a = {CAST} {truncate}", function("f_1", f"b = {CAST} {truncate}"))
    after, done = rewritten(before, STRIP)
    assert attributes(after) == {"a": ["DstT", "SrcT"], "b": ["DstT", "SrcT"]}
    assert after.meta_info_def.stripped_default_attrs
    assert done.defaults is not None
    assert (done.defaults.stripped, done.defaults.nodes, done.says_stripped) == (2, 2, False)


def test_other_values_stay() -> None:
    text = f"""
        a = {CAST} {attr("Truncate", "b: true")} {attr("_output_shapes", "list {}")}
        b = Placeholder() {attr("dtype", "type: DT_FLOAT")} {attr("shape", "shape { dim {} }")}
        """
    after, done = rewritten(meta_graph(text), STRIP)
    assert attributes(after) == {
        "a": ["DstT", "SrcT", "Truncate", "_output_shapes"],
        "b": ["dtype", "shape"],
    }
    assert done.defaults is not None
    assert done.defaults.stripped == 0


def test_all_kinds_of_values() -> None:
    # A list, a text, a number, a shape, a type and a tensor.
    colour = "dtype: DT_UINT8 tensor_shape { dim { size: 4 } } int_val: 255 int_val: 0 "
    text = f"""
        a = AddN() {attr("N", "i: 1")}
        b = VarHandleOp() {attr("container", 's: ""')} {attr("shared_name", 's: "b"')}
        c = Placeholder() {attr("shape", "shape { unknown_rank: true }")}
        d = ImageSummary() {attr("bad_color", f"tensor {{ {colour} int_val: 0 int_val: 255 }}")}
        e = MaxPool() {attr("T", "type: DT_FLOAT")} {attr("data_format", 's: "NHWC"')}
        f = Conv2D() {attr("dilations", "list { i: 1 i: 1 i: 1 i: 1 }")}
        g = LRN() {attr("alpha", "f: 1")} {attr("beta", "f: 0.5")} {attr("bias", "f: 2")}
        """
    assert attributes(rewritten(meta_graph(text), STRIP)[0]) == {
        "a": ["N"],
        "b": ["shared_name"],
        "c": [],
        "d": [],
        "e": [],
        "f": [],
        "g": ["bias"],
    }


def test_ops_that_are_unknown_or_functions() -> None:
    truncate = attr("Truncate", "b: false")
    text = f"a = Unknown() {truncate}\nb = Cast() {truncate}"
    before = meta_graph(text, function("Cast", "c = NoOp()"))
    assert attributes(rewritten(before, STRIP)[0]) == {
        "a": ["Truncate"],
        "b": ["Truncate"],
        "c": [],
    }


def test_an_encoding_that_no_encoder_writes() -> None:
    # Protobuf reads the last entry of a key. A value may be in two parts, which it merges.
    def entry(value: str) -> bytes:
        parsed = text_format.Parse(attr("Truncate", value), protos.NodeDef())
        return parsed.SerializeToString()

    def stripped(*entries: bytes) -> list[str]:
        node = protos.NodeDef(name="a", op="Cast").SerializeToString() + b"".join(entries)
        encoded = length_delimited(2, length_delimited(1, node))
        return attributes(rewritten(protos.MetaGraphDef(), STRIP, encoded)[0])["a"]

    default, other = entry("b: false"), entry("b: true")
    assert stripped(other, default) == []
    assert stripped(default, other) == ["Truncate"]
    key, value = length_delimited(1, b"Truncate"), b"\x28\x01\x28\x00"  # true, then false
    assert stripped(length_delimited(5, key + length_delimited(2, value))) == []
    assert stripped(length_delimited(5, key)) == ["Truncate"]


def test_the_mark_is_put_where_tensorflow_puts_it() -> None:
    before = meta_graph("a = NoOp()")
    before.meta_info_def.tags.append("serve")
    before.meta_info_def.function_aliases["f"] = "g"
    after, done = rewritten(before, STRIP)
    before.meta_info_def.stripped_default_attrs = True
    assert after == before
    assert done.defaults is not None
    assert done.defaults.stripped == 0


def test_a_mark_that_says_the_opposite() -> None:
    before = meta_graph("a = NoOp()")
    tags = protos.MetaGraphDef.MetaInfoDef(tags=["serve"]).SerializeToString()
    encoded = length_delimited(1, tags + b"\x38\x01\x38\x00")  # true, then false
    after, done = rewritten(before, STRIP, encoded + before.SerializeToString())
    before.meta_info_def.tags.append("serve")
    before.meta_info_def.stripped_default_attrs = True
    assert after == before
    assert not done.says_stripped


@pytest.mark.parametrize(
    ("top", "in_function", "oldest"),
    [
        ("s: 'v/'", "s: ''", "2.15 (attribute 'debug_name' of op VarHandleOp in node 'a'), or 2.5"),
        ("s: ''", "s: 'v/'", "2.15 (attribute 'debug_name' of op VarHandleOp in node 'b'), or 2.5"),
        ("s: ''", "s: ''", "1.15 (the oldest compared)"),
    ],
)
def test_what_is_left_says_which_versions_know_it(top: str, in_function: str, oldest: str) -> None:
    inner = function("f_1", f"b = VarHandleOp() {attr('debug_name', in_function)}")
    before = meta_graph(f"a = VarHandleOp() {attr('debug_name', top)}\nc = f_1()", inner)
    _, done = rewritten(before, STRIP)
    assert done.defaults is not None
    assert done.defaults.needs.oldest().partition(", which")[0] == oldest
    assert not done.defaults.needs.foreign()


def test_what_no_version_knows() -> None:
    _, done = rewritten(meta_graph("a = MyOp()\nb = DisableCopyOnRead(a)"), STRIP)
    assert done.defaults is not None
    assert done.defaults.needs.foreign() == "op MyOp in node 'a'"
    assert done.defaults.needs.oldest() == "2.10 (op DisableCopyOnRead in node 'b')"

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.inspect.proto_source import ProtoSource, open_source
from sigpb.inspect.size import GROUPINGS, Row, measure, scope
from sigpb.inspect.treemap import TreePart, tree, treemap
from sigpb.wire import length_delimited
from tests.conftest import REPOSITORY

ModelFactory = Callable[..., Path]

FIXTURES = sorted(path.parent.name for path in REPOSITORY.glob("proto_fixtures/*/*.pbtxt"))


def assert_sums(source: ProtoSource) -> None:
    total = len(source.buffer)
    for by in GROUPINGS:
        sizes = measure(source, by)
        assert sizes.total == total == sum(row.size for row in sizes.rows)
        assert all(row.size > 0 for row in sizes.rows)
        assert sizes.others.count == 0
    assert_nested(tree(source, "section"), total)


def assert_nested(part: TreePart, total: int | None = None) -> None:
    assert total in (None, part.size)
    assert sum(inner.size for inner in part.parts.values()) <= part.size
    for inner in part.parts.values():
        assert_nested(inner)


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("name", FIXTURES)
def test_sums_are_the_size_of_the_file(
    fixture_model: ModelFactory, name: str, as_text: bool
) -> None:
    source = open_source(fixture_model(name, as_text))
    assert_sums(source)
    if not as_text:
        assert len(source.buffer) == source.file.stat().st_size


def test_sums_in_the_corpus(corpus: Path) -> None:
    for model in sorted(path for path in corpus.iterdir() if path.is_dir()):
        assert_sums(open_source(model))


@pytest.mark.parametrize("by", GROUPINGS)
def test_what_is_small_is_summed_up(fixture_model: ModelFactory, by: str) -> None:
    source = open_source(fixture_model("tf2_many"))
    sizes, limited = measure(source, by), measure(source, by, limit=2)
    assert limited.rows == sizes.rows[:2]
    assert limited.others.count == len(sizes.rows) - 2
    assert limited.others.size == sum(row.size for row in sizes.rows[2:])


@given(st.binary(max_size=40))
def test_sums_with_unknown_fields(content: bytes) -> None:
    unknown = length_delimited(99, content)
    graph = length_delimited(2, unknown) + unknown
    meta_graph = length_delimited(2, graph) + unknown
    file = length_delimited(2, meta_graph) + unknown
    assert_sums(ProtoSource(Path("m"), "SavedModel", file))


def small_graph() -> protos.GraphDef:
    graph = protos.GraphDef()
    graph.node.add(name="a/b/c", op="Neg")
    graph.node.add(name="a/d", op="Neg")
    graph.node.add(name="e", op="Add")
    function = graph.library.function.add()
    function.signature.name = "f"
    function.node_def.add(name="a/n", op="Add")
    return graph


def rows(by: str, depth: int = 1) -> list[tuple[str, str, int, int]]:
    source = ProtoSource(Path("g"), "GraphDef", small_graph().SerializeToString())
    found = measure(source, by, depth=depth).rows
    return [(row.kind, row.name, row.size, row.count) for row in found]


def test_rows_of_each_kind() -> None:
    # A node takes its name and op, with two bytes before each and two before the node.
    assert rows("section") == [("section", "node", 14 + 12 + 10, 3), ("section", "library", 21, 1)]
    assert rows("op") == [
        ("op", "Neg", 14 + 12, 2),
        ("op", "Add", 10 + 12, 2),
        ("section", "library", 9, 1),
    ]
    assert rows("function") == [
        ("section", "node", 36, 3),
        ("function", "f", 19, 1),
        ("section", "library", 2, 1),
    ]
    assert rows("scope") == [
        ("scope", "a", 14 + 12 + 12, 3),
        ("scope", "", 10, 1),
        ("section", "library", 9, 1),
    ]
    assert rows("scope", depth=2)[1] == ("scope", "a/b", 14, 1)
    assert rows("node") == [
        ("node", 'node["a/b/c"]', 14, 1),
        ("node", 'library.function["f"].node_def["a/n"]', 12, 1),
        ("node", 'node["a/d"]', 12, 1),
        ("node", 'node["e"]', 10, 1),
        ("section", "library", 9, 1),
    ]


def test_sections_of_a_model(fixture_model: ModelFactory) -> None:
    found = measure(open_source(fixture_model("tf1_two_graphs")), "section").rows
    names = {row.name for row in found}
    assert {
        "saved_model_schema_version",
        "meta_graphs[serve].graph_def.node",
        "meta_graphs[serve].meta_info_def",
    } <= names
    assert any(name.startswith("meta_graphs[gpu,serve].signature_def[") for name in names)
    assert [row for row in found if row.kind == "framing"] == [
        Row("framing", "", next(row.size for row in found if row.kind == "framing"), 4)
    ]


def test_scope() -> None:
    assert [scope("a/b/c", depth) for depth in (1, 2, 3)] == ["a", "a/b", "a/b"]
    assert scope("c", 1) == ""


def test_largest_constants_in_graphs_and_functions() -> None:
    graph = small_graph()
    for number, nodes in enumerate((graph.node, graph.library.function[0].node_def)):
        constant = nodes.add(name=f"constant_{number}", op="Const")
        tensor = constant.attr["value"].tensor
        tensor.dtype = 1
        tensor.tensor_shape.dim.add(size=10_000 * (number + 1))
        tensor.tensor_content = bytes(40_000 * (number + 1))
    graph.node.add(name="no_constant", op="Variable" + "x" * 200_000)
    source = ProtoSource(Path("g"), "GraphDef", graph.SerializeToString())

    found = measure(source, "section").constants

    assert [(str(c.place), c.dtype, c.shape) for c in found] == [
        ('library.function["f"].node_def["constant_1"]', "float32", (20_000,)),
        ('node["constant_0"]', "float32", (10_000,)),
    ]
    assert 80_000 < found[0].size < 80_100


def test_tree() -> None:
    source = ProtoSource(Path("g"), "GraphDef", small_graph().SerializeToString())

    def paths(part: TreePart) -> set[str]:
        inner = {f"{part.name} > {path}" for one in part.parts.values() for path in paths(one)}
        return inner or {f"{part.name} {part.size}"}

    assert paths(tree(source, "section")) == {
        "g > node > a/ > b/ > c (Neg) 14",
        "g > node > a/ > d (Neg) 12",
        "g > node > e (Add) 10",
        "g > library > f > a/ > n (Add) 12",
        "g > library > f > signature and attributes 7",
    }
    assert "g > node > Neg > a/d 12" in paths(tree(source, "op"))
    assert "g > node > a/d 12" in paths(tree(source, "node"))


def test_small_parts_become_one() -> None:
    whole = TreePart("whole")
    for number in range(100):
        whole.add(("small", f"part {number}"), 1)
    whole.add(("large",), 10**6)
    small = ["small", 100, [["100 smaller", 100]]]
    assert whole.to_json(smallest=2) == ["whole", 10**6 + 100, [["large", 10**6], small]]
    assert whole.to_json(smallest=101)[2][1] == ["small", 100], "it is one alone"
    assert len(whole.to_json(smallest=1)[2][1][2]) == 100
    assert "100 smaller" in treemap(whole, "", most=2)
    assert "100 smaller" not in treemap(whole, "", most=102)


def test_page_is_self_contained_and_names_are_escaped(fixture_model: ModelFactory) -> None:
    whole = tree(open_source(fixture_model("tf2_linear")), "section")
    whole.add(('<script>"&',), whole.size)

    page = treemap(whole, "What <takes> the bytes")

    assert "What &lt;takes&gt; the bytes" in page
    assert '"\\u003cscript\\u003e\\"\\u0026"' in page
    assert page.count("<script>") == 1
    assert "://" not in page
    assert "src=" not in page

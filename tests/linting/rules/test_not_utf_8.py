from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.dump.proto_text import MAX_DEPTH
from sigpb.inspect.schema import descriptor
from sigpb.linting.lint import lint
from sigpb.linting.rules import all_rules
from sigpb.linting.rules.not_utf_8 import undecodable
from sigpb.wire import Message, length_delimited
from tests.linting.faults import ModelFactory, find, graph_of, rule, write

RULE = "not-utf-8"

# A field of every kind of place that TensorFlow reads, by text that only it holds, and its path.
PLACES = {
    'graph_def { node { name: "PLACE" } }': "graph_def.node[0].name",
    'graph_def { node { name: "n" op: "PLACE" } }': 'graph_def.node["n"].op',
    'graph_def { node { name: "n" input: "a" input: "PLACE" } }': 'graph_def.node["n"].input[1]',
    'graph_def { node { name: "n" attr { key: "PLACE" value { i: 1 } } } }': (
        'graph_def.node["n"].attr'
    ),
    'graph_def { node { name: "n" attr { key: "f" value { func { name: "PLACE" } } } } }': (
        'graph_def.node["n"].attr["f"].func.name'
    ),
    'graph_def { library { function { signature { name: "PLACE" } } } }': (
        "graph_def.library.function[0].signature.name"
    ),
    'graph_def { library { function { ret { key: "r" value: "PLACE" } } } }': (
        'graph_def.library.function[0].ret["r"]'
    ),
    'saver_def { filename_tensor_name: "PLACE" }': "saver_def.filename_tensor_name",
    'collection_def { key: "c" value { node_list { value: "PLACE" } } }': (
        'collection_def["c"].node_list.value[0]'
    ),
    'signature_def { key: "s" value { method_name: "PLACE" } }': 'signature_def["s"].method_name',
    'asset_file_def { filename: "PLACE" }': "asset_file_def[0].filename",
    'object_graph_def { nodes { asset {} children { local_name: "PLACE" } } }': (
        "object_graph_def.nodes[0].children[0].local_name"
    ),
}


def spoiled(directory: Path, text: str) -> Path:
    """Writes a MetaGraph in which the text PLACE is not UTF-8."""
    return with_damage(write(directory, graph_of(text)))


def with_damage(model: Path) -> Path:
    """Makes the text PLACE of a model something that is not UTF-8."""
    file = model / "saved_model.pb"
    content = file.read_bytes()
    assert content.count(b"PLACE") == 1
    file.write_bytes(content.replace(b"PLACE", b"PL\xffCE"))
    return model


@pytest.mark.parametrize("text", PLACES)
def test_text_anywhere(tmp_path: Path, text: str) -> None:
    assert find(RULE, write(tmp_path / "good", graph_of(text))) == []
    ((severity, where, message),) = find(RULE, spoiled(tmp_path / "bad", text))
    assert severity == "error"
    assert where.partition(".")[2].startswith(PLACES[text])
    assert message.endswith(" is not UTF-8: b'PL\\xffCE'.")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda info: info.tags.append("PLACE"), "tags[1]"),
        (lambda info: info.function_aliases.update(PLACE="v"), "function_aliases"),
        (lambda info: info.function_aliases.update(k="PLACE"), 'function_aliases["k"]'),
    ],
)
def test_text_about_the_graph(
    tmp_path: Path, change: Callable[[protos.MetaGraphDef.MetaInfoDef], object], path: str
) -> None:
    graph = graph_of("")
    change(graph.meta_info_def)
    ((_, where, _),) = find(RULE, with_damage(write(tmp_path, graph)))
    assert where.endswith(f".meta_info_def.{path}")


@pytest.mark.parametrize("size", [0, 1 << 13, 1 << 21])
def test_in_messages_of_any_size(tmp_path: Path, size: int) -> None:
    # Values of constants are bytes, which may be anything.
    graph = graph_of('graph_def { node { name: "n" op: "PLACE" } }')
    for number in range(3):
        node = graph.graph_def.node.add(name=f"c{number}", op="Const")
        node.attr["value"].tensor.tensor_content = b"\xff" * size
        node.attr["value"].tensor.string_val.extend([b"\xff"] * (size // 100))
        node.attr["after"].func.name = f"g{number}"
    graph.graph_def.library.function.add().node_def.extend(graph.graph_def.node)
    model = write(tmp_path, graph)
    assert find(RULE, model) == []
    file = model / "saved_model.pb"
    file.write_bytes(file.read_bytes().replace(b"g1", b"\xfe1"))
    assert [(where, message[-23:]) for _, where, message in find(RULE, model)] == [
        (f"meta_graphs[serve].{path}", "is not UTF-8: b'\\xfe1'.")
        for path in (
            'graph_def.node["c1"].attr["after"].func.name',
            'graph_def.library.function[0].node_def["c1"].attr["after"].func.name',
        )
    ]


def test_ten_are_enough(tmp_path: Path) -> None:
    nodes = "".join(f'node {{ name: "PLAC{number:02}" }}' for number in range(30))
    model = write(tmp_path, graph_of(f"graph_def {{ {nodes} }}"))
    file = model / "saved_model.pb"
    file.write_bytes(file.read_bytes().replace(b"PLAC", b"PL\xffC"))
    assert len(find(RULE, model)) == 10


def test_other_rules_are_not_asked(tmp_path: Path) -> None:
    model = spoiled(tmp_path, 'signature_def { key: "s" value { method_name: "PLACE" } }')
    assert {finding.rule for finding in lint(model, all_rules())} == {RULE}
    with pytest.raises(ModelUnreadable):
        lint(model, [each for each in all_rules() if each.id != RULE])


def test_fields_that_nobody_knows_may_hold_anything(tmp_path: Path) -> None:
    model = write(tmp_path, graph_of('graph_def { node { name: "n" op: "NoOp" } }'))
    with (model / "saved_model.pb").open("ab") as file:
        file.write(b"\xfa\x06\x01\xff")  # field 111
    assert find(RULE, model) == []


def test_whatever_else_is_damaged_is_said_as_before(tmp_path: Path) -> None:
    model = write(tmp_path, graph_of('graph_def { node { name: "n" op: "NoOp" } }'))
    file = model / "saved_model.pb"
    file.write_bytes(file.read_bytes().replace(b"\x0a\x01n\x12\x04NoOp", b"\x0a\x01n\x12\x7fNoOp"))
    with pytest.raises(ModelUnreadable, match="claims 127 bytes"):
        lint(model, [rule(RULE)])


def test_nesting_beyond_what_protobuf_reads(tmp_path: Path) -> None:
    value = b""
    for _ in range(2000):
        value = length_delimited(52, length_delimited(1, value))  # a tuple of one value
    function = length_delimited(1, b"f") + length_delimited(4, value)
    graph = length_delimited(7, length_delimited(2, length_delimited(2, function)))
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01" + length_delimited(2, graph))
    with pytest.raises(ModelUnreadable, match="nested too deep"):
        lint(tmp_path, [rule(RULE)])


def test_nesting_as_deep_as_protobuf_reads() -> None:
    node, schema = Message.root(length_delimited(1, b"\xff")), descriptor("NodeDef")
    assert [field.start for field in undecodable(node, schema, MAX_DEPTH)] == [0]
    with pytest.raises(ModelUnreadable, match="nested too deep at byte 0"):
        next(undecodable(node, schema, MAX_DEPTH + 1))


@pytest.mark.parametrize("name", ["tf2_many", "tf1_shared", "tf1_two_graphs"])
def test_models_of_tensorflow(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []
    assert find(RULE, fixture_model(name, as_text=True)) == []


def test_tags_of_several_graphs(fixture_model: ModelFactory) -> None:
    # Findings of other rules would name the graphs by them.
    model = fixture_model("tf1_two_graphs")
    saved_model = protos.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    saved_model.meta_graphs[1].meta_info_def.tags.append("PLACE")
    content = saved_model.SerializeToString().replace(b"PLACE", b"PL\xffCE")
    (model / "saved_model.pb").write_bytes(content)
    assert {finding.rule for finding in lint(model, all_rules())} == {RULE}

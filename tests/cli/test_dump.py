from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format, text_format

from sigpb import protos
from sigpb.wire import length_delimited
from tests.cli.command_line import Outcome, run
from tests.publishing.directories import snapshot

ModelFactory = Callable[..., Path]


def parsed(outcome: Outcome, name: str) -> Any:
    assert (outcome.code, outcome.err) == (0, "")
    message = getattr(protos, name)()
    text_format.Parse(outcome.out, message, descriptor_pool=protos.POOL)
    return message


def saved_model(model: Path) -> protos.SavedModel:
    return protos.SavedModel.FromString((model / "saved_model.pb").read_bytes())


def test_a_part_by_its_path(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")

    outcome = run("dump", model, 'signature_def["default"].inputs["a"]')

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "# proto-message: tensorflow.TensorInfo\n"
        '# meta_graphs[].signature_def["default"].inputs["a"]: '
        "26 bytes of 'saved_model.pb'\n"
        'name: "a:0"\n'
        "dtype: DT_FLOAT\n"
        "tensor_shape {\n"
        "  dim {\n"
        "    size: -1\n"
        "  }\n"
        "  dim {\n"
        "    size: 3\n"
        "  }\n"
        "}\n"
    )


@pytest.mark.parametrize("name", ["tf1_no_variables", "tf1_two_graphs", "tf2_many", "tf2_defaults"])
@pytest.mark.parametrize("as_text", [False, True])
def test_the_whole_comes_back(fixture_model: ModelFactory, name: str, as_text: bool) -> None:
    model = saved_model(fixture_model(name))
    whole = parsed(run("dump", fixture_model(name, as_text), "--full"), "SavedModel")
    assert whole.SerializeToString(deterministic=True) == model.SerializeToString(
        deterministic=True
    )


def test_graphs_and_meta_graphs(fixture_model: ModelFactory, tmp_path: Path) -> None:
    meta_graph = saved_model(fixture_model("tf2_many")).meta_graphs[0]
    graph = meta_graph.graph_def
    (tmp_path / "model.meta").write_bytes(meta_graph.SerializeToString())
    (tmp_path / "graph.pb").write_bytes(graph.SerializeToString())
    for file, path in (("model.meta", "graph_def.node[0]"), ("graph.pb", "node[0]")):
        assert parsed(run("dump", tmp_path / file, path, "--full"), "NodeDef") == graph.node[0]
    assert parsed(run("dump", tmp_path / "graph.pb", "--full"), "GraphDef") == graph


def test_json(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    graph = saved_model(model).meta_graphs[0]

    signature = run("dump", model, "signature_def[serving_default]", "--format=json").json

    assert signature["path"] == "meta_graphs[serve].signature_def[serving_default]"
    read = json_format.ParseDict(signature["value"], protos.SignatureDef())
    assert read == graph.signature_def["serving_default"]
    whole = run("dump", model, "--format=json").json
    assert whole["message"] == "tensorflow.SavedModel"
    assert len(whole["value"]["meta_graphs"]) == 1


def test_every_part_of_a_document_is_documented(fixture_model: ModelFactory) -> None:
    documentation = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    section = documentation.partition("## `sigpb dump --format=json`")[2].partition("\n## ")[0]
    found = run("dump", fixture_model("tf2_linear"), "--format=json").json
    assert all(f"| `{field}` |" in section for field in found)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "One model or file is expected, and perhaps a path. Usage: sigpb dump DIR|FILE"),
        (["{model}", "a", "b"], "One model or file is expected"),
        (["{model}", "node["], "'node[' is not a path"),
        (
            ["{model}", "signature_def[serving_defalt]"],
            "There is no 'serving_defalt' in meta_graphs[serve].signature_def; did you mean "
            "'serving_default'?",
        ),
        (["{model}", "node[100].op"], "There is no meta_graphs[serve].graph_def.node[100]; the"),
    ],
)
@pytest.mark.parametrize("form", ["textproto", "json"])
def test_refused(fixture_model: ModelFactory, arguments: list[str], told: str, form: str) -> None:
    model = str(fixture_model("tf2_linear"))
    given = [argument.format(model=model) for argument in arguments]
    outcome = run("dump", *given, f"--format={form}")
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err


@pytest.mark.parametrize("form", ["textproto", "json"])
def test_nothing_is_written(fixture_model: ModelFactory, form: str) -> None:
    model = fixture_model("tf2_warmup")
    before = snapshot(model)
    assert run("dump", model, "--full", f"--format={form}").code == 0
    assert snapshot(model) == before


class TestDamaged:
    @pytest.fixture
    def damaged(self, fixture_model: ModelFactory) -> Path:
        """A model in which the length of a node's name goes beyond the node."""
        model = fixture_model("tf2_linear")
        content = bytearray((model / "saved_model.pb").read_bytes())
        name = saved_model(model).meta_graphs[0].graph_def.node[2].name
        position = content.index(length_delimited(1, name.encode()))
        content[position + 1] = 0x7F
        (model / "saved_model.pb").write_bytes(content)
        return model

    @pytest.mark.parametrize("form", ["textproto", "json"])
    def test_what_is_damaged_is_refused(self, damaged: Path, form: str) -> None:
        for path in ("", "graph_def", "node[2]"):
            outcome = run("dump", damaged, *[path] * bool(path), f"--format={form}")
            assert (outcome.code, outcome.out) == (3, "")
            assert f"{damaged / 'saved_model.pb'}: it is damaged: field 1 at byte " in outcome.err
            assert "(in meta_graphs[serve].graph_def.node[2])" in outcome.err
            assert f"'sigpb salvage {damaged}/saved_model.pb salvaged' saves what " in outcome.err

    @pytest.mark.parametrize("form", ["textproto", "json"])
    @pytest.mark.parametrize("path", ["signature_def[serving_default]", "library", "node[0]"])
    def test_what_is_intact_is_printed(
        self, damaged: Path, fixture_model: ModelFactory, path: str, form: str
    ) -> None:
        whole = fixture_model("tf2_linear")
        assert run("dump", damaged, path, f"--format={form}") == run(
            "dump", whole, path, f"--format={form}"
        )

    def test_what_is_cut_off_is_located(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        content = (fixture_model("tf2_linear") / "saved_model.pb").read_bytes()
        file = tmp_path / "half.pb"
        file.write_bytes(content[: len(content) // 2])
        outcome = run("dump", file)
        assert (outcome.code, outcome.out) == (3, "")
        assert "or a badly damaged one. As protobuf, field 2 at byte 2 claims " in outcome.err
        assert f"'sigpb wire {file}' shows where the damage is" in outcome.err
        assert f"'sigpb salvage {file} salvaged.pb' saves what can be read." in outcome.err

    @pytest.mark.parametrize("seed", range(40))
    def test_any_damage_is_answered(
        self, fixture_model: ModelFactory, tmp_path: Path, seed: int
    ) -> None:
        chance = random.Random(seed)
        content = bytearray((fixture_model("tf2_linear") / "saved_model.pb").read_bytes())
        for _ in range(chance.randrange(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        file = tmp_path / "model.pb"
        file.write_bytes(content)
        try:
            readable = protos.SavedModel.FromString(bytes(content))
        except Exception:
            readable = None
        for arguments in (["--full"], ["--format=json"], ["signature_def"], ["node[1].name"]):
            outcome = run("dump", file, *arguments)
            assert outcome.code in (0, 2, 3)
            if arguments == ["--full"]:
                assert (outcome.code == 0) <= (readable is not None)
                assert (outcome.out == "") == (outcome.code != 0)


class TestOther:
    def test_names_of_files_stay_in_their_comment(self, tmp_path: Path) -> None:
        graph = protos.GraphDef(node=[protos.NodeDef(name="n", op="NoOp")])
        (tmp_path / "a\nb.pb").write_bytes(graph.SerializeToString())
        assert parsed(run("dump", tmp_path / "a\nb.pb"), "GraphDef") == graph

    def test_values_are_no_markup(self, tmp_path: Path) -> None:
        node = protos.NodeDef(name="[red]x\x1b[31m\n", op="Add")
        (tmp_path / "graph.pb").write_bytes(protos.GraphDef(node=[node]).SerializeToString())
        shown = run("dump", tmp_path / "graph.pb", "node").out
        assert r'name: "[red]x\033[31m\n"' in shown
        assert "\x1b" not in shown

    def test_shortened_and_full(self, tmp_path: Path) -> None:
        node = protos.NodeDef(name="c", op="Const")
        node.attr["value"].tensor.tensor_content = bytes(100_000)
        (tmp_path / "graph.pb").write_bytes(protos.GraphDef(node=[node]).SerializeToString())
        path = "node[c].attr[value].tensor"
        short = run("dump", tmp_path / "graph.pb", path)
        assert "# the first 256 of 100,000 bytes, sha256 " in short.out
        assert len(parsed(short, "TensorProto").tensor_content) == 256
        full = run("dump", tmp_path / "graph.pb", path, "--full")
        assert parsed(full, "TensorProto").tensor_content == bytes(100_000)

    def test_a_selected_node_is_all_that_is_parsed(self, tmp_path: Path) -> None:
        nodes = [protos.NodeDef(name=f"n{index}", op="NoOp") for index in range(3)]
        content = bytearray(protos.GraphDef(node=nodes).SerializeToString())
        content[-1] = 0xFF  # which is no UTF-8, in the last node's op
        (tmp_path / "graph.pb").write_bytes(content)
        assert parsed(run("dump", tmp_path / "graph.pb", "node[n1]"), "NodeDef") == nodes[1]
        assert run("dump", tmp_path / "graph.pb", "node[n2]").code == 3


def test_every_signature_of_the_corpus(corpus: Path) -> None:
    for proto in sorted(corpus.glob("*/saved_model.pb")):
        model = protos.SavedModel.FromString(proto.read_bytes())
        for position, graph in enumerate(model.meta_graphs):
            for key, signature in graph.signature_def.items():
                path = f"meta_graphs[{position}].signature_def[{json.dumps(key)}]"
                assert parsed(run("dump", proto, path, "--full"), "SignatureDef") == signature

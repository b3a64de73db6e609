from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from tests.cli.command_line import run
from tests.comparing.patched import patched
from tests.patches import ModelFactory, altered, contents

CHANGES = """signature { key: "serving_default" rename_to: "predict"
  input { key: "x" rename_to: "image" dtype: "uint8" }
  output { key: "p" rename_to: "s" } output { key: "s" rename_to: "p" } }"""


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_same(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    before = contents(model)

    outcome = run("diff", model, model)

    assert (outcome.code, outcome.out) == (0, "the same\n")
    assert contents(model) == before


def test_different(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    after = patched(model, CHANGES)

    outcome = run("diff", model, after)

    assert outcome.code == 1
    first, *rest = outcome.out.splitlines()
    assert first == f"{model} → {after}"
    assert rest[:5] == [
        "MetaGraph {serve}",
        "  signature 'serving_default' → 'predict'",
        "    input 'x' → 'image', float32 [?,3] → uint8 [?,3]",
        "    output 'p' → 's'",
        "    output 's' → 'p'",
    ]
    assert any(
        line.startswith("nodes: 3 added (sigpb/predict/copy/") for line in lines(outcome.out)
    )
    assert "sigpb.history.jsonl: added" in lines(outcome.out)
    assert not any("object graph" in line for line in lines(outcome.out))


def test_json(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")

    outcome = run("diff", model, patched(model, CHANGES), "--format=json", "--compat")

    assert outcome.code == 1
    assert outcome.json["same"] is False
    (graph,) = outcome.json["meta_graphs"]
    (signature,) = graph["signatures"]
    assert (signature["before"], signature["after"]) == ("serving_default", "predict")
    assert signature["endpoints"][0] == {
        "side": "input",
        "before": {
            "key": "x",
            "encoding": "dense",
            "dtype": "float32",
            "shape": [None, 3],
            "tensors": ["serving_default_x:0"],
            "default": None,
        },
        "after": {
            "key": "image",
            "encoding": "dense",
            "dtype": "uint8",
            "shape": [None, 3],
            "tensors": ["sigpb/predict/image:0"],
            "default": None,
        },
        "evidence": "tensor",
        "rewired": False,
        "by_way_of": None,
        "computed_by": [],
        "node_name": None,
        "bound": None,
        "tensor": None,
    }
    assert graph["nodes"]["counts"] == {"added": 3, "removed": 0, "changed": 0}
    compat = {each["signature"]: each["verdict"] for each in outcome.json["compat"]}
    assert compat["serving_default"] == "breaking"
    assert compat["single"] == "compatible"
    assert run("diff", model, model, "--format=json").json["same"] is True


def test_compat(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")

    breaking = run("diff", model, patched(model, CHANGES), "--compat")
    copied = 'signature { key: "new" copy_of: "serving_default" }'
    compatible = run("diff", model, patched(model, copied), "--compat")

    assert breaking.code == 1
    assert "MetaGraph {serve}, signature 'serving_default': breaking" in lines(breaking.out)
    assert "breaking signature-renamed: it is called 'predict' now" in lines(breaking.out)
    assert compatible.code == 0
    assert "MetaGraph {serve}, signature 'serving_default': compatible" in lines(compatible.out)
    assert run("diff", model, model, "--compat").code == 0


def test_contradiction(fixture_model: ModelFactory) -> None:
    def rename(graph: protos.MetaGraphDef) -> None:
        inputs = graph.signature_def["serving_default"].inputs
        inputs["image"].CopyFrom(inputs["x"])
        del inputs["x"]

    outcome = run("diff", fixture_model("tf2_linear"), altered(fixture_model("tf2_linear"), rename))

    assert outcome.code == 1
    assert "input 'x' → 'image'" in lines(outcome.out)
    assert "  contradiction after: signature 'serving_default' has the inputs" in outcome.out


def test_tf1_with_tf2(fixture_model: ModelFactory) -> None:
    for pair in (("tf1_shared", "tf2_linear"), ("tf2_linear", "tf1_shared")):
        outcome = run("diff", *map(fixture_model, pair))
        assert outcome.code == 1
        assert outcome.err == ""


def test_no_signatures(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    empty = altered(fixture_model("tf1_shared"), lambda graph: graph.signature_def.clear())

    assert run("diff", empty, empty).out == "the same\n"
    assert run("diff", empty, model).code == 1
    assert "signature 'serving_default': deleted" in lines(run("diff", model, empty).out)
    assert run("diff", empty, empty, "--compat").out == "no signatures\n"


def test_no_graph(tmp_path: Path) -> None:
    saved_model = protos.SavedModel(saved_model_schema_version=1)
    saved_model.meta_graphs.add().meta_info_def.tags.append("serve")
    (tmp_path / "saved_model.pb").write_bytes(saved_model.SerializeToString())

    assert run("diff", tmp_path, tmp_path).out == "the same\n"


@pytest.mark.parametrize("command", ["diff", "infer"])
class TestBadInput:
    def test_no_model(self, fixture_model: ModelFactory, tmp_path: Path, command: str) -> None:
        (tmp_path / "empty").mkdir()
        model = fixture_model("tf2_linear")
        for pair in ((model, tmp_path / "empty"), (tmp_path / "none", model)):
            outcome = run(command, *pair)
            assert outcome.code == 3
            assert outcome.out == ""

    def test_damaged(self, fixture_model: ModelFactory, command: str) -> None:
        model, damaged = fixture_model("tf2_linear"), fixture_model("tf2_linear")
        data = (damaged / "saved_model.pb").read_bytes()
        (damaged / "saved_model.pb").write_bytes(data[:5000])

        outcome = run(command, model, damaged)

        assert outcome.code == 3
        assert str(damaged) in outcome.err

    def test_wrong_number(self, fixture_model: ModelFactory, command: str) -> None:
        assert run(command).code == 2
        outcome = run(command, fixture_model("tf2_linear"))
        assert outcome.code == 2
        assert "Two model directories are expected, 1 given" in outcome.err

    def test_unknown_tags(self, fixture_model: ModelFactory, command: str) -> None:
        model = fixture_model("tf2_linear")
        outcome = run(command, model, model, "--tags=train")
        assert outcome.code == 2
        assert "{serve}" in outcome.err


def test_says_which_of_the_two_is_no_model(fixture_model: ModelFactory, tmp_path: Path) -> None:
    model, empty = fixture_model("tf2_linear"), tmp_path / "empty"
    empty.mkdir()
    for pair in ((model, empty), (empty, model)):
        outcome = run("diff", *pair)
        assert outcome.code == 3
        assert outcome.err.startswith(f"sigpb: {empty}: holds no saved_model.pb")

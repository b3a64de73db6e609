from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from tests.cli.command_line import run

ModelFactory = Callable[..., Path]


@pytest.fixture
def repository(fixture_model: ModelFactory, tmp_path: Path) -> Path:
    """A tree with two models, one of them as text, and one that is damaged between them."""
    root = tmp_path / "repository"
    shutil.copytree(fixture_model("tf1_shared"), root / "b" / "1")
    shutil.copytree(fixture_model("tf2_linear", as_text=True), root / "a" / "2")
    damaged = root / "a" / "3"
    damaged.mkdir()
    (damaged / "saved_model.pb").write_bytes(b"\xff" * 50)
    (root / "a" / "loop").symlink_to(root)
    return root


def test_lines(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    outcome = run("grep", "^single_", model)
    assert (outcome.code, outcome.err) == (0, "")
    graph = "meta_graphs[serve].graph_def"
    assert outcome.out.splitlines() == [
        str(model),
        f'  node              {graph}.node["single_t"]',
        f'    used by {graph}.node["StatefulPartitionedCall_2"].input[0], '
        'meta_graphs[serve].signature_def["single"].inputs["t"].name',
        f'  input             {graph}.node["StatefulPartitionedCall_2"].input[0]  "single_t"',
        "  endpoint tensor   "
        'meta_graphs[serve].signature_def["single"].inputs["t"].name  "single_t:0"',
    ]


def test_json(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    found = run("grep", "single_t", model, "--what=node", "--format=json").json
    assert found == {
        "pattern": "single_t",
        "models": [
            {
                "model": str(model),
                "matches": [
                    {
                        "path": 'meta_graphs[serve].graph_def.node["single_t"]',
                        "kind": "node",
                        "role": "node",
                        "text": "single_t",
                        "uses": 2,
                        "used_by": [
                            'meta_graphs[serve].graph_def.node["StatefulPartitionedCall_2"].input[0]',
                            'meta_graphs[serve].signature_def["single"].inputs["t"].name',
                        ],
                    }
                ],
            }
        ],
        "unreadable": [],
    }


def test_trees_are_searched_in_order_and_what_is_damaged_is_named(repository: Path) -> None:
    outcome = run("grep", "predict", repository, "--what=signature")
    models = [line for line in outcome.out.splitlines() if not line.startswith(" ")]
    assert models == [str(repository / "a" / "2"), str(repository / "b" / "1")]
    assert outcome.code == 0
    assert outcome.err.startswith(f"sigpb: {repository / 'a' / '3'}/saved_model.pb: ")
    assert len(outcome.err.splitlines()) == 1


def test_exit_codes(repository: Path) -> None:
    assert run("grep", "predict", repository).code == 0
    assert run("grep", "no such text", repository).code == 3
    assert run("grep", "no such text", repository / "b").code == 1
    assert run("grep", "predict", repository / "missing").code == 3
    assert run("grep", "predict", repository / "missing", repository / "b").code == 0


def test_what_cannot_be_read_is_in_json(repository: Path) -> None:
    outcome = run("grep", "no such text", repository, "--format=json")
    assert outcome.json["models"] == []
    assert len(outcome.json["unreadable"]) == 1


def test_graphs_on_their_own(tmp_path: Path) -> None:
    graph = protos.GraphDef(node=[protos.NodeDef(name="x", op="Placeholder")])
    (tmp_path / "frozen.pb").write_bytes(graph.SerializeToString())
    meta_graph = protos.MetaGraphDef(graph_def=graph)
    (tmp_path / "model.meta").write_bytes(meta_graph.SerializeToString())

    out = run("grep", "^x$", tmp_path / "frozen.pb", tmp_path / "model.meta").out

    paths = [line.split()[1] for line in out.splitlines() if line.startswith("  node ")]
    assert paths == ['node["x"]', 'graph_def.node["x"]']


@pytest.mark.parametrize(
    ("pattern", "flags", "code"),
    [
        ("PLACEHOLDER", [], 1),
        ("PLACEHOLDER", ["--ignore_case"], 0),
        ("PLACEHOLDER", ["-i"], 0),
        ("Place.older", [], 0),
        ("Place.older", ["--fixed_strings"], 1),
        ("(", ["--fixed_strings"], 1),
        ("", [], 0),
        ("^$", ["--what=node"], 1),
    ],
)
def test_patterns(fixture_model: ModelFactory, pattern: str, flags: list[str], code: int) -> None:
    assert run("grep", pattern, fixture_model("tf1_no_variables"), *flags).code == code


@pytest.mark.filterwarnings("error")
def test_python_warns_of_no_pattern(fixture_model: ModelFactory) -> None:
    outcome = run("grep", "[[]", fixture_model("tf1_no_variables"))
    assert (outcome.code, outcome.err) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["("], "'(' is not a regular expression: missing ), unterminated subpattern"),
        (["a{99999999999999999999}"], "'a{99999999999999999999}' is not a regular expression"),
        (
            ["x", "--what=nodes"],
            "--what=nodes: there is no such kind of names; did you mean 'node'?",
        ),
    ],
)
def test_refusals(fixture_model: ModelFactory, arguments: list[str], said: str) -> None:
    outcome = run("grep", *arguments, fixture_model("tf1_no_variables"))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"sigpb: {said}")


def test_a_model_is_expected() -> None:
    outcome = run("grep", "x")
    assert outcome.code == 2
    assert "A pattern and the models to search are expected." in outcome.err

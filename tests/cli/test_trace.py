from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command_line import run

ModelFactory = Callable[..., Path]

GRAPH = "meta_graphs[serve].graph_def"
OBJECTS = "meta_graphs[serve].object_graph_def"
SIGNATURE = 'meta_graphs[serve].signature_def["single"]'


def test_lines(fixture_model: ModelFactory) -> None:
    outcome = run("trace", fixture_model("tf2_linear"), "single_t")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        'node "single_t"',
        f'  defined     {GRAPH}.node["single_t"]',
        "  op          Placeholder",
        "  data inputs (1)",
        f'    {GRAPH}.node["StatefulPartitionedCall_2"].input[0]  "single_t"',
        "  signatures (1)",
        f'    {SIGNATURE}.inputs["t"].name  "single_t:0"',
    ]


def test_key_in_both_views(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    found = run("trace", model, "t", "--signature=single", "--format=json").json
    in_graph, in_function = found["traces"]
    assert found["file"] == str(model / "saved_model.pb")
    assert in_graph == {
        "kind": "node",
        "name": "single_t",
        "tensor": "single_t:0",
        "path": f'{GRAPH}.node["single_t"]',
        "asked": [f'{SIGNATURE}.inputs["t"]'],
        "op": "Placeholder",
        "device": "",
        "inputs": [],
        "references": [
            {
                "role": "input",
                "text": "single_t",
                "path": f'{GRAPH}.node["StatefulPartitionedCall_2"].input[0]',
            },
            {
                "role": "endpoint_tensor",
                "text": "single_t:0",
                "path": f'{SIGNATURE}.inputs["t"].name',
            },
        ],
        "function": None,
    }
    function = in_function.pop("function")
    library = f'{GRAPH}.library.function["{function["name"]}"]'
    assert in_function["kind"] == "argument"
    assert in_function["path"] == f'{library}.signature.input_arg["t"]'
    assert [reference["role"] for reference in function["references"]] == [
        "call",
        "concrete_function",
        "concrete_function",
    ]


def test_captures(fixture_model: ModelFactory) -> None:
    out = run("trace", fixture_model("tf2_linear"), "x", "--signature=serving_default").out
    assert f'      "unknown": variable "w", {OBJECTS}.nodes[1]\n' in out


def test_every_metagraph_is_searched(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_two_graphs")
    name = run("grep", "", model, "--what=node", "--format=json").json["models"][0]["matches"][0]
    found = run("trace", model, name["text"], "--format=json").json["traces"]
    assert len({trace["path"].partition(".")[0] for trace in found}) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["single_x"], "There is no node, tensor, function or endpoint 'single_x'; did you mean"),
        (["u", "--signature=sinlge"], "There is no signature 'sinlge'; did you mean 'single'?"),
        (["v", "--signature=single"], "Signature 'single' has no endpoint 'v'; there are 't', 'u'"),
        (["\udcff"], r"'\udcff' is not UTF-8 text, as all names in models are."),
        ([], "A model and a name are expected."),
        (["a", "b"], "A model and a name are expected."),
    ],
)
def test_refusals(fixture_model: ModelFactory, arguments: list[str], said: str) -> None:
    outcome = run("trace", fixture_model("tf2_linear"), *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"sigpb: {said}")

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.inspect.names.grep import KINDS, LISTED_USES, search
from sigpb.inspect.proto_source import ProtoSource


@pytest.fixture
def source() -> ProtoSource:
    meta_graph = protos.MetaGraphDef()
    meta_graph.meta_info_def.tags.append("x")
    graph = meta_graph.graph_def
    graph.node.add(name="x", op="Placeholder").attr["dtype"].type = 1
    for number in range(LISTED_USES + 2):
        graph.node.add(name=f"n{number}", op="Neg", input=["x"])
    for name in ("f", "g"):
        function = graph.library.function.add()
        function.signature.name = name
        function.signature.input_arg.add(name="x")
        function.node_def.add(name="y", op="f", input=["x"])
    graph.node.add(name="c", op="Const").attr["value"].tensor.string_val.append(b"x")
    meta_graph.signature_def["x"].inputs["x"].name = "x:0"
    return ProtoSource(Path("m"), "MetaGraphDef", meta_graph.SerializeToString())


def places(source: ProtoSource, pattern: str, *kinds: str) -> list[str]:
    matches = search(source, re.compile(pattern), kinds or KINDS)
    return [str(match.occurrence.place) for match in matches]


def test_places_in_the_order_of_the_file(source: ProtoSource) -> None:
    assert places(source, "^x", "tag", "node", "argument", "signature", "endpoint") == [
        "meta_info_def.tags[0]",
        'graph_def.node["x"]',
        'graph_def.library.function["f"].signature.input_arg["x"]',
        'graph_def.library.function["g"].signature.input_arg["x"]',
        'signature_def["x"]',
        'signature_def["x"].inputs["x"]',
    ]


@pytest.mark.parametrize(
    ("pattern", "kind", "found"),
    [
        ("^Neg$", "op", [f'graph_def.node["n{n}"].op' for n in range(LISTED_USES + 2)]),
        (":0", "tensor", ['signature_def["x"].inputs["x"].name']),
        (
            "flo.t",
            "attr",
            ['graph_def.node["x"].attr["dtype"].type'],
        ),
        ("f", "function", ['graph_def.library.function["f"]']),
        ("nothing", "node", []),
    ],
)
def test_kinds(source: ProtoSource, pattern: str, kind: str, found: list[str]) -> None:
    assert places(source, pattern, kind) == found


def test_elements_of_tensors_are_not_searched(source: ProtoSource) -> None:
    assert not [place for place in places(source, "x") if '"c"' in place]


def test_uses_are_counted_and_the_first_are_listed(source: ProtoSource) -> None:
    (top, *_) = search(source, re.compile("^x$"), ["node"])
    assert top.uses
    assert top.uses.count == LISTED_USES + 3  # the signature's
    assert [str(place) for place in top.uses.places] == [
        f'graph_def.node["n{n}"].input[0]' for n in range(LISTED_USES)
    ]


def test_uses_in_a_function_are_those_of_its_own_names(source: ProtoSource) -> None:
    found = list(search(source, re.compile("^x$"), ["argument"]))
    for match, name in zip(found, ("f", "g"), strict=True):
        assert match.uses
        assert [str(place) for place in match.uses.places] == [
            f'graph_def.library.function["{name}"].node_def["y"].input[0]'
        ]


def test_uses_of_functions(source: ProtoSource) -> None:
    (f, g) = search(source, re.compile("^[fg]$"), ["function"])
    assert f.uses
    assert g.uses
    assert [str(place) for place in f.uses.places] == [
        f'graph_def.library.function["{name}"].node_def["y"].op' for name in ("f", "g")
    ]
    assert (g.uses.count, g.uses.places) == (0, [])


def test_uses_of_more_names_than_are_looked_for_one_by_one() -> None:
    nodes = [protos.NodeDef(name=f"n{n}", input=[f"n{n - 1}"]) for n in range(1, 300)]
    graph = protos.GraphDef(node=nodes)
    source = ProtoSource(Path("g"), "GraphDef", graph.SerializeToString())
    counts = [match.uses.count for match in search(source, re.compile(""), ["node"]) if match.uses]
    assert counts == [1] * 298 + [0]

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sigpb import protos
from sigpb.graphs.node_index import LARGE_NODE
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.op_search import nodes_with_ops
from sigpb.linting.policy import EMPTY_POLICY
from sigpb.saved_model.model import open_model
from tests.linting.faults import ModelFactory, write

OPS = {"Const", "Identity", "MatMul", "ParseExampleV2", "Placeholder", "SaveV2", "Cast"}


def searched(model: Path) -> list[Counter[tuple[str | None, str, str]]]:
    with open_model(model) as opened:
        return [
            Counter((name, node.name, node.op) for name, node in nodes_with_ops(graph, OPS))
            for graph in LintedModel(opened, EMPTY_POLICY).graphs
        ]


def parsed(model: Path) -> list[Counter[tuple[str | None, str, str]]]:
    with open_model(model) as opened:
        saved_model = protos.SavedModel.FromString(opened.root.content())
    found = []
    for graph in saved_model.meta_graphs:
        nodes: list[tuple[str | None, protos.NodeDef]] = [
            (None, node) for node in graph.graph_def.node
        ]
        for function in graph.graph_def.library.function:
            nodes += [(function.signature.name, node) for node in function.node_def]
        found.append(Counter((name, node.name, node.op) for name, node in nodes if node.op in OPS))
    return found


def test_what_is_searched_for_is_what_is_parsed(fixture_model: ModelFactory) -> None:
    for name in ("tf2_many", "tf2_image", "tf1_two_graphs", "tf1_interior"):
        model = fixture_model(name)
        assert searched(model) == parsed(model)
        assert all(searched(model))


def test_attributes_that_take_much_space_are_left_out(tmp_path: Path) -> None:
    graph = protos.MetaGraphDef()
    node = graph.graph_def.node.add(name="n", op="Cast")
    for key, size in (("as", LARGE_NODE), ("at", LARGE_NODE + 1)):
        rest = len(protos.NodeDef(attr={key: protos.AttrValue(s=bytes(size))}).SerializeToString())
        node.attr[key].s = bytes(2 * size - rest)
        alone = protos.NodeDef(attr={key: node.attr[key]})
        assert len(alone.SerializeToString()) == size
    with open_model(write(tmp_path, graph)) as model:
        ((_, found),) = nodes_with_ops(LintedModel(model, EMPTY_POLICY).graphs[0], OPS)
    assert list(found.attr) == ["as"]


def test_corpus(corpus: Path) -> None:
    for file in sorted(corpus.glob("*/saved_model.pb*")):
        assert searched(file.parent) == parsed(file.parent), file

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from tests.linting.faults import ModelFactory, find, graph_of, write
from tests.patches import altered

RULE = "uninitialized-tables"
TABLE = 'graph_def { node { name: "table" op: "HashTableV2" } }'


@pytest.mark.parametrize("name", ["tf2_many", "tf1_interior", "tf1_shared", "tf2_linear"])
def test_init_op_or_no_tables(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


@pytest.mark.parametrize("name", ["tf2_many", "tf1_interior"])
def test_init_op_is_lost(fixture_model: ModelFactory, name: str) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def.pop("__saved_model_init_op", None)
        for collection in ("saved_model_main_op", "legacy_init_op"):
            graph.collection_def.pop(collection, None)

    ((severity, where, message),) = find(RULE, altered(fixture_model(name), fault))
    assert (severity, where) == ("error", "")
    assert message.startswith("There is no init op that fills the tables '")


@pytest.mark.parametrize("collection", ["saved_model_main_op", "legacy_init_op"])
def test_collections_of_older_models(tmp_path: Path, collection: str) -> None:
    named = f'collection_def {{ key: "{collection}" value {{ node_list {{ value: "i" }} }} }}'
    assert find(RULE, write(tmp_path / "with", graph_of(TABLE + named))) == []
    assert find(RULE, write(tmp_path / "without", graph_of(TABLE)))


def test_mutable_tables_start_out_empty(tmp_path: Path) -> None:
    graph = graph_of('graph_def { node { name: "table" op: "MutableHashTableV2" } }')
    assert find(RULE, write(tmp_path, graph)) == []


def test_whoever_loads_a_graph_of_transform_fills_its_tables(tmp_path: Path) -> None:
    graph = graph_of(TABLE)
    graph.meta_info_def.tags[:] = ["transform"]
    assert [severity for severity, _, _ in find(RULE, write(tmp_path, graph))] == ["info"]

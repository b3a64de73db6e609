"""What is run once variables are restored, of a MetaGraph and of a part."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from tests.composing.absorbed_models import Model


def _text(scope: str, places: dict[str, str] | None = None, *, objects: bool = False) -> str:
    collections = places or {}
    nodes = f'node {{ name: "{scope}init" op: "NoOp" }}'
    listed = "".join(
        f'collection_def {{ key: "{key}" value {{ node_list {{ value: "{scope}{name}" }} }} }} '
        for key, name in collections.items()
        if not key.startswith("__")
    )
    signatures = "".join(
        f'signature_def {{ key: "{key}" value {{ outputs {{ key: "{key}" '
        f'value {{ name: "{scope}{name}" }} }} }} }} '
        for key, name in collections.items()
        if key.startswith("__")
    )
    graph = "object_graph_def { nodes { user_object { } } }" if objects else ""
    return f"graph_def {{ {nodes} versions {{ producer: 100 }} }} {listed} {signatures} {graph}"


def _places(meta_graph: protos.MetaGraphDef) -> dict[str, str]:
    places = {key: info.outputs[key].name for key, info in meta_graph.signature_def.items()}
    for key in ("saved_model_main_op", "legacy_init_op"):
        if key in meta_graph.collection_def:
            (places[key],) = meta_graph.collection_def[key].node_list.value
    return places


_INIT, _MAIN, _LEGACY = "__saved_model_init_op", "saved_model_main_op", "legacy_init_op"


@pytest.mark.parametrize(
    ("own", "others"),
    [
        ({_INIT: "init", _MAIN: "init"}, {_INIT: "init"}),
        ({_MAIN: "init"}, {_INIT: "init", _MAIN: "other"}),
        ({_LEGACY: "init"}, {_LEGACY: "init"}),
        ({_MAIN: "init", _LEGACY: "other"}, {_MAIN: "init", _LEGACY: "other"}),
    ],
)
def test_one_op_waits_for_both_wherever_the_model_names_one(
    tmp_path: Path, own: dict[str, str], others: dict[str, str]
) -> None:
    meta_graph, _ = Model(tmp_path / "model", _text("", own)).absorb(_text("s/", others))
    assert _places(meta_graph) == dict.fromkeys(own, "s/init_1")
    assert meta_graph.graph_def.node[-1] == protos.NodeDef(
        name="s/init_1", op="NoOp", input=["^init", "^s/init"]
    )


def test_a_part_that_runs_nothing_changes_nothing(tmp_path: Path) -> None:
    meta_graph, _ = Model(tmp_path / "model", _text("", {_MAIN: "init"})).absorb(_text("s/"))
    assert _places(meta_graph) == {_MAIN: "init"}


@pytest.mark.parametrize("objects", [False, True])
def test_a_model_that_runs_nothing_runs_the_op_of_the_part(tmp_path: Path, objects: bool) -> None:
    part = _text("s/", {_LEGACY: "init"}, objects=objects)
    meta_graph, _ = Model(tmp_path / "model", _text("", objects=objects)).absorb(part)
    expected = {_MAIN: "s/init", **({_INIT: "s/init"} if objects else {})}
    assert _places(meta_graph) == expected


@pytest.mark.parametrize("own", [True, False])
def test_what_loaders_run_where_no_op_is_named_is_not_forgotten(tmp_path: Path, own: bool) -> None:
    named, tables = {_MAIN: "init"}, {"table_initializer": "init"}
    before, part = (_text("", named), _text("s/", tables))
    if not own:
        before, part = (_text("", tables), _text("s/", named))
    meta_graph, _ = Model(tmp_path / "model", before).absorb(part)
    assert _places(meta_graph) == {_MAIN: "s/init_1"}
    assert list(meta_graph.graph_def.node[-1].input) == ["^init", "^s/init"]


def test_two_models_without_an_op_have_none_together(tmp_path: Path) -> None:
    tables = {"table_initializer": "init"}
    meta_graph, _ = Model(tmp_path / "model", _text("", tables)).absorb(_text("s/", tables))
    assert _places(meta_graph) == {}
    initializers = meta_graph.collection_def["table_initializer"].node_list.value
    assert list(initializers) == ["init", "s/init"]

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.inspect.dump.proto_place import find_place
from sigpb.inspect.names.parts import parts
from sigpb.inspect.place import Place
from sigpb.inspect.proto_source import open_source
from sigpb.inspect.schema import descriptor

GRAPH = Place(Place(None, "meta_graphs[serve,gpu]"), "graph_def")


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place(None, "node", "x"), 'node["x"]'),
        (
            Place(Place(GRAPH, "node", "dense/MatMul"), "input", 0),
            'meta_graphs[serve,gpu].graph_def.node["dense/MatMul"].input[0]',
        ),
        (Place(None, "inputs", 'a"b\\c\nd'), 'inputs["a\\"b\\\\c\\nd"]'),
        (Place(None, "inputs", ""), 'inputs[""]'),
        (Place(None, "inputs", "größe"), 'inputs["größe"]'),
    ],
)
def test_path(place: Place, text: str) -> None:
    assert str(place) == text


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared", "tf1_two_graphs"])
def test_what_is_written_leads_there(fixture_model: Callable[..., Path], name: str) -> None:
    with open_source(fixture_model(name)) as source:
        found = [str(each.place) for part in parts(source) for each in part.occurrences()]
        # Into messages that are stored as bytes no path leads.
        paths = [each for each in found if "_list.value[" not in each]
        assert len(paths) > 100
        for path in paths:
            assert find_place(source.root, descriptor(source.schema), path).path

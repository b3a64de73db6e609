from __future__ import annotations

import pytest

from sigpb.inspect.place import Place

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

"""Pictures connect every output to the inputs that it depends on, in every model there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.inspect.graph.drawing import draw
from sigpb.inspect.graph.flow import Graph, signature_ends
from sigpb.inspect.graph.picture import Picture
from sigpb.inspect.proto_source import open_source
from sigpb.tf.tensor_names import canonical
from tests.conftest import REPOSITORY
from tests.inspect.graph.naive_walk import NaiveWalk
from tests.inspect.graph.pictures import check, inputs_reached

FIXTURES = sorted(path.name for path in (REPOSITORY / "proto_fixtures").iterdir() if path.is_dir())


def check_model(model: Path) -> int:
    """Compares all pictures of a model with a walk through it; returns how many there are."""
    count = 0
    with open_source(model) as source:
        for part in source.graphs:
            assert part.meta_graph
            walk = NaiveWalk(
                protos.GraphDef.FromString(part.message.content()), part.meta_graph.op_defs()
            )
            graph = Graph(part)
            for key in part.meta_graph.user_signatures:
                found = signature_ends(key, part.meta_graph.signatures[key])
                fed = [endpoint.tensor for endpoint in found.inputs]
                expected = [walk.inputs_of(each.tensor, fed) for each in found.outputs]
                flow = graph.flow(found)
                for depth in (0, 1, None, 100):
                    picture = draw(flow, depth)
                    check(picture)
                    compare(picture, expected, exactly=depth == 100 and not picture.hidden)
                    count += 1
    return count


def compare(picture: Picture, expected: list[set[str]], *, exactly: bool) -> None:
    """Compares what is stated, and what the edges say: more than that if something is closed."""
    reached = inputs_reached(picture)
    for output, inputs in zip(picture.outputs, expected, strict=True):
        stated = {canonical(picture.nodes[number].name) for number in output.inputs}
        drawn = {canonical(picture.nodes[number].name) for number in reached[output.node]}
        assert stated == inputs
        assert drawn == inputs if exactly else drawn >= inputs


@pytest.mark.parametrize("name", FIXTURES)
def test_fixtures(fixture_model: Callable[..., Path], name: str) -> None:
    has_signatures = name != "tf2_functions"
    assert (check_model(fixture_model(name)) > 0) == has_signatures


def test_corpus(corpus: Path) -> None:
    models = [path for path in sorted(corpus.iterdir()) if path.is_dir()]
    assert sum(check_model(model) for model in models) > 4 * len(models)

from __future__ import annotations

import pytest

from sigpb import protos
from tests.linting.faults import ModelFactory, find
from tests.patches import altered

RULE = "no-serving-default"


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared", "tf1_eval"])
def test_it_is_there_or_the_model_is_not_for_serving(
    fixture_model: ModelFactory, name: str
) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_other_signatures(fixture_model: ModelFactory) -> None:
    assert find(RULE, fixture_model("tf2_stateful")) == [
        (
            "info",
            "",
            "The signatures are 'add', 'get', 'increment', 'reset'; clients have to name one.",
        )
    ]


def test_no_signatures(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def.clear()

    ((_, where, message),) = find(RULE, altered(fixture_model("tf1_two_graphs"), fault))
    assert where == "MetaGraph {serve}"
    assert message == "There are no signatures; clients have to name one."

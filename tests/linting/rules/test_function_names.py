from __future__ import annotations

import pytest

from sigpb import protos
from tests.linting.faults import Fault, ModelFactory, find
from tests.patches import altered

RULE = "function-names"


def listed(*names: str) -> Fault:
    def fault(graph: protos.MetaGraphDef) -> None:
        for name in names:
            graph.object_graph_def.concrete_functions[name].bound_inputs.append(1)

    return fault


@pytest.mark.parametrize("name", ["tf2_linear", "tf2_many", "tf2_shared", "tf1_shared"])
def test_as_exported(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_no_number(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), listed("wrapper", "f_1x"))
    assert find(RULE, model) == [
        ("warning", "", "The name of function 'f_1x' does not end in '_' and an integer."),
        ("warning", "", "The name of function 'wrapper' does not end in '_' and an integer."),
    ]


def test_same_number(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), listed("f_9999", "g_9999"))
    assert find(RULE, model) == [
        ("warning", "", "The functions 'f_9999' and 'g_9999' end in the same number, 9999.")
    ]


def test_fingerprint_cannot_be_made(fixture_model: ModelFactory) -> None:
    # That is for this rule to say.
    model = altered(fixture_model("tf2_linear"), listed("wrapper"))
    assert find("stale-fingerprint", model) == []

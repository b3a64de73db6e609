from __future__ import annotations

from pathlib import Path

import pytest

from tests.linting.faults import ModelFactory, find, graph_of, write

RULE = "negative-dimension"


@pytest.mark.parametrize(("size", "found"), [(-1, False), (0, False), (7, False), (-2, True)])
def test_endpoint(tmp_path: Path, size: int, found: bool) -> None:
    graph = graph_of(
        f"""signature_def {{ key: "serving_default" value {{ inputs {{ key: "x" value {{
            name: "x:0" dtype: DT_FLOAT tensor_shape {{ dim {{ size: {size} }} }}
        }} }} }} }}"""
    )
    where = "signature 'serving_default', input 'x'"
    message = "The shape has the dimension -2."
    assert find(RULE, write(tmp_path, graph)) == ([("error", where, message)] if found else [])


@pytest.mark.parametrize(("size", "found"), [(-1, False), (0, False), (-2, True), (-(2**63), True)])
@pytest.mark.parametrize("field", ["shape", "list { shape", "tensor { tensor_shape"])
@pytest.mark.parametrize("place", ["top", "function"])
def test_node(tmp_path: Path, size: int, found: bool, field: str, place: str) -> None:
    end = "}" * field.count("{")
    value = f"{field} {{ dim {{ size: {size} }} }} {end}"
    node = f'{{ name: "n" op: "NoOp" attr {{ key: "shape" value {{ {value} }} }} }}'
    inside = f'library {{ function {{ signature {{ name: "f" }} node_def {node} }} }}'
    graph = graph_of(f"graph_def {{ {f'node {node}' if place == 'top' else inside} }}")
    where = "" if place == "top" else "function 'f'"
    message = f"Node 'n' has a shape with the dimension {size}."
    assert find(RULE, write(tmp_path, graph)) == ([("error", where, message)] if found else [])


def test_models_that_tensorflow_wrote(fixture_model: ModelFactory) -> None:
    assert find(RULE, fixture_model("tf2_many")) == []

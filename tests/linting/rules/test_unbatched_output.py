from __future__ import annotations

from pathlib import Path

import pytest

from tests.linting.faults import ModelFactory, find, graph_of, write

RULE = "unbatched-output"


def model(directory: Path, *shapes: str) -> Path:
    outputs = "".join(
        f'outputs {{ key: "y{number}" value {{ name: "n:0" tensor_shape {{ {shape} }} }} }} '
        for number, shape in enumerate(shapes)
    )
    return write(directory, graph_of(f'signature_def {{ key: "s" value {{ {outputs} }} }}'))


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([""], "The output 'y0' has no first dimension, so that REST clients get no rows."),
        (
            ["", "dim { size: -1 }", ""],
            "The outputs 'y0', 'y2' have no first dimension, so that REST clients get no rows.",
        ),
        (
            ["unknown_rank: true"],
            "The output 'y0' has an unknown number of dimensions; without any, REST clients get no "
            "rows.",
        ),
        (
            ["dim { size: 2 }", "dim { size: -1 }", "dim { size: 3 }"],
            "The outputs have different numbers of rows: 2 of 'y0', 3 of 'y2'.",
        ),
    ],
)
def test_no_rows(tmp_path: Path, shapes: list[str], said: str) -> None:
    assert find(RULE, model(tmp_path, *shapes)) == [("info", "signature 's'", said)]


@pytest.mark.parametrize(
    "shapes",
    [
        ["dim { size: -1 }"],
        ["dim { size: 2 } dim { size: 3 }", "dim { size: 2 }", "dim { size: -1 }"],
        [],
    ],
)
def test_rows(tmp_path: Path, shapes: list[str]) -> None:
    assert find(RULE, model(tmp_path, *shapes)) == []


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_eval", "tf1_sparse"])
def test_models(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []

from __future__ import annotations

from pathlib import Path

import pytest

from tests.linting.faults import ModelFactory, find, graph_of, write

RULE = "asset-outside"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "words/../../saved_model.pb"])
def test_name_that_leads_out(tmp_path: Path, name: str) -> None:
    model = write(tmp_path, graph_of(f'asset_file_def {{ filename: "{name}" }}'))
    assert find(RULE, model) == [
        (
            "error",
            "asset_file_def",
            f"The asset {name!r} is not in the directory 'assets' of the model.",
        )
    ]


@pytest.mark.parametrize("name", ["words.txt", "a/b.txt", "..words", "words..txt"])
def test_name_that_does_not(tmp_path: Path, name: str) -> None:
    assert find(RULE, write(tmp_path, graph_of(f'asset_file_def {{ filename: "{name}" }}'))) == []


@pytest.mark.parametrize("name", ["tf2_many", "tf1_shared"])
def test_models_with_assets(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []

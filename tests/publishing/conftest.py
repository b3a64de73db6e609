"""A model to publish, and where to."""

from __future__ import annotations

from pathlib import Path

import pytest

from .directories import create_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return create_model(tmp_path / "models" / "1")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "2"

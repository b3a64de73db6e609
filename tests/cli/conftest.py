"""A repository for tests of batches, and a patch of its models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.repositories import NAMES, RENAME, ModelFactory, repository, versions


@pytest.fixture
def model(fixture_model: ModelFactory) -> Path:
    return fixture_model("tf2_linear")


@pytest.fixture
def root(model: Path, tmp_path: Path) -> Path:
    return repository(model, tmp_path / "repository", *versions(NAMES))


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    file = tmp_path / "patch.txtpb"
    file.write_text(RENAME)
    return file

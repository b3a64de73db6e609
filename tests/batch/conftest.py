"""Every test begins as a new process does."""

from __future__ import annotations

import pytest

from sigpb.batch.patch_model import EQUAL_MODELS


@pytest.fixture(autouse=True)
def nothing_is_known_of_models() -> None:
    EQUAL_MODELS.clear()

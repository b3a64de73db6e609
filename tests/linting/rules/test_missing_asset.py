from __future__ import annotations

import pytest

from tests.linting.faults import ModelFactory, find

RULE = "missing-asset"


@pytest.mark.parametrize(("name", "asset"), [("tf2_many", "bonus"), ("tf1_shared", "classes")])
def test_an_asset_goes(fixture_model: ModelFactory, name: str, asset: str) -> None:
    model = fixture_model(name)
    assert find(RULE, model) == []
    (model / "assets" / f"{asset}.txt").unlink()
    assert find(RULE, model) == [("error", f"assets/{asset}.txt", "This asset is not there.")]


def test_models_without_assets(fixture_model: ModelFactory) -> None:
    assert find(RULE, fixture_model("tf2_linear")) == []

"""The difference between a model and its patched copy is what the plan said."""

from __future__ import annotations

import pytest

import sigpb
from sigpb.graphs import redirection
from sigpb.patching.patch_file import parse_text
from tests.comparing.facts import assert_lists_the_plan
from tests.comparing.patched import difference, patched
from tests.comparing.patches import PATCHES
from tests.patches import ModelFactory


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize(("name", "patch"), PATCHES)
def test_difference_is_the_plan(
    fixture_model: ModelFactory,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    patch: str,
    is_large: bool,
) -> None:
    if is_large:  # Then a placeholder gets a default, where its users would be copied otherwise.
        monkeypatch.setattr(redirection, "_MANY_NODES", 0)
    model = fixture_model(name)
    plan = sigpb.plan(model, parse_text(patch))
    after = patched(model, patch)

    found = difference(model, after)

    with sigpb.open(model) as opened:
        assert_lists_the_plan(plan, opened, list(found.meta_graphs))
    assert not found.is_same
    assert found.removed == found.added == ()
    for graph in found.meta_graphs:
        assert graph.disagreements_after == ()
        assert not graph.graph.recomputes
        assert graph.others == ()
    assert difference(after, after).is_same

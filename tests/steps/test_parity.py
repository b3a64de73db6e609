"""The table of docs/parity.md has every step; tests/consumers/test_parity.py makes it."""

from __future__ import annotations

from sigpb.steps import step_types
from tests.conftest import REPOSITORY
from tests.steps.parity import CASES

PAGE = REPOSITORY / "docs" / "parity.md"


def test_every_step_is_held_against_something() -> None:
    assert {case.name for case in CASES} == {*step_types()}


def test_page_has_them() -> None:
    page = PAGE.read_text()
    assert all(f"`{step}`" in page for case in CASES for step in case.steps)

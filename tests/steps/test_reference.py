"""What is said of steps is made of the code: in docs/steps.md, and by ``sigpb help steps``."""

from __future__ import annotations

import dataclasses
import os

import pytest

from sigpb.steps import step_types
from sigpb.steps.reference import Argument, Reference, references
from tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "steps.md"
MARK = "test_reference.py -->\n"


def test_page() -> None:
    before = PAGE.read_text()
    written, found = before.split(MARK)
    expected = "".join(each.markdown() for each in references())
    if "SIGPB_REGENERATE_GOLDENS" in os.environ:
        PAGE.write_text(written + MARK + expected)
    else:
        assert found == expected


@pytest.mark.parametrize("name", step_types())
def test_says_all_of_each(name: str) -> None:
    kind = step_types()[name]
    (found,) = (each for each in references() if each.usage.partition("(")[0] == name)
    assert [each.name for each in found.arguments] == [
        field.name for field in dataclasses.fields(kind)
    ]
    assert all(each.meaning for each in found.arguments)
    assert f" → {name}(" in found.example


CLIP = Reference(
    "clip(low, high=1)",
    "The op ``Clip``.\n\nIt clips.",
    (Argument("low", "a number", "The least\nvalue."), Argument("high", "a number", "The rest.")),
    "float32 [?] → clip(0) → float32 [?]",
)


def test_as_a_section() -> None:
    assert (
        CLIP.markdown()
        == """
### `clip(low, high=1)`

The op `Clip`.

It clips.

* `low`, a number: The least
  value.
* `high`, a number: The rest.
* For example: `float32 [?] → clip(0) → float32 [?]`
"""
    )


def test_as_text() -> None:
    assert (
        CLIP.plain()
        == """\
clip(low, high=1)
  The op Clip.

  It clips.
    low, a number: The least
      value.
    high, a number: The rest.
    For example: float32 [?] → clip(0) → float32 [?]"""
    )

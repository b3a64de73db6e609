"""The list of steps in docs/steps.md is made of what the code says of them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator

from sigpb.steps import step_types
from sigpb.steps.syntax import usage
from tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "steps.md"
MARK = "test_reference.py -->\n"


def reference() -> Iterator[str]:
    for kind in step_types().values():
        said = (inspect.getdoc(kind) or "").replace("``", "`")
        text, _, attributes = said.partition("\nAttributes:\n")
        yield f"\n### `{usage(kind)}`\n\n{text.strip()}\n"
        if attributes:
            yield "\n"
        for line in inspect.cleandoc(attributes).splitlines():
            name, colon, meaning = line.partition(": ")
            is_first = colon and not line.startswith(" ")
            yield f"* `{name}`: {meaning}\n" if is_first else f"  {line.strip()}\n"


def test_reference() -> None:
    before = PAGE.read_text()
    written, found = before.split(MARK)
    expected = "".join(reference())
    if "SIGPB_REGENERATE_GOLDENS" in os.environ:
        PAGE.write_text(written + MARK + expected)
    else:
        assert found == expected

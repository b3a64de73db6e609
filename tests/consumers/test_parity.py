"""The tables of docs/parity.md are made of one run, and hold for every other."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.consumers import openvino_parity
from tests.steps import parity

pytestmark = [pytest.mark.consumers, pytest.mark.tensorflow]

PAGE = REPOSITORY / "docs" / "parity.md"
MARK = "tests/consumers/test_parity.py -->\n"
OF_STEPS, OF_OPENVINO = "## Steps, against TensorFlow and Keras\n", "## Steps, against OpenVINO\n"

Table = list[tuple[str, ...]]


def said(apart: float | None) -> str:
    """Says how far values are apart, rounded up, so that it holds on other processors too."""
    if apart is None:
        return "not read"
    if apart == 0:
        return "0"
    power = math.floor(math.log10(apart))
    return f"{math.ceil(apart / 10**power)}e{power}"


def of_steps(folder: Path) -> Table:
    rows: Table = [("step", "against", "v1", "v2"), ("---",) * 4]
    for case, apart in parity.measured(folder):
        steps = ", ".join(f"`{step}`" for step in case.steps)
        rows.append((steps, case.against, *map(said, apart.values())))
    return rows


def of_openvino(folder: Path) -> Table:
    rows: Table = [("PrePostProcessor", "patch", "in OpenVINO", "in TensorFlow"), ("---",) * 4]
    for feature, apart in openvino_parity.measured(folder):
        differences = map(said, (apart.in_openvino, apart.in_tensorflow))
        rows.append((feature.name, f"`{feature.endpoint}`", *differences))
    return rows


def written(table: Table) -> str:
    return "\n" + "".join(f"| {' | '.join(row)} |\n" for row in table)


def read(page: str, heading: str) -> Table:
    _, _, part = page.partition(heading)
    lines = part.partition("\n## ")[0].splitlines()
    return [tuple(line[2:-2].split(" | ")) for line in lines if line.startswith("| ")]


def test_parity(tmp_path: Path) -> None:
    for name in ("steps", "openvino"):
        (tmp_path / name).mkdir()
    tables = {
        OF_STEPS: of_steps(tmp_path / "steps"),
        OF_OPENVINO: of_openvino(tmp_path / "openvino"),
    }
    page = PAGE.read_text()
    if "SIGPB_REGENERATE_GOLDENS" in os.environ:
        before, *_ = page.partition(MARK)
        parts = (f"\n{heading}{written(table)}" for heading, table in tables.items())
        PAGE.write_text(before + MARK + "".join(parts))
        return
    for heading, table in tables.items():
        assert_holds(read(page, heading), table)


def assert_holds(stated: Table, found: Table) -> None:
    """Makes sure that nothing differs by more than is stated, or by twice a rounding."""
    assert [row[:2] for row in stated] == [row[:2] for row in found]
    for row, now in zip(stated, found, strict=True):
        for cell, cell_now in zip(row[2:], now[2:], strict=True):
            if cell in ("0", "not read") or not cell[0].isdigit():
                assert cell_now == cell, row
            else:
                assert float(cell_now) <= 2 * float(cell), row


def test_what_differs_more_is_found() -> None:
    stated: Table = [("a", "b", "0", "2e-5")]
    assert_holds(stated, [("a", "b", "0", "4e-5")])
    for cells in (("1e-9", "2e-5"), ("0", "5e-5"), ("not read", "0")):
        with pytest.raises(AssertionError):
            assert_holds(stated, [("a", "b", *cells)])
    assert [*map(said, (0.0, None, 1.2e-5, 13.9, 0.0255))] == [
        "0",
        "not read",
        "2e-5",
        "2e1",
        "3e-2",
    ]

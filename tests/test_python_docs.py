"""docs/python.md and docs/notebook.ipynb are run, and print and show what stands in them.

``SIGPB_REGENERATE_GOLDENS=1`` writes that.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sigpb

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "python.md"
NOTEBOOK = REPOSITORY / "docs" / "notebook.ipynb"
REGENERATE = "SIGPB_REGENERATE_GOLDENS" in os.environ

CODE = re.compile(
    r"```python\n(?P<code>.*?)```(?P<between>\n\n```text\n)?(?(between)(?P<output>.*?)```)",
    re.DOTALL,
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory like the checkout, as far as the documents look at it."""
    shutil.copytree(REPOSITORY / "proto_fixtures", tmp_path / "proto_fixtures")
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_page(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    names: dict[str, Any] = {}

    def executed(block: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block["code"], str(PAGE), "exec"), names)
        assert bool(printed.getvalue()) == bool(block["between"]), block["code"]
        shown = f"{block['between']}{printed.getvalue()}```" if block["between"] else ""
        return f"```python\n{block['code']}```{shown}"

    before = PAGE.read_text()
    after = CODE.sub(executed, before)
    if REGENERATE:
        PAGE.write_text(after)
    else:
        assert after == before


def test_page_tells_of_the_whole_interface() -> None:
    text = PAGE.read_text()
    assert {name for name in sigpb.__all__ if f"`{name}`" not in text} == set()


def test_notebook(checkout: Path) -> None:
    pytest.importorskip("IPython", reason="pip install -e '.[dev]'")
    from tools.notebook import notebook_text

    before = NOTEBOOK.read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tools.notebook", str(NOTEBOOK)],
        cwd=checkout / "docs",
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if REGENERATE:
        NOTEBOOK.write_text(done.stdout, encoding="utf-8")
        return
    assert notebook_text(json.loads(before)) == before, "as it is written"
    assert _comparable(done.stdout) == _comparable(before)


def _comparable(notebook: str) -> list[Any]:
    """The cells, without the page of the graph, which has tests of its own."""
    cells: list[Any] = json.loads(re.sub(r"srcdoc='[^']*'", "srcdoc", notebook))["cells"]
    return cells

"""docs/notebook.ipynb is run, and shows what stands in it.

``SIGPB_REGENERATE_GOLDENS=1`` writes that. What docs/python.md shows is checked by test_docs.py.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.site import pages

REPOSITORY = Path(__file__).resolve().parent.parent
NOTEBOOK = REPOSITORY / "docs" / "notebook.ipynb"
REGENERATE = "SIGPB_REGENERATE_GOLDENS" in os.environ


def test_cells_show_what_the_notebook_holds(tmp_path: Path) -> None:
    pytest.importorskip("IPython", reason="pip install -e '.[dev]'")
    from tools.notebook import notebook_text

    # A directory like the checkout, as far as the notebook looks at it.
    shutil.copytree(REPOSITORY / "proto_fixtures", tmp_path / "proto_fixtures")
    (tmp_path / "docs").mkdir()
    before = NOTEBOOK.read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tools.notebook", str(NOTEBOOK)],
        cwd=tmp_path / "docs",
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


def test_page_of_the_site_shows_the_cells() -> None:
    notebook = NOTEBOOK.read_text(encoding="utf-8")
    page = pages.notebook_page(notebook)
    assert page.startswith("# sigpb in a notebook\n")
    for cell in json.loads(notebook)["cells"]:
        source = "".join(cell["source"])
        assert (source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```") in page
        for output in cell.get("outputs", []):
            if output["output_type"] == "stream":
                assert f"```text\n{''.join(output['text'])}```" in page
            else:
                data = output["data"]
                assert "".join(data.get("text/html", data["text/plain"])) in page


def _comparable(notebook: str) -> list[Any]:
    """The cells, without the page of the graph, which has tests of its own."""
    cells: list[Any] = json.loads(re.sub(r"srcdoc='[^']*'", "srcdoc", notebook))["cells"]
    return cells

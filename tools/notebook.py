"""Runs the cells of a notebook, and prints the notebook with what they print and show.

    cd docs && python -m tools.notebook notebook.ipynb > executed.ipynb

It does what Jupyter does, without a kernel and without a server.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """Returns a notebook with the outputs that its cells have when they are run in order.

    Raises:
        Exception: What a cell raised.
    """
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp()  # Before IPython looks at it.
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=settings)
    shown: list[dict[str, str]] = []  # The formats of a result, which a terminal would print.
    shell.displayhook.write_output_prompt = lambda: None
    shell.displayhook.write_format_data = lambda formats, metadata=None: shown.append(formats)
    cells, count = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            with capture_output() as captured:
                done = shell.run_cell("".join(cell["source"]))
            done.raise_error()
            outputs = [_stream(captured.stdout)] if captured.stdout.strip() else []
            outputs += [_result(formats, count) for formats in shown]
            shown.clear()
            cell = {**cell, "execution_count": count, "outputs": outputs}
        cells.append(cell)
    return {**notebook, "cells": cells}


def _stream(printed: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": _lines(printed)}


def _result(formats: dict[str, str], count: int) -> dict[str, Any]:
    return {
        "output_type": "execute_result",
        "execution_count": count,
        "data": {kind: _lines(text) for kind, text in sorted(formats.items())},
        "metadata": {},
    }


def _lines(text: str) -> list[str]:
    """Returns text as notebooks store it."""
    return text.splitlines(keepends=True)


def notebook_text(notebook: dict[str, Any]) -> str:
    """Writes a notebook as Jupyter does."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    found = executed(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    sys.stdout.write(notebook_text(found))

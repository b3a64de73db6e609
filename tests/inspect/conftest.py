"""A real browser without a network, for the pages of HTML.

Any Chromium that is on the path will do: Debian's package chromium-headless-shell is a small one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

BROWSERS = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
)
# As root there is no sandbox; the rest keeps it from asking for updates.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install -e '.[dev]'")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"There is no browser on the path: none of {', '.join(BROWSERS)}.")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def show_page(browser: Any, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Shows a page of HTML; in the end, nothing must have gone wrong or been asked for."""
    pages: list[Any] = []
    wrong: list[str] = []

    def shown(text: str) -> Any:
        file = tmp_path / "page.html"
        file.write_text(text, encoding="utf-8")
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        pages.append(page)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: wrong.append(f"request: {request.url}"))
        page.goto(file.as_uri())
        assert wrong.pop(0).startswith("request: file://")
        return page

    yield shown
    for page in pages:
        page.close()
    assert wrong == []

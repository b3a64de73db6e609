"""Pages of HTML that are one file, need no network, and hold data that a script of theirs shows."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sigpb.visible_text import visible


def page(folder: Path, scripts: Sequence[str], title: str, data: Any) -> str:
    """Returns a page of HTML.

    Args:
        folder: Where its ``page.html``, with names in double braces for what is put in, its
            ``page.css`` and its scripts are.
        scripts: The names of the files that its script consists of, in their order.
        title: What it shows.
        data: What its script finds, as JSON values; names in it are never more than data.
    """

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    script = "\n".join(map(read, scripts))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Nothing is loaded, and no script runs but the one of this page.
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    parts = {
        "policy": policy,
        "title": html.escape(visible(title)),
        "style": read("page.css"),
        "data": _embedded(data),
        "script": script,
    }
    text, *rest = read("page.html").split("{{")
    for part in rest:
        name, _, following = part.partition("}}")
        text += parts[name] + following
    return text


def _embedded(data: Any) -> str:
    """Returns JSON in which nothing can end the element that it is in."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

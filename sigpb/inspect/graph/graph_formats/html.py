"""A picture as a page in which to look around: one file, which needs no network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sigpb.inspect.graph.graph_formats.json import values
from sigpb.inspect.graph.picture import Picture, text_lines
from sigpb.inspect.styled_text import Line, line
from sigpb.visible_text import visible

EVERYTHING = True

_PAGE = Path(__file__).parent.parent / "graph_page"


def render(picture: Picture) -> Iterator[Line]:
    """Yields the lines."""
    script, style = _read("page.js"), _read("page.css")
    # Nothing is loaded, and no script runs but the one of this page.
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_digest(script)}'"
    parts = {
        "policy": policy,
        "title": html.escape(visible(picture.title)),
        "style": style,
        "data": _data(picture),
        "script": script,
    }
    page, *rest = _read("page.html").split("{{")
    for part in rest:
        name, _, text = part.partition("}}")
        page += parts[name] + text
    return (line(part) for part in page.split("\n"))


def _data(picture: Picture) -> str:
    """Returns the picture as JSON in which nothing can end the element that it is in."""
    found = values(picture)
    for entry, node in zip(found["nodes"], picture.nodes, strict=True):
        entry["text"] = [visible(text) for text in text_lines(replace(node, hidden=0))]
        for key in ("name", "label", "op", "detail"):
            entry[key] = visible(entry[key])
    text = json.dumps(found, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _read(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")

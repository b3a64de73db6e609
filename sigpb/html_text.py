"""Pieces of HTML, as notebooks show results: names in it are text, whatever they hold.

Colours are translucent or those of the page, so that they can be read on dark pages as well as on
light ones. Nothing is loaded.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from sigpb.visible_text import visible

Tint = Literal["", "added", "removed", "warning", "dim"]

_TINTS: dict[Tint, str] = {
    "": "",
    "added": "background:rgba(46,160,67,.25)",
    "removed": "background:rgba(248,81,73,.25)",
    "warning": "background:rgba(210,153,34,.25)",
    "dim": "opacity:.7",
}
_LINE = "border-bottom:1px solid rgba(128,128,128,.4)"
_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 4px"
_TEXT = "white-space:pre-wrap;overflow-wrap:break-word"


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: What is in it.
        tint: How it stands out.
    """

    text: str
    tint: Tint = ""


def document(*parts: str) -> str:
    """Joins pieces of HTML to what a ``_repr_html_`` returns.

    The classes tell MathJax, which notebooks apply to all HTML, that ``$`` in a name is no formula.
    """
    return f'<div class="mathjax_ignore tex2jax_ignore">{"".join(parts)}</div>'


def heading(text: str) -> str:
    """Returns a line of text that stands out."""
    return f'<div style="font-weight:bold;margin-top:6px">{escaped(text)}</div>'


def lines(*texts: str | Cell) -> str:
    """Returns lines of text."""
    cells = (Cell(each) if isinstance(each, str) else each for each in texts)
    return "".join(
        f'<div style="{_TEXT};{_TINTS[tint]}">{escaped(text)}</div>' for text, tint in cells
    )


def table(titles: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> str:
    """Returns a table.

    Args:
        titles: What is above the columns.
        rows: The cells of the rows.
    """
    head = "".join(f'<th style="{_CELL};{_LINE}">{escaped(title)}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        '<table style="border-collapse:collapse;margin:4px 0">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cell(given: str | Cell) -> str:
    text, tint = Cell(given) if isinstance(given, str) else given
    style = f"{_CELL};{_TEXT};{_TINTS[tint]}"
    return f'<td style="{style}">{escaped(text)}</td>'


def fixed_width(content: str) -> str:
    """Returns a piece of HTML with line breaks and spaces of its own."""
    return f'<pre style="background:none;color:inherit;{_TEXT}">{content}</pre>'


def span(text: str, style: str = "") -> str:
    """Returns a part of a line, with a style in CSS."""
    return f'<span style="{style}">{escaped(text)}</span>' if style else escaped(text)


def folded(title: str, content: str) -> str:
    """Returns a piece of HTML below a title that opens it."""
    return f"<details><summary>{escaped(title)}</summary>{content}</details>"


def frame(title: str, page: str, height: int) -> str:
    """Returns a frame with a page of its own, which cannot reach the page that it is in.

    Args:
        title: What the page shows.
        page: The page, with the scripts that it may run.
        height: How high the frame is, in pixels.
    """
    # A page has many double quotes, which would take six characters each.
    content = page.replace("&", "&amp;").replace("'", "&#39;")
    return (
        f'<iframe title="{escaped(title)}" sandbox="allow-scripts" srcdoc=\'{content}\' '
        f'style="width:100%;height:{height}px;border:1px solid rgba(128,128,128,.4);'
        'background:#fff"></iframe>'
    )


def escaped(text: str) -> str:
    """Returns text as HTML shows it, with what cannot be seen spelled out."""
    return html.escape(visible(text))


def escaped_lines(text: str) -> str:
    """Returns text with line breaks of its own as HTML shows it."""
    return "\n".join(map(escaped, text.split("\n")))

"""Lines of text with styles, which are there on a terminal and gone in a pipe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from sigpb.visible_text import visible


class Span(NamedTuple):
    """A part of a line.

    Attributes:
        text: A part of a line, with names as they are: what cannot be seen is spelled out later.
        style: How it stands out on a terminal, as `rich` names it: ``bold``, ``dim``, ``cyan``.
    """

    text: str
    style: str = ""


Line: TypeAlias = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """Returns a line of plain strings and spans."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts)


def plain(styled: Line) -> str:
    """Returns what a line looks like without its styles."""
    return "".join(visible(span.text) for span in styled)


# What is said by colours is said by words too; those of terminals suit few pages.
_HTML = {"bold": "font-weight:bold", "dim": "opacity:.7"}


def html_lines(lines: Iterable[Line]) -> str:
    """Returns lines as HTML for notebooks."""
    from sigpb import html_text

    return html_text.document(
        html_text.fixed_width(
            "\n".join(
                "".join(html_text.span(span.text, _HTML.get(span.style, "")) for span in styled)
                for styled in lines
            )
        )
    )

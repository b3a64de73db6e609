"""Lines of text with styles, which are there on a terminal and gone in a pipe."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Span(NamedTuple):
    """A part of a line.

    Attributes:
        text: Without line breaks.
        style: How it stands out on a terminal, as `rich` names it: ``bold``, ``dim``, ``cyan``.
    """

    text: str
    style: str = ""


Line: TypeAlias = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """Returns a line of plain strings and spans."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts)


def plain(styled: Line) -> str:
    """Returns a line without its styles."""
    return "".join(span.text for span in styled)

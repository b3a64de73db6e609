"""Lays text out in lines of a width: paragraphs, and terms with what they mean beside them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from sigpb.inspect.styled_text import Line, Span, line

WIDEST = 110
"""Columns beyond which text is not easier to read."""

_NARROWEST = 40


def usable(width: int) -> int:
    """Returns how many columns of a terminal text takes."""
    return max(_NARROWEST, min(width, WIDEST))


def heading(text: str) -> Line:
    """Returns a title."""
    return line(Span(text, "bold"))


def wrapped(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """Returns a paragraph in lines.

    Args:
        text: The paragraph; its line breaks are no different from spaces.
        width: The columns of a line.
        indent: What the first line begins with.
        hanging: What other lines begin with; the same if left out.
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def paragraphs(text: str, width: int, indent: str = "") -> Iterator[Line]:
    """Yields text whose paragraphs have empty lines between them."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield line("")
        yield from map(line, wrapped(paragraph, width, indent))


def terms(
    items: Iterable[tuple[str, str]], width: int, column: int | None = None
) -> Iterator[Line]:
    """Yields terms with their meanings in a second column.

    A meaning begins in a line of its own where its term takes the first column.

    Args:
        items: Terms and meanings.
        width: The columns of a line.
        column: Where meanings begin, see `column_for`; where it suits these terms, if left out.
    """
    found = list(items)
    column = column_for((term for term, _ in found), width) if column is None else column
    for term, meaning in found:
        yield from _term(term, meaning, column, width)


def as_markdown(text: str) -> str:
    """Returns text for a page or a cell of a table, with what Markdown takes for marks escaped."""
    return re.sub(r"([|*])", r"\\\1", text).replace("<", "&lt;")


def examples(items: Iterable[tuple[str, str]], width: int) -> Iterator[Line]:
    """Yields command lines, with what they do before them as comments.

    Args:
        items: Command lines, and what they do.
        width: The columns of a line.
    """
    for command, words in items:
        for text in wrapped(words, width, "  # "):
            yield line(Span(text, "dim"))
        *parts, last = wrapped(command, width - 2, "  ", "      ")
        yield from (line(f"{part} \\") for part in parts)
        yield line(last)


def column_for(names: Iterable[str], width: int) -> int:
    """Returns where the meanings of terms begin, so that most fit before them."""
    longest = max(map(len, names), default=0)
    return min(longest + 4, width * 2 // 5)


def _term(term: str, meaning: str, column: int, width: int) -> Iterator[Line]:
    indent = " " * column
    said = [text.strip() for text in wrapped(meaning, width, indent)]
    if len(term) + 4 > column:
        yield line("  ", Span(term, "cyan"))
    else:
        first, *said = said or [""]
        yield line("  ", Span(term, "cyan"), f"{'':{column - 2 - len(term)}}{first}".rstrip())
    yield from (line(f"{indent}{text}") for text in said)

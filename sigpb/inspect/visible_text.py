"""Names of a model as text that can be shown: whatever they hold, and on one line."""

from __future__ import annotations


def visible(text: str) -> str:
    r"""Returns text with the characters that cannot be seen spelled out: ``\n``, ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )

"""Names of a model as text that can be shown: whatever they hold, and on one line."""

from __future__ import annotations

import unicodedata

# Control characters, those that turn the direction of text, lone surrogates, line separators.
_HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def visible(text: str) -> str:
    r"""Returns text with the characters that cannot be seen spelled out: ``\n``, ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(_spelled(each) if _is_hidden(each) else each for each in text)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()

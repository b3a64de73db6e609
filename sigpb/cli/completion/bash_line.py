r"""A command line of bash up to the cursor.

Readline replaces only what comes behind the last character of ``COMP_WORDBREAKS``, which has ``=``
and ``:``, and behind a quote that is open: of ``--rename_input=im`` that is ``im``. So a candidate
is written without what comes before, and with the escapes that it needs there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# What means something to bash outside of quotes, and in double quotes.
_SPECIAL = re.compile(r"[^\w@%+=:,./~-]")
_SPECIAL_IN_QUOTES = re.compile(r'["$`\\]')


@dataclass(frozen=True)
class BashLine:
    """A command line.

    Attributes:
        words: Its words without quotes, the last one up to the cursor; empty behind a space.
        kept: How many characters of the last word are not replaced.
        quote: The quote that is open at the cursor; empty if none is.
    """

    words: tuple[str, ...]
    kept: int
    quote: str

    @classmethod
    def read(cls, line: str, breaks: str) -> BashLine:
        """Reads a line up to the cursor.

        Args:
            line: The line.
            breaks: The characters that break words for readline, ``$COMP_WORDBREAKS``.
        """
        words, word, kept, quote = list[str](), "", 0, ""
        letters = iter(line)
        for letter in letters:
            if quote:
                if letter == quote:
                    quote = ""
                elif letter == "\\" and quote == '"':
                    escaped = next(letters, "")
                    word += escaped if _SPECIAL_IN_QUOTES.match(escaped) else f"\\{escaped}"
                else:
                    word += letter
            elif letter == "\\":
                word += next(letters, "")
            elif letter in "'\"":
                quote, kept = letter, len(word)
            elif letter.isspace():
                words, word, kept = [*words, *([word] if word else [])], "", 0
            else:
                word += letter
                kept = len(word) if letter in breaks else kept
        return cls((*words, word), kept, quote)

    def written(self, candidate: str) -> str | None:
        """Returns what of a candidate for the last word is to be inserted.

        Returns:
            None if it cannot be written there.
        """
        if not candidate.isprintable():
            return None
        rest = candidate[self.kept :]
        if self.quote == "'":
            return None if "'" in rest else rest
        special = _SPECIAL_IN_QUOTES if self.quote else _SPECIAL
        return special.sub(lambda match: f"\\{match[0]}", rest)

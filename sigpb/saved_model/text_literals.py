"""Long string literals of text protos, cut into short ones that stand side by side.

Protobuf's parser for text takes a hundred bytes of memory for each byte of a literal
(`google.protobuf.text_format.Tokenizer`, whose pattern for strings remembers every character).
Literals that follow one another are one string, so that what is parsed stays the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Literals of more characters than this are cut.
_LONG = 1 << 14

_QUOTE_OR_COMMENT = re.compile(r"#[^\n]*|[\"']")
_PIECES = {quote: re.compile(rf"(?:\\.|[^{quote}\\\n]){{1,{_LONG}}}") for quote in "\"'"}
# What an escape may go on with, as in \x41, \101 and \U0001F600.
_REST_OF_ESCAPE = re.compile(r"[0-9a-fA-FxXuU]{0,10}")


def with_short_literals(text: str) -> str:
    """Returns a text proto that means the same, without long string literals.

    Lines stay what they are, so that errors name the same ones.
    """
    return "".join(_parts(text)) if len(text) > _LONG else text


def _parts(text: str) -> Iterator[str]:
    done = position = 0
    while found := _QUOTE_OR_COMMENT.search(text, position):
        position, quote = found.end(), found[0]
        pieces = _PIECES.get(quote)
        while pieces and (piece := pieces.match(text, position)):
            position = piece.end()
            if position - piece.start() >= _LONG:
                rest = _REST_OF_ESCAPE.match(text, position)
                position = rest.end() if rest else position
                yield text[done:position]
                yield f"{quote} {quote}"
                done = position
        if pieces and text.startswith(quote, position):
            position += 1
    yield text[done:]

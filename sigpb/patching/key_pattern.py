"""A regular expression that keys match, the keys that it makes of them, and how long that may take.

Python looks for a match by trying, which can take for ever: ``(a+)+b``. So the number of tries that
a pattern could need for a key is estimated from above first, and limited.
"""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from sigpb.visible_text import natural

if sys.version_info >= (3, 11):
    from re import _parser as regex_parser
else:
    import sre_parse as regex_parser

MOST_TRIES = 10**8
"""How many ways there may be to match a key with a pattern: less than a second's work."""

# A group in the text for a new key.
_GROUP = re.compile(r"\\(?:([1-9][0-9]?)|g<([^>]+)>)")


class TooManyTries(Exception):
    """A pattern could take too long to match a key. The message says what to do."""


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Keeps Python from printing what it may read otherwise in another version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def pattern_problems(pattern: str, template: str) -> Iterator[str]:
    """Yields why keys cannot be matched with a pattern, or made by a text with its groups."""
    try:
        with _without_warnings():
            compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        yield f"has a wrong key_pattern, which is not a regular expression: {error}."
        return
    try:
        with _without_warnings():
            compiled.sub(template, "")
    except (re.error, IndexError) as error:
        yield f"has a wrong rename_to, {template!r}: {error}."


@_without_warnings()
def matching(pattern: str, template: str | None, keys: Iterable[str]) -> dict[str, str | None]:
    r"""Returns the keys that a pattern matches, each with its new key; None where it gets none.

    Where it matches none, but there are keys that it made of others, it returns these others: the
    patch was applied already, and what is said of keys that are renamed already holds.

    Args:
        pattern: A regular expression, which has to match the whole of a key.
        template: What keys that match become, with groups such as ``\1``; None if they stay.
        keys: The keys that there are.

    Raises:
        TooManyTries: If that could take too long.
    """
    compiled, tree = re.compile(pattern), regex_parser.parse(pattern)
    ordered = sorted(keys, key=natural)
    for key in ordered:
        if _tries(tree, len(key)) > MOST_TRIES:
            raise TooManyTries(
                f"there may be more than {MOST_TRIES:,} ways to match the key {key!r}; use fewer "
                "repetitions, and none inside of another."
            )
    matches = ((key, compiled.fullmatch(key)) for key in ordered)
    found = {
        key: None if template is None else match.expand(template) for key, match in matches if match
    }
    if found or template is None:
        return dict(found)
    before = ((_before(compiled, tree, template, key), key) for key in ordered)
    return {old: new for old, new in before if old is not None}


@_without_warnings()
def partly_matched(pattern: str, keys: Iterable[str]) -> str | None:
    """Returns the first key of which a pattern matches a part; None without one.

    Keys are passed over for which that could take too long: there is a try from each letter on.
    """
    compiled, tree = re.compile(pattern), regex_parser.parse(pattern)
    for key in sorted(keys, key=natural):
        if _tries(tree, len(key)) * len(key) <= MOST_TRIES and compiled.search(key):
            return key
    return None


def _tries(tree: Any, length: int) -> int:
    """Returns how many ways there are at most to match a part of a pattern with so many letters.

    Args:
        tree: The part as Python's parser of regular expressions gives it.
        length: The length of a key.
    """
    tries = 1
    for op, value in tree:
        if str(op).endswith("REPEAT"):
            least, most, body = value
            times = min(int(most), length // max(body.getwidth()[0], 1))
            tries *= max(times - int(least) + 1, 1) * _tries(body, length) ** min(times, 64)
        elif str(op) == "BRANCH":
            tries *= sum(_tries(each, length) for each in value[1])
        else:
            for inner in value if isinstance(value, tuple) else (value,):
                if isinstance(inner, regex_parser.SubPattern):
                    tries *= _tries(inner, length)
        tries = min(tries, MOST_TRIES + 1)
    return tries


def _before(pattern: re.Pattern[str], tree: Any, template: str, key: str) -> str | None:
    r"""Returns the key of which a pattern made another one; None if that is not determined.

    It is where the pattern is made of letters and groups, ``input_(\d+)``, and the new key has all
    of these groups, and letters of its own, by which it is known to be a new one.
    """
    texts = _GROUP.split(template)
    letters = "".join(texts[::3])
    if not letters or "\\" in letters:
        return None
    numbers = [
        int(number) if number else pattern.groupindex.get(name) or int(name)
        for number, name in zip(texts[1::3], texts[2::3], strict=True)
    ]
    expression = re.escape(texts[0])
    for position, (number, text) in enumerate(zip(numbers, texts[3::3], strict=True)):
        is_first = number not in numbers[:position]
        expression += f"(?P<g{number}>.*)" if is_first else f"(?P=g{number})"
        expression += re.escape(text)
    if _tries(regex_parser.parse(expression), len(key)) > MOST_TRIES:
        return None
    if (groups := re.fullmatch(expression, key, re.DOTALL)) is None:
        return None
    old = ""
    for op, value in tree:
        if str(op) == "LITERAL":
            old += chr(value)
        elif str(op) == "SUBPATTERN" and value[0] in numbers:
            old += groups[f"g{value[0]}"]
        elif str(op) != "AT":
            return None
    match = pattern.fullmatch(old) if _tries(tree, len(old)) <= MOST_TRIES else None
    return old if match is not None and match.expand(template) == key else None

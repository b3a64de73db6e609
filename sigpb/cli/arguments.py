"""Arguments that several commands take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from sigpb.errors import UsageError

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_KEY_AND_VALUE = re.compile(rf"(?:{_QUOTED}|((?:[^=\\]|\\.)*))=(.*)", re.DOTALL)
_PAIR = re.compile(rf"(?:{_QUOTED}|((?:[^=\\]|\\.)*))=(?:{_QUOTED}|(.*))", re.DOTALL)


def define_format(values: flags.FlagValues, meaning: str) -> None:
    """Defines ``--format`` of a command that prints text or JSON."""
    flags.DEFINE_enum("format", "text", ["text", "json"], meaning, flag_values=values)


def define_tags(values: flags.FlagValues) -> None:
    """Defines ``--tags``, which selects a MetaGraph."""
    flags.DEFINE_string(
        "tags",
        None,
        "Only the MetaGraph with exactly these tags, separated by commas; empty for no tags.",
        flag_values=values,
    )


def tag_set(values: flags.FlagValues) -> tuple[str, ...] | None:
    """Returns what ``--tags`` selects, sorted; None if it is not given."""
    return None if values.tags is None else parse_tags(values.tags)


def parse_tags(text: str) -> tuple[str, ...]:
    """Returns the tags in a list with commas, sorted."""
    return tuple(sorted({tag.strip() for tag in text.split(",")} - {""}))


def one_directory(arguments: Sequence[str], usage: str) -> Path:
    """Returns the only positional argument.

    Raises:
        UsageError: If there is not exactly one.
    """
    if len(arguments) != 1:
        given = f"{len(arguments)} were given" if arguments else "none was given"
        raise UsageError(f"One model directory is expected, {given}. Usage: {usage}")
    return Path(arguments[0])


def two_directories(arguments: Sequence[str], usage: str) -> tuple[Path, Path]:
    """Returns the two positional arguments.

    Raises:
        UsageError: If there are not exactly two.
    """
    if len(arguments) != 2:
        given = f"{len(arguments)} given" if arguments else "none was given"
        raise UsageError(f"Two model directories are expected, {given}. Usage: {usage}")
    return Path(arguments[0]), Path(arguments[1])


def split_pair(text: str, flag: str) -> tuple[str, str]:
    r"""Splits ``OLD=NEW``; a key with ``=`` in it is quoted (``"a=b"=c``) or escaped (``a\=b=c``).

    Raises:
        UsageError: If it is not such a pair.
    """
    match = _PAIR.fullmatch(text)
    if not match:
        raise UsageError(
            f"--{flag}={text}: expected two keys joined by '='. A key that holds '=' itself is "
            'quoted ("a=b"=c) or escaped (a\\=b=c).'
        )
    quoted_left, left, quoted_right, right = match.groups()
    return (
        _unescape(left if quoted_left is None else quoted_left),
        _unescape(right if quoted_right is None else quoted_right),
    )


def split_value(text: str, flag: str) -> tuple[str, str]:
    r"""Splits ``KEY=VALUE``; the key is quoted or escaped as in `split_pair`, the value is not.

    Raises:
        UsageError: If it is not such a pair.
    """
    match = _KEY_AND_VALUE.fullmatch(text)
    if not match:
        raise UsageError(
            f"--{flag}={text}: expected a key and a value joined by '='. A key that holds '=' "
            'itself is quoted ("a=b"=c) or escaped (a\\=b=c).'
        )
    quoted, key, value = match.groups()
    return _unescape(key if quoted is None else quoted), value


def unquote(text: str) -> str:
    """Returns a single key, which may be quoted or escaped as in a pair."""
    quoted = re.fullmatch(_QUOTED, text, re.DOTALL)
    return _unescape(quoted[1] if quoted else text)


def _unescape(text: str) -> str:
    return re.sub(r'\\([=\\"])', r"\1", text)

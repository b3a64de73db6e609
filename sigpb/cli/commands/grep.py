"""Searches the names in models: nodes, tensors, functions, signatures, objects.

PATTERN is a regular expression of Python. A PATH is a model, a file with a GraphDef or a
MetaGraphDef, or a directory with models below it. The elements of tensors are not searched.

A model that cannot be read is reported, and the others are searched all the same. Exit codes:
0 something was found; 1 nothing was; 3 nothing was, but a model could not be read.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import define_format
from sigpb.errors import ModelUnreadable, UsageError, did_you_mean
from sigpb.inspect.names.grep import KINDS, Match, match_json, match_lines, search
from sigpb.inspect.proto_source import models_at, open_source
from sigpb.inspect.styled_text import Line
from sigpb.remote.at_hand import at_hand

USAGE = """\
sigpb grep PATTERN PATH… [--what=KIND,…] [--ignore_case] [--fixed_strings] [--format=text|json]"""

TASK = "Look at a model"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb grep 'dense.*/MatMul' models",
        "Find nodes by a regular expression, in all models of a directory.",
    ),
    (
        "sigpb grep --what=signature,endpoint scores proto_fixtures/tf2_image",
        "Find keys of signatures and endpoints.",
    ),
    ("sigpb grep -i -F x:0 proto_fixtures/tf1_shared", "Find a text, in upper or lower case."),
)

TEXTS = 1
"""How many arguments come before the paths: the pattern, which may be empty."""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    flags.DEFINE_list(
        "what",
        list(KINDS),
        "KIND,…: only names of these kinds.",
        flag_values=values,
    )
    flags.DEFINE_bool("ignore_case", False, "Take a for A.", short_name="i", flag_values=values)
    flags.DEFINE_bool(
        "fixed_strings",
        False,
        "PATTERN is a text, not a regular expression.",
        short_name="F",
        flag_values=values,
    )
    define_format(values, "How to print: lines, or JSON (see docs/json.md).")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code: 0 if something was found, 1 if not, 3 if not and a model is unreadable.
    """
    if len(arguments) < 2:
        raise UsageError("A pattern and the models to search are expected.", USAGE)
    pattern = _pattern(arguments[0], fixed=values.fixed_strings, ignore_case=values.ignore_case)
    for kind in values.what:
        if kind not in KINDS:
            raise UsageError(
                f"--what={kind}: there is no such kind of names; {did_you_mean(kind, KINDS)}."
            )
    unreadable: list[str] = []
    results = _search(arguments[1:], pattern, values.what, unreadable)
    if values.format == "json":
        is_found = _print_json(arguments[0], results, unreadable)
    else:
        is_found = _print_lines(results)
    terminal.warn(*unreadable)
    if is_found:
        return 0
    return ModelUnreadable.exit_code if unreadable else 1


def _pattern(text: str, *, fixed: bool, ignore_case: bool) -> re.Pattern[str]:
    pattern, options = re.escape(text) if fixed else text, re.IGNORECASE if ignore_case else 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's, of what it may read otherwise some day.
            return re.compile(pattern, options)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"{text!r} is not a regular expression: {error}. To search for the text itself, use "
            "--fixed_strings."
        ) from error


def _search(
    paths: Iterable[str],
    pattern: re.Pattern[str],
    kinds: Sequence[str],
    unreadable: list[str],
) -> Iterator[tuple[Path | str, list[Match]]]:
    """Yields models with what was found in them, and adds problems with others to a list."""
    for path in paths:
        for model in _models(path, unreadable):
            try:
                with at_hand(model) as found, open_source(found.path) as source:
                    matches = list(search(source, pattern, kinds))
            except ModelUnreadable as error:
                unreadable.append(str(error))
                continue
            if matches:
                yield model, matches


def _models(path: str, unreadable: list[str]) -> Sequence[Path | str]:
    try:
        return models_at(path)
    except ModelUnreadable as error:
        unreadable.append(str(error))
    except OSError as error:
        unreadable.append(f"{error.filename or path}: {error.strerror or error}.")
    return []


def _print_lines(results: Iterable[tuple[Path | str, list[Match]]]) -> bool:
    is_found = False

    def told() -> Iterator[Line]:
        nonlocal is_found
        for model, matches in results:
            is_found = True
            yield from match_lines(str(model), matches)

    terminal.write(told())
    return is_found


def _print_json(
    pattern: str, results: Iterable[tuple[Path | str, list[Match]]], unreadable: list[str]
) -> bool:
    models = [
        {"model": str(model), "matches": [match_json(match) for match in matches]}
        for model, matches in results
    ]
    result = {"pattern": pattern, "models": models, "unreadable": unreadable}
    terminal.say_json(result)
    return bool(models)

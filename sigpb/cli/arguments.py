"""Arguments that several commands take."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from absl import flags

from sigpb.cli import terminal
from sigpb.errors import UsageError
from sigpb.regular_files import is_url, path_or_url

STANDARD_INPUT = "-"
"""What ``--patch`` names in the place of a file."""

_PATTERN = "re:"
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
# Of what is escaped in a pattern, this is not an escape of regular expressions.
_PUNCTUATION = re.compile(r"\\([=,\"])")
_KEY_AND_VALUE = re.compile(rf"(?:{_QUOTED}|((?:[^=\\]|\\.)*))=(.*)", re.DOTALL)


# The titles under which help lists the flags of several commands.
WHICH_PART = "Which part of the model"
WHERE = "Where it goes"
SAFETY = "Safety"
OUTPUT = "Output"


@contextlib.contextmanager
def group(title: str, values: flags.FlagValues) -> Iterator[None]:
    """Has help list the flags that are defined inside under a title.

    Flags that are in a group already stay there. The groups are what absl calls the key flags of a
    module, with the title in place of the module's name.
    """
    values.key_flags_by_module_dict().setdefault(title, [])  # It keeps its place.
    before = set(values)
    yield
    grouped = {flag.name for each in values.key_flags_by_module_dict().values() for flag in each}
    for name in values:
        if name not in before and name == values[name].name and name not in grouped:
            values.register_key_flag_for_module(title, values[name])


def define_format(
    values: flags.FlagValues, meaning: str, formats: Sequence[str] = ("text", "json")
) -> None:
    """Defines ``--format``.

    Args:
        values: The flags of the command.
        meaning: What it says.
        formats: Its values, the default first.
    """
    with group(OUTPUT, values):
        flags.DEFINE_enum("format", formats[0], formats, meaning, flag_values=values)


def format_to_write(values: flags.FlagValues, suffixes: Mapping[str, str]) -> str:
    """Returns the format to write: the one of ``--format``, or of the suffix of ``--output``.

    Args:
        values: The flags of the command.
        suffixes: The formats by the suffixes that mean them; another suffix means nothing.

    Raises:
        UsageError: If ``--format`` and the suffix contradict each other.
    """
    wanted: str = values.format
    suffix = Path(values.output or "").suffix.lower()
    meant = suffixes.get(suffix, wanted)
    if meant != wanted and values["format"].present:
        raise UsageError(
            f"--format={wanted} contradicts the suffix of --output={values.output}, which means "
            f"--format={meant}. Leave out --format, or name another file."
        )
    return meant


class PathParser(flags.ArgumentParser[str]):
    """Refuses an empty path, which would mean the current directory: mostly an unset variable."""

    def parse(self, argument: str) -> str:
        """Returns the path; see the base class."""
        if not argument:
            raise ValueError("the path is empty. Write . for the current directory")
        return argument


class _FileParser(PathParser):
    """The parser of flags that name a file of this machine: see `check_files`."""


def define_path(name: str, meaning: str, values: flags.FlagValues) -> None:
    """Defines a flag that names the directory of a model or of models, which may be a URL."""
    flags.DEFINE(PathParser(), name, None, meaning, values, flags.ArgumentSerializer[str]())


def define_file(name: str, meaning: str, values: flags.FlagValues) -> None:
    """Defines a flag that names a file of this machine."""
    flags.DEFINE(_FileParser(), name, None, meaning, values, flags.ArgumentSerializer[str]())


def check_files(values: flags.FlagValues) -> None:
    """Makes sure that flags that name files name some of this machine: only models may be remote.

    Raises:
        UsageError: If one is a URL.
    """
    for flag in map(values.__getitem__, values):
        if isinstance(flag.parser, _FileParser) and is_url(path := str(flag.value)):
            from sigpb.remote.urls import redacted

            raise UsageError(
                f"--{flag.name}={redacted(path)}: this has to be a file of this machine. "
                "Only models may be in a store."
            )


def define_patch(values: flags.FlagValues, meaning: str = "FILE: ") -> None:
    """Defines ``--patch``.

    Args:
        values: Where it is defined.
        meaning: What its help begins with.
    """
    form = "a text proto, or .json; - is standard input; see 'sigpb help patch-file'."
    define_file("patch", f"{meaning}{form}", values)


class _NumberParser(flags.FloatParser):
    """Refuses ``inf`` and ``nan``, which compare with bounds as nobody means it."""

    def parse(self, argument: float | str) -> float:
        number = super().parse(argument)
        if not math.isfinite(number):
            raise ValueError("a finite number is expected")
        return number


def define_number(
    name: str,
    default: float | None,
    meaning: str,
    values: flags.FlagValues,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> None:
    """Defines a flag that is a finite number."""
    parser = _NumberParser(at_least, at_most)
    flags.DEFINE(parser, name, default, meaning, values, flags.ArgumentSerializer[float]())


def define_tags(values: flags.FlagValues) -> None:
    """Defines ``--tags``, which selects a MetaGraph."""
    with group(WHICH_PART, values):
        flags.DEFINE_string(
            "tags",
            None,
            "TAG,…: only the MetaGraph with exactly these tags; empty for no tags.",
            flag_values=values,
        )


def define_signature(values: flags.FlagValues, meaning: str) -> None:
    """Defines ``--signature``, the key of a signature that there is."""
    with group(WHICH_PART, values):
        flags.DEFINE_string("signature", None, f"KEY: {meaning}", flag_values=values)


_LOADERS = ("v1", "v2")


class _Loaders(flags.ArgumentParser[tuple[str, ...]]):
    """Reads the loaders in a list with commas; a flag without a value comes as ``true``."""

    syntactic_help = "v1, v2 or both, separated by commas"

    def parse(self, argument: str | tuple[str, ...]) -> tuple[str, ...]:
        if not isinstance(argument, str):
            return argument
        if argument in ("true", "false"):
            return _LOADERS if argument == "true" else ()
        names = tuple(dict.fromkeys(name.strip() for name in argument.split(",")))
        if not set(names) <= set(_LOADERS):
            raise ValueError("the loaders are v1 and v2")
        return names


class _LoadersFlag(flags.Flag[tuple[str, ...]]):
    """A flag that absl takes for a bool: ``--verify`` alone does not take the next argument."""

    boolean = True


def define_allow_ops(values: flags.FlagValues) -> None:
    """Defines the flag ``--allow_ops``."""
    with group(SAFETY, values):
        flags.DEFINE_list(
            "allow_ops",
            [],
            "OP,…: run models with these ops, though they touch files, other machines or code.",
            flag_values=values,
        )


def define_verify(values: flags.FlagValues) -> None:
    """Defines ``--verify``, which may have a value and need not, and ``--allow_ops``."""
    flag = _LoadersFlag(
        _Loaders(),
        None,
        "verify",
        (),
        "LOADER,…: run the model under TensorFlow before and after, with these loaders (both if "
        "none is named), and write nothing unless the results are the same. The model's ops are "
        "run with your rights, in a sandbox where the machine has one.",
        boolean=True,
    )
    with group(SAFETY, values):
        flags.DEFINE_flag(flag, values)
    define_allow_ops(values)


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
    return Path(_one(arguments, usage))


def one_model(arguments: Sequence[str], usage: str) -> Path | str:
    """Returns the only positional argument, a path or a URL.

    Raises:
        UsageError: If there is not exactly one.
    """
    return path_or_url(_one(arguments, usage))


def _one(arguments: Sequence[str], usage: str) -> str:
    if len(arguments) != 1:
        given = f"{len(arguments)} were given" if arguments else "none was given"
        raise UsageError(f"One model directory is expected, {given}.", usage)
    return arguments[0]


def two_models(arguments: Sequence[str], usage: str) -> tuple[Path | str, Path | str]:
    """Returns the two positional arguments, paths or URLs.

    Raises:
        UsageError: If there are not exactly two.
    """
    if len(arguments) != 2:
        given = f"{len(arguments)} given" if arguments else "none was given"
        raise UsageError(f"Two model directories are expected, {given}.", usage)
    return path_or_url(arguments[0]), path_or_url(arguments[1])


@contextlib.contextmanager
def at_hand(arguments: Sequence[str], models: slice, *, whole: bool = False) -> Iterator[list[str]]:
    """Has models that are named by URLs at hand: see `sigpb.remote.at_hand`.

    Args:
        arguments: The positional arguments.
        models: Which of them name models, or files, to be read.
        whole: Whether models are run. How much was fetched is said then.

    Yields:
        The arguments with paths of this machine in the place of URLs.

    Raises:
        SigpbError: If one cannot be read.
    """
    chosen = list(arguments)
    with contextlib.ExitStack() as stack:
        for position in range(*models.indices(len(chosen))):
            if is_url(chosen[position]):
                from sigpb.remote.at_hand import at_hand

                found = stack.enter_context(at_hand(chosen[position], whole=whole))
                if whole:
                    terminal.warn(*found.told)
                chosen[position] = str(found.path)
        yield chosen


def split_pair(text: str, flag: str) -> tuple[str, str]:
    r"""Splits ``OLD=NEW``; a key with ``=`` in it is quoted (``"a=b"=c``) or escaped (``a\=b=c``).

    Raises:
        UsageError: If it is not such a pair, or if NEW holds a plain ``=`` or ``,``.
    """
    old, new = split_value(text, flag)
    return old, _new_key(new, flag, text)


def split_value(text: str, flag: str, *, is_new: bool = False) -> tuple[str, str]:
    r"""Splits ``KEY=VALUE``; the key is quoted or escaped as in `split_pair`, the value is not.

    Args:
        text: The value of the flag.
        flag: The flag.
        is_new: Whether the key is one that the model is to get.

    Raises:
        UsageError: If it is not such a pair, or if a new key holds a plain ``,``.
    """
    match = _KEY_AND_VALUE.fullmatch(text)
    if not match:
        raise UsageError(
            f"--{flag}={text}: expected a key and a value joined by '='. A key that holds '=' "
            'itself is quoted ("a=b"=c) or escaped (a\\=b=c).'
        )
    quoted, key, value = match.groups()
    if quoted is not None:
        return _unescape(quoted), value
    return _new_key(key, flag, text) if is_new else _unescape(key), value


def split_pattern(text: str, flag: str) -> tuple[str, str] | None:
    r"""Splits ``re:PATTERN=VALUE``; a ``=`` in the pattern itself is escaped: ``re:x\=(.*)=y``.

    Args:
        text: The value of the flag.
        flag: The flag.

    Returns:
        The regular expression, and the value. None if the key is no pattern: ``"re:x"`` is quoted.

    Raises:
        UsageError: If there is no value.
    """
    if not text.startswith(_PATTERN):
        return None
    match = _KEY_AND_VALUE.fullmatch(text.removeprefix(_PATTERN))
    if not match or match[2] is None:
        raise UsageError(
            f"--{flag}={text}: expected re:PATTERN=…; a '=' in the pattern itself is escaped (\\=)."
        )
    return _PUNCTUATION.sub(r"\1", match[2]), match[3]


def new_keys(text: str, flag: str, given: str) -> str:
    r"""Returns what keys that match a pattern become, such as ``feature_\1``.

    Args:
        text: The text for the new key as it was given.
        flag: The flag.
        given: The value of the flag.

    Raises:
        UsageError: If it holds a plain ``=`` or ``,``: most often a ``=`` of the pattern is meant.
    """
    if plain := re.search("[=,]", re.sub(r"\\.", "", text, flags=re.DOTALL)):
        raise UsageError(
            f"--{flag}={given}: the new key {text!r} holds {plain[0]!r}. If that is meant, write "
            f"\\{plain[0]}, in the pattern too."
        )
    if group := re.search(r"\$([0-9]+)", text):
        raise UsageError(
            f"--{flag}={given}: what a group matched is written \\{group[1]}, not {group[0]}. For "
            "a '$' in a key, state the pattern in a patch file (key_pattern)."
        )
    return _PUNCTUATION.sub(r"\1", text)


def _new_key(text: str, flag: str, given: str) -> str:
    """Returns a key that a model is to get, which may be quoted or escaped.

    Args:
        text: The key as it was given.
        flag: The flag.
        given: The value of the flag.

    Raises:
        UsageError: If it holds a plain ``=`` or ``,``: most often several pairs were meant.
    """
    plain = re.search("[=,]", re.sub(r"\\.", "", text, flags=re.DOTALL))
    if plain is None or re.fullmatch(_QUOTED, text, re.DOTALL):
        return unquote(text)
    pairs = given.split(",")
    if len(pairs) > 1 and all("=" in pair for pair in pairs):
        meant = "State each in a flag of its own: " + " ".join(f"--{flag}={each}" for each in pairs)
    else:
        before, _, after = given.rpartition(text)
        meant = f"If that is meant, quote it: '--{flag}={before}\"{text}\"{after}'"
    raise UsageError(f"--{flag}={given}: the new key {text!r} holds {plain[0]!r}. {meant}.")


def unquote(text: str) -> str:
    """Returns a single key, which may be quoted or escaped as in a pair."""
    quoted = re.fullmatch(_QUOTED, text, re.DOTALL)
    return _unescape(quoted[1] if quoted else text)


def _unescape(text: str) -> str:
    return re.sub(r'\\([=,\\"])', r"\1", text)

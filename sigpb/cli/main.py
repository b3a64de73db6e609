"""The entry point: finds the command, parses its flags, and turns errors into exit codes."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import pkgutil
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn, cast

from absl import flags

from sigpb import __version__
from sigpb.cli import commands, terminal
from sigpb.errors import EnvironmentFailure, SigpbError, UsageError, did_you_mean

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_USAGE = """\
sigpb patches and shows the signatures of TensorFlow SavedModels, without TensorFlow.

  sigpb COMMAND [ARGUMENTS] [--flags]

Commands:
{commands}

'sigpb COMMAND --help' tells more. Flags can also be read from a file, with --flagfile.
'sigpb help steps' lists what can happen to values between clients and a model.
Exit codes: 0 done, 1 the answer is no, 2 refused, 3 the model cannot be read, 4 the environment.
"""


_STEPS = """\
Steps are what happens to a value between a client and the model's tensor, in the order in which
values pass: 'step' in a patch, or --input_step='x=scale(127.5, 127.5)' --output_step='y=argmax()'.\
"""


def run() -> None:
    """Runs sigpb with the arguments of the process, and ends the process."""
    gc.set_threshold(100_000)  # Most runs end before there is garbage worth looking for.
    if sys.stdout is None:  # The caller closed it.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (stays open)
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding, is_terminal = sys.stdout.encoding, sys.stdout.isatty()
        buffer = sys.stdout.detach()
        raw = buffer.detach() if isinstance(buffer, io.BufferedWriter) else buffer
        output = _StandardOutput(cast(io.RawIOBase, raw))
        sys.stdout = io.TextIOWrapper(
            output, encoding, "backslashreplace", line_buffering=is_terminal
        )
    if isinstance(sys.stderr, io.TextIOWrapper):  # Any terminal gets all of a name, if escaped.
        sys.stderr.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Both end a command alike.
    _end(main(sys.argv[1:]))


class _StandardOutput(io.BufferedWriter):
    """Says of standard output that cannot be written that this came after what was done."""

    def write(self, data: ReadableBuffer, /) -> int:
        with _explained_output():
            return super().write(data)

    def flush(self) -> None:
        with _explained_output():
            super().flush()


@contextlib.contextmanager
def _explained_output() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise EnvironmentFailure(
            f"Standard output cannot be written: {error.strerror}. What was to be printed there is "
            "done all the same: a model that was patched stays patched."
        ) from error


def main(arguments: Sequence[str]) -> int:
    """Runs a command.

    Args:
        arguments: The command line without the program's name.

    Returns:
        The exit code.
    """
    try:
        code = run_command(list(arguments))
        sys.stdout.flush()
    except SigpbError as error:
        terminal.warn(*error.lines)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read the output has seen enough; keep Python from failing on it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        terminal.warn(f"{where}{error.strerror or error}.")
        return EnvironmentFailure.exit_code
    except KeyboardInterrupt:
        terminal.warn("interrupted; the model is as it was, or wholly patched.")
        return EnvironmentFailure.exit_code
    except Exception as error:  # Nobody at a shell is served by a traceback.
        terminal.warn(f"a fault in sigpb itself: {type(error).__name__}: {error}")
        return EnvironmentFailure.exit_code
    return code


def _end(code: int) -> NoReturn:
    """Ends the process at once.

    Taking the interpreter down piece by piece would take a fifth of the time of a short command.
    """
    for stream in (sys.stdout, sys.stderr):
        # Nobody reads it any more, or it was said already that it cannot be written.
        with contextlib.suppress(OSError, ValueError, EnvironmentFailure):
            stream.flush()
    os._exit(code)


def run_command(arguments: list[str]) -> int:
    """Runs a command as `main` does, but for errors, which are raised."""
    if arguments[:1] == ["help"] and len(arguments) > 1:
        return _help_on(*arguments[1:])
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        terminal.say_document(_USAGE.format(commands=_command_list()))
        return 0 if arguments else UsageError.exit_code
    if arguments[0] == "--version":
        terminal.say(f"sigpb {__version__}")
        return 0
    return _run(*arguments)


def _help_on(topic: str, *more: str) -> int:
    """Prints what ``sigpb help TOPIC`` asks for.

    Args:
        topic: ``steps``, or a command.
        more: Steps; all of them if left out.
    """
    if topic != "steps":
        topics = ["steps", *_command_names()]
        if topic not in topics or more:
            wrong = " ".join((topic, *more))
            raise UsageError(f"There is no help on {wrong!r}; {did_you_mean(topic, topics)}.")
        return _run(topic, "--help")
    from sigpb.steps.reference import references

    found = {each.usage.partition("(")[0]: each for each in references()}
    for name in more:
        if name not in found:
            raise UsageError(f"There is no step {name!r}; {did_you_mean(name, found)}.")
    texts = [found[name].plain() for name in more or found]
    terminal.say_document("\n\n".join([_STEPS, *texts] if not more else texts) + "\n")
    return 0


def _run(name: str, *rest: str) -> int:
    """Runs a command."""
    if name not in _command_names():
        raise UsageError(f"There is no command {name!r}; {did_you_mean(name, _command_names())}.")
    command = importlib.import_module(f"{commands.__name__}.{name}")
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    command.define_flags(values)
    values.set_gnu_getopt(True)
    if any(argument in ("--help", "-h", "-help", "--helpfull") for argument in rest):
        terminal.say_document(_help(command, values))
        return 0
    try:
        for flag in map(values.__getitem__, values):
            flag.allow_overwrite = False  # Of two values one would go without a word.
        positional = values([f"sigpb {name}", *rest])[1:]
    except flags.Error as error:
        raise UsageError(f"{error}. See 'sigpb {name} --help'.") from error
    if "" in positional[getattr(command, "TEXTS", 0) :]:
        raise UsageError(
            "An argument is empty, as it is if a variable of the shell is not set. Write . for the "
            "current directory."
        )
    return int(command.run(positional, values))


def _command_names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))


def _command_list() -> str:
    """Lists the commands without importing them: the first line of each module's docstring."""
    import ast

    lines = []
    for name in _command_names():
        source = Path(commands.__path__[0], f"{name}.py").read_text(encoding="utf-8")
        summary = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
        lines.append(f"  {name:<10} {summary}")
    return "\n".join(lines)


def _help(command: ModuleType, values: flags.FlagValues) -> str:
    lines = [(command.__doc__ or "").strip(), "", command.USAGE.strip(), "", "Flags:"]
    for name in sorted(values):
        flag = values[name]
        lines.append(f"  --{name}: {flag.help}")
    return "\n".join(lines) + "\n"

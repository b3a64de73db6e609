"""The entry point: finds the command, parses its flags, and turns errors into exit codes."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

from sigpb import __version__
from sigpb.cli import terminal
from sigpb.cli.command_line import COMPLETE, Command, help_flags, split_command
from sigpb.errors import EnvironmentFailure, SigpbError, UsageError
from sigpb.phases import phase

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


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
            f"Standard output cannot be written: {error.strerror}. The command has done its work "
            "all the same: a model that was patched stays patched."
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
    if arguments[:1] == [COMPLETE]:
        from sigpb.cli.completion.answer import answer

        return answer(arguments[1:])
    asked = help_flags(arguments)
    if "version" in asked or arguments == ["version"]:
        terminal.say(f"sigpb {__version__}")
        return 0
    if not arguments or arguments[0] == "help" or asked:
        from sigpb.cli.help.pages import show

        show(arguments)
        return 0 if arguments else UsageError.exit_code
    command, left = split_command(arguments)
    positional = command.parse(left)
    if "verbosity" not in command.values:
        return _run(command, positional)
    from sigpb.cli.log_flags import logs

    with logs(command.values):
        return phase(f"sigpb {command.name}")(_run)(command, positional)


def _run(command: Command, positional: Sequence[str]) -> int:
    from sigpb.cli.arguments import at_hand, check_files

    check_files(command.values)
    reads, whole = (getattr(command.module, name, None) for name in ("READS", "RUNS"))
    with at_hand(positional, reads or slice(0), whole=bool(whole)) as here:
        return int(command.module.run(here, command.values))

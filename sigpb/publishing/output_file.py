"""Writing a file of text that a command was asked for: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from sigpb.errors import UsageError
from sigpb.publishing.changes import is_main_proto, temporary_name
from sigpb.publishing.failures import explained
from sigpb.publishing.new_files import keep_ownership, mode_of, remove, sync_directory

_Self = TypeVar("_Self", bound="OutputFile")


class OutputFile:
    """A file that gets its name, and its place on the disk, when its block ends without an error.

    Until then, and after an error, what had that name before is still there. A process that is
    killed leaves a file whose name begins with ``.sigpb-tmp-``. What is no regular file, such as
    ``/dev/stdout`` or a pipe, is written to at once.

    Args:
        file: Where it is to be. A link is followed.
        outcome: A sentence on how things stand if it cannot be written.

    Raises:
        UsageError: If it has the name of a model's proto.
        EnvironmentFailure: If it cannot be written; so do all methods.
    """

    def __init__(self, file: Path, outcome: str) -> None:
        self._file, self._outcome = file, outcome
        self._target = Path(os.path.realpath(file))
        self._stage: Path | None = None
        if is_main_proto(self._target.name):
            raise UsageError(f"{file} is the proto of a model; name another file to write.")
        if file.is_file() or not file.exists():
            self._stage = self._target.with_name(temporary_name(file.name))
        with self._explained():
            self._opened = (self._stage or file).open(
                "x" if self._stage else "w",
                encoding="utf-8",
                errors="backslashreplace",  # File names need not be text.
                newline="",
            )

    def write(self, text: str) -> None:
        """Adds text."""
        with self._explained():
            self._opened.write(text)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._discard()
            with contextlib.suppress(OSError):
                self._opened.close()
            return
        with self._explained():
            with self._opened as opened:
                opened.flush()
                if self._stage:
                    if (mode := mode_of(self._target)) is not None:
                        os.fchmod(opened.fileno(), mode)
                    keep_ownership(self._target, self._stage)
                    os.fsync(opened.fileno())
            if self._stage:
                self._stage.replace(self._target)
        if self._stage:
            with explained(
                f"make sure that {self._file} outlasts a power failure", "It is complete by now."
            ):
                sync_directory(self._target.parent)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(f"write {self._file}", self._outcome):
                yield
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        if self._stage is not None:
            with contextlib.suppress(OSError):
                remove(self._stage)


def write_text(file: Path, text: Iterable[str], *, source: Path) -> None:
    """Writes text about a model to a file.

    Args:
        file: Where. What is there is replaced.
        text: The text, in pieces.
        source: The file that the text is about.

    Raises:
        UsageError: If both are the same file, or this one has the name of a model's proto.
        EnvironmentFailure: If it cannot be written. What was there before is still there.
    """
    if file.exists() and file.samefile(source):
        raise UsageError(f"{file} is the file to be looked at; name another one to write.")
    with OutputFile(file, "Nothing was written.") as opened:
        for piece in text:
            opened.write(piece)

"""Saying what the file system refused, what was being done, and how things stand now."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable, Iterator
from pathlib import Path

from sigpb.errors import EnvironmentFailure

_ADVICE = {
    errno.EACCES: "Check the permissions, or have the output written elsewhere.",
    errno.EDQUOT: "Free some space, or have the output written elsewhere.",
    errno.ENOSPC: "Free some space, or have the output written elsewhere.",
    errno.EPERM: "Check the permissions, or have the output written elsewhere.",
    errno.EROFS: "Have the output written elsewhere.",
}


@contextlib.contextmanager
def explained(attempt: str, outcome: str) -> Iterator[None]:
    """Turns errors of the operating system into sentences.

    Args:
        attempt: What is being done, to continue "Could not".
        outcome: A sentence on what a failure leaves.

    Raises:
        EnvironmentFailure: In place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        advice = f" {_ADVICE[error.errno]}" if error.errno in _ADVICE else ""
        raise EnvironmentFailure(
            f"Could not {attempt}: {reason_of(error)}. {outcome}{advice}"
        ) from error


def damaged_backup(backup: Path | str, lost: Iterable[str]) -> EnvironmentFailure:
    """Returns the error for a backup that does not hold what it has to, before anything is done.

    Args:
        backup: The backup, by its path or URL.
        lost: The files that it lacks, or that are others.
    """
    return EnvironmentFailure(
        f"{backup} does not hold the model's files as they were any more: {', '.join(lost)}. "
        "Nothing was changed. Put the model in order by hand."
    )


def reason_of(error: OSError) -> str:
    """Returns the operating system's reason, and the paths that it is about."""
    paths = [str(path) for path in (error.filename, error.filename2) if path is not None]
    reason = error.strerror or str(error)
    return f"{reason} ({' -> '.join(paths)})" if paths else reason

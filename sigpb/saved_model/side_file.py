"""Files beside the proto of a SavedModel, which need not be there."""

from __future__ import annotations

import errno
from pathlib import Path

from sigpb.errors import EnvironmentFailure, ModelUnreadable
from sigpb.regular_files import read_regular

# What is as it is, however often it is tried.
_STAYS = {errno.EACCES, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.EPERM}


def read(file: Path) -> bytes | None:
    """Returns what a file beside a proto holds; None if there is none.

    Raises:
        ModelUnreadable: If there is something that cannot be read, such as a directory.
        EnvironmentFailure: If reading it fails.
    """
    try:
        return read_regular(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        kind = ModelUnreadable if error.errno in _STAYS else EnvironmentFailure
        raise kind(f"{file}: {error.strerror or error}.") from error

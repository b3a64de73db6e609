"""Files beside the proto of a SavedModel, which need not be there."""

from __future__ import annotations

from pathlib import Path

from sigpb.errors import ModelUnreadable
from sigpb.regular_files import read_regular


def read(file: Path) -> bytes | None:
    """Returns what a file beside a proto holds; None if there is none.

    Raises:
        ModelUnreadable: If there is something that cannot be read.
    """
    try:
        return read_regular(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error

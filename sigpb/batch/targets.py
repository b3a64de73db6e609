"""Where the patched models of a batch go."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path

from sigpb.batch.discovery import Discovery, Found
from sigpb.batch.job import Mode
from sigpb.batch.roots import Root
from sigpb.batch.versions import version_of

NO_VERSION = "its directory is not named after a version, so that there is no next one"


class Targets:
    """Says where models go.

    Args:
        mode: In place, beside them, or into another tree.
        discovery: What was found.
        roots: Where it was looked for.
        output_root: The root of the other tree.
    """

    def __init__(
        self, mode: Mode, discovery: Discovery, roots: Sequence[Root], output_root: Path | None
    ) -> None:
        self._mode = mode
        self._output_root = output_root
        self._highest = dict(discovery.highest)
        tops = {
            posixpath.dirname(root.path) if found else root.path
            for root, found in _models_at(discovery.models, roots)
        }
        self._top = posixpath.commonpath(tops) if tops else ""

    def output(self, path: str) -> str | None:
        """Returns where a model goes; None for where it is.

        Raises:
            ValueError: If it has no place; says why.
        """
        if self._mode == "in_place":
            return None
        if self._output_root is not None:
            return str(self._output_root / posixpath.relpath(path, self._top))
        base, name = posixpath.split(path)
        if version_of(name) is None:
            raise ValueError(NO_VERSION)
        if base not in self._highest:  # The version was named by itself.
            numbers = [version_of(each.name) for each in Path(base).iterdir()]
            self._highest[base] = max(number for number in numbers if number is not None)
        self._highest[base] += 1
        return posixpath.join(base, str(self._highest[base]).zfill(len(name)))


def _models_at(models: Sequence[Found], roots: Sequence[Root]) -> list[tuple[Root, bool]]:
    """Returns each root, and whether it is a model itself."""
    paths = {found.path for found in models}
    return [(root, root.path in paths) for root in roots]

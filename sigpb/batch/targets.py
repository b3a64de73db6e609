"""Where the patched models of a batch go."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from sigpb.batch.discovery import Discovery, Found
from sigpb.batch.job import Mode
from sigpb.batch.place import place_of
from sigpb.batch.roots import Root
from sigpb.batch.versions import version_of
from sigpb.remote.urls import common_path, parent_of

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
        self, mode: Mode, discovery: Discovery, roots: Sequence[Root], output_root: str | None
    ) -> None:
        self._mode = mode
        self._output_root = output_root
        self._highest = dict(discovery.highest)
        tops = {
            parent_of(root.path) if found else root.path
            for root, found in _models_at(discovery.models, roots)
        }
        self._top = common_path(tops) if tops and output_root is not None else ""

    def output(self, path: str) -> str | None:
        """Returns where a model goes; None for where it is.

        Raises:
            ValueError: If it has no place; says why.
        """
        if self._mode == "in_place":
            return None
        if self._output_root is not None:
            return posixpath.join(self._output_root, posixpath.relpath(path, self._top))
        base, name = posixpath.split(path)
        if version_of(name) is None:
            raise ValueError(NO_VERSION)
        if base not in self._highest:  # The version was named by itself.
            numbers = [version_of(each) for each in place_of(base).names()]
            self._highest[base] = max(number for number in numbers if number is not None)
        self._highest[base] += 1
        if version_of(str(self._highest[base])) is None:
            raise ValueError(f"TensorFlow Serving takes no version {self._highest[base]}")
        return posixpath.join(base, str(self._highest[base]).zfill(len(name)))


def _models_at(models: Sequence[Found], roots: Sequence[Root]) -> list[tuple[Root, bool]]:
    """Returns each root, and whether it is a model itself."""
    paths = {found.path for found in models if found.problem is None}
    return [(root, root.path in paths) for root in roots]

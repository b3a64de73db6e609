"""Which versions of a model are meant: the policies of TensorFlow Serving."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from sigpb import protos
from sigpb.errors import PatchError

_LATEST = re.compile(r"latest(?::([1-9][0-9]*))?")
_MOST = 2**63 - 1
_NUMBERS = re.compile(r"[0-9]+(\s*,\s*[0-9]+)*")


@dataclass(frozen=True)
class VersionPolicy:
    """Which versions of a model are meant.

    Attributes:
        latest: How many of the highest; None for no limit.
        numbers: Only these; None for any.
    """

    latest: int | None = None
    numbers: frozenset[int] | None = None

    def chosen(self, versions: Collection[int]) -> set[int]:
        """Returns those that are meant of the versions that there are."""
        if self.numbers is not None:
            return set(versions) & self.numbers
        ordered = sorted(versions, reverse=True)
        return set(ordered if self.latest is None else ordered[: self.latest])

    def __str__(self) -> str:
        if self.numbers is not None:
            return ",".join(map(str, sorted(self.numbers)))
        return "all" if self.latest is None else f"latest:{self.latest}"


LATEST = VersionPolicy(latest=1)
"""What TensorFlow Serving serves unless it is told otherwise."""


def parse_versions(text: str) -> VersionPolicy:
    """Reads ``latest``, ``latest:2``, ``all`` or numbers such as ``3,5``; nothing is ``latest``.

    Raises:
        PatchError: If it is none of these.
    """
    if text in ("", "all"):
        return VersionPolicy() if text else LATEST
    if match := _LATEST.fullmatch(text):
        return VersionPolicy(latest=int(match[1] or 1))
    if _NUMBERS.fullmatch(text):
        return VersionPolicy(numbers=frozenset(map(int, text.split(","))))
    raise PatchError(
        f"versions: {text!r} is not 'latest', 'latest:N', 'all', or numbers such as '3,5'."
    )


def policy_of(
    proto: protos.FileSystemStoragePathSourceConfig.ServableVersionPolicy,
) -> VersionPolicy:
    """Returns the policy of a `models.config`.

    What it means when it is not set is said in
    ``tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc``.
    """
    if proto.HasField("all"):
        return VersionPolicy()
    if proto.HasField("specific"):
        return VersionPolicy(numbers=frozenset(proto.specific.versions))
    return VersionPolicy(latest=max(1, proto.latest.num_versions))


def version_of(name: str) -> int | None:
    """Returns the version that a directory's name stands for; None if it is no version's.

    TensorFlow Serving ignores what no int64 holds: see
    ``tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc``.
    """
    if not (name.isascii() and name.isdigit()) or len(name.lstrip("0")) > len(str(_MOST)):
        return None
    return number if (number := int(name)) <= _MOST else None

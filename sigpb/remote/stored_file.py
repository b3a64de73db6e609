"""What the listing of a store says of an object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What changes with an object, by the names that stores have for it.
_VERSION_KEYS = {
    *("etag", "generation", "versionid", "md5hash", "checksum", "content_md5"),
    *("lastmodified", "last_modified", "updated", "modify", "mtime", "created"),
}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An object as a listing has it.

    Attributes:
        size: In bytes.
        version: What changes with it; empty if the store does not say.
    """

    size: int
    version: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> StoredFile:
        """Returns what fsspec says of an object."""
        known = {key: value for key, value in info.items() if key.lower() in _VERSION_KEYS}
        version = tuple(sorted((key, str(value)) for key, value in known.items()))
        return cls(int(info["size"] or 0), version)

    def has_content_of(self, other: StoredFile) -> bool:
        """Whether a store knows that another object holds the same. If not, it may all the same."""
        same = set(self.version).intersection(other.version)
        return self.size == other.size and any(_is_digest(*each) for each in same)


def _is_digest(key: str, value: str) -> bool:
    """Whether a property of an object follows from its content. The ETag of S3 does, as it is."""
    is_etag_of_s3 = key == "ETag" and re.fullmatch(r'"?[0-9a-f]{32}(-\d+)?"?', value)
    return bool(is_etag_of_s3) or key.lower() in ("md5hash", "content_md5")

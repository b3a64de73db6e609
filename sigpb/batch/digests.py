"""Digests of models, by which they are recognised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from sigpb.publishing.changes import Changes, find_main_proto, pieces_of
from sigpb.saved_model.files import sha256_of
from sigpb.saved_model.model import SavedModel
from sigpb.wire import SourceRange, sha256, size


def digest_of_model(model: SavedModel) -> str:
    """Returns the SHA-256 of the proto of a model that is open."""
    if model.is_text:
        return sha256_of(model.file)
    return sha256((SourceRange(0, len(model.buffer)),), model.buffer)


def digest_of_proto(directory: Path) -> str | None:
    """Returns the SHA-256 of the proto in a model's directory; None if there is none."""
    try:
        return sha256_of(find_main_proto(directory))
    except (FileNotFoundError, NotADirectoryError):
        return None


def listing_digest(sizes: Mapping[str, int], changed: Collection[str]) -> str:
    """Returns a digest of the names and sizes of what a copy shares with its model.

    Args:
        sizes: The size of each file, by its path in the model.
        changed: The files that the copy has of its own.
    """
    shared = sorted((name, size) for name, size in sizes.items() if name not in changed)
    return hashlib.sha256(json.dumps(shared).encode()).hexdigest()


def result_of(model: SavedModel, changes: Changes) -> dict[str, Any]:
    """Returns what an outcome says of a model that is changed: size, digest and changed files."""
    pieces = pieces_of(changes[model.file.name])
    return {
        "output_bytes": size(pieces),
        "output_digest": sha256(pieces, model.buffer),
        "files": tuple(sorted(changes)),
    }

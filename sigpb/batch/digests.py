"""Digests of models, by which they are recognised."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sigpb.publishing.changes import Changes, find_main_proto
from sigpb.saved_model.model import SavedModel
from sigpb.wire import SourceRange, size

_PART = 1 << 20


def digest_of_model(model: SavedModel) -> str:
    """Returns the SHA-256 of the proto of a model that is open."""
    return hashlib.sha256(model.file.read_bytes() if model.is_text else model.buffer).hexdigest()


def digest_of_proto(directory: Path) -> str | None:
    """Returns the SHA-256 of the proto in a model's directory; None if there is none."""
    digest = hashlib.sha256()
    try:
        with find_main_proto(directory).open("rb") as file:
            while part := file.read(_PART):
                digest.update(part)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return digest.hexdigest()


def result_of(model: SavedModel, changes: Changes) -> dict[str, Any]:
    """Returns what an outcome says of a model that is changed: size, digest and changed files."""
    content = changes[model.file.name]
    digest = hashlib.sha256()
    if content is None or isinstance(content, bytes):
        digest.update(content or b"")
        length = len(content or b"")
    else:
        length = size(content.pieces)
        with memoryview(model.buffer) as view:
            for piece in content.pieces:
                if isinstance(piece, SourceRange):
                    digest.update(view[piece.start : piece.end])
                else:
                    digest.update(piece)
    return {
        "output_bytes": length,
        "output_digest": digest.hexdigest(),
        "files": tuple(sorted(changes)),
    }

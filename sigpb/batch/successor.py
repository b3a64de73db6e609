"""Finding the version that is another one, patched."""

from __future__ import annotations

from pathlib import Path

from sigpb import protos
from sigpb.batch.versions import version_of
from sigpb.saved_model import history


def patched_successor(model: Path, digest: str, patch: protos.SavedModelPatch) -> int | None:
    """Returns the number of the version that a patch made of a version; None if there is none.

    Args:
        model: The directory of the version.
        digest: The SHA-256 of its proto.
        patch: The patch.
    """
    version = version_of(model.name)
    wanted = None
    for sibling in model.parent.iterdir() if version is not None else ():
        number = version_of(sibling.name)
        if number is None or version is None or number <= version:
            continue
        wanted = wanted or (history.patch_digest(patch), digest)
        last = (history.records(sibling) or [{}])[-1]
        if (last.get("patch_digest"), last.get("input_digest")) == wanted:
            return number
    return None

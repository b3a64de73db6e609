"""Finding the version that is another one, patched."""

from __future__ import annotations

import posixpath

from sigpb import protos
from sigpb.batch.place import Place, place_of
from sigpb.batch.versions import version_of
from sigpb.saved_model import history


def patched_successor(model: Place, digest: str, patch: protos.SavedModelPatch) -> int | None:
    """Returns the number of the version that a patch made of a version; None if there is none.

    Args:
        model: Where the version is.
        digest: The SHA-256 of its proto.
        patch: The patch.
    """
    base, name = posixpath.split(model.path)
    version = version_of(name)
    wanted = None
    for sibling in place_of(base).names() if version is not None else ():
        number = version_of(sibling)
        if number is None or version is None or number <= version:
            continue
        wanted = wanted or (history.patch_digest(patch), digest)
        record = place_of(posixpath.join(base, sibling)).read(history.FILE_NAME)
        last = (history.records_in(record or b"") or [{}])[-1]
        if (last.get("patch_digest"), last.get("input_digest")) == wanted:
            return number
    return None

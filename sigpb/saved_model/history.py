"""The record, in a model's directory, of the patches that were applied to it.

Loaders do not look at the file. Where a model looks the same before and after a patch, such as one
that swaps two keys, the record says that the patch was applied.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sigpb import __version__, protos
from sigpb.parsers import parse_json_value
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.files import read_side_file

FILE_NAME = "sigpb.history.jsonl"

Signatures = Iterable[tuple[Sequence[str], Mapping[str, protos.SignatureDef]]]
"""The tag-set and the signatures of every MetaGraph."""


def signatures_digest(signatures: Signatures) -> str:
    """Returns a digest of a model's tag-sets and signatures."""
    digest = hashlib.sha256()
    for tags, signature_defs in signatures:
        digest.update(json.dumps(sorted(tags)).encode())
        for key in sorted(signature_defs):
            encoded = deterministic_bytes(signature_defs[key])
            digest.update(json.dumps([key, len(encoded)]).encode())
            digest.update(encoded)
    return digest.hexdigest()


def patch_digest(patch: protos.SavedModelPatch) -> str:
    """Returns a digest of a patch; its reason and selection do not count.

    Its id does: the patch that undoes a swap says the same as the swap.
    """
    changes = protos.SavedModelPatch()
    changes.CopyFrom(patch)
    changes.reason = ""
    changes.ClearField("only")
    return hashlib.sha256(changes.SerializeToString(deterministic=True)).hexdigest()


def is_of(record: Mapping[str, Any], *spellings: protos.SavedModelPatch) -> bool:
    """Whether a record is of a patch, which may be spelled in several ways."""
    recorded = {record.get("patch_digest"), record.get("asked_digest")}
    return any(patch_digest(patch) in recorded for patch in spellings)


def was_applied(
    directory: Path,
    patch: protos.SavedModelPatch,
    signatures: Signatures,
    *spellings: protos.SavedModelPatch,
) -> bool:
    """Whether a patch was the last to be applied and the signatures are as it left them.

    Args:
        directory: The model's directory.
        patch: The patch.
        signatures: The tag-sets and signatures of the model.
        spellings: The same patch as it is spelled otherwise.
    """
    try:
        last = parse_json_value(_read(directory)[-1])
    except (IndexError, ValueError):
        return False  # There is no record, or somebody damaged it.
    return (
        isinstance(last, dict)
        and is_of(last, patch, *spellings)
        and last.get("signatures_digest") == signatures_digest(signatures)
    )


def records(directory: Path) -> list[dict[str, Any]]:
    """Returns the patches that were applied, the last one last; damaged lines are left out."""
    return _parsed(_read(directory))


def records_in(content: bytes) -> list[dict[str, Any]]:
    """Returns the same for what the file holds."""
    return _parsed(content.splitlines())


def _parsed(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            found.append(parse_json_value(line))
    return [record for record in found if isinstance(record, dict)]


def with_record(
    directory: Path,
    patch: protos.SavedModelPatch,
    signatures: Signatures,
    input_digest: str | None,
    output_digest: str | None,
    asked: protos.SavedModelPatch | None = None,
) -> bytes:
    """Returns the content of the record with one more patch at its end.

    Args:
        directory: The model's directory.
        patch: The patch that is being applied, with the keys that its patterns stand for.
        signatures: The tag-sets and signatures as it leaves them.
        input_digest: The SHA-256 of the proto before; None if it is too large to be hashed.
        output_digest: The same after.
        asked: The patch as it was given; None where that is `patch`.
    """
    record: dict[str, Any] = {
        "time": _now(),
        "sigpb": __version__,
        "patch_id": patch.id,
        "reason": patch.reason,
        "patch_digest": patch_digest(patch),
        "signatures_digest": signatures_digest(signatures),
        "input_digest": input_digest,
        "output_digest": output_digest,
    }
    if asked is not None:
        record["asked_digest"] = patch_digest(asked)
    return b"".join(line + b"\n" for line in [*_read(directory), json.dumps(record).encode()])


def dated_now(content: bytes) -> bytes:
    """Returns the content of a record whose last patch is being applied now, and not before."""
    *earlier, last = content.splitlines(keepends=True)
    record = {**parse_json_value(last), "time": _now()}
    return b"".join((*earlier, json.dumps(record).encode(), b"\n"))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _read(directory: Path) -> list[bytes]:
    return (read_side_file(directory / FILE_NAME) or b"").splitlines()

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
from pathlib import Path, PurePath
from typing import Any

from sigpb import __version__, protos
from sigpb.parsers import parse_json_value
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.files import read_side_file

FILE_NAME = "sigpb.history.jsonl"

STATE_LIMIT = 1 << 20
"""Up to this size in bytes, the record has the digest of a file beside the proto."""

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


def types_digest(signatures: Signatures) -> str:
    """Returns a digest of tag-sets and signatures that does not depend on the names of tensors."""
    return signatures_digest(
        (tags, {key: _without_tensors(each) for key, each in signature_defs.items()})
        for tags, signature_defs in signatures
    )


def _without_tensors(signature_def: protos.SignatureDef) -> protos.SignatureDef:
    stated = protos.SignatureDef()
    stated.CopyFrom(signature_def)
    for info in (*stated.inputs.values(), *stated.outputs.values()):
        encoding = info.WhichOneof("encoding")
        if encoding == "coo_sparse":
            info.coo_sparse.Clear()
        elif encoding == "composite_tensor":
            for component in info.composite_tensor.components:
                component.name = ""
        else:
            info.name = ""
    return stated


def patch_digest(patch: protos.SavedModelPatch) -> str:
    """Returns a digest of a patch; its reason and selection do not count.

    Its id does: the patch that undoes a swap says the same as the swap. Of an adapter whose digest
    is stated, it does not matter where it is.
    """
    changes = protos.SavedModelPatch()
    changes.CopyFrom(patch)
    changes.reason = ""
    changes.ClearField("only")
    for graft in (each for item in changes.signature for each in (*item.before, *item.after)):
        if graft.digest:
            graft.model = PurePath(graft.model).name
    return hashlib.sha256(changes.SerializeToString(deterministic=True)).hexdigest()


def is_of(record: Mapping[str, Any], *spellings: protos.SavedModelPatch) -> bool:
    """Whether a record is of a patch, which may be spelled in several ways."""
    recorded = (record.get("patch_digest"), record.get("asked_digest"))
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


def last_record(directory: Path) -> dict[str, Any] | None:
    """Returns the last patch that was applied, empty if it is damaged; None without a record."""
    lines = _read(directory)
    return next(iter(_parsed(lines[-1:])), {}) if lines else None


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
    left: Mapping[str, Any],
    more: Mapping[str, Any],
    asked: protos.SavedModelPatch | None = None,
) -> bytes:
    """Returns the content of the record with one more patch at its end.

    Args:
        directory: The model's directory.
        patch: The patch that is being applied, with the keys that its patterns stand for.
        left: What the patch leaves: see `left_by`.
        more: What else is recorded, as JSON values.
        asked: The patch as it was given; None where that is `patch`.
    """
    record: dict[str, Any] = {
        "time": _now(),
        "sigpb": __version__,
        "patch_id": patch.id,
        "reason": patch.reason,
        "patch_digest": patch_digest(patch),
        **left,
        **more,
    }
    if asked is not None:
        record["asked_digest"] = patch_digest(asked)
    return _joined([*_read(directory), json.dumps(record).encode()])


def left_by(signatures: Signatures, digest: str | None, size: int) -> dict[str, Any]:
    """Returns what the record says of a model as a patch leaves it.

    Args:
        signatures: The tag-sets and signatures.
        digest: The SHA-256 of the proto; None if it is too large to be hashed.
        size: Its size in bytes.
    """
    return {
        "signatures_digest": signatures_digest(signatures),
        "output_digest": digest,
        "output_bytes": size,
    }


def without_last(
    directory: Path,
    left: Mapping[str, Any],
    side_files: Mapping[str, tuple[str | None, str | None]],
) -> bytes | None:
    """Returns the content of the record without its last patch; None if there was no other.

    What the patch before it left is then what the model is without the last one. That is not so if
    something else changed the model between the two: the record stays as it is then, so that the
    patch before is not taken back together with that change.

    Args:
        directory: The model's directory.
        left: What the model is without the patch: see `left_by`.
        side_files: The SHA-256 of files beside the proto, as they are and without the patch; None
            for no file.
    """
    *earlier, removed = _read(directory)
    if not earlier:
        return None
    *rest, last = earlier
    for before, after in zip(_parsed([last]), _parsed([removed]), strict=False):
        if _follows(after, before, left):
            files, since = _side_files(before), _side_files(after)
            for name, (now, then) in side_files.items():
                found, kept = files.get(name, (None, None))
                # The file is as the removed patch left it, which found it as this one made it.
                if found != kept and since.get(name, [now, now]) == [kept, now]:
                    files[name][1] = then
            last = json.dumps({**before, **left}).encode()
    return _joined([*rest, last])


def _follows(
    record: Mapping[str, Any], earlier: Mapping[str, Any], left: Mapping[str, Any]
) -> bool:
    """Whether a patch was applied to the proto that an earlier one left.

    Args:
        record: The record of the patch.
        earlier: The record of the earlier one.
        left: What the model is without the patch, which counts where protos are too large for a
            digest.
    """
    if record.get("input_bytes") != earlier.get("output_bytes"):
        return False
    digest = record.get("input_digest")
    if digest is None:
        return bool(earlier.get("signatures_digest") == left["signatures_digest"])
    return bool(digest == earlier.get("output_digest"))


def _side_files(record: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Returns what a record says of the files beside the proto: their digests before and after."""
    files = record.get("side_files")
    pairs = files.items() if isinstance(files, dict) else ()
    return {name: pair for name, pair in pairs if isinstance(pair, list) and len(pair) == 2}


def is_before_last(earlier: bytes | None, directory: Path) -> bool:
    """Whether a file's content is the record of a model without its last patch."""
    return (earlier or b"").splitlines() == _read(directory)[:-1]


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def dated_now(content: bytes) -> bytes:
    """Returns the content of a record whose last patch is being applied now, and not before."""
    *earlier, last = content.splitlines(keepends=True)
    record = {**parse_json_value(last), "time": _now()}
    return b"".join((*earlier, json.dumps(record).encode(), b"\n"))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _read(directory: Path) -> list[bytes]:
    return (read_side_file(directory / FILE_NAME) or b"").splitlines()

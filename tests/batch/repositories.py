"""Repositories of models, and what is in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from sigpb.batch.job import Job, Mode
from sigpb.patching.patch_file import parse_text
from tests.patches import contents

ModelFactory = Callable[..., Path]

RENAME = 'signature { key: "serving_default" input { key: "x" rename_to: "image" } }'
HISTORY = "sigpb.history.jsonl"

NAMES = ("a", "b", "c")
"""The models of most repositories."""


def job(patch: str = RENAME, mode: Mode = "in_place", **options: object) -> Job:
    serialised = parse_text(patch).SerializeToString(deterministic=True)
    return Job("batch", serialised, mode, **options)  # type: ignore[arg-type]


def repository(model: Path, root: Path, *paths: str) -> Path:
    """Makes copies of a model at paths below a root."""
    for path in paths:
        shutil.copytree(model, root / path)
    return root


def versions(names: Iterable[str], version: int = 1) -> list[str]:
    return [f"{name}/{version}" for name in names]


def without_history(model: Path) -> dict[str, bytes]:
    """The files of a model without the record, in which times are, and without backups."""
    return {
        name: data
        for name, data in contents(model).items()
        if name != HISTORY and not name.startswith(".sigpb-backup-")
    }


def leftovers(root: Path) -> list[str]:
    return [str(path) for path in root.rglob(".sigpb-tmp-*")]


def is_patched(model: Path) -> bool:
    return b"image" in (model / "saved_model.pb").read_bytes()

"""A directory that looks like a SavedModel's, and what is in a directory."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sigpb.publishing import publish
from sigpb.publishing.changes import Role
from sigpb.publishing.exchange import Replacement
from sigpb.publishing.publish import Changes, FileState, publish_in_place

MAIN = "saved_model.pb"
FINGERPRINT = "fingerprint.pb"
WARM_UP = "assets.extra/tf_serving_warmup_requests"
DATA = "variables/variables.data-00000-of-00001"

Snapshot = dict[str, tuple[int, bytes | str | None]]


def create_model(directory: Path) -> Path:
    for name, content in {
        MAIN: b"old proto",
        FINGERPRINT: b"old fingerprint",
        WARM_UP: b"old requests",
        DATA: bytes(range(256)) * 20,
        "assets/wörter-語.txt": b"vocabulary",
    }.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (directory / "assets" / "empty").mkdir()
    return directory


def in_place(model: Path, changes: Changes, *, backup: bool = True) -> Path | None:
    """Publishes changes of a model as it is now."""
    return publish_in_place(model, changes, expected=FileState.of(model / MAIN), backup=backup)


class Killed(BaseException):
    """What nobody catches, as nobody does a signal."""


def killed_half_way(procedure: Callable[[], object]) -> None:
    """Publishes in place until the proto is new and the files beside it are away."""

    def exchange(replacements: Sequence[Replacement]) -> None:
        for each in replacements:
            if each.role is not Role.PROTO:
                each.target.unlink(missing_ok=True)
        for each in replacements:
            if each.role is Role.PROTO and each.new is not None:
                each.new.replace(each.target)
        raise Killed

    def kill(*arguments: object, **named: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(publish, "exchange", exchange)
        patched.setattr(publish, "_put_back", kill)
        with pytest.raises(Killed):
            procedure()


def snapshot(directory: Path) -> Snapshot:
    """Everything in a directory: permission bits, and content or where a link leads."""
    found: Snapshot = {}
    for path in directory.rglob("*"):
        content: bytes | str | None = None
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(directory))] = stat.S_IMODE(path.lstat().st_mode), content
    return found


def refuse(code: int) -> Callable[..., Any]:
    def function(*arguments: Any, **named: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return function

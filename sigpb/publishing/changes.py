"""What becomes of the files of a model: the changes, and where in the model they apply."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from sigpb.errors import EnvironmentFailure, PatchError
from sigpb.parsers import parse_json_value
from sigpb.saved_model.files import BINARY_NAME, CHECKPOINT_INDEX, MAX_PROTO_SIZE, TEXT_NAME
from sigpb.wire.edits import Piece, size

# Names of sigpb's own files and directories. They are no part of the model that they lie in.
TEMPORARY_PREFIX = ".sigpb-tmp-"
BACKUP_PREFIX = ".sigpb-backup-"
EXCHANGE_NAME = ".sigpb-exchange.json"
ADDED_NAME = ".sigpb-exchange-added.json"  # in a backup

# Replaced in this order: with both of them present, loaders read the last one.
_MAIN_PROTOS = (TEXT_NAME, BINARY_NAME)

LOADED_DIRECTORIES = ("variables", "assets")


@dataclasses.dataclass(frozen=True, slots=True)
class SplicedFile:
    """A file made of ranges of another one and new bytes.

    Attributes:
        pieces: What it consists of.
        source: The file that the ranges refer to.
    """

    pieces: tuple[Piece, ...]
    source: Path


@dataclasses.dataclass(frozen=True, slots=True)
class WholeFile:
    """A file with the content of another one, which may be of another model.

    Attributes:
        source: The other one.
    """

    source: Path


Content: TypeAlias = bytes | SplicedFile | WholeFile


def pieces_of(content: Content | None) -> tuple[Piece, ...]:
    """Returns what a file that sigpb writes itself, or removes, consists of."""
    assert not isinstance(content, WholeFile), "it is copied"
    return content.pieces if isinstance(content, SplicedFile) else (content or b"",)


Changes: TypeAlias = Mapping[str, Content | None]
"""New content by path relative to the model's directory. None removes a file; all others stay."""


def check_size(changes: Changes) -> None:
    """Makes sure that protobuf can read the proto that a model gets.

    Raises:
        PatchError: If it is too large.
    """
    main = changes.get(BINARY_NAME)
    if main is not None and (length := size(pieces_of(main))) > MAX_PROTO_SIZE:
        raise PatchError(
            f"{BINARY_NAME} would have {length:,} bytes, more than the {MAX_PROTO_SIZE:,} that "
            "protobuf allows (2 GiB), so that TensorFlow could not load it. Constants count, and "
            "so do variables that become constants (freeze: true); variables in the checkpoint do "
            "not. 'sigpb size' shows what takes the bytes."
        )


class Role(enum.Enum):
    """What a file is to those who load a model, which decides when it is exchanged.

    Attributes:
        PROTO: The SavedModel proto.
        INDEX: The index of the checkpoint, which says in which shard each variable is.
        LOADED: A shard of the checkpoint or an asset: whoever loads the model needs it.
        BESIDE: A file that describes the model, such as its fingerprint: loaders do without it.
    """

    PROTO = "proto"
    INDEX = "index"
    LOADED = "loaded"
    BESIDE = "beside"

    @property
    def is_loaded(self) -> bool:
        """Whether loaders need such a file beside the proto."""
        return self in (Role.INDEX, Role.LOADED)

    @classmethod
    def of(cls, name: str) -> Role:
        """Returns the role of a file, given by its path relative to the model."""
        if is_main_proto(name):
            return cls.PROTO
        if name == CHECKPOINT_INDEX:
            return cls.INDEX
        is_loaded = name.partition("/")[0] in LOADED_DIRECTORIES
        return cls.LOADED if is_loaded else cls.BESIDE


@dataclasses.dataclass(frozen=True, slots=True)
class LocatedChange:
    """A change of one file of a certain model.

    Attributes:
        path: Relative to the model's directory, without symbolic links on the way.
        content: The new content; None to remove the file.
        role: What the file is to loaders.
    """

    path: Path
    content: Content | None
    role: Role

    @property
    def is_main(self) -> bool:
        """Whether this is the SavedModel proto."""
        return self.role is Role.PROTO


def locate_changes(model: Path, changes: Changes) -> list[LocatedChange]:
    """Finds the files that changes apply to: behind a symbolic link, what it leads to.

    Args:
        model: The model's directory, as a resolved path.
        changes: The changes.

    Returns:
        The changes, those of the main proto last.

    Raises:
        EnvironmentFailure: If a file lies outside the model, or is a directory.
    """

    def order(name: str) -> int:
        return _MAIN_PROTOS.index(name) if name in _MAIN_PROTOS else -1

    located = []
    for name in sorted(changes, key=order):
        real = _resolved(model, name)
        if not real.is_relative_to(model):
            raise EnvironmentFailure(
                f"{model / name} leads to {real}, outside the model, so that others may use it "
                f"too. {advise_to_materialise(model)}"
            )
        if real.is_dir():
            raise EnvironmentFailure(f"{model / name} should be a file, but it is a directory.")
        if changes[name] is None:  # It is the link itself that goes.
            real = Path(os.path.realpath((model / name).parent), Path(name).name)
        located.append(LocatedChange(real.relative_to(model), changes[name], Role.of(name)))
    return located


def _resolved(model: Path, name: str) -> Path:
    """Returns the path of a file of a model whose directory is resolved, without symbolic links."""
    path = model
    for part in name.split("/"):
        path /= part
        if path.is_symlink():
            return Path(os.path.realpath(model / name))
    return path


def is_main_proto(name: str) -> bool:
    """Whether a path relative to a model is that of a proto that loaders read."""
    return name in _MAIN_PROTOS


def list_added(names: Iterable[str]) -> bytes:
    """Returns the content of the file in a backup that lists the files which were new then."""
    return json.dumps(sorted(names)).encode()


def added_in(content: bytes | None) -> frozenset[str]:
    """Returns the files that such a list has; none if there is no list, or a damaged one."""
    from sigpb.field_types import fits  # few backups have such a list

    with contextlib.suppress(ValueError):
        names = parse_json_value(content or b"")
        if fits(names, tuple[str, ...]):
            return frozenset(names)
    return frozenset()


def find_main_proto(model: Path) -> Path:
    """Returns the path of the proto that loaders read, whether or not it exists."""
    binary = model / BINARY_NAME
    return binary if binary.exists() else model / TEXT_NAME


def is_sigpbs_own(path: Path) -> bool:
    """Whether a path inside a model is, or lies in, something that sigpb left there."""
    return any(map(is_sigpbs_name, path.parts))


def is_sigpbs_name(name: str) -> bool:
    """Whether the name of a file or directory in a model is one that sigpb gives."""
    return name.startswith((TEMPORARY_PREFIX, BACKUP_PREFIX, EXCHANGE_NAME, ADDED_NAME))


def temporary_name(name: str) -> str:
    """Returns a name for what will be moved to another name, or removed, before long."""
    # Even if every character takes four bytes, the 255 bytes that file systems allow suffice.
    return f"{TEMPORARY_PREFIX}{name[:50]}-{os.urandom(4).hex()}"


def advise_to_materialise(model: Path) -> str:
    """Says how to get rid of symbolic links that lead outside the model."""
    return f"Make a copy that holds the files themselves (cp -rL {model} ...) and patch that."

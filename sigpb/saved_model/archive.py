"""Archives and compressed files: what is in them, and how a SavedModel is got out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import posixpath
import shlex
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from sigpb.errors import listed
from sigpb.saved_model.files import BINARY_NAME, TEXT_NAME
from sigpb.saved_model.foreign_file import ForeignFile, keras_export
from sigpb.wire import Buffer

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# So much is unpacked in memory, and so many names are read, to find a model: at most a second.
_MOST_BYTES = 1 << 26
_MOST_NAMES = 100_000
_PART = 1 << 20

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)


class _Compression(NamedTuple):
    """A way to compress a file: its name, its suffix, what unpacks it, and the option of tar."""

    name: str
    suffix: str
    command: str
    tar_option: str


_COMPRESSIONS = {
    b"\x1f\x8b": _Compression("gzip", ".gz", "gunzip", "z"),
    b"BZh": _Compression("bzip2", ".bz2", "bunzip2", "j"),
    b"\xfd7zXZ\0": _Compression("xz", ".xz", "unxz", "J"),
    b"\x28\xb5\x2f\xfd": _Compression("zstd", ".zst", "unzstd", " --zstd "),
}
_ZIP = b"PK\x03\x04"
_TAR, _TAR_AT = b"ustar", 257


def archive_in(buffer: Buffer, file: Path) -> ForeignFile | None:
    """Returns what an archive or a compressed file is and how to unpack it; None if it is neither.

    Args:
        buffer: The content of the file, or its beginning.
        file: The file, for the commands.
    """
    beginning = bytes(buffer[: _TAR_AT + len(_TAR)])
    if beginning.startswith(_ZIP):
        return _zip(buffer, file)
    for magic, compression in _COMPRESSIONS.items():
        if beginning.startswith(magic):
            return _compressed(buffer, file, compression)
    if beginning[_TAR_AT:] == _TAR:
        names = _tar_names(_opened(buffer))
        return _archive("a tar archive", names, file, f"tar -xf {_quoted(file)} -C")
    return None


def _compressed(buffer: Buffer, file: Path, compression: _Compression) -> ForeignFile:
    inside = _unpacked(buffer, compression)
    if inside is not None and inside[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        unpack = f"tar -x{compression.tar_option}f {_quoted(file)} -C"
        return _archive(
            f"a tar archive ({compression.name})",
            _tar_names(io.BytesIO(inside)),
            file,
            unpack,
        )
    packed = file if file.suffix == compression.suffix else Path(f"{file}{compression.suffix}")
    rename = "" if packed == file else f"mv {_quoted(file)} {_quoted(packed)} && "
    return ForeignFile(
        f"a file compressed with {compression.name}",
        f"Unpack it: {rename}{compression.command} {_quoted(packed)}",
    )


def _unpacked(buffer: Buffer, compression: _Compression) -> bytes | None:
    """Returns the beginning of a compressed file's content; None if it cannot be unpacked here."""
    modules = {"gzip": gzip, "bzip2": bz2, "xz": lzma}
    if compression.name not in modules:
        return None
    parts, length = list[bytes](), 0
    try:
        with modules[compression.name].open(_opened(buffer)) as unpacked:
            while length < _MOST_BYTES and (part := unpacked.read1(_PART)):
                parts.append(part)
                length += len(part)
    except _BROKEN:
        pass  # It is cut off; its beginning tells what it is.
    return b"".join(parts)


def _tar_names(file: IO[bytes]) -> list[str]:
    """Returns the names in a tar archive, of one that is cut off the first ones."""
    names: list[str] = []
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            names += (member.name for member in islice(archive, _MOST_NAMES))
    except _BROKEN:
        pass
    return names


def _zip(buffer: Buffer, file: Path) -> ForeignFile:
    try:
        with zipfile.ZipFile(_opened(buffer)) as archive:
            names = [*islice(archive.namelist(), _MOST_NAMES)]
    except _BROKEN:
        return ForeignFile("a zip archive that is damaged or cut off", "Download or copy it again.")
    if {"config.json", "model.weights.h5"} <= {*names}:
        return ForeignFile("a Keras model (.keras)", keras_export(file))
    if any(posixpath.basename(name) == "data.pkl" for name in names):
        return ForeignFile("a model of PyTorch", "sigpb reads SavedModels of TensorFlow only.")
    if names and all(name.endswith(".npy") for name in names):
        return ForeignFile("a file of numpy arrays (.npz)")
    return _archive("a zip archive", names, file, f"unzip {_quoted(file)} -d")


def _archive(kind: str, names: Collection[str], file: Path, unpack: str) -> ForeignFile:
    """Describes an archive.

    Args:
        kind: What it is, with its article.
        names: What is in it, as far as that is known.
        file: The archive.
        unpack: The command that unpacks it into the directory that comes next.
    """
    target = _stem(file)
    commands = f"mkdir {_quoted(target)} && {unpack} {_quoted(target)}"
    if not (models := _models_among(names)):
        inside = f" that holds {listed([*names], 3)}" if names else ""
        return ForeignFile(f"{kind}{inside}", f"Unpack it: {commands}")
    shown = [_quoted(posixpath.join(target, model).rstrip("/")) for model in models]
    if len(models) == 1:
        inside = "a SavedModel" + (f", {models[0]!r}" if models[0] else "")
    else:
        inside = f"{len(models)} SavedModels"
    return ForeignFile(
        f"{kind} that holds {inside}", f"Unpack it: {commands} && sigpb show {shown[0]}"
    )


def _models_among(names: Iterable[str]) -> list[str]:
    """Returns the directories in an archive that are models, sorted.

    Where the proto was not come to, the directory that holds ``variables/`` is taken for one.
    """
    split = [posixpath.split(posixpath.normpath(name)) for name in names]
    protos = {where for where, name in split if name in (BINARY_NAME, TEXT_NAME)}
    variables = {
        posixpath.dirname(where) for where, _ in split if posixpath.basename(where) == "variables"
    }
    return sorted(protos or variables)


def _stem(file: Path) -> str:
    """Returns the name of an archive without its suffixes, for the directory to unpack it into."""
    name = file.name
    for suffix in (*(each.suffix for each in _COMPRESSIONS.values()), ".tgz", ".tar", ".zip"):
        name = name.removesuffix(suffix)
    return name if name != file.name else f"{name}-unpacked"


class _Reading(io.RawIOBase):
    """Bytes as a file, without a copy of them; a mapped file does not let one seek past its end."""

    def __init__(self, buffer: Buffer) -> None:
        super().__init__()
        self._buffer = buffer
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: len(self._buffer)}
        self._place = begin[whence] + offset
        return self._place  # Its reader refuses a place before the beginning.

    def readinto(self, target: WriteableBuffer, /) -> int:
        view = memoryview(target)
        part = self._buffer[self._place : self._place + len(view)]
        view[: len(part)] = part
        self._place += len(part)
        return len(part)


def _opened(buffer: Buffer) -> io.BufferedReader:
    return io.BufferedReader(_Reading(buffer))


def _quoted(path: Path | str) -> str:
    return shlex.quote(str(path))

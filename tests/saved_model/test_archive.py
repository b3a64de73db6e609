"""Archives that are named in place of a model: what is in them, and how it is got out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.saved_model.archive import archive_in
from tests.cli.command_line import run

FixtureModel = Callable[..., Path]

COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}


def tar(**members: bytes) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return content.getvalue()


@pytest.mark.parametrize("suffix", [*COMPRESSED, "zip"])
def test_the_command_unpacks_the_model(
    fixture_model: FixtureModel, suffix: str, tmp_path: Path
) -> None:
    model = fixture_model("tf1_no_variables")
    file = tmp_path / f"a model.{suffix}"
    content: dict[str, bytes] = {"pets/7/saved_model.pb": (model / "saved_model.pb").read_bytes()}
    if suffix == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(*content.popitem())
    else:
        file.write_bytes(COMPRESSED[suffix](tar(**content)))

    commands: tuple[tuple[str | Path, ...], ...]
    commands = (("show", file), ("infer", file, file), ("patch", "--dry_run", file))
    for command in commands:
        outcome = run(*command)
        assert outcome.code == 3
        assert "that holds a SavedModel, 'pets/7'. Unpack it: mkdir 'a model' && " in outcome.err

    told = outcome.err.rpartition("Unpack it: ")[2].strip()
    unpack, _, show = told.rpartition(" && ")
    assert show == "sigpb show 'a model/pets/7'"
    if suffix != "zip":  # unzip is not on every machine.
        subprocess.run(unpack, shell=True, cwd=tmp_path, check=True)
        assert run("show", tmp_path / "a model/pets/7").code == 0


def described(content: bytes, name: str = "m.bin") -> tuple[str, str]:
    found = archive_in(content, Path(name))
    assert found is not None
    return found.name, found.advice


def test_a_model_at_the_top_of_an_archive() -> None:
    name, advice = described(tar(**{"./saved_model.pb": b"", "./variables/a": b""}), "m.tgz")
    assert name == "a tar archive that holds a SavedModel"
    assert advice.endswith("&& sigpb show m")


def test_more_than_one_model() -> None:
    name, advice = described(zipped("b/2/saved_model.pb", "b/1/saved_model.pbtxt"), "m.zip")
    assert name == "a zip archive that holds 2 SavedModels"
    assert advice.endswith("&& sigpb show m/b/1")


def test_variables_tell_of_a_model_that_was_cut_off() -> None:
    whole = tar(**{"m/variables/variables.index": b"x" * 5000, "m/saved_model.pb": b""})
    for content in (whole[:3000], gzip.compress(whole)[:-12]):
        assert described(content)[0].endswith("that holds a SavedModel, 'm'")


def test_no_more_of_an_archive_is_unpacked_than_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = gzip.compress(tar(**{"weights": bytes(9000), "m/saved_model.pb": b""}))
    assert described(content)[0] == "a tar archive (gzip) that holds a SavedModel, 'm'"
    monkeypatch.setattr("sigpb.saved_model.archive._MOST_BYTES", 5000)
    monkeypatch.setattr("sigpb.saved_model.archive._PART", 1000)
    assert described(content)[0] == "a tar archive (gzip) that holds 'weights'"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["config.json", "metadata.json", "model.weights.h5"], "a Keras model (.keras)"),
        (["archive/data.pkl", "archive/version"], "a model of PyTorch"),
        (["a.npy", "b.npy"], "a file of numpy arrays (.npz)"),
        (["a", "b", "c", "d"], "a zip archive that holds 'a', 'b', 'c' and 1 more"),
        ([], "a zip archive"),
    ],
)
def test_what_a_zip_archive_is(names: list[str], expected: str) -> None:
    if names:
        assert described(zipped(*names))[0] == expected
    else:
        assert described(b"PK\x03\x04" + bytes(40))[0] == f"{expected} that is damaged or cut off"


@pytest.mark.parametrize(
    ("name", "command"),
    [
        (
            "m/saved_model.pb",
            "mv m/saved_model.pb m/saved_model.pb.gz && gunzip m/saved_model.pb.gz",
        ),
        ("m/saved_model.pb.gz", "gunzip m/saved_model.pb.gz"),
    ],
)
def test_a_compressed_proto(name: str, command: str) -> None:
    found = described(gzip.compress(b"\x08\x01\x12\x02"), name)
    assert found == ("a file compressed with gzip", f"Unpack it: {command}")


@pytest.mark.parametrize("size", range(4, 30))
def test_an_archive_that_is_cut_off(size: int) -> None:
    assert described(zipped("m/saved_model.pb")[:size])[0].endswith("is damaged or cut off")


@pytest.mark.parametrize("content", [b"", b"\x08\x01", b"PK", bytes(600)])
def test_what_is_no_archive(content: bytes) -> None:
    assert archive_in(content, Path("m")) is None

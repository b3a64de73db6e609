"""What is no model, damaged models, and directories and disks that cannot be used.

sigpb says what is wrong, and writes nothing. Patches that do not fit are in tests/cli.
"""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sigpb import protos
from sigpb.wire import encode_varint, length_delimited
from tests.cli.command_line import run, run_process
from tests.cli.refusals import fail, refuse_patch
from tests.publishing.directories import snapshot

ModelFactory = Callable[..., Path]


def onnx(producer: bytes) -> bytes:
    """The start of an ONNX ModelProto, in which field 2 is text and not a MetaGraph."""
    version = b"\x08" + encode_varint(8)
    return version + length_delimited(2, producer) + length_delimited(7, b"\x0a\x00")


LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 100\n"

OTHER_CONTENT = {
    **{f"random {seed}": random.Random(seed).randbytes(500) for seed in range(10)},
    "zeros": bytes(100),
    "ones": b"\xff" * 100,
    "line feed": b"\n",
    "half a number": b"\x80",
    "no MetaGraph": b"\x08\x01",
    "ONNX of PyTorch": onnx(b"pytorch"),
    "ONNX of TensorFlow": onnx(b"tf2onnx"),
    "ONNX of Keras": onnx(b"keras2onnx"),
    "JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01",
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(88),
    "ZIP": b"PK\x03\x04\x14\x00\x00\x00\x08\x00",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "Git LFS": LFS_POINTER,
    "HTML": b"<!DOCTYPE html><html></html>",
    "JSON": b'{"model": 1}',
}


class TestNoModel:
    @pytest.fixture(
        params=[["show"], ["patch", "--dry_run"], ["patch", "--in_place"]], ids=" ".join
    )
    def unreadable(self, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[Path], str]:
        return lambda path: fail(3, *request.param, path, watched=tmp_path)

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        directory = tmp_path / "model"
        directory.mkdir()
        return directory

    def test_nothing_there(self, unreadable: Callable[[Path], str], tmp_path: Path) -> None:
        assert unreadable(tmp_path / "missing").endswith("there is no such directory.\n")

    def test_empty_directory(self, unreadable: Callable[[Path], str], directory: Path) -> None:
        assert unreadable(directory) == f"sigpb: {directory}: holds no saved_model.pb.\n"

    @pytest.mark.parametrize("command", [["patch", "--dry_run"], ["show", "--history"]])
    def test_directory_above_the_model(
        self, command: list[str], fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf1_no_variables")
        said = fail(3, *command, model.parent, watched=model)
        assert f"It holds models in: {model.name}. Name one of these" in said

    def test_some_other_file(self, unreadable: Callable[[Path], str], tmp_path: Path) -> None:
        (tmp_path / "model.bin").write_bytes(b"\x08\x07\x12\x34")
        said = unreadable(tmp_path / "model.bin")
        assert "neither a SavedModel nor a MetaGraphDef nor a GraphDef" in said

    def test_an_empty_file(self, unreadable: Callable[[Path], str], tmp_path: Path) -> None:
        (tmp_path / "model.onnx").touch()
        assert unreadable(tmp_path / "model.onnx").startswith(
            f"sigpb: {tmp_path}/model.onnx: the file is empty. "
        )

    def test_binary_and_text(
        self, unreadable: Callable[[Path], str], fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf1_no_variables")
        (model / "saved_model.pbtxt").touch()
        assert "holds both saved_model.pb and saved_model.pbtxt." in unreadable(model)

    def test_chunked(self, unreadable: Callable[[Path], str], directory: Path) -> None:
        (directory / "saved_model.cpb").touch()
        assert "holds a chunked SavedModel (saved_model.cpb)" in unreadable(directory)

    def test_empty_file(self, unreadable: Callable[[Path], str], directory: Path) -> None:
        (directory / "saved_model.pb").touch()
        assert unreadable(directory).startswith(
            f"sigpb: {directory}/saved_model.pb: the file is empty. "
        )

    @pytest.mark.parametrize("comment", ["", "# proto-file: saved_model.proto\n", "\n  "])
    def test_text_as_binary(
        self, unreadable: Callable[[Path], str], fixture_model: ModelFactory, comment: str
    ) -> None:
        model = fixture_model("tf2_linear", as_text=True)
        text = (model / "saved_model.pbtxt").read_text()
        (model / "saved_model.pbtxt").unlink()
        (model / "saved_model.pb").write_text(comment + text)
        assert "this is a text proto. Rename it to saved_model.pbtxt" in unreadable(model)

    def test_binary_as_text(
        self, unreadable: Callable[[Path], str], fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf2_linear")
        (model / "saved_model.pb").rename(model / "saved_model.pbtxt")
        assert "/saved_model.pbtxt: not " in unreadable(model)

    @pytest.mark.parametrize("data", OTHER_CONTENT.values(), ids=OTHER_CONTENT)
    def test_other_content(
        self, unreadable: Callable[[Path], str], directory: Path, data: bytes
    ) -> None:
        (directory / "saved_model.pb").write_bytes(data)
        said = unreadable(directory)
        assert said.startswith(f"sigpb: {directory / 'saved_model.pb'}: not a SavedModel")
        assert said.count("\n") == 1

    @pytest.mark.parametrize("name", ["saved_model.pb", "saved_model.pbtxt"])
    def test_every_command_names_what_it_was_given(self, directory: Path, name: str) -> None:
        (directory / name).write_bytes(LFS_POINTER)
        commands: list[list[str | Path]] = [
            ["show", directory],
            ["diff", directory, directory],
            ["dump", directory],
            ["size", directory],
            ["graph", directory],
            ["grep", "x", directory],
            ["trace", directory, "x"],
            ["infer", directory, directory],
            ["patch", "--in_place", "--rename_input=a=b", directory],
        ]
        for command in commands:
            said = fail(3, *command, watched=directory)
            assert "a pointer of Git LFS to a file that was not downloaded" in said, command
            assert "Fetch it with 'git lfs pull'." in said, command

    @pytest.mark.parametrize("functions", [0, 1, 2])
    def test_graph_def(
        self,
        unreadable: Callable[[Path], str],
        directory: Path,
        fixture_model: ModelFactory,
        functions: int,
    ) -> None:
        # Its fields have the numbers of a SavedModel's: nodes, and the library of functions.
        saved_model = protos.SavedModel.FromString(
            (fixture_model("tf2_linear") / "saved_model.pb").read_bytes()
        )
        graph_def = saved_model.meta_graphs[0].graph_def
        del graph_def.library.function[functions:]
        (directory / "saved_model.pb").write_bytes(graph_def.SerializeToString())
        assert "not a SavedModel" in unreadable(directory)

    def test_meta_graph_def(
        self, unreadable: Callable[[Path], str], directory: Path, fixture_model: ModelFactory
    ) -> None:
        saved_model = protos.SavedModel.FromString(
            (fixture_model("tf1_no_variables") / "saved_model.pb").read_bytes()
        )
        meta_graph = saved_model.meta_graphs[0].SerializeToString()
        (directory / "saved_model.pb").write_bytes(meta_graph)
        assert "not a SavedModel" in unreadable(directory)


READ = (
    ["show"],
    ["show", "--format=json"],
    ["patch", "--dry_run", "--rename_input=x=z", "--rename_signature=serving_default=s"],
)


def read_all(model: Path) -> set[int]:
    """The exit codes of commands that read a model, which may be damaged."""
    return {run(*arguments, model).code for arguments in READ}


class TestDamagedModel:
    @pytest.mark.parametrize("name", ["tf1_no_variables", "tf1_two_graphs", "tf2_linear"])
    def test_cut_off(self, fixture_model: ModelFactory, name: str) -> None:
        model = fixture_model(name)
        file = model / "saved_model.pb"
        data = file.read_bytes()
        boundaries = [2 + graph_end for graph_end in _ends_of_meta_graphs(data)]
        for size in {*range(0, len(data), len(data) // 80), *range(12), *boundaries}:
            file.write_bytes(data[:size])
            if size in boundaries:
                assert run("show", model).code == 0
            else:
                said = fail(3, "show", model, watched=model)
                assert str(file) in said
                assert fail(3, "patch", model, "--in_place", "--set_tags=a", watched=model) == said

    @pytest.mark.parametrize("name", ["tf1_sparse", "tf1_shared", "tf2_defaults", "tf2_linear"])
    def test_wrong_bytes(self, fixture_model: ModelFactory, tmp_path: Path, name: str) -> None:
        model = fixture_model(name)
        file = model / "saved_model.pb"
        data = file.read_bytes()
        chance = random.Random(name)
        for _ in range(40):
            damaged = bytearray(data)
            for _ in range(chance.choice([1, 1, 4])):
                damaged[chance.randrange(len(data))] = chance.randrange(256)
            file.write_bytes(damaged)
            before = snapshot(tmp_path)
            assert read_all(model) <= {0, 2, 3}
            assert snapshot(tmp_path) == before

    def test_name_that_is_no_text_deep_in_the_graph(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        file = model / "saved_model.pb"
        file.write_bytes(file.read_bytes().replace(b"AddV2", b"Add\xff2"))
        flags = ("--in_place", "--rename_input=x=image")
        assert str(file) in fail(3, "patch", model, *flags, watched=model)
        assert run("patch", model, *flags, "--fingerprint=drop").code == 0, "it is not read then"

    @pytest.mark.parametrize("content", [b"", b"\xff\xff", b"not a fingerprint"])
    def test_fingerprint(self, fixture_model: ModelFactory, content: bytes) -> None:
        model = fixture_model("tf2_linear")
        (model / "fingerprint.pb").write_bytes(content)
        if content:
            said = refuse_patch(model, "--rename_input=x=image")
            assert f"{model / 'fingerprint.pb'}: not a fingerprint" in said
            assert "--fingerprint=drop" in said
        dropped = run("patch", model, "--in_place", "--rename_input=x=image", "--fingerprint=drop")
        assert dropped.code == 0
        assert not (model / "fingerprint.pb").exists()

    def test_warmup_requests(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        (model / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"no requests")
        said = refuse_patch(model, "--rename_input=x=image")
        assert "not a TFRecord file of PredictionLogs: record 1 ends after the file" in said
        assert "--warmup=drop" in said

    def test_record_of_patches(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_no_variables")
        (model / "sigpb.history.jsonl").write_bytes(b'{"patch_digest": ')
        flags = ("--signature=default", "--rename_output=b=y", "--rename_output=y=b")
        assert run("patch", model, "--in_place", *flags).out.endswith("backup-0001\n")
        assert run("patch", model, "--in_place", *flags).out.endswith(f"unchanged: {model}\n")


def _ends_of_meta_graphs(data: bytes) -> list[int]:
    """Where a file that is cut off there still is a SavedModel with MetaGraphs."""
    saved_model = protos.SavedModel.FromString(data)
    ends, end = [], 0
    for meta_graph in saved_model.meta_graphs:
        end += len(length_delimited(2, meta_graph.SerializeToString(deterministic=True)))
        ends.append(end)
    return ends


class TestOutputDirectory:
    @pytest.mark.parametrize(
        ("output", "said"),
        [
            ("{model}", "is the model itself"),
            ("{model}/.", "is the model itself"),
            ("{model}/out", "lies inside the model"),
            ("{model}/variables/a/b", "lies inside the model"),
            ("{model}/..", "lies inside the output directory"),
            ("{full}", "is not empty"),
            ("{full}/file", "is a file"),
            ("", "--output_dir"),
        ],
    )
    def test_that_cannot_be_used(
        self,
        fixture_model: ModelFactory,
        tmp_path: Path,
        output: str,
        said: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        model, full, empty = fixture_model("tf2_linear"), tmp_path / "full", tmp_path / "empty"
        full.mkdir()
        (full / "file").touch()
        empty.mkdir()
        monkeypatch.chdir(empty)  # What an empty name must not stand for.
        flag = f"--output_dir={output.format(model=model, full=full)}"
        assert said in fail(2, "patch", model, flag, "--rename_input=x=image", watched=tmp_path)
        assert said in fail(2, "patch", model, flag, watched=tmp_path)


class TestEnvironment:
    def test_directory_without_permission(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = fixture_model("tf1_no_variables")

        def refuse(path: Path | str, *arguments: Any, **named: Any) -> Any:
            raise PermissionError(13, "Permission denied", str(path))

        for owner, function in ((Path, "exists"), (os, "open")):
            with monkeypatch.context() as patched:
                patched.setattr(owner, function, refuse)
                outcomes = [run("show", model), run("patch", model, "--in_place", "--set_tags=a")]
            for outcome in outcomes:
                assert outcome.code in (3, 4)
                assert outcome.err.startswith(f"sigpb: {model}")
                assert outcome.err.endswith(": Permission denied.\n")

    @pytest.mark.parametrize(
        ("code", "reason"), [(28, "No space left on device"), (30, "Read-only file system")]
    )
    def test_disk_that_takes_nothing(
        self,
        fixture_model: ModelFactory,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        code: int,
        reason: str,
    ) -> None:
        model, output = fixture_model("tf2_linear"), tmp_path / "out"

        def refuse(path: Path, *arguments: Any, **named: Any) -> None:
            raise OSError(code, reason, str(path))

        monkeypatch.setattr(Path, "mkdir", refuse)
        flags = (f"--output_dir={output}", "--rename_input=x=image")
        said = fail(4, "patch", model, *flags, watched=tmp_path)
        assert said.startswith(f"sigpb: Could not write the patched model to {output}: {reason}")
        assert "Nothing was left behind." in said
        assert run("patch", model, *flags, "--format=json").json["status"] == "failed"

    @pytest.mark.parametrize("mode", ["--in_place", "--output_dir={out}"])
    def test_file_that_does_not_fit(
        self, fixture_model: ModelFactory, tmp_path: Path, mode: str
    ) -> None:
        model = fixture_model("tf2_linear")
        before = snapshot(tmp_path)

        outcome = run_process(
            *("patch", model, mode.format(out=tmp_path / "out"), "--rename_input=x=image"),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)),
        )

        assert (outcome.code, outcome.out) == (4, "")
        assert "File too large" in outcome.err
        assert snapshot(tmp_path) == before

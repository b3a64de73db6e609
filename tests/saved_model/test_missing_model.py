"""What is said of paths at which there is no SavedModel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.errors import ModelUnreadable
from sigpb.saved_model.missing_model import foreign_directory, walk_models
from sigpb.saved_model.model import open_model
from tests.cli.command_line import run

ModelFactory = Callable[..., Path]


def make(root: Path, *files: str) -> None:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def said_of(path: Path) -> str:
    """What a command says that reads a model; others say the same, for one place says it."""
    outcome = run("infer", path, path)
    assert (outcome.code, outcome.out) == (3, "")
    return outcome.err.removeprefix(f"sigpb: {path}: ").rstrip("\n")


class TestNothing:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        make(tmp_path, "models/mnist/1/saved_model.pb", "models/.hidden/x")
        return tmp_path

    @pytest.mark.parametrize(
        ("wrong", "meant"),
        [
            ("models/mnits", "models/mnist"),
            ("models/MNIST", "models/mnist"),
            ("modles/mnist/1", "models/mnist/1"),
            ("modles/mnist/7", "models"),
            ("models/mnist/1/saved_modle.pb", "models/mnist/1/saved_model.pb"),
        ],
    )
    def test_a_name_that_is_alike_is_suggested(self, root: Path, wrong: str, meant: str) -> None:
        said = said_of(root / wrong)
        assert said == f"there is no such directory. Did you mean '{root / meant}'?"

    def test_of_very_many_names_none_is_suggested_that_was_not_read(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sigpb.saved_model.missing_model._MOST_NEIGHBOURS", 0)
        assert said_of(root / "models/mnits") == "there is no such directory."

    def test_other_names_are_listed(self, root: Path) -> None:
        beside = f"'{root / 'models/mnist'}' holds '1'."
        assert said_of(root / "models/mnist/2") == f"there is no such directory. {beside}"
        beside = f"'{root / 'models'}' holds 'mnist'."
        assert said_of(root / "models/zzz/2") == f"there is no such directory. {beside}"

    def test_nothing_is_suggested_of_nothing(self, tmp_path: Path) -> None:
        assert said_of(tmp_path / "a") == "there is no such directory."
        assert said_of(tmp_path / "a/b/c") == "there is no such directory."

    def test_a_prefix_of_a_checkpoint_is_named(self, tmp_path: Path) -> None:
        make(tmp_path, "model.ckpt.index")
        assert said_of(tmp_path / "model.ckpt").startswith(
            "no directory, but a checkpoint, which holds values and no graph. Build the model"
        )
        make(tmp_path, "model.ckpt.meta")
        assert f"'sigpb show {tmp_path}/model.ckpt.meta' shows" in said_of(tmp_path / "model.ckpt")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ("config.json metadata.json model.weights.h5", "It is the folder of a Keras model. Exp"),
        ("model.json group1-shard1of1.bin", "It is a TensorFlow.js model. Use the SavedModel"),
        ("variables/variables.index keras_metadata.pb", "its saved_model.pb is missing. Copy"),
        ("checkpoint w.index w.data-00000-of-00001", "It is a checkpoint, which holds values an"),
        ("a.index a.data-00000-of-00001 a.meta", "It is a checkpoint with its graph. 'sigpb sho"),
        ("a.tflite b.onnx notes.txt", "It holds 'a.tflite', 'b.onnx'. Name one of these."),
        ("a.tflite notes.txt", "a.tflite: the file is empty."),
        ("notes.txt checkpoint", ""),
    ],
)
def test_a_directory_without_a_model_is_named(tmp_path: Path, files: str, said: str) -> None:
    make(tmp_path, *files.split())
    found = said_of(tmp_path)
    assert found.startswith("holds no saved_model.pb.")
    assert said in found
    assert bool(said) == (found != "holds no saved_model.pb.")


@pytest.mark.parametrize("command", ["lint", "grep x", "batch --patch=p --in_place"])
def test_commands_for_many_models_say_so_too(tmp_path: Path, command: str) -> None:
    make(tmp_path, "a/model.json", "a/weights.bin", "p", "m.tar")
    (tmp_path / "m.tar").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    arguments = [tmp_path / each if each == "p" else each for each in command.split()]
    arguments = [f"--patch={tmp_path}/p" if each == "--patch=p" else each for each in arguments]
    for path, said in {
        "a": "It is a TensorFlow.js model. Use the SavedModel that it was converted from.",
        "aa": f"there is no such directory. Did you mean '{tmp_path}/a'?",
        "m.tar": "but a pointer of Git LFS to a file that was not downloaded. Fetch it with",
    }.items():
        outcome = run(*arguments, tmp_path / path)
        assert outcome.code == (2 if "batch" in command else 3)
        assert said in outcome.err


def test_names_alone_tell_what_a_directory_is() -> None:
    found = foreign_directory(["a.index", "a.data-00000-of-00001"], Path("gone"))
    assert found is not None
    assert found.name == "a checkpoint, which holds values and no graph"


def test_a_part_of_a_model_leads_to_the_model(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    part = f"It is a part of the model '{model}'. Name that."
    assert said_of(model / "variables") == f"holds no saved_model.pb. {part}"
    assert said_of(model / "fingerprint.pb") == f"this is a file, and no SavedModel. {part}"
    assert part in run("dump", model / "fingerprint.pb").err


def test_a_proto_in_place_of_a_directory(fixture_model: ModelFactory) -> None:
    file = fixture_model("tf1_no_variables") / "saved_model.pb"
    patch = f"--patch={file.with_name('p.txtpb')}"
    file.with_name("p.txtpb").touch()
    said = f"sigpb: {file}: this is a file. Name the directory that holds it.\n"
    assert run("batch", file, patch, "--in_place").err == said


def test_a_model_of_another_name_is_told_how_to_be_named(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    file, new = model / "it's.pb", model / "it's"
    (model / "saved_model.pb").rename(file)
    quoted, target = (str(each).join("''").replace("it's", "it'\"'\"'s") for each in (file, new))
    told = f"mkdir {target} && cp {quoted} {target}/saved_model.pb"
    commands: tuple[tuple[str | Path, ...], ...]
    commands = (("show", file), ("infer", file, file), ("patch", "--dry_run", file))
    for command in commands:
        outcome = run(*command)
        assert outcome.code == 3
        assert outcome.err.startswith(f"sigpb: {file}: a SavedModel, but not named saved_model.pb")
        assert outcome.err.rstrip().endswith(told)
    assert said_of(model).startswith(f"holds no saved_model.pb. {file}: a SavedModel, but not na")


def test_models_are_found_however_deep_and_not_in_models(tmp_path: Path) -> None:
    make(tmp_path, "b/2/saved_model.pb", "b/2/x/saved_model.pb", "a/saved_model.cpb", "c/d/e")
    make(tmp_path, ".git/saved_model.pb")
    walk = walk_models(tmp_path, lambda name: name.startswith("."))
    assert [model and str(model.relative_to(tmp_path)) for model in walk] == [
        *(None, "a", None, "b/2", None, None)
    ]
    assert "It holds models in: a, b/2. Name one of these; 'sigpb show" in said_of(tmp_path)


def test_links_to_models_are_models_where_these_are_named(tmp_path: Path) -> None:
    make(tmp_path, "elsewhere/3/saved_model.pb")
    base = tmp_path / "base"
    base.mkdir()
    (base / "latest").symlink_to("../elsewhere/3")
    (base / "up").symlink_to("..")
    assert "It holds models in: latest. Name one of these" in said_of(base)
    assert [each["model"] for each in run("show", base, "--format=json").json["models"]] == [
        str(base / "latest")
    ]
    assert "neither this directory nor any below it holds" in run("lint", base).err


def test_damage_leads_to_wire_and_salvage(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    file = model / "saved_model.pb"
    whole = file.read_bytes()
    file.write_bytes(whole[:9000])
    first = said_of(model)
    file.write_bytes(whole.replace(b"serving_default", b"serving_def\xff\xfft"))
    deep = run("show", model).err
    for said in (first, deep):
        assert f"'sigpb wire {file}' shows where the damage is" in said
        assert f"'sigpb salvage {file} salvaged' saves what can be read." in said
        assert said.count("sigpb wire") == 1
    file.write_bytes(b"")
    assert (
        run("salvage", model, model.parent / "saved").err == f"sigpb: {file}: the file is empty.\n"
    )


def test_damage_is_not_looked_for_in_text(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables", as_text=True)
    with pytest.raises(ModelUnreadable) as raised, open_model(model):
        raise ModelUnreadable("no.")
    assert str(raised.value) == f"{model / 'saved_model.pbtxt'}: no."

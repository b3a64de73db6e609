from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigpb import protos
from sigpb.cli.command_line import COMPLETE, Command, command_names
from sigpb.cli.completion.candidates import candidates
from sigpb.tf.tensor_types import dtype_names
from tests.cli.command_line import run
from tests.patches import MAIN, altered

KEYS = ["inputs_1", "inputs_2", "inputs_10", "a=b", "re:x"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two MetaGraphs, and keys that need escapes."""
    saved_model = protos.SavedModel(saved_model_schema_version=1)
    for tags, keys in ((("serve",), KEYS), (("serve", "gpu"), ["on_gpu"])):
        graph = saved_model.meta_graphs.add()
        graph.meta_info_def.tags.extend(tags)
        for key in keys:
            graph.signature_def["serving_default"].inputs[key].name = "x:0"
        graph.signature_def["serving_default"].outputs["scores"].name = "y:0"
        graph.signature_def["__saved_model_init_op"].outputs["init"].name = "z:0"
    saved_model.meta_graphs[0].signature_def["other"].inputs["text"].name = "t:0"
    directory = tmp_path_factory.mktemp("models") / "some model"
    directory.mkdir()
    (directory / MAIN).write_bytes(saved_model.SerializeToString())
    (directory / "assets").mkdir()
    return directory


def texts(*words: str | Path) -> list[str]:
    return [each.text for each in candidates([str(word) for word in words])]


def test_commands_and_topics() -> None:
    assert texts("pa") == ["patch"]
    assert {"help", *command_names()} == set(texts(""))
    assert texts("help", "pa") == ["patch", "patch-file"]
    assert texts("help", "steps", "sc") == ["scale"]
    assert texts("--v") == ["--version"]
    assert texts("completion", "") == ["bash", "zsh", "fish"]


def test_flags_in_both_spellings() -> None:
    assert texts("patch", "--output") == [
        *("--output_dtype=", "--output_shape=", "--output_step=", "--output_from_output="),
        *("--output_from_input=", "--output_node_name=", "--output_dir="),
    ]
    assert texts("patch", "--output-di") == ["--output-dir="]
    assert texts("patch", "--dry") == ["--dry_run"]
    assert texts("patch", "--nob") == ["--nobackup"]


def test_flags_that_are_given_are_not_offered_again_unless_they_may_be_repeated() -> None:
    assert texts("patch", "--output_dir=x", "--rename-input=a=b", "--output_d") == [
        "--output_dtype="
    ]
    assert texts("patch", "--rename-input=a=b", "--rename_i") == ["--rename_input="]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--signature="], ["--signature=other", "--signature=serving_default"]),
        (["--signature", "o"], ["other"]),
        (["--tags="], ["--tags=gpu,serve", "--tags=serve"]),
        (["--rename-input=inputs_1"], ["--rename-input=inputs_1=", "--rename-input=inputs_10="]),
        (["--rename_input=a"], ["--rename_input=a\\=b="]),
        (["--drop_output="], ["--drop_output=scores"]),
        (["--signature=other", "--drop_input="], ["--drop_input=text"]),
        (["--tags=serve,gpu", "--bind_input="], ["--bind_input=on_gpu="]),
        (["--input_dtype=a\\=b=bf"], ["--input_dtype=a\\=b=bfloat16"]),
        (["--output_step=scores=arg"], ["--output_step=scores=argmax("]),
        (["--output_step=scores=argmax("], []),
        (["--output_from_output=new="], ["--output_from_output=new=scores"]),
        (["--output_from_output="], []),
        (["--add_output="], []),
        (["--delete_signature=s"], ["--delete_signature=serving_default"]),
        (["--rename_signature", "s"], ["serving_default="]),
        (["--fingerprint="], ["--fingerprint=recompute", "--fingerprint=drop"]),
    ],
)
def test_values_of_flags(model: Path, words: list[str], found: list[str]) -> None:
    assert texts("patch", model, *words)[: len(found) or None] == found


def test_keys_are_in_natural_order(model: Path) -> None:
    *names, last = texts("plan", model, "--input_shape=")
    assert names == [
        *("--input_shape=a\\=b=", "--input_shape=inputs_1=", "--input_shape=inputs_2="),
        *("--input_shape=inputs_10=", "--input_shape=on_gpu="),
    ]
    assert last == '--input_shape="re:x"='


def test_the_model_may_be_named_by_a_flag_and_stand_behind_flags(model: Path) -> None:
    assert texts("show", f"--dir={model}", "--signature_def=o") == ["--signature_def=other"]
    assert texts("patch", "--output_dir", "x", model, "--signature=o") == ["--signature=other"]


def test_names_in_other_arguments(model: Path) -> None:
    assert texts("trace", model, "sco") == ["scores"]


def test_paths(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (model / ".hidden").touch()
    assert texts("show", model.parent / "so") == [f"{model}/"]
    assert texts("show", f"{model}/") == [f"{model}/assets/", f"{model}/{MAIN}"]
    assert texts("show", f"{model}/.") == [f"{model}/.hidden"]
    assert texts("patch", model, f"--patch={model}/s") == [f"--patch={model}/{MAIN}"]
    monkeypatch.chdir(model)
    assert texts("show", "a") == ["assets/"]
    monkeypatch.setenv("HOME", str(model.parent))
    assert texts("show", "~/so") == ["~/some model/"]


def test_every_flag_of_every_command(model: Path) -> None:
    for name in command_names():
        command = Command.named(name)
        assert all(text.startswith("--") for text in texts(name, model, "--"))
        for flag in command.values:
            for value in ("", "x", "x="):
                assert all(
                    text.startswith(f"--{flag}=")
                    for text in texts(name, model, f"--{flag}={value}")
                )


def test_dtypes_are_all_there(model: Path) -> None:
    found = texts("patch", model, "--input_dtype=inputs_1=")
    assert {text.rpartition("=")[2] for text in found} == set(dtype_names())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["zsh"],
        ["bash", " "],
        ["zsh", "nonsense", ""],
        ["zsh", "show", "/no/such/place/"],
        ["zsh", "patch", "s3://bucket/model", "--signature="],
        ["zsh", "patch", "", "--signature="],
        ["zsh", "patch", __file__, "--signature="],
        ["zsh", "--flagfile=/no/such/file", "show", ""],
        ["zsh", "show", "--help="],
    ],
)
def test_nothing_is_said_where_nothing_is_known(arguments: list[str]) -> None:
    outcome = run(COMPLETE, *arguments)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_a_damaged_model(model: Path, tmp_path: Path) -> None:
    (tmp_path / MAIN).write_bytes((model / MAIN).read_bytes()[:-9])
    outcome = run(COMPLETE, "zsh", "patch", tmp_path, "--rename_input=")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_a_large_text_proto_is_not_parsed(tmp_path: Path) -> None:
    file = tmp_path / "saved_model.pbtxt"
    text = 'meta_graphs { signature_def { key: "a" } }'
    for size, found in ((1, ["--signature=a"]), (1 << 20, [])):
        file.write_text(f"# {'x' * size}\n{text}")
        assert run(COMPLETE, "zsh", "show", tmp_path, "--signature=").out.split() == found


def test_names_that_would_be_seen_as_something_else_are_left_out(tmp_path: Path) -> None:
    saved_model = protos.SavedModel()
    signature = saved_model.meta_graphs.add().signature_def["serving_default"]
    for key in ("a", "b\tc", "d\ne", "\x1b[2J"):
        signature.inputs[key].name = "x:0"
    (tmp_path / MAIN).write_bytes(saved_model.SerializeToString())
    altered(tmp_path, lambda graph: None)
    assert texts("patch", tmp_path, "--drop_input=") == ["--drop_input=a"]


def test_what_shells_read(model: Path) -> None:
    outcome = run(COMPLETE, "fish", "show", model, "--his")
    assert outcome.out.startswith("--history\tShow the patches that were applied")
    line = f"sigpb patch '{model}' --drop_input=in"
    assert run(COMPLETE, "bash", " =:", line).out.split() == ["inputs_1", "inputs_2", "inputs_10"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("-=:'\"\\a ~/"), max_size=4))
def test_any_line(words: list[str]) -> None:
    for line in (["zsh", "plan", *words], ["bash", " =:", " ".join(["sigpb plan", *words])]):
        outcome = run(COMPLETE, *line)
        assert (outcome.code, outcome.err) == (0, "")

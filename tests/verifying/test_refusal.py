from __future__ import annotations

from pathlib import Path

import pytest

import sigpb
from sigpb.cli.commands import verify as command
from sigpb.saved_model.model import open_model
from sigpb.verifying.refusal import refuse_unsafe
from tests.lint.faults import ModelFactory, graph_of, write

READS = 'graph_def { node { name: "n" op: "ReadFile" } }'


def refuse(model: Path, *allowed: str) -> None:
    with open_model(model) as opened:
        refuse_unsafe([opened, opened], allowed)


@pytest.mark.parametrize("name", ["tf2_many", "tf1_shared", "tf2_linear", "tf2_stateful"])
def test_ordinary_models_are_run(fixture_model: ModelFactory, name: str) -> None:
    refuse(fixture_model(name))


def test_op_that_reaches_outside(tmp_path: Path) -> None:
    with pytest.raises(sigpb.UnsafeModel) as caught:
        refuse(write(tmp_path, graph_of(READS)))
    assert str(caught.value) == (
        "The model is not run: it reaches outside of itself, with your rights. The op ReadFile "
        "reads any file that the process can read (node 'n'). Look at it with 'sigpb lint'. "
        "--allow_ops=ReadFile runs it all the same."
    )
    assert caught.value.exit_code == 2


def test_op_that_is_allowed(tmp_path: Path) -> None:
    model = write(tmp_path, graph_of(READS))
    refuse(model, "ReadFile")
    with pytest.raises(sigpb.UnsafeModel):
        refuse(model, "WriteFile")


def test_asset_that_leads_out(tmp_path: Path) -> None:
    model = write(tmp_path, graph_of('asset_file_def { filename: "../../etc/passwd" }'))
    with pytest.raises(sigpb.UnsafeModel, match=r"'\.\./\.\./etc/passwd' is no file of the model"):
        refuse(model)


def test_many(tmp_path: Path) -> None:
    nodes = " ".join(f'node {{ name: "n{i}" op: "ReadFile" }}' for i in range(7))
    with pytest.raises(sigpb.UnsafeModel, match=r"'n4'\)\. And 2 more\. Look"):
        refuse(write(tmp_path, graph_of(f"graph_def {{ {nodes} }}")))


@pytest.mark.parametrize("which", ["old", "new"])
def test_either_model_of_a_verification(
    fixture_model: ModelFactory, tmp_path: Path, which: str
) -> None:
    good, bad = fixture_model("tf1_no_variables"), write(tmp_path / "bad", graph_of(READS))
    with pytest.raises(sigpb.UnsafeModel):
        sigpb.verify(*((bad, good) if which == "old" else (good, bad)))


def test_help_says_that_models_are_run() -> None:
    assert "with your rights" in command.USAGE


@pytest.mark.parametrize(
    ("op", "hint"),
    [("ReadFiles", "did you mean 'ReadFile'?"), ("MatMul", "there are"), ("", "there are")],
)
def test_op_that_needs_not_be_allowed(fixture_model: ModelFactory, op: str, hint: str) -> None:
    model = fixture_model("tf1_no_variables")
    with pytest.raises(sigpb.UsageError) as caught:
        sigpb.verify(model, model, allow_ops=[op])
    assert str(caught.value).startswith(f"No op {op!r} would be refused; {hint} ")


def test_ops_are_allowed_for_verifying_only(fixture_model: ModelFactory) -> None:
    with pytest.raises(sigpb.UsageError, match="--allow_ops goes with --verify"):
        sigpb.patch(
            fixture_model("tf1_no_variables"),
            sigpb.SavedModelPatch(),
            dry_run=True,
            allow_ops=["ReadFile"],
        )

"""What 'sigpb run' needs, refuses and says; `tests/verifying/test_single_run.py` runs models."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from tests.patches import ModelFactory, altered

from .command_line import run

FIXTURES = Path(__file__).parents[2] / "proto_fixtures"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "tf2_linear",
            [
                "signature 'serving_default' needs inputs:",
                "  b: float32 [?,3]",
                "  x: float32 [?,3]",
                "for example:",
                """  echo '{"inputs": {"b": [[0.0, 0.0, 0.0]], "x": [[0.0, 0.0, 0.0]]}}' | """
                "sigpb run {model} --signature=serving_default --inputs=-",
            ],
        ),
        (
            "tf2_defaults",
            [
                "signature 'serving_default' needs inputs:",
                "  offset: float32 [3], has a default",
                "  scale: float32 [3], has a default",
                "  x: float32 [?,3]",
                "for example:",
                """  echo '{"inputs": {"x": [[0.0, 0.0, 0.0]]}}' | """
                "sigpb run {model} --signature=serving_default --inputs=-",
            ],
        ),
    ],
)
def test_needed(name: str, said: list[str]) -> None:
    model = FIXTURES / name
    outcome = run("run", model)
    assert outcome.code == 2
    assert outcome.out.splitlines() == [line.replace("{model}", str(model)) for line in said]


def test_flags_of_saved_model_cli_mean_the_same() -> None:
    model = FIXTURES / "tf1_two_graphs"
    theirs = ("--dir", model, "--tag_set=serve,gpu", "--signature_def=gpu_only")
    needed = run("run", *theirs)
    assert needed == run("run", model, "--tags=serve,gpu", "--signature=gpu_only")
    assert needed.out.startswith("signature 'gpu_only' needs inputs:")
    twice = run("run", *theirs, "--signature=gpu_only").err
    assert twice.startswith("sigpb: --signature_def is the same as --signature. Give one of them.")


def test_what_is_too_long_for_a_line_is_a_file(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    run("patch", model, "--input_shape=x=[20,3]", "--input_shape=b=[20,3]", "--in_place")
    *_, code, command = run("run", model).out.splitlines()
    assert code == (
        """  python -c 'import numpy as np; np.savez('"'"'inputs.npz'"'"', **{'"'"'b'"'"': """
        """np.zeros((20, 3), '"'"'float32'"'"'), '"'"'x'"'"': np.zeros((20, 3), """
        """'"'"'float32'"'"')})'"""
    )
    assert command == f"  sigpb run {model} --signature=serving_default --inputs=inputs.npz"


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        ("tf2_linear", ["--input_exprs=x=[[1,2]];b=3"], "Input 'b' takes float32 [?,3]: [] is"),
        ("tf2_linear", ["--input_exprs=y=1"], "'y' is no input; there are 'b', 'x'."),
        ("tf2_linear", ["--input_exprs=x"], "--input_exprs=x: expected a key and a value"),
        ("tf2_linear", ["--inputs=x=none.npy"], "none.npy: not a file of numpy.save"),
        ("tf2_linear", ["--inputs=none.npz"], "none.npz: not a file of samples"),
        ("tf2_linear", ["--inputs=none"], "none: No such file or directory. Give a .npz file"),
        ("tf2_linear", ["--signature=servin"], "There is no signature 'servin'; there are"),
        ("tf2_linear", ["--tags=gpu"], "Choose a MetaGraph with --tags; the model has {serve}."),
        ("tf2_linear", ["--outputs=a.txt"], "--outputs=a.txt: name a .npz or a .json file."),
        ("tf2_functions", [], "The model has no signatures. 'sigpb show' lists its functions"),
        ("tf1_two_graphs", ["--tags="], "Choose a MetaGraph with --tags; the model has"),
    ],
)
def test_refused(name: str, flags: list[str], said: str) -> None:
    outcome = run("run", FIXTURES / name, *flags)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"sigpb: {said}" in outcome.err


def test_a_request_for_another_signature(tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text('{"inputs": [1], "signature_name": "other"}')
    outcome = run("run", FIXTURES / "tf2_linear", f"--inputs={request}", "--signature=single")
    assert (outcome.code, outcome.err) == (
        2,
        "sigpb: The request is for signature 'other', and --signature is 'single'.\n",
    )


def test_an_output_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "outputs.npz"
    file.write_text("ours")
    outcome = run("run", FIXTURES / "tf2_linear", "--input_exprs=x=1", f"--outputs={file}")
    assert outcome.code == 2
    assert file.read_text() == "ours"


def test_without_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "raise ModuleNotFoundError('No module', name='tensorflow')"
    (tmp_path / "tensorflow.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    outcome = run("run", FIXTURES / "tf2_linear", "--input_exprs=x=[[1,2,3]];b=[[1,2,3]]")
    assert outcome.code == 4
    assert "pip install tensorflow" in outcome.err


def test_a_model_that_reaches_outside_of_itself(fixture_model: ModelFactory) -> None:
    def add(graph: protos.MetaGraphDef) -> None:
        graph.graph_def.node.add(name="reads", op="ReadFile")

    model = altered(fixture_model("tf1_no_variables"), add)
    outcome = run("run", model, "--input_exprs=x=[1]")
    assert outcome.code == 2
    assert "--allow_ops=ReadFile runs it all the same." in outcome.err

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from absl import flags
from hypothesis import given, settings
from hypothesis import strategies as st

import sigpb
from sigpb import protos
from sigpb.cli import main as main_module
from sigpb.cli.commands import patch
from sigpb.errors import EnvironmentFailure, ModelUnreadable, PatchError, SigpbError, UsageError
from tests.cli.command_line import ENVIRONMENT, run, run_process

ModelFactory = Callable[..., Path]


def test_without_a_command_it_shows_how_it_is_used() -> None:
    outcome = run()
    assert outcome.code == 2
    assert outcome.out == run("--help").out


def test_version() -> None:
    outcome = run("--version")
    assert (outcome.code, outcome.out) == (0, f"sigpb {sigpb.__version__}\n")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shwo", "There is no command 'shwo'; did you mean 'show'? There are "),
        ("", "There is no command ''; there are "),
        ("__init__", "There is no command '__init__'; there are "),
    ],
)
def test_unknown_command(name: str, said: str) -> None:
    outcome = run(name)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"sigpb: {said}")
    assert outcome.err.endswith("; 'sigpb help' lists them.\n")


@pytest.mark.parametrize("command", ["show", "patch"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "One model directory is expected, none was given. Usage: sigpb "),
        (["a", "b"], "One model directory is expected, 2 were given. Usage: sigpb "),
        (["a", "--", "--b"], "One model directory is expected, 2 were given. Usage: sigpb "),
        (["a", "--signatur=x"], "There is no flag --signatur; did you mean --signature?"),
        (["a", "--such_no_flag"], "There is no flag --such_no_flag."),
        (["a", "-x"], "There is no flag -x."),
        (["a", "--tags"], "Missing value for flag --tags."),
        (["a", "--format=yaml"], "flag --format=yaml: value should be one of <"),
        (["a", "--flagfile=no/such/file"], "no/such/file"),
        (["a", "--flagfile=."], "Is a directory"),
    ],
)
def test_usage_errors(command: str, arguments: list[str], said: str) -> None:
    outcome = run(command, *(["--dry_run"] if command == "patch" else []), *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert all(line.startswith("sigpb: sigpb ") for line in outcome.err.splitlines()[1:])
    see = ("Usage:", f"See 'sigpb {command} --help'.", "See 'sigpb help flags'.")
    assert any(said in outcome.err for said in see)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", ""], "An argument is empty"),
        (["patch", "", "--in_place", "--rename_input=x=y"], "An argument is empty"),
        (["diff", "m", ""], "An argument is empty"),
        (["patch", "m", "--output_dir="], "flag --output_dir=: the path is empty."),
        (["patch", "m", "--dry_run", "--patch="], "flag --patch=: the path is empty."),
        (["verify", "m", "n", "--samples="], "flag --samples=: the path is empty."),
        (["batch", "m", "--output_root="], "flag --output_root=: the path is empty."),
        (
            ["patch", "m", "--output_dir=a", "--output_dir=b"],
            "flag --output_dir=b: already defined as a.",
        ),
        (["show", "m", "--format=json", "--format=text"], "already defined as json."),
        (["patch", "m", "--verify=v1", "--verify=v2"], "flag --verify=v2: already defined"),
    ],
)
def test_empty_paths_and_repeated_flags_are_refused(
    arguments: list[str], said: str, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fixture_model("tf1_no_variables")
    monkeypatch.chdir(model)  # The current directory is a model, which must not be meant.
    outcome = run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_flags_may_stand_before_and_after_the_model(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    assert run("show", "--format=json", model) == run("show", model, "--format=json")


class TestErrors:
    @pytest.fixture
    def fail(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
        def fail(error: BaseException) -> None:
            def raise_error(arguments: Sequence[str]) -> int:
                raise error

            monkeypatch.setattr(main_module, "run_command", raise_error)

        return fail

    @pytest.mark.parametrize(
        ("error", "code", "said"),
        [
            (UsageError("no"), 2, "sigpb: no\n"),
            (PatchError("no"), 2, "sigpb: no\n"),
            (PatchError(["one", "two"]), 2, "sigpb: one\nsigpb: two\n"),
            (ModelUnreadable("no"), 3, "sigpb: no\n"),
            (EnvironmentFailure("no"), 4, "sigpb: no\n"),
            (SigpbError(), 4, "sigpb: SigpbError\n"),
            (
                PermissionError(13, "Permission denied", "a/b"),
                4,
                "sigpb: a/b: Permission denied.\n",
            ),
            (OSError(28, "No space left on device"), 4, "sigpb: No space left on device.\n"),
            (
                KeyboardInterrupt(),
                4,
                "sigpb: interrupted; the model is as it was, or wholly patched.\n",
            ),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
    )
    def test_become_lines_and_an_exit_code(
        self, fail: Callable[..., None], error: BaseException, code: int, said: str
    ) -> None:
        fail(error)
        outcome = run()
        assert (outcome.code, outcome.out, outcome.err) == (code, "", said)


def _patch_flags() -> flags.FlagValues:
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    patch.define_flags(values)
    return values


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
NAMES = sorted(set(_patch_flags()) - {"dry_run", "in_place", "output_dir"})
FLAGS = st.builds("--{}={}".format, st.sampled_from(NAMES), TEXTS | st.just("a=b"))


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("small")
    saved_model = protos.SavedModel(saved_model_schema_version=1)
    signature = saved_model.meta_graphs.add().signature_def["serving_default"]
    for key in ("a", "b"):
        signature.inputs[key].name = signature.outputs[key].name = f"{key}:0"
    (directory / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    return directory


# Nothing can be written: --dry_run goes with no other mode.
@given(st.sampled_from(["show", "patch --dry_run"]), st.lists(FLAGS | TEXTS, max_size=4))
@settings(max_examples=200, deadline=None)
def test_random_arguments(small_model: Path, command: str, arguments: list[str]) -> None:
    outcome = run(*command.split(), small_model, *arguments)
    assert outcome.code in (0, 2, 4)
    assert (outcome.code == 0) == (outcome.err == "")


@pytest.mark.parametrize(
    "name", ["rename_input", "drop_output", "delete_signature", "method_name", "set_tags", "tags"]
)
def test_arguments_that_are_not_text(fixture_model: ModelFactory, name: str) -> None:
    model = fixture_model("tf1_no_variables")
    # What Python makes of a byte of the command line that is not UTF-8.
    argument = os.fsdecode(b"x=\xff")
    assert run("patch", model, "--dry_run", f"--{name}={argument}").code == 2


class TestProcess:
    """The process that the console script starts."""

    @pytest.fixture
    def model(self, fixture_model: ModelFactory) -> Path:
        return fixture_model("tf1_no_variables")

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [(["show", "{model}"], 0), (["shwo"], 2), (["show", "{model}/missing"], 3)],
    )
    def test_exits_with_the_code(self, model: Path, arguments: list[str], code: int) -> None:
        outcome = run_process(*(argument.format(model=model) for argument in arguments))
        assert outcome.code == code
        assert (outcome.out == "") == (code != 0)
        assert outcome.err.count("\n") == (1 if code else 0)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["show"],
            ["show", "--format=json"],
            ["show", "--format=textproto"],
            ["patch", "--dry_run"],
        ],
        ids=" ".join,
    )
    def test_ends_quietly_when_nobody_reads_on(self, model: Path, arguments: list[str]) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        outcome = run_process(*arguments, model, stdout=writer)
        os.close(writer)
        assert (outcome.code, outcome.err) == (0, "")

    def test_says_that_its_output_cannot_be_written(self, model: Path) -> None:
        with Path("/dev/full").open("wb") as full:
            outcome = run_process("show", model, stdout=full)
        said = "sigpb: Standard output cannot be written: No space left on device."
        assert (outcome.code, outcome.err.startswith(said)) == (4, True)

    def test_says_that_a_patch_is_done_that_cannot_be_printed(
        self, model: Path, tmp_path: Path
    ) -> None:
        with Path("/dev/full").open("wb") as full:
            outcome = run_process("patch", model, f"--output_dir={tmp_path}/out", stdout=full)
        assert outcome.code == 4
        assert outcome.err.endswith("a model that was patched stays patched.\n")
        assert (tmp_path / "out" / "saved_model.pb").exists()

    def test_ends_a_killed_command_as_an_interrupted_one(self) -> None:
        code = (
            "import os, signal, sigpb.cli.main as main\n"
            "main.run_command = lambda arguments: os.kill(os.getpid(), signal.SIGTERM)\n"
            "main.run()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, check=False
        )
        said = b"sigpb: interrupted; the model is as it was, or wholly patched.\n"
        assert (done.returncode, done.stderr) == (4, said)

    @pytest.mark.parametrize("arguments", [["show"], ["patch", "--dry_run"]], ids=" ".join)
    def test_does_without_an_output(self, model: Path, arguments: list[str]) -> None:
        outcome = run_process(*arguments, model, stdout=None, preexec_fn=lambda: os.close(1))
        assert (outcome.code, outcome.err) == (0, "")

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
    def test_prints_to_a_terminal_of_few_characters(
        self, model: Path, tmp_path: Path, encoding: str
    ) -> None:
        outcome = run_process(
            *("patch", model, "--signature=default", "--rename_input=a=é語"),
            f"--output_dir={tmp_path / 'out'}",
            environment={"PYTHONIOENCODING": encoding},
        )
        assert (outcome.code, outcome.err) == (0, "")
        assert "input 'a' " in outcome.out
        assert f"patched: {tmp_path / 'out'}" in outcome.out

    def test_takes_a_model_whose_name_is_not_text(self, model: Path) -> None:
        renamed = model.rename(model.with_name(os.fsdecode(b"model-\xff")))
        for arguments in (["show"], ["show", "--format=json"], ["patch", "--dry_run"]):
            outcome = run_process(
                *arguments, renamed, environment={"PYTHONIOENCODING": "utf-8:strict"}
            )
            assert (outcome.code, outcome.err) == (0, "")
            assert "model-" in outcome.out

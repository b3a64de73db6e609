"""Which command is meant, and how flags may be written."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import sigpb
from sigpb.cli.commands import patch
from tests.cli.command_line import ENVIRONMENT, Outcome, run
from tests.conftest import REPOSITORY

ModelFactory = Callable[..., Path]

PLAN = "signature 'default': input 'a' → 'new-a'"


@pytest.fixture
def model(fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a model in the current directory."""
    found = fixture_model("tf1_no_variables")
    monkeypatch.chdir(found.parent)
    return found.name


def refused(*arguments: str) -> str:
    """Returns what is said of a command line that is refused."""
    outcome = run(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    return outcome.err.removeprefix("sigpb: ").removesuffix("\n")


@pytest.mark.parametrize(
    "line",
    [
        "patch {} --dry_run --signature=default --rename_input=a=new-a",
        "patch {} --dry-run --signature=default --rename-input=a=new-a",
        "patch {} -dry-run --signature default --rename-input a=new-a",
        "--dry_run --signature=default patch --rename_input=a=new-a {}",
        "--dry-run --signature default --rename-input a=new-a patch {}",
        "--rename-input a=new-a --no-backup -signature default patch --dry_run -- {}",
        "patch {} --dry_run=true --signature=default --rename_input=a=new-a --nobackup",
        "--undefok=later,no-such patch {} --dry_run --signature=default --rename_input=a=new-a"
        " --later=1 --nolater --no-such",
        "--undefok later patch {} --later --dry_run --signature=default --rename_input=a=new-a",
        "patch {} --undefok later --later --dry_run --signature=default --rename_input=a=new-a",
        "--flagfile=flags patch {} --rename_input=a=new-a",
        "--flagfile flags --rename_input a=new-a patch {}",
        "patch --flagfile=outer {} --rename_input=a=new-a",
    ],
)
def test_flags_may_be_written_in_several_ways(line: str, model: str) -> None:
    Path("flags").write_text(
        "# How we like it.\n\n--dry-run\n// So be it.\n  --signature=default \n"
    )
    Path("outer").write_text("--flagfile=flags\n--no-backup")
    outcome = run(*line.format(model).split())
    assert (outcome.code, outcome.err) == (0, "")
    assert PLAN in outcome.out


def test_only_names_of_flags_are_changed(model: str) -> None:
    outcome = run("patch", model, "--dry_run", "--signature=default", "--rename_input", "a=--x-y")
    assert "input 'a' → '--x-y'" in outcome.out
    assert run("grep", "--fixed-strings", "--", "--no-such-name", model) == Outcome(1, "", "")


def test_a_value_is_no_command(model: str) -> None:
    assert refused("--signature", "patch", "show", model).startswith(
        "There is no signature 'patch'"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "No command is named; 'sigpb help' lists the commands."),
        ("--output_dir=show", "No command is named; "),
        ("-- show", "No command is named; "),
        ("-v 0 shwo", "There is no command 'shwo'; did you mean 'show'?"),
        ("--output_dir x y", "There is no command 'x'; there are "),
        ("--output_dir show", "--dry_run is a flag of "),
    ],
)
def test_command_that_is_not_there(line: str, said: str) -> None:
    assert refused("--dry_run", *line.split()).startswith(said)


@pytest.mark.parametrize(
    ("command", "flag", "said"),
    [
        ("patch", "--outputdir=x", "There is no flag --outputdir; did you mean --output_dir?"),
        ("patch", "--out-put-dir=x", "There is no flag --out-put-dir; did you mean --output-dir?"),
        ("show", "--nohistroy", "There is no flag --nohistroy; did you mean --nohistory?"),
        ("show", "--nosignature=x", "There is no flag --nosignature; did you mean --signature?"),
        ("show", "--verbos=1", "There is no flag --verbos; did you mean --verbosity?"),
        ("show", "--jobs=2", "--jobs is a flag of 'sigpb batch' and not of 'sigpb show'."),
        ("show", "--nocompat", "--nocompat is a flag of 'sigpb diff' and not of 'sigpb show'."),
        (
            "patch",
            "--output=x",
            "--output is a flag of 'sigpb graph', 'sigpb size' and not of 'sigpb patch'; did you "
            "mean --output_dir?",
        ),
        ("size", "--limit=many", "flag --limit=many: a whole number is expected."),
        ("verify", "--rtol=little", "flag --rtol=little: a number is expected."),
        ("show", "--history=maybe", "flag --history=maybe: true or false is expected."),
        ("show", "--nohistory=true", "--nohistory=true does not take an argument."),
        ("show", "-v", "Missing value for flag -v."),
        ("show", "-v=much", "flag --verbosity=much: a whole number is expected."),
        ("show", "--undefok=other", "There is no flag --unknown."),
    ],
)
def test_flag_that_is_wrong(command: str, flag: str, said: str) -> None:
    more = ["--unknown"] if "undefok" in flag else []
    assert refused(command, "model", *more, flag) == f"{said} See 'sigpb {command} --help'."


def test_all_unknown_flags_are_named() -> None:
    said = refused("show", "--in-place", "model", "--signatur", "key")
    assert "--in-place is a flag of 'sigpb apply', 'sigpb batch'" in said
    assert "There is no flag --signatur; did you mean --signature?" in said


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (None, 2, "--flagfile=flags: No such file or directory. See 'sigpb help flags'."),
        (b"--tags\xff", 2, "--flagfile=flags: not UTF-8 text: "),
        (b"--flagfile=flags", 2, "--flagfile=flags: the file names itself: flags in flags. "),
        (b"--flagfile=", 2, "--flagfile: name the file, as in --flagfile=FILE. "),
        (b"--flagfile=.", 2, "--flagfile=.: Is a directory. "),
        (b"--flagfile=pipe", 4, "--flagfile=pipe: this is not a regular file."),
        (
            b"--rename_input x=y",
            2,
            "There is no flag '--rename_input x'; a flag and its value are joined: "
            "--rename_input=x=y. See 'sigpb patch --help'.",
        ),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_file_of_flags_that_is_wrong(
    content: bytes | None, code: int, said: str, *, first: bool, model: str
) -> None:
    os.mkfifo("pipe")
    if content is not None:
        Path("flags").write_bytes(content)
    arguments = ["patch", model, "--dry_run"]
    arguments.insert(0 if first else 3, "--flagfile=flags")
    outcome = run(*arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith(f"sigpb: {said}")


def test_flag_given_twice_is_refused_also_if_a_file_has_it(model: str) -> None:
    Path("flags").write_text("--output_dir=a")
    said = refused("patch", model, "--flagfile=flags", "--output-dir=b")
    assert said == "flag --output_dir=b: already defined as a. See 'sigpb patch --help'."


@pytest.mark.parametrize("arguments", [["--version"], ["show", "--version"], ["-version"]])
def test_version(arguments: list[str]) -> None:
    assert run(*arguments) == Outcome(0, f"sigpb {sigpb.__version__}\n", "")


def test_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sigpb", "--version"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (f"sigpb {sigpb.__version__}\n", "")


class TestLogs:
    """What ``absl.logging`` is told; lines of it are not in the words of sigpb."""

    LINE = r"I\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ \w+\.py:\d+\] "

    @pytest.fixture
    def logged(self, model: str, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
        """Returns what is logged to the standard error while a command runs."""

        def logged(*arguments: str) -> str:
            from sigpb.cli.main import main

            assert main(["patch", model, "--in_place", "--signature=default", *arguments]) == 0
            return capfd.readouterr().err

        return logged

    def test_is_quiet_by_default(self, logged: Callable[..., str]) -> None:
        assert logged("--rename_input=a=c") == ""

    @pytest.mark.parametrize(
        "flags", [["-v", "0"], ["--verbosity=0"], ["--logtostderr"], ["-v=0", "--alsologtostderr"]]
    )
    def test_says_how_long_phases_took(self, flags: list[str], logged: Callable[..., str]) -> None:
        lines = logged("--rename_input=a=c", *flags).splitlines()
        took = r"\d+\.\d ms"
        phases = ["read", "plan", "edit", "write", "sigpb patch"]
        assert len(lines) == len(phases)
        for line, phase in zip(lines, phases, strict=True):
            assert re.fullmatch(f"{self.LINE}{phase}: {took}", line)

    @pytest.mark.parametrize("flags", [["-v", "1"], ["--verbosity=1"], ["--v=1"]])
    def test_says_which_files(
        self, flags: list[str], logged: Callable[..., str], model: str
    ) -> None:
        size = Path(model, "saved_model.pb").stat().st_size
        text = logged("--rename_input=a=c", *flags)
        assert all(re.match(self.LINE, line) for line in text.splitlines())
        assert f"] open {model}/saved_model.pb: {size:,} bytes\n" in text
        assert re.search(r"\] write \S+-saved_model\.pb-\w+: [\d,]+ bytes\n", text)
        assert re.search(r"\] fsync: \d+\.\d ms\n", text)
        assert logged("--rename_input=c=d") == ""

    def test_only_sigpb_logs_and_only_while_it_runs(
        self, logged: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def send(arguments: object, values: object) -> int:
            logging.getLogger("botocore.auth").debug("Authorization: secret")
            return 0

        monkeypatch.setattr(patch, "run", send)
        assert re.fullmatch(rf"{self.LINE}sigpb patch: \d+\.\d ms\n", logged("-v", "1"))
        assert not logging.getLogger("sigpb").isEnabledFor(logging.INFO)

    def test_says_how_long_a_store_took(self, capfd: pytest.CaptureFixture[str]) -> None:
        fsspec = pytest.importorskip("fsspec", reason="the extra 'remote' is missing")
        from sigpb.cli.main import main

        file = REPOSITORY / "proto_fixtures" / "tf1_no_variables" / "saved_model.pbtxt"
        fsspec.filesystem("memory").pipe("/logged/saved_model.pbtxt", file.read_bytes())
        assert main(["show", "memory://logged", "-v", "1"]) == 0
        pattern = r"\] read memory://logged/saved_model\.pbtxt, in the store: \d+\.\d ms\n"
        assert re.search(pattern, capfd.readouterr().err)

    def test_goes_to_a_file(self, logged: Callable[..., str]) -> None:
        assert logged("--rename_input=a=c", "--log_dir=.", "-v", "1") == ""
        assert "] plan: " in Path("sigpb.INFO").read_text()

    def test_directory_for_logs_that_is_not_there(self, model: str) -> None:
        outcome = run("patch", model, "--in_place", "--log_dir=nowhere", "--drop_output=b")
        assert (outcome.code, outcome.out) == (4, "")
        assert "nowhere" in outcome.err
        assert not list(Path(model).glob(".sigpb-backup*"))

    def test_names_are_made_visible(self, model: str, logged: Callable[..., str]) -> None:
        Path("li\nne").write_text("")
        assert "] open li\\nne: 0 bytes\n" in logged("--patch=li\nne", "-v", "1")

"""The commands of the README and of the pages in ``docs/`` do what the pages show.

``SIGPB_REGENERATE_GOLDENS=1`` writes what they print into the pages. What is marked ``console`` is
run; what is marked ``sh-session`` takes a store, a network or a model of the reader's.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sigpb.cli.main import main
from tests.cli import command_line
from tools.site import picture

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parent.parent
README = REPOSITORY / "README.md"
REGENERATE = "SIGPB_REGENERATE_GOLDENS" in os.environ

BLOCK = re.compile(
    r"```console\n(?P<console>.*?)```"
    r"|```python\n(?P<code>.*?)```(?:\n\n```text\n(?P<output>.*?)```)?",
    re.DOTALL,
)
COMMAND = re.compile(r"^\$ (?:.*\\\n)*.*\n", re.MULTILINE)
IN_A_SENTENCE = re.compile(r"`(sigpb [a-z]+ [^`]*)`")
RUNS_MODELS = re.compile(r"^\$ sigpb (?:run|verify) |^import tensorflow", re.MULTILINE)
SETUP = re.compile(r"```sh\n(.*?)\n```", re.DOTALL)

CONFINED = "files read-only but for a temporary directory, no network, …"
OF_A_SHELL = re.compile(r"[|&;<>$*?\[~#]")


def _is_run(page: Path) -> bool:
    return any(block["console"] or block["output"] for block in BLOCK.finditer(page.read_text()))


DOCUMENTS = [README, *sorted((REPOSITORY / "docs").rglob("*.md"))]
PAGES = [
    pytest.param(
        str(page.relative_to(REPOSITORY)),
        marks=[pytest.mark.tensorflow] if RUNS_MODELS.search(page.read_text()) else [],
    )
    for page in DOCUMENTS
    if _is_run(page)
]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory like the checkout, with a ``sigpb`` to run in it, which is the current one."""
    shutil.copytree(REPOSITORY / "proto_fixtures", tmp_path / "proto_fixtures")
    command = tmp_path / "bin" / "sigpb"
    command.parent.mkdir()
    run = "from sigpb.cli.main import run; run()"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{run}" "$@"\n')
    command.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    return tmp_path


def _output_of(command: str) -> str:
    name, *arguments = _words(command)
    output = _in_this_process(arguments) if name == "sigpb" else _in_a_shell(command)
    return _settled("".join(line.rstrip() + "\n" for line in output.splitlines()))


def _words(command: str) -> list[str]:
    """Returns the words of a command, or none where it takes a shell to understand it."""
    unquoted = re.sub(r"'[^']*'|\"[^\"$`]*\"|\\\n", "", command)
    return [""] if OF_A_SHELL.search(unquoted) else shlex.split(command.replace("\\\n", " "))


def _in_this_process(arguments: list[str]) -> str:
    """Runs sigpb where it need not be imported first."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        main(arguments)
    return out.getvalue()


def _in_a_shell(command: str) -> str:
    return subprocess.run(
        command,
        shell=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    ).stdout


def _settled(output: str) -> str:
    """Returns output without what is different each time: times, and what a machine has."""
    output = re.sub(r"(?<=^  confined to: ).*", CONFINED, output, flags=re.MULTILINE)
    output = re.sub(r"(?<=, sha256:)[0-9a-f]{12}", "0123456789ab", output)  # Of an adapter.
    output = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-29T12:00:00Z", output)
    return re.sub(r"^seconds: .*", "seconds: 0.42", output, flags=re.MULTILINE)


def _executed(block: re.Match[str], names: dict[str, object]) -> str:
    """Returns a block with what its commands print now.

    Args:
        block: The block.
        names: What the Python of earlier blocks of the page has defined.
    """
    if block["console"] is not None:
        commands = COMMAND.findall(block["console"])
        lines = [command + _output_of(command[2:].removesuffix("\n")) for command in commands]
        return f"```console\n{''.join(lines)}```"
    printed = _printed_by(block["code"], names)
    return f"```python\n{block['code']}```" + (f"\n\n```text\n{printed}```" if printed else "")


def _printed_by(code: str, names: dict[str, object]) -> str:
    """Runs Python, that of TensorFlow by itself: it numbers what it makes through a process."""
    if "import tensorflow" in code:
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "page", "exec", dont_inherit=True), names)
    return out.getvalue()


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_the_page_shows(page: str) -> None:
    file = REPOSITORY / page
    before = file.read_text()

    # One after another in one directory: some recipes go on where others ended.
    names: dict[str, object] = {}
    after = BLOCK.sub(lambda block: _executed(block, names), before)

    if REGENERATE:
        file.write_text(after)
    else:
        assert _rounded(after) == _rounded(before)


def _rounded(page: str) -> str:
    """Returns a page without the last digits of numbers, which processors round differently."""
    return re.sub(r"(?<=\d\.\d{6})\d+", "", page)


def test_commands_in_sentences_and_tables_have_flags_that_there_are() -> None:
    spans = [
        (page.name, span, *span.split()[1:])
        for page in DOCUMENTS
        for span in IN_A_SENTENCE.findall(page.read_text())
    ]
    assert len(spans) > 40
    help_of = {name: command_line.run(name, "--help").out for _, _, name, *_ in spans}
    for page, span, name, *arguments in spans:
        named = {each.partition("=")[0] for each in arguments if each.startswith("--")}
        known = {"--help", *re.findall(r"--\w+", help_of[name])}
        assert named <= known, (page, span)


@pytest.mark.usefixtures("shell")
def test_picture_shows_what_the_commands_print() -> None:
    file = REPOSITORY / "docs" / "before_after.svg"

    drawn = picture.svg(_output_of)

    if REGENERATE:
        file.write_text(drawn)
    else:
        assert picture.words(drawn) == picture.words(file.read_text())
        assert "http" not in file.read_text().replace("http://www.w3.org/2000/svg", "")


def test_first_command_patches_a_shipped_model(shell: Path) -> None:
    setup = SETUP.findall(README.read_text())[0]
    without_installation = setup[setup.index("demo=") :]

    output = _in_a_shell(without_installation)
    again = _in_a_shell(without_installation)

    before, patched, after = output.partition("patched: ")
    assert patched
    assert "image" in after.partition("\n")[2]
    assert "scores" in after.partition("\n")[2]
    assert before in again
    assert "rm " not in setup


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) < 250


def test_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """Pages outside of the navigation, and links that lead nowhere, are warnings."""
    pytest.importorskip("material", reason="pip install -e '.[docs]'")
    build = "-m mkdocs build --strict -f tools/site/mkdocs.yml --site-dir"
    done = subprocess.run(
        [sys.executable, *build.split(), str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    fetched = re.compile(r"<(?:script|link|img)[^>]*(?:src|href)=.https?:")
    assert not [page for page in tmp_path.rglob("*.html") if fetched.search(page.read_text())]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    test_command = SETUP.findall(README.read_text())[1]

    assert test_command in (REPOSITORY / ".ci" / "run").read_text().splitlines()

"""The commands of the README do what the README shows.

``SIGPB_REGENERATE_GOLDENS=1`` writes what they print into it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parent.parent
README = REPOSITORY / "README.md"
REGENERATE = "SIGPB_REGENERATE_GOLDENS" in os.environ

CONSOLE = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
PYTHON = re.compile(r"```python\n(?P<code>.*?)```\n\n```text\n(?P<output>.*?)```", re.DOTALL)
OUTCOMES = re.compile(r"(?:^(?:patched|unchanged|refused|failed) {2,}[^\d ].*\n)+", re.MULTILINE)
SETUP = re.compile(r"```sh\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory like the checkout, with a ``sigpb`` to run in it."""
    directory = tmp_path_factory.mktemp("readme")
    shutil.copytree(REPOSITORY / "proto_fixtures", directory / "proto_fixtures")
    command = directory / "bin" / "sigpb"
    command.parent.mkdir()
    run = "from sigpb.cli.main import run; run()"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{run}" "$@"\n')
    command.chmod(0o755)
    return directory


def _output_of(command: str, directory: Path) -> str:
    environment = {
        **os.environ,
        "PATH": f"{directory / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
    }
    done = subprocess.run(
        command,
        shell=True,
        cwd=directory,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    lines = (line.rstrip() + "\n" for line in done.stdout.splitlines())
    return _settled("".join(lines))


def _settled(output: str) -> str:
    """Returns the output of a batch without what is different each time: durations and order."""
    output = re.sub(r"^seconds: .*", "seconds: 0.42", output, flags=re.MULTILINE)
    return OUTCOMES.sub(lambda lines: "".join(sorted(lines[0].splitlines(True))), output)


def test_recipes_print_what_the_readme_shows(shell: Path) -> None:
    # One after another in one directory: some recipes go on where others ended.
    def executed(block: re.Match[str]) -> str:
        commands = [line for line in block[0].splitlines() if line.startswith("$ ")]
        return "".join(f"{line}\n{_output_of(line[2:], shell)}" for line in commands)

    def python_executed(block: re.Match[str]) -> str:
        (shell / "recipe.py").write_text(block["code"])
        output = _output_of(f"{shlex.quote(sys.executable)} recipe.py", shell)
        return f"```python\n{block['code']}```\n\n```text\n{output}```"

    before = README.read_text()
    after = PYTHON.sub(python_executed, CONSOLE.sub(executed, before))
    if REGENERATE:
        README.write_text(after)
    else:
        assert after == before


def test_first_command_patches_a_shipped_model(shell: Path) -> None:
    setup = SETUP.findall(README.read_text())[0]
    without_installation = setup[setup.index("rm -rf") :].replace("/tmp/sigpb-demo", "demo")

    output = _output_of(without_installation, shell)

    assert "patched: demo" in output
    assert "image" in output.partition("patched: demo")[2]
    assert "scores" in output.partition("patched: demo")[2]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    test_command = SETUP.findall(README.read_text())[1]

    assert test_command in (REPOSITORY / ".ci" / "run").read_text().splitlines()

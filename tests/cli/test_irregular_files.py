"""Pipes where files are expected: nobody waits for somebody to write to them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.saved_model import fingerprint, history
from sigpb.saved_model.files import CHECKPOINT_INDEX, WARMUP_PATH
from tests.batch.repositories import RENAME

from .command_line import Outcome, run_process

MAIN = "saved_model.pb"
PATCH = ("patch", "--rename_input=x=image", "--in_place")


def run_soon(*arguments: str | Path) -> Outcome:
    return run_process(*arguments, timeout=60)


def replace_by_pipe(model: Path, name: str) -> Path:
    pipe = model / name
    pipe.parent.mkdir(exist_ok=True)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    return pipe


@pytest.mark.parametrize(
    ("name", "command", "code"),
    [
        (history.FILE_NAME, PATCH, 3),
        (CHECKPOINT_INDEX, PATCH, 3),
        (CHECKPOINT_INDEX, ("lint",), 3),
        (fingerprint.FILE_NAME, PATCH, 2),
        (WARMUP_PATH, PATCH, 2),
        (fingerprint.FILE_NAME, ("lint", "--strict"), 1),
        (WARMUP_PATH, ("lint",), 1),
    ],
)
def test_beside_a_model(
    fixture_model: Callable[..., Path], name: str, command: tuple[str, ...], code: int
) -> None:
    directory = fixture_model("tf2_linear" if name == CHECKPOINT_INDEX else "tf2_warmup")
    before = (directory / MAIN).read_bytes()
    pipe = replace_by_pipe(directory, name)

    outcome = run_soon(command[0], directory, *command[1:])

    assert outcome.code == code, outcome.out + outcome.err
    assert f"{pipe}: this is not a regular file." in outcome.out + outcome.err
    assert (directory / MAIN).read_bytes() == before


def test_a_fingerprint_that_cannot_be_read_is_shown_as_such(
    fixture_model: Callable[..., Path],
) -> None:
    pipe = replace_by_pipe(directory := fixture_model("tf2_linear"), fingerprint.FILE_NAME)

    outcome = run_soon("show", directory, "--format=json")

    said = outcome.json["fingerprint"]["unreadable"]
    assert (outcome.code, said) == (0, f"{pipe}: this is not a regular file.")


@pytest.mark.parametrize("command", ["show", "lint", "size"])
def test_in_place_of_the_model(fixture_model: Callable[..., Path], command: str) -> None:
    pipe = replace_by_pipe(directory := fixture_model("tf2_linear"), MAIN)

    outcome = run_soon(command, directory)

    assert outcome.code == 3
    assert f"{pipe}: this is not a regular file." in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("patch", "MODEL", "--patch=PIPE", "--dry_run"),
        ("apply", "PIPE", "--in_place"),
        ("batch", "MODEL", "--patch=PIPE", "--in_place"),
        ("batch", "--models_list=PIPE", "--patch=PATCH", "--in_place"),
        ("batch", "--apply_plan=PIPE"),
        ("rollback", "PIPE"),
        ("lint", "MODEL", "--policy=PIPE"),
    ],
    ids=" ".join,
)
def test_on_the_command_line(
    fixture_model: Callable[..., Path], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    paths = {
        "MODEL": fixture_model("tf2_linear"),
        "PIPE": tmp_path / "pipe",
        "PATCH": tmp_path / "patch",
    }
    os.mkfifo(paths["PIPE"])
    paths["PATCH"].write_text(RENAME)

    outcome = run_soon(
        *(re.sub("[A-Z]+", lambda found: str(paths[found[0]]), each) for each in arguments)
    )

    assert outcome.code == 4
    assert f"{paths['PIPE']}: this is not a regular file." in outcome.err

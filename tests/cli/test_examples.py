"""The examples that help shows, run in a directory that has what they name."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.cli.command_line import Command, command_names, split_command
from sigpb.cli.help.topics import policy_file
from tests.cli.command_line import run
from tests.conftest import REPOSITORY

FIXTURES = REPOSITORY / "proto_fixtures"
ALL = [line for name in command_names() for line, _ in Command.named(name).module.EXAMPLES]

RENAME = 'signature { key: "serving_default" input { key: "x" rename_to: "image" } }'

JOURNAL = "sigpb.batch.0001.jsonl"

BATCH = f"batch models --patch=patch.txtpb --in_place --jobs=1 --journal=models/{JOURNAL}"

# They run TensorFlow, or go on with what nothing has begun: only read.
NOT_RUN = ("sigpb verify ", "sigpb run ", "--verify", "--resume")

# Answers besides 0: models differ, or have findings; files are damaged; nothing is found.
ANSWERS = {"diff": {1}, "lint": {0, 1}, "wire": {0, 1}, "grep": {0, 1}}


def command_lines(line: str) -> list[list[str]]:
    """The arguments of sigpb in a line of a shell."""
    parts = [shlex.split(part.partition(" > ")[0]) for part in line.split(" && ")]
    assert {program for program, *_ in parts} == {"sigpb"}
    return [arguments for _, *arguments in parts]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all that examples name."""
    place = tmp_path_factory.mktemp("examples")
    named = {each for line in ALL for each in re.findall(r"proto_fixtures/(\w+)", line)}
    for name in named:
        shutil.copytree(FIXTURES / name, place / "proto_fixtures" / name)
    linear = place / "proto_fixtures" / "tf2_linear"
    (place / "patch.txtpb").write_text(RENAME)
    (place / "policy.txtpb").write_text(policy_file.EXAMPLE)
    for version in ("models/mnist/1", "models/ranking/mnist/2", "old", "model"):
        shutil.copytree(linear, place / version)
    with pytest.MonkeyPatch.context() as patching:
        patching.chdir(place)
        for line in (
            "patch old --patch=patch.txtpb --output_dir=new",
            "plan proto_fixtures/tf2_linear --patch=patch.txtpb --out=plan.json",
            "patch model --patch=patch.txtpb --in_place",
            "patch model --rename_output=p=scores --in_place",
        ):
            assert run(*line.split()).code == 0
    text = (linear / "saved_model.pbtxt").read_text(encoding="utf-8")
    model = text_format.Parse(text, protos.SavedModel(), descriptor_pool=protos.POOL)
    (place / "broken").mkdir()
    (place / "broken" / "saved_model.pb").write_bytes(model.SerializeToString()[:-1000])
    return place


def test_all_are_understood() -> None:
    for line in ALL:
        for arguments in command_lines(line):
            command, left = split_command(arguments)
            assert command.parse(left), line


@pytest.mark.parametrize("name", command_names())
def test_does_what_it_says(
    name: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = shutil.copytree(prepared, tmp_path / "place")
    monkeypatch.chdir(place)
    if name == "rollback":
        assert run(*BATCH.split()).code == 0
    for line, _ in Command.named(name).module.EXAMPLES:
        if not any(each in line for each in NOT_RUN):
            for arguments in command_lines(line):
                outcome = run(*arguments)
                assert outcome.code in ANSWERS.get(name, {0}), (line, outcome)
                assert outcome.err == "", line

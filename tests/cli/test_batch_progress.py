from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sigpb.batch.job import Outcome
from sigpb.cli.batch_progress import Summary, confirm
from tests.batch.repositories import ModelFactory, repository, versions
from tests.cli.test_batch import batch, report
from tests.cli.test_terminal import on_terminal


def test_it_is_in_the_order_of_paths(
    model: Path, tmp_path: Path, patch: Path, fixture_model: ModelFactory
) -> None:
    names = [f"m{number}" for number in range(12)]
    root = repository(model, tmp_path / "r", *versions([*names, "m1-b", "z"]), "a/1", "a/2")
    (root / "m3/1/saved_model.pb").write_bytes(b"")
    repository(fixture_model("tf1_no_variables"), root, "m5/sub/1")
    file = tmp_path / "report.jsonl"

    outcome = batch(root / "z", patch, f"{root}/m1-b", root, "--jobs=3", f"--report={file}")

    lines = [line.split() for line in outcome.out.splitlines() if f"  {root}/" in line]
    told = [line[1].removesuffix(":").removeprefix(f"{root}/") for line in lines]
    assert told == sorted(told, key=lambda path: path.split("/"))
    assert len(told) == 16
    assert list(report(file)) == sorted(report(file), key=lambda path: path.split("/"))


def test_many_groups_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    summary = Summary(dry_run=True)
    for number in range(12):
        planned: tuple[dict[str, str], tuple[str, ...]] = ({}, (f"edit {number}",))
        for _ in range(12 - number):
            summary.add(Outcome("m", "patched", planned=planned))
            summary.add(Outcome("m", "skipped", f"reason {number}"))
    summary.print(0, {})
    out = capsys.readouterr().out
    assert "12 models:\nedit 0\n11 models:" in out
    assert "edit 9\n3 more have other edits; --format=json has them\n12 skipped: reason 0" in out
    assert "3 more are skipped for other reasons; --format=json has them\n" in out
    assert "edit 10" not in out


def test_json_has_the_edits_of_a_dry_run(root: Path, patch: Path) -> None:
    edits = ["  MetaGraph {serve}", "    signature 'serving_default': input 'x' → 'image'"]
    dry, real = (batch(root, patch, *flags, "--format=json") for flags in (["--dry_run"], []))
    assert [each["edits"] for each in dry.json["models"]] == [edits] * 3
    assert [each["edits"] for each in real.json["models"]] == [[]] * 3


def test_on_a_terminal(root: Path, model: Path, patch: Path) -> None:
    repository(model, root, "d/1")
    (root / "b/1/saved_model.pb").write_bytes(b"")
    arguments = ["batch", str(root), f"--patch={patch}", "--in_place", "--exclude=d/*"]
    code = f"from sigpb.cli.main import main; assert main({arguments!r}) == 1"

    text = on_terminal(code=code, NO_COLOR="1", COLUMNS="300")

    lines = [line.rpartition("\x1b[2K")[2] for line in text.split("\r\n")]
    told = [line for line in lines if line.startswith(("patched ", "failed ", "1 skipped"))]
    assert told == [
        f"patched    {root}/a/1",
        f"failed     {root}/b/1: {root}/b/1/saved_model.pb: the file is empty. "
        "If a copy or a download broke off, repeat it.",
        f"patched    {root}/c/1",
        "1 skipped: its path is excluded",
    ]
    assert "3/3" in text


@pytest.mark.parametrize(
    ("answer", "confirmed"), [("yes\n", True), ("no\n", False), ("", False), (None, False)]
)
def test_a_question(monkeypatch: pytest.MonkeyPatch, answer: str | None, confirmed: bool) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            if answer is None:
                os.kill(os.getpid(), signal.SIGINT)
            return answer or ""

    def handler(number: int, frame: object) -> None:
        raise AssertionError("The line would be read on.")

    monkeypatch.setattr("sys.stdin", Terminal())
    before = signal.signal(signal.SIGINT, handler)
    try:
        assert confirm(3) is confirmed
    finally:
        assert signal.signal(signal.SIGINT, before) is handler

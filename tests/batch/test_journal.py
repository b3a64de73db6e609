from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from sigpb.batch import journal as journals
from sigpb.batch.job import Outcome, Task
from sigpb.batch.journal import Journal, Start, is_unfinished, next_journal, read
from sigpb.errors import UsageError

from .repositories import job

TASKS = [
    Task("/r/a/1", "a/1", "/r/a/2"),
    Task("/r/b/1", "b/1", "/r/b/2", digests={"f": "0"}, edits=("e",)),
]
SKIPPED = Outcome("/r/c/1", "skipped", "why")
START = Start(job(mode="new_version", verify=("v1",)), ("/r",), 2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def create(file: Path) -> Journal:
    return Journal.create(file, START, TASKS, [SKIPPED])


def test_written_and_read(file: Path) -> None:
    outcome = Outcome("/r/a/1", "patched", output="/r/a/1", files=("x",), notes=("wörter",))
    journal = create(file)
    journal.append("end", outcome.to_json())
    journal.append("canary", {"passed": True})
    journal.append("undo", {"model": "/r/a/1", "outcome": "rolled_back", "reason": ""})
    journal.append("undo", {"model": "/r/b/1", "outcome": "failed", "reason": "no"})
    journal.close()
    seen: list[Outcome] = []

    progress = read(file, seen.append)

    assert progress.start == Start(START.job, START.directories, START.canary, 2)
    assert progress.tasks == TASKS
    assert seen == [SKIPPED, outcome] == list(journals.outcomes(file))
    assert progress.ended == {"/r/c/1": "skipped", "/r/a/1": "patched"}
    assert progress.undone == {"/r/a/1"}
    assert progress.canary_passed
    assert progress.rollback_begun


def test_a_copy_is_refused_while_the_original_is_there(file: Path) -> None:
    create(file).close()
    copy = file.with_name("copy")
    copy.write_bytes(file.read_bytes())
    with pytest.raises(UsageError, match=f"{copy} is a copy of {file}, and names the models there"):
        read(copy)
    file.unlink()
    assert read(copy).tasks == TASKS


def test_rollback_that_came_to_nothing(file: Path) -> None:
    journal = create(file)
    journal.append("finish", {})
    assert not read(file).rollback_begun
    journal.append("rollback", {})
    journal.close()

    progress = read(file)

    assert progress.rollback_begun
    assert progress.undone == set()


def test_it_is_only_appended_to(file: Path) -> None:
    create(file).close()
    before = file.read_bytes()
    journal = Journal.resume(file)
    journal.append("stop", {"reason": "x"})
    journal.close()
    assert file.read_bytes().startswith(before)
    with pytest.raises(UsageError, match="is there already"):
        create(file)


def test_cut_off_anywhere(file: Path) -> None:
    journal = create(file)
    journal.append("end", Outcome("/r/a/1", "failed", "x").to_json())
    journal.append("end", Outcome("/r/b/1", "patched").to_json())
    journal.close()
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    begun = sum(map(len, lines[:4]))
    for length in range(len(lines[0]) // 2, len(whole), 7):
        file.write_bytes(whole[:length])
        if length < sum(map(len, lines[:3])) - 1:
            with pytest.raises(UsageError):
                read(file)
            assert not is_unfinished(file)
            continue
        Journal.resume(file).close()
        ended = read(file).ended
        assert ended.get("/r/a/1") == ("failed" if length >= begun + len(lines[4]) - 1 else None)
        assert "/r/b/1" not in ended
        again = Journal.resume(file)
        again.append("end", Outcome("/r/b/1", "unchanged").to_json())
        again.close()
        assert read(file).ended["/r/b/1"] == "unchanged"


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"[]\n", b"{}\n", b'{"journal": 2}\n', b'{"journal": 1}\n', b"\xff\n"]
)
def test_no_journal(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match="not the journal of a batch"):
        read(file)
    assert not is_unfinished(file)


@pytest.mark.parametrize(
    ("step", "change"),
    [
        ("start", {"models": float("inf")}),
        ("start", {"canary": "2"}),
        ("start", {"directories": "/r"}),
        ("start", {"directories": ["/r", "a\0b"]}),
        ("start", {"job": None}),
        ("start", {"job": {"id": "../../outside"}}),
        ("start", {"job": {"mode": "nowhere"}}),
        ("start", {"job": {"history": 1}}),
        ("model", {"model": 1}),
        ("model", {"model": "\ud800"}),
        ("model", {"output": ["x"]}),
        ("model", {"digests": []}),
        ("model", {"output": None}),
        ("model", {"output": "/r/b/1"}),
        ("model", {"output": "/r/b/2"}),
        ("start", {"job": {"mode": "in_place"}}),
        ("end", {"model": {}}),
        ("end", {"outcome": "done"}),
        ("end", {"files": "saved_model.pb"}),
        ("undo", {"model": ["x"]}),
    ],
)
def test_a_value_that_somebody_changed(file: Path, step: str, change: dict[str, Any]) -> None:
    journal = create(file)
    journal.append("undo", {"model": "/r/a/1", "outcome": "rolled_back", "reason": ""})
    journal.close()
    read(file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    values = next(each for each in lines if each["step"] == step)
    if isinstance(change.get("job"), dict):
        change = {"job": values["job"] | change["job"]}
    values |= change
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    with pytest.raises(UsageError, match="not the journal of a batch"):
        read(file)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("end", True),
        ("stop", True),
        ("finish", False),
        ("rollback", True),
        ("rolled_back", False),
    ],
)
def test_unfinished(file: Path, step: str, expected: bool) -> None:
    journal = create(file)
    journal.append(step, Outcome("/r/a/1", "patched").to_json())
    journal.close()
    assert is_unfinished(file) is expected


def test_names(tmp_path: Path) -> None:
    assert next_journal(tmp_path).name == "sigpb.batch.0001.jsonl"
    for name in ("sigpb.batch.0009.jsonl", "sigpb.batch.0010.jsonl", "sigpb.batch.x.jsonl"):
        (tmp_path / name).touch()
    assert next_journal(tmp_path).name == "sigpb.batch.0011.jsonl"
    assert [path.name for path in journals.journals(tmp_path)] == [
        "sigpb.batch.0009.jsonl",
        "sigpb.batch.0010.jsonl",
    ]


def test_journal_is_linear(tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        tasks = [Task(f"/r/{n}/1", f"{n}/1", f"/r/{n}/2") for n in range(count)]
        started = time.process_time()
        journal = Journal.create(tmp_path / str(count), START, tasks, [])
        for task in tasks:
            journal.append("end", Outcome(task.model, "unchanged").to_json())
        journal.close()
        assert len(read(tmp_path / str(count)).ended) == count
        return time.process_time() - started

    seconds(100)
    assert seconds(10_000) < 25 * seconds(1000)

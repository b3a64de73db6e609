"""Finds models, and writes and reads the journal of a batch of them, without the models.

python batch_bookkeeping.py JOURNAL COUNT
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sigpb.batch.discovery import Entry, discover
from sigpb.batch.job import Job, Outcome, Task
from sigpb.batch.journal import Journal, Start, read
from sigpb.batch.selection import Root
from sigpb.batch.versions import LATEST

file, count = Path(sys.argv[1]), int(sys.argv[2])


class Simulated:
    """A repository of models with two versions each."""

    def entries(self, directory: str) -> Sequence[Entry]:
        """See `FileSystem`."""
        depth = directory.count("/")
        if depth == 1:
            return [Entry(f"model_{number}", True) for number in range(count // 2)]
        return (
            [Entry("1", True), Entry("2", True)] if depth == 2 else [Entry("saved_model.pb", False)]
        )

    def real_path(self, path: str) -> str:
        """See `FileSystem`."""
        return path


found = discover([Root("/models")], Simulated())
found.passed_over([LATEST])
tasks = [Task(each.path, each.name, f"{each.path}0") for each in found.models]
file.unlink(missing_ok=True)
journal = Journal.create(file, Start(Job("batch", b"", "new_version"), ("/models",)), tasks, [])
for task in tasks:
    outcome = Outcome(task.model, "patched", "", task.output, 0.001, 1, 1, "0" * 64, "0" * 64)
    journal.append("end", outcome.to_json())
journal.close()
if len(read(file).ended) != count:
    sys.exit("models are missing")

"""The report of a batch: a file with a record for each model."""

from __future__ import annotations

import csv
from pathlib import Path

from sigpb.batch.job import Outcome
from sigpb.errors import UsageError
from sigpb.publishing.output_file import OutputFile
from sigpb.visible_text import json_text, visible

_FIELDS = (
    *("model", "outcome", "reason", "output", "seconds"),
    *("input_bytes", "output_bytes", "input_digest", "output_digest", "notes"),
)


class ReportWriter(OutputFile):
    """Writes a report while a batch goes on: JSON, a line for each model, or CSV.

    The file is there when the batch has ended, or was stopped; see `OutputFile`.

    Args:
        file: The file; its name ends in ``.jsonl`` or ``.csv``.

    Raises:
        UsageError: If its name ends otherwise.
        EnvironmentFailure: If it cannot be written.
    """

    def __init__(self, file: Path) -> None:
        if file.suffix not in (".jsonl", ".csv"):
            raise UsageError(f"--report={file}: the name has to end in .jsonl or .csv.")
        super().__init__(file, "The batch can be resumed.")
        self._csv = csv.writer(self) if file.suffix == ".csv" else None
        if self._csv:
            self._csv.writerow(_FIELDS)

    def add(self, outcome: Outcome) -> None:
        """Adds a model.

        Raises:
            EnvironmentFailure: If the file cannot be written.
        """
        record = {name: getattr(outcome, name) for name in _FIELDS}
        if self._csv:
            record["notes"] = " ".join(outcome.notes)
            self._csv.writerow(
                visible("" if value is None else str(value)) for value in record.values()
            )
        else:
            self.write(json_text(record, indent=None) + "\n")

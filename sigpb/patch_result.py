"""What became of a model that was to be patched: as data, text, JSON values and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sigpb.patching.plan import Plan
from sigpb.verifying.report import VerifyReport
from sigpb.visible_text import visible_lines


@dataclass(frozen=True, repr=False)
class PatchResult:
    """What became of a model; printing it shows what ``sigpb patch`` prints.

    Attributes:
        status: ``unchanged`` if the model was as the patch wants it.
        plan: What was done.
        output: The directory of the patched model.
        backup: With ``in_place``, the directory of the files as they were; None if there is none.
        verification: What running the model before and after showed; None if that was not asked
            for, or if nothing changed.
        notes: What was done to warm-up requests, warnings that the graph called for, and what was
            put in order first.
        dry_run: Whether nothing was written; `status` is then what it would be.
    """

    status: Literal["patched", "unchanged"]
    plan: Plan
    output: Path
    backup: Path | None = None
    verification: VerifyReport | None = None
    notes: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def conclusion(self) -> str:
        """The last line: what became of the model, and where it is."""
        if self.dry_run:
            return f"dry run: would be {self.status}"
        kept = f", the files as they were in {self.backup}" if self.backup else ""
        return f"{self.status}: {self.output}{kept}"

    def __str__(self) -> str:
        verified = self.verification.lines() if self.verification else ()
        notes = (f"  {note}" for note in self.notes)
        return f"{self.plan}\n{visible_lines((*notes, *verified, self.conclusion))}"

    def __repr__(self) -> str:
        where = "dry run" if self.dry_run else repr(str(self.output))
        return f"<PatchResult {self.status}, {where}: {self.plan.counts}>"

    def _repr_html_(self) -> str:
        from sigpb import html_text

        return html_text.document(
            self.plan._repr_html_(),
            html_text.lines(*self.notes),
            self.verification._repr_html_() if self.verification else "",
            html_text.heading(self.conclusion),
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the result as JSON values; docs/json.md describes them."""
        return {
            "status": self.status,
            "dry_run": self.dry_run,
            "output": str(self.output),
            "backup": str(self.backup) if self.backup else None,
            "plan": self.plan.to_json(),
            "notes": self.notes,
            "verification": self.verification and self.verification.to_json(),
        }

"""What became of a model that was patched, or patched back: as data, text, JSON values and HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
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
        output: The directory of the patched model, or its URL.
        backup: With ``in_place``, the directory of the files as they were, or its URL; None if
            there is none.
        verification: What running the model before and after showed; None if that was not asked
            for, or if nothing changed.
        notes: What was done to warm-up requests, warnings that the graph called for, and what was
            put in order first.
        dry_run: Whether nothing was written; `status` is then what it would be.
    """

    status: Literal["patched", "unchanged"]
    plan: Plan
    output: Path | str
    backup: Path | str | None = None
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


@dataclass(frozen=True, repr=False)
class UndoResult:
    """What became of a model whose last patch was to be taken back; printing it shows that.

    Attributes:
        status: ``unchanged`` if no patch is recorded in the model.
        model: Its directory, or its URL.
        files: The files that changed, relative to the model.
        backup: The backup that they were put back from, or its URL; None if the model was patched
            back.
        plan: How it was patched back; None if there was a backup.
        lines: With a backup, what became of the signatures, in words.
        notes: What else there is to say.
        record: What the model's record said of the patch that was taken back.
        dry_run: Whether nothing was changed; `status` is then what it would be.
    """

    status: Literal["undone", "unchanged"]
    model: Path | str
    files: tuple[str, ...] = ()
    backup: Path | str | None = None
    plan: Plan | None = None
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False

    @property
    def conclusion(self) -> str:
        """The last line: what became of the model, from where, and which patch it was."""
        if self.status == "unchanged":
            return f"unchanged: no patch is recorded in {self.model}"
        said = "dry run: would be undone" if self.dry_run else f"undone: {self.model}"
        way = f", from {PurePath(self.backup).name}" if self.backup else ""
        words = (str(self.record.get(name) or "") for name in ("patch_id", "reason"))
        patch = ": ".join(word for word in words if word)
        return f"{said}{way} ({patch})" if patch else said + way

    def __str__(self) -> str:
        if self.status == "unchanged":
            return visible_lines((self.conclusion,))
        changes = (str(self.model), *(f"  {line}" for line in self.lines))
        told = str(self.plan) if self.plan else visible_lines(changes)
        notes = (f"  {note}" for note in self.notes)
        return f"{told}\n{visible_lines((*notes, self.conclusion))}"

    def __repr__(self) -> str:
        where = "dry run" if self.dry_run else repr(str(self.model))
        return f"<UndoResult {self.status}, {where}>"

    def _repr_html_(self) -> str:
        from sigpb import html_text

        return html_text.document(
            self.plan._repr_html_() if self.plan else html_text.lines(*self.lines),
            html_text.lines(*self.notes),
            html_text.heading(self.conclusion),
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the result as JSON values; docs/json.md describes them."""
        return {
            "status": self.status,
            "dry_run": self.dry_run,
            "model": str(self.model),
            "backup": str(self.backup) if self.backup else None,
            "files": self.files,
            "plan": self.plan and self.plan.to_json(),
            "lines": self.lines,
            "notes": self.notes,
            "record": self.record,
        }

"""What a verification found."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sigpb.errors import SigpbError
from sigpb.saved_model.model import tag_set_text
from sigpb.visible_text import visible_lines

if TYPE_CHECKING:
    from sigpb.html_text import Tint

Verdict = Literal["equivalent", "different", "not verified"]
Status = Literal["same", "different", "not verified"]

_EXIT_CODES: dict[Verdict, int] = {"equivalent": 0, "different": 1, "not verified": 4}

# How a status stands out in HTML: see `sigpb.html_text.Tint`.
_TINTS: dict[Status, Tint] = {"same": "added", "different": "removed", "not verified": "warning"}

_GIB = 1 << 30


@dataclass(frozen=True)
class Confinement:
    """What held while models ran.

    Attributes:
        read_only: Whether no file could be written but in a temporary directory.
        no_network: Whether no other machine could be reached.
        memory: How many bytes of memory the process could have; None for any.
        file_size: How many bytes it could write to one file; None for any.
        seconds: How long it could take.
    """

    read_only: bool
    no_network: bool
    memory: int | None
    file_size: int | None
    seconds: float

    def __str__(self) -> str:
        held = [
            text
            for holds, text in (
                (self.read_only, "files read-only but for a temporary directory"),
                (self.no_network, "no network"),
                (self.memory, f"at most {(self.memory or 0) / _GIB:.3g} GiB of memory"),
                (self.file_size, f"{(self.file_size or 0) / _GIB:.3g} GiB in a file"),
                (True, f"{self.seconds:g} s"),
            )
            if holds
        ]
        missing = [
            text
            for holds, text in (
                (self.read_only, "files could be written"),
                (self.no_network, "the network could be reached"),
            )
            if not holds
        ]
        lacks = f"; not confined, as this machine allows no sandbox: {', '.join(missing)}"
        return f"confined to: {', '.join(held)}" + (lacks if missing else "")


@dataclass(frozen=True)
class Difference:
    """How the values of an output differ; of several batch sizes, where they differ most.

    Attributes:
        reason: In words.
        batch_size: With how many rows; None if there is no choice.
        worst: The greatest absolute difference of two numbers; None where there is none.
        worst_at: The indices of that element.
        first_at: The indices of the first element that differs.
        before: That element as it has to be.
        after: The same as it is.
    """

    reason: str
    batch_size: int | None = None
    worst: float | None = None
    worst_at: tuple[int, ...] | None = None
    first_at: tuple[int, ...] | None = None
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        text = self.reason
        if self.batch_size is not None:
            text += f" in a batch of {self.batch_size}"
        if self.worst is not None:
            text += f", by up to {self.worst:.6g} at {list(self.worst_at or ())}"
        if self.first_at is not None:
            text += f"; first at {list(self.first_at)}: {self.before} before, {self.after} after"
        return text


@dataclass(frozen=True)
class OutputReport:
    """A tensor that a signature returns.

    Attributes:
        old: What the old model calls it.
        new: What the new model calls it.
        status: ``not verified`` if the old model returns other values in every run.
        difference: How it differs.
    """

    old: str
    new: str
    status: Status
    difference: Difference | None = None


@dataclass(frozen=True)
class LoaderReport:
    """A signature under one loader.

    Attributes:
        loader: ``v1`` is ``tf.compat.v1.saved_model.load``, ``v2`` is ``tf.saved_model.load``.
        status: ``different`` also if it ran before and does not after.
        batch_sizes: The numbers of rows that were compared; empty if there is no choice.
        outputs: The outputs that were compared, or should have been.
        problems: What else is different, or why it did not run, a sentence each.
        unrunnable: Whether the old model does not run under the loader, whatever it is fed.
        skipped: What else was not compared, though the signature ran.
        vague: What was compared, but had one value only, or none.
    """

    loader: str
    status: Status
    batch_sizes: tuple[int, ...] = ()
    outputs: tuple[OutputReport, ...] = ()
    problems: tuple[str, ...] = ()
    unrunnable: bool = False
    skipped: tuple[str, ...] = ()
    vague: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignatureReport:
    """A signature of both models.

    Attributes:
        tags: The tag-set of its MetaGraph in the new model.
        old: Its key in the old model.
        new: Its key in the new one.
        loaders: What it did under each loader.
        concerned: Whether the patch changes anything of it; if there is no patch, it counts as
            concerned.
        in_turn: The directories of the models that were run one after the other to compare it with,
            where it has adapters; empty where the old model alone was run.
    """

    tags: tuple[str, ...]
    old: str
    new: str
    loaders: tuple[LoaderReport, ...]
    concerned: bool = True
    in_turn: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """``same`` if it is that under every loader that the old model runs under."""
        statuses = {each.status for each in self.loaders}
        if "different" in statuses:
            return "different"
        runnable = {each.status for each in self.loaders if not each.unrunnable}
        return "same" if runnable == {"same"} else "not verified"

    @property
    def unrunnable(self) -> bool:
        """Whether the old model runs it under none of the loaders, whatever it is fed."""
        return all(each.unrunnable for each in self.loaders)

    @property
    def skipped(self) -> tuple[str, ...]:
        """The parts of it that were not compared."""
        not_run = [each for each in self.loaders if each.status == "not verified"]
        whole = [each for each in not_run if not each.skipped and not each.vague]
        where = f"signature {self.new!r}"
        if whole == list(self.loaders):
            return (where,)
        return tuple(
            f"{where} under {each.loader}" + (f": {', '.join(parts)}" if parts else "")
            for each in self.loaders
            if (parts := each.skipped) or each in whole
        )

    @property
    def vague(self) -> tuple[str, ...]:
        """What was compared, but had one value only, or none."""
        return tuple(
            dict.fromkeys(
                f"{each} (signature {self.new!r})"
                for loader in self.loaders
                for each in loader.vague
            )
        )


@dataclass(frozen=True, repr=False)
class VerifyReport:
    """Whether two models do the same; printing it shows every output.

    Attributes:
        old: The directory of the old model, or its URL.
        new: The directory of the new one, or its URL.
        problems: Where the new model's signatures do not state what they should, a sentence each.
        signatures: What they did.
        confinement: What held while they ran; None if nothing was run.
        notes: What was fetched to run them.
    """

    old: Path | str
    new: Path | str
    problems: tuple[str, ...]
    signatures: tuple[SignatureReport, ...]
    confinement: Confinement | None = None
    notes: tuple[str, ...] = ()

    def named(self, old: Path | str, new: Path | str, notes: tuple[str, ...] = ()) -> VerifyReport:
        """Returns the report with other names of the models, and with notes."""
        return dataclasses.replace(self, old=old, new=new, notes=notes)

    @property
    def verdict(self) -> Verdict:
        """``equivalent`` if what the patch concerns was compared, and nothing was different.

        What the old model does not run, whatever it is fed, cannot be compared; but something has
        to be.
        """
        if self.problems or any(each.status == "different" for each in self.signatures):
            return "different"
        concerned = [each for each in self.signatures if each.concerned] or self.signatures
        open_ = [each for each in concerned if each.status != "same" and not each.unrunnable]
        same = [each for each in concerned if each.status == "same"]
        return "equivalent" if same and not open_ else "not verified"

    @property
    def conclusion(self) -> str:
        """The verdict, and what it does not cover."""
        skipped = [part for each in self.signatures for part in each.skipped]
        vague = [part for each in self.signatures for part in each.vague]
        text: str = self.verdict
        if skipped and self.verdict != "different":
            whole = sum(each.status == "same" and not each.skipped for each in self.signatures)
            ran = f"{whole} of {len(self.signatures)} signatures"
            is_equivalent = self.verdict == "equivalent"
            text += f" for what ran: {ran}" if is_equivalent else f"; the same for what ran: {ran}"
        if skipped:
            text += f"; not compared: {'; '.join(skipped)}"
        if vague:
            text += f"; little was seen of {'; '.join(vague)}"
        return text

    @property
    def exit_code(self) -> int:
        """The exit code of the command line: 0, 1 if different, 4 if not verified."""
        return _EXIT_CODES[self.verdict]

    def __str__(self) -> str:
        return visible_lines(self.lines())

    def __repr__(self) -> str:
        return f"<VerifyReport {self.verdict}: {str(self.old)!r} → {str(self.new)!r}>"

    def _repr_html_(self) -> str:
        from sigpb import html_text

        rows = (
            (
                tag_set_text(each.tags),
                each.old if each.new == each.old else f"{each.old} → {each.new}",
                loader.loader,
                html_text.Cell(loader.status, _TINTS[loader.status]),
                "\n".join(_found(loader)),
            )
            for each in self.signatures
            for loader in each.loaders
        )
        titles = ("MetaGraph", "signature", "loader", "status", "found")
        return html_text.document(
            html_text.lines(f"{self.old} → {self.new}", *self.problems),
            html_text.table(titles, rows) if self.signatures else "",
            html_text.heading(self.conclusion),
        )

    def lines(self) -> Iterator[str]:
        """Yields the report line by line."""
        yield f"{self.old} → {self.new}"
        yield from (f"  {note}" for note in self.notes)
        yield from (f"  {problem}" for problem in self.problems)
        several = len({each.tags for each in self.signatures}) > 1
        for each in self.signatures:
            where = f"MetaGraph {tag_set_text(each.tags)}, " if several else ""
            renamed = f" → {each.new!r}" if each.new != each.old else ""
            yield f"  {where}signature {each.old!r}{renamed}"
            if each.in_turn:
                names = (Path(path).name for path in each.in_turn)
                yield f"    compared with what {' → '.join(names)} return, run one after the other"
            for loader in each.loaders:
                yield from (f"    {line}" for line in _loader_lines(loader))
        if not self.signatures:
            yield "  there is no signature to run"
        if self.confinement:
            yield f"  {self.confinement}"
        yield self.conclusion

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON values."""
        return {
            "verdict": self.verdict,
            "conclusion": self.conclusion,
            "old": str(self.old),
            "new": str(self.new),
            "notes": list(self.notes),
            "problems": list(self.problems),
            "confinement": self.confinement and dataclasses.asdict(self.confinement),
            "signatures": [
                {
                    "tags": list(each.tags),
                    "old": each.old,
                    "new": each.new,
                    "status": each.status,
                    "concerned": each.concerned,
                    "in_turn": list(each.in_turn),
                    "loaders": [dataclasses.asdict(loader) for loader in each.loaders],
                }
                for each in self.signatures
            ],
        }


class NotEquivalent(SigpbError):
    """A patched model does not do what the patch says, or whether it does could not be determined.

    Attributes:
        report: What was found. Nothing was published.
    """

    def __init__(self, report: VerifyReport) -> None:
        self.report = report
        self.exit_code = report.exit_code
        super().__init__(report)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the report, and what became of the model."""
        return (*self.report.lines(), "Nothing was changed.")


def _loader_lines(loader: LoaderReport) -> Iterator[str]:
    sizes = ", ".join(map(str, loader.batch_sizes))
    batches = f" (batch size{'s'[: len(loader.batch_sizes) > 1]} {sizes})" if sizes else ""
    yield f"{loader.loader}: {loader.status}{batches}"
    yield from (f"  {line}" for line in _found(loader))


def _found(loader: LoaderReport) -> Iterator[str]:
    yield from loader.problems
    for output in loader.outputs:
        renamed = f" → {output.new!r}" if output.new != output.old else ""
        detail = f": {output.difference}" if output.difference else ""
        yield f"output {output.old!r}{renamed} {output.status}{detail}"

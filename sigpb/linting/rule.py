"""What every rule is, what rules find, and what their fixes make of a model in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from sigpb import protos
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.linting.linted_model import LintedModel
from sigpb.patching.apply import text_of
from sigpb.patching.compile import compile_patch
from sigpb.publishing.changes import Changes, Content
from sigpb.rewrite.commit import commit
from sigpb.saved_model import fingerprint as fingerprints
from sigpb.saved_model.model import SavedModel, parse
from sigpb.visible_text import visible
from sigpb.wire import Edits, assemble

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, repr=False)
class Finding:
    """Something that is wrong with a model, or may surprise.

    Attributes:
        rule: The id of the rule that found it.
        severity: An ``error`` makes a loader or a server fail, or return wrong values; a
            ``warning`` does so for some of them; an ``info`` is good to know.
        message: What is wrong, in whole sentences.
        where: The part of the model that it is about; empty for the model as a whole.
        fix: What ``--fix`` does about it; None if it does nothing.
    """

    rule: str
    severity: Severity
    message: str
    where: str
    fix: str | None = None

    def __repr__(self) -> str:
        where = f": {visible(self.where)}" if self.where else ""
        return f"<Finding {self.severity} {self.rule}{where}>"


class LintRule(ABC):
    """Something that a model should be.

    Attributes:
        id: Names the rule in reports and on the command line.
        severity: How severe its findings usually are.
        explanation: What it is about, and why it matters; ends like a sentence.
        remedy: What to do about a finding, besides `fixes`; ends like a sentence.
        example: A finding: where, if it is not about the model as a whole, and the message.
        fixes: The ways to fix what it finds, by their names. If there are several, the user has to
            choose one.
        is_decisive: Whether a model in which it finds something can be read by nobody, so that
            the other rules are not asked.
    """

    id: ClassVar[str]
    severity: ClassVar[Severity]
    explanation: ClassVar[str]
    remedy: ClassVar[str]
    example: ClassVar[str]
    fixes: ClassVar[Mapping[str, str]] = {}
    is_decisive: ClassVar[bool] = False

    @abstractmethod
    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Yields what the rule finds in a model.

        Raises:
            ModelUnreadable: If a part of the model is damaged.
        """

    def fix(self, fixing: Fixing, way: str) -> None:  # noqa: B027 (most rules have no fix)
        """Fixes what was found where its `Finding.fix` says so.

        Args:
            fixing: The model, and what becomes of it.
            way: One of `fixes`.

        Raises:
            PatchError: If it cannot be fixed in this way.
        """

    def fix_commands(self) -> dict[str, str]:
        """Returns what fixes findings, behind ``sigpb lint MODEL``, and what that does."""
        if len(self.fixes) == 1:
            return {"--fix": next(iter(self.fixes.values()))}
        return {f"--fix --choose={self.id}={way}": what for way, what in self.fixes.items()}

    def finding(
        self, message: str, where: str = "", *, severity: Severity | None = None, fix: str = ""
    ) -> Finding:
        """Returns a finding of this rule."""
        return Finding(self.id, severity or self.severity, message, where, fix or None)


class Fixing:
    """The work of fixing a model.

    Attributes:
        model: The model with what was fixed so far; its proto is in memory then.
        leftovers: Files and directories to remove once everything else is written.
        fingerprint: Whether there is to be a fingerprint that fits, also if there is none now.
    """

    def __init__(self, model: SavedModel) -> None:
        self._original = self.model = model
        self._files: dict[str, Content | None] = {}
        self.leftovers: list[Path] = []
        self.fingerprint = False

    def rewrite(self, edits: Edits) -> None:
        """Carries out edits of the proto."""
        model = self.model
        self.model = SavedModel(model.file, model.state, assemble(edits.pieces(), model.buffer))

    def patch(self, patch: protos.SavedModelPatch) -> None:
        """Does what a patch says.

        Raises:
            PatchError: If it does not fit the model.
        """
        edits = Edits(self.model.buffer)
        for interfaces in compile_patch(self.model, patch).interfaces.values():
            commit(interfaces, edits)
        self.rewrite(edits)

    def remove(self, name: str) -> None:
        """Removes a file, given by its path in the model."""
        self._files[name] = None

    def changes(self) -> Changes:
        """Returns the new content of every file that changes.

        Raises:
            PatchError: If the fixed model cannot be fingerprinted.
        """
        main = self.model.file.name
        if main in self._files:
            return {main: None}  # Everything else that was fixed was about this file.
        changes = dict(self._files)
        if self.model is not self._original:
            changes[main] = self._main()
        has_fingerprint = (self.model.directory / fingerprints.FILE_NAME).exists()
        if self.fingerprint or (has_fingerprint and main in changes):
            try:
                new = fingerprint_of(self.model)
            except fingerprints.FingerprintError as error:
                raise PatchError(f"{error} To go on, remove {fingerprints.FILE_NAME}.") from error
            changes[fingerprints.FILE_NAME] = new.SerializeToString(deterministic=True)
        return changes

    def _main(self) -> bytes:
        if self.model.is_text:
            return text_of(self.model, parse(protos.SavedModel, self.model.root))
        return self.model.root.content()


def fingerprint_of(model: SavedModel) -> protos.FingerprintDef:
    """Returns the fingerprint that belongs to a model.

    What would take several times the model in memory is left out beyond
    `sigpb.saved_model.fingerprint.COMPUTE_LIMIT`.

    Raises:
        FingerprintError: If TensorFlow would refuse to make one.
    """
    file = model.directory / fingerprints.FILE_NAME
    checkpoint_index = fingerprints.read_checkpoint_index(model.directory)
    try:
        old = fingerprints.read(file) if file.exists() else protos.FingerprintDef()
    except ModelUnreadable:
        old = protos.FingerprintDef()
    if model.root.end <= fingerprints.COMPUTE_LIMIT:
        saved_model = parse(protos.SavedModel, model.root)
        return fingerprints.compute(saved_model, checkpoint_index, old.uuid)
    first = model.meta_graphs[0]
    known = protos.FingerprintDef(
        uuid=old.uuid, checkpoint_hash=fingerprints.checkpoint_hash(checkpoint_index)
    )
    graph = first.object_graph.proto if first.object_graph else None
    return fingerprints.refresh(known, first.signatures, graph, program_hash=0)

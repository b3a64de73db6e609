"""What fixes make of a model, before any of it is written."""

from __future__ import annotations

from pathlib import Path

from sigpb import protos
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.patching.apply import text_of
from sigpb.patching.compile import compile_patch
from sigpb.publishing.changes import Changes, Content
from sigpb.rewrite.commit import commit
from sigpb.saved_model import fingerprint as fingerprints
from sigpb.saved_model.model import SavedModel, parse
from sigpb.wire import Edits, assemble


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

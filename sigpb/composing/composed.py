"""A model while it is put together of parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sigpb.publishing.changes import Changes, Content
from sigpb.saved_model.model import SavedModel
from sigpb.wire import Edits, Piece, SourceRange, assemble, composed


@dataclass(frozen=True)
class Composed:
    """A model that is put together of the one in a file, and of parts of others.

    Attributes:
        model: The model as it is now: the one that was opened, or one in memory, whose file and
            directory are those of the opened one.
        pieces: What its proto is made of; the ranges are those of the opened model's buffer.
        files: What else changes in the directory of the opened model: checkpoint and assets.
    """

    model: SavedModel
    pieces: tuple[Piece, ...]
    files: Changes

    @classmethod
    def of(cls, model: SavedModel) -> Composed:
        """Returns a model as it is in its file."""
        return cls(model, (SourceRange(0, len(model.buffer)),), {})

    def edited(self, edits: Edits, files: Mapping[str, Content | None] | None = None) -> Composed:
        """Returns it with edits of its proto carried out.

        Args:
            edits: Edits of the buffer of `model`.
            files: Files that change along with them, in addition to those that change already.
        """
        changed = edits.pieces()
        proto = assemble(changed, self.model.buffer)
        return Composed(
            SavedModel(self.model.file, self.model.state, proto),
            composed(changed, self.pieces),
            {**self.files, **(files or {})},
        )

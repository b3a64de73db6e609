"""Sets the tag-set of a MetaGraph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb import protos
from sigpb.edits.edit import Edit
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.saved_model.model import MetaGraph, tag_set, tag_set_text


@dataclass(frozen=True)
class SetTags(Edit):
    """Gives a MetaGraph another tag-set; both sorted."""

    before: tuple[str, ...]
    to: tuple[str, ...]

    @classmethod
    def from_patch(cls, meta_graph: MetaGraph, patch: protos.SavedModelPatch) -> Iterator[Edit]:
        """Wanted where the patch's ``set_tags`` are not those of the MetaGraph."""
        wanted = tag_set(patch.set_tags.tag)
        if patch.HasField("set_tags") and wanted != meta_graph.tags:
            yield cls(meta_graph.tags, wanted)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the tags."""
        draft.tags = self.to

    def describe(self) -> str:
        """Returns for instance ``tags {serve} → {gpu, serve}``."""
        return f"tags {tag_set_text(self.before)} → {tag_set_text(self.to)}"

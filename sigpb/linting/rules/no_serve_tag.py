"""Models that servers do not find, for want of a tag."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.linting.linted_model import SERVE, LintedModel
from sigpb.linting.rule import Finding, Fixing, LintRule
from sigpb.saved_model.model import tag_set_text

# The tags of models that are not meant to be served: TensorFlow's own
# (tensorflow/python/saved_model/tag_constants.py), and that of TensorFlow Transform.
_OTHER_PURPOSES = {"train", "eval", "transform"}
_HUB_MODULE = "tfhub_module.pb"


class NoServeTag(LintRule):
    """Finds models of which no MetaGraph is tagged ``serve``."""

    id = "no-serve-tag"
    severity = "warning"
    explanation = (
        f"TensorFlow Serving, and most tools, load the MetaGraph with the tag {SERVE!r}; without "
        "one they say that no MetaGraph matches. That is as it should be for models that are "
        "tagged for another purpose, and for modules of TensorFlow Hub, so it is only an info for "
        "these."
    )
    remedy = "'sigpb patch --set_tags=serve' sets the tags."
    example = "The tag-set is {}."
    fixes = {"add": f"gives the MetaGraph the tag {SERVE!r}"}

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at all tag-sets."""
        if model.serving_graphs:
            return
        tag_sets = [graph.meta_graph.tags for graph in model.graphs]
        intended = any(_OTHER_PURPOSES & set(tags) for tags in tag_sets)
        intended |= (model.model.directory / _HUB_MODULE).exists()
        listed = ", ".join(tag_set_text(tags) for tags in tag_sets)
        yield self.finding(
            f"The tag-set is {listed}." if len(tag_sets) == 1 else f"The tag-sets are {listed}.",
            severity="info" if intended else None,
            fix=self.fixes["add"] if tag_sets == [()] and not intended else "",
        )

    def fix(self, fixing: Fixing, way: str) -> None:
        """Tags the only MetaGraph, which has no tags."""
        fixing.patch(protos.SavedModelPatch(set_tags=protos.TagSet(tag=[SERVE])))

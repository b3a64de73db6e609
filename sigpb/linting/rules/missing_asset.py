"""Files that the graph reads when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.file_names import DIRECTORY, assets_of
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule


class MissingAsset(LintRule):
    """Finds assets that the model lists and that are not there."""

    id = "missing-asset"
    severity = "error"
    explanation = (
        "The model lists a file in 'assets', such as a vocabulary, that is not there. Loaders fail "
        "when they fill the lookup table from it."
    )
    remedy = "Copy the directory again, whole, from where the model was exported to."
    example = "assets/bonus.txt: This asset is not there."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks for each file once."""
        directory = model.model.directory / DIRECTORY
        seen = set()
        for graph in model.graphs:
            for asset in assets_of(graph.meta_graph.message):
                name = asset.filename
                if name not in seen and not (directory / name).exists():
                    yield self.finding("This asset is not there.", f"{DIRECTORY}/{name}")
                seen.add(name)

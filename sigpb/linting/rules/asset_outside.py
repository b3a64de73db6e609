"""Assets that are files outside of the model."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.file_names import DIRECTORY, assets_of, leads_out
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, LintRule


class AssetOutside(LintRule):
    """Finds assets whose names lead out of the directory of assets."""

    id = "asset-outside"
    severity = "error"
    explanation = (
        "The model lists an asset by a path that leads out of its directory 'assets'. Loaders hand "
        "that path to the graph, which reads the file: whoever made the model decides which file "
        "of the machine that is. TensorFlow writes no such names."
    )
    remedy = (
        "Do not serve the model before you know where it comes from. Export it again, with the "
        "file among its assets."
    )
    example = (
        "asset_file_def: The asset '../../etc/passwd' is not in the directory 'assets' of the "
        "model."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks at each asset of each MetaGraph."""
        for graph in model.graphs:
            for name in dict.fromkeys(
                asset.filename for asset in assets_of(graph.meta_graph.message) if leads_out(asset)
            ):
                where = [graph.where()] if graph.where() else []
                yield self.finding(
                    f"The asset {name!r} is not in the directory {DIRECTORY!r} of the model.",
                    ", ".join([*where, "asset_file_def"]),
                )

"""Refusing to run models that reach outside of themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sigpb.errors import UnsafeModel
from sigpb.lint.file_names import assets_of, leads_out
from sigpb.lint.linted_model import LintedModel
from sigpb.lint.outside import outside_nodes
from sigpb.lint.policy import EMPTY_POLICY
from sigpb.saved_model.model import SavedModel


def refuse_unsafe(models: Sequence[SavedModel], allowed: Collection[str]) -> None:
    """Makes sure that models can be run: they have no ops that touch what is not theirs.

    Args:
        models: The models.
        allowed: The names of ops that they may have.

    Raises:
        UnsafeModel: They have others, or read assets that are no files of theirs.
    """
    problems: dict[str, None] = {}
    ops: dict[str, None] = {}
    for model in models:
        for graph in LintedModel(model, EMPTY_POLICY).graphs:
            for asset in assets_of(graph.meta_graph.message):
                if leads_out(asset):
                    problems[f"The asset {asset.filename!r} is no file of the model."] = None
            for node in outside_nodes(graph):
                if node.op not in allowed:
                    ops[node.op] = None
                    problems[f"The op {node.op} {node.does} (node {node.name!r})."] = None
    if problems:
        flag = f" --allow_ops={','.join(ops)} runs it all the same." if ops else ""
        more = f" And {len(problems) - 5} more." if len(problems) > 5 else ""
        raise UnsafeModel(
            "The model is not run: it reaches outside of itself, with your rights. "
            f"{' '.join(list(problems)[:5])}{more} Look at it with 'sigpb lint'.{flag}"
        )

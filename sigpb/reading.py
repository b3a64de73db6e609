"""The functions of `import sigpb` that look at models and change nothing.

What they return is data, printed as the command of the same name prints it, and shows itself in
notebooks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sigpb.errors import ModelUnreadable, UsageError, with_path
from sigpb.remote.at_hand import at_hand
from sigpb.saved_model.files import is_graph_file
from sigpb.saved_model.model import open_model, tag_set

if TYPE_CHECKING:
    from sigpb.comparing.difference import ModelDifference
    from sigpb.inspect.graph.view import GraphView
    from sigpb.inspect.model_summary import ModelSummary
    from sigpb.inspect.names.trace import TraceReport
    from sigpb.linting.report import LintReport


@with_path
def show(
    path: str | Path, *, tags: Sequence[str] | None = None, signature: str | None = None
) -> ModelSummary:
    """Returns what a model takes and returns: its MetaGraphs and their signatures.

    Args:
        path: The model's directory or URL.
        tags: Only the MetaGraph with exactly these tags; None for all.
        signature: Only the signature of this key; None for all.

    Raises:
        ModelUnreadable: If there is no model that can be read.
        PatchError: If there is no such MetaGraph or signature.
        UsageError: If it is the file of a graph, which has no signatures.
    """
    from sigpb.inspect.model_summary import ModelSummary, model_summary

    with at_hand(path) as found:
        if is_graph_file(found.path):
            raise UsageError(f"{path}: a graph has no signatures to show. sigpb.graph draws it.")
        with open_model(found.path) as model:
            return cast(ModelSummary, found.named(model_summary(model, _tags(tags), signature)))


@with_path
def diff(
    before: str | Path, after: str | Path, *, tags: Sequence[str] | None = None
) -> ModelDifference:
    """Returns what is different between two models.

    Args:
        before: The directory or URL of the first model.
        after: That of the second model.
        tags: Only the MetaGraphs with exactly these tags; None for all.

    Raises:
        ModelUnreadable: If there is no model that can be read.
        PatchError: If neither model has a MetaGraph with these tags.
    """
    from sigpb.comparing.compare import compare_models_at

    return compare_models_at(before, after, _tags(tags))


@with_path
def lint(
    path: str | Path,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    policy: str | Path | None = None,
) -> LintReport:
    """Finds what is wrong with models, or may surprise.

    Args:
        path: A model's directory or URL, or one with models below it.
        select: Only these rules; ``*`` stands for any text, as in ``policy-*``.
        ignore: All rules but these.
        policy: A text proto with what every model has to offer: see
            ``sigpb/proto/lint_policy.proto``.

    Raises:
        ModelUnreadable: If no model there can be read. One of several is named in the report.
        UsageError: If there is no such rule.
        PatchError: If the policy is none.
        EnvironmentFailure: If the policy cannot be read.
    """
    from sigpb.linting.policy import EMPTY_POLICY, load_policy, selected_rules
    from sigpb.linting.report import lint_all

    wanted = EMPTY_POLICY if policy is None else load_policy(policy)
    report = lint_all([path], selected_rules(wanted, select, ignore), wanted)
    if report.unreadable and not report.models:
        raise ModelUnreadable(" ".join(report.unreadable))
    return report


@with_path
def graph(
    path: str | Path,
    *,
    signature: str | None = None,
    tags: Sequence[str] | None = None,
    depth: int | None = None,
    start: str | None = None,
    end: str | None = None,
) -> GraphView:
    """Draws what is between the inputs and outputs of a signature.

    Args:
        path: The model's directory or URL, or the file of a graph.
        signature: The key of the signature; may be left out if there is one.
        tags: The tag-set of its MetaGraph; may be left out if one has the signature.
        depth: How many levels of scopes and functions to open; None for as many as can be seen at
            a glance.
        start: Only what depends on this input, or on this tensor.
        end: Only what this output, or this tensor, is computed from.

    Raises:
        ModelUnreadable: If there is no model or graph that can be read.
        PatchError: If there is no such signature or MetaGraph.
        UsageError: If there are several, or no such `start` or `end`.
    """
    from sigpb.inspect.graph.view import chosen_flow, view
    from sigpb.inspect.proto_source import open_source

    with at_hand(path) as found, open_source(found.path) as source:
        flow = chosen_flow(source, signature=signature, tags=_tags(tags), start=start, end=end)
        return view(flow, depth)


@with_path
def trace(path: str | Path, name: str, *, signature: str | None = None) -> TraceReport:
    """Finds where a tensor, node or endpoint comes from, and what refers to it.

    Args:
        path: The model's directory or URL, or the file of a graph.
        name: A node, a tensor, an argument of a function, a function, or the key of an endpoint.
            If it is several of these, all are traced.
        signature: The key of a signature, of which `name` is then an endpoint.

    Raises:
        ModelUnreadable: If there is no model or graph that can be read.
        UsageError: If there is no such name.
    """
    from sigpb.inspect.names.trace import TraceReport
    from sigpb.inspect.names.trace import trace as traces
    from sigpb.inspect.proto_source import open_source

    try:
        name.encode()
    except UnicodeEncodeError as error:  # Protobuf does not look it up.
        raise UsageError(f"{name!r} is not UTF-8 text, as all names in models are.") from error
    with at_hand(path) as found, open_source(found.path) as source:
        return TraceReport(found.named(source.file), tuple(traces(source, name, signature)))


def _tags(given: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tag_set(given)

"""The functions of `import sigpb` that only look at models.

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
from sigpb.saved_model.model import open_model, open_models, tag_set

if TYPE_CHECKING:
    from sigpb.comparing.difference import ModelDifference
    from sigpb.inspect.graph.view import GraphView
    from sigpb.inspect.model_summary import ModelSummary
    from sigpb.inspect.names.trace import TraceReport
    from sigpb.linting.report import LintReport
    from sigpb.patching.plan import PatchLike
    from sigpb.protos import SavedModelPatch
    from sigpb.verifying.report import VerifyReport


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
        signature: The key of the signature; None for ``serving_default``, or the only one.
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


@with_path
def invert(path: str | Path, patch: PatchLike) -> SavedModelPatch:
    """Returns the patch that undoes another one.

    Args:
        path: The directory or URL of the model as it is before `patch`.
        patch: The patch to undo, as for `plan`.

    Raises:
        ModelUnreadable: If there is no model that can be read.
        PatchError: With everything that is wrong with the patch, or that cannot be undone.
    """
    from sigpb.edits.edit import has_grafts
    from sigpb.patching.apply import check
    from sigpb.patching.compile import compile_patch
    from sigpb.patching.expand import label_files
    from sigpb.patching.given_patch import patch_of
    from sigpb.patching.invert import invert as inverse

    wanted = patch_of(patch)
    files, composed = tuple(label_files(wanted)), has_grafts(wanted)
    with (
        at_hand(path, also=files, composed=composed) as found,
        open_model(found.path) as model,
    ):
        made = compile_patch(model, wanted)
        check(made, model)
        return inverse(model, made)


@with_path
def infer(
    before: str | Path, after: str | Path, *, tags: Sequence[str] | None = None
) -> SavedModelPatch:
    """Returns the patch that gives a model the signatures of another.

    Args:
        before: The directory or URL of the model to patch.
        after: The directory or URL of the model that has the signatures wanted.
        tags: Only the MetaGraph with exactly these tags; None for all.

    Raises:
        ModelUnreadable: If there is no model that can be read.
        PatchError: If there is no such patch, with all reasons.
    """
    from sigpb.patching.infer import infer_patch

    with (
        at_hand(before) as old,
        at_hand(after) as new,
        open_models(old.path, new.path) as (first, second),
    ):
        return infer_patch(first, second, _tags(tags))


@with_path
def verify(
    old: str | Path,
    new: str | Path,
    patch: PatchLike | None = None,
    *,
    loaders: Sequence[str] = ("v1", "v2"),
    samples: str | Path | None = None,
    signature: str | None = None,
    batch_sizes: Sequence[int] = (1, 2, 5),
    rtol: float = 0.0,
    atol: float = 0.0,
    timeout: float = 600.0,
    allow_ops: Sequence[str] = (),
) -> VerifyReport:
    """Runs two models under TensorFlow, in a process of its own, and compares what they return.

    Values are compared to the bit, but for what a NaN carries. Differences of ``1e-4`` pass where
    the new model takes any number of rows and the old one only so many, and where they are gone
    without TensorFlow's optimizer of graphs: kernels and optimizer may add up in another order.

    Args:
        old: The directory or URL of a model. What is in a store is fetched whole.
        new: The directory or URL of the model that it became.
        patch: What was changed, as for `plan`; values are converted by it. Without it nothing was,
            or, where the signatures differ, what they differ in.
        loaders: ``v1`` for ``tf.compat.v1.saved_model.load``, ``v2`` for ``tf.saved_model.load``.
        samples: A file of ``numpy.savez`` with values for inputs, by the keys of the new model, or
            by ``signature/input``. Values for all others are made up.
        signature: The key of the only signature to compare, in the new model.
        batch_sizes: The numbers of rows to feed where that is open.
        rtol: How much floating-point numbers may differ, as a fraction of their absolute value.
        atol: How much they may differ besides.
        timeout: After how many seconds to give up.
        allow_ops: The ops that the models may have, though they touch files, other machines or
            code.

    Raises:
        UsageError: If an argument makes no sense.
        UnsafeModel: If a model has such ops that are not allowed. It is not run then.
        ModelUnreadable: If there is no model that can be read.
        PatchError: With everything that is wrong with the patch for the old model.
        EnvironmentFailure: If there is no TensorFlow, it takes too long, or it crashes.
    """
    from sigpb.patching.compile import compile_patch
    from sigpb.patching.given_patch import patch_of
    from sigpb.verifying.comparison import Tolerance
    from sigpb.verifying.from_plan import mapping_of
    from sigpb.verifying.verify import Options
    from sigpb.verifying.verify import verify as compare

    options = Options(
        loaders=loaders,
        batch_sizes=batch_sizes,
        tolerance=Tolerance(rtol, atol),
        samples=None if samples is None else Path(samples),
        signature=signature,
        timeout=timeout,
        allow_ops=allow_ops,
    )
    options.check()
    wanted = None if patch is None else patch_of(patch)
    with at_hand(old, whole=True) as first, at_hand(new, whole=True) as second:
        with open_models(first.path, second.path) as (before, after):
            mapping = None if wanted is None else mapping_of(before, compile_patch(before, wanted))
            report = compare(before, after, mapping, options)
        return report.named(first.name, second.name, (*first.told, *second.told))


def _tags(given: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tag_set(given)

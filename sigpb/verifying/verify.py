"""Verifying that one model does what another does: what the model states, then what it computes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sigpb import protos
from sigpb.errors import MOST_LISTED, UnsafeModel, UsageError, did_you_mean
from sigpb.linting.file_names import assets_of, leads_out
from sigpb.linting.linted_model import LintedModel
from sigpb.linting.op_search import findable_ops, outside_nodes
from sigpb.linting.policy import EMPTY_POLICY
from sigpb.patching.compile import compile_patch
from sigpb.patching.infer import infer_patch
from sigpb.patching.plan import Plan
from sigpb.phases import phase
from sigpb.publishing.changes import Changes
from sigpb.publishing.staged import staged
from sigpb.rewrite.port import Side
from sigpb.saved_model.model import MetaGraph, SavedModel, open_model, tag_set_text
from sigpb.tf.tensor_types import TensorType, declared_type, dtype_of, shape_of, type_text
from sigpb.verifying.child import Request
from sigpb.verifying.comparison import EXACT, Tolerance
from sigpb.verifying.from_plan import identity_mapping, mapping_of
from sigpb.verifying.mapping import MetaGraphMapping, ModelMapping
from sigpb.verifying.process import ask
from sigpb.verifying.report import NotEquivalent, VerifyReport
from sigpb.visible_text import natural

LOADERS = ("v1", "v2")
"""The names of the loaders: ``tf.compat.v1.saved_model.load`` and ``tf.saved_model.load``."""

BATCH_SIZES = (1, 2, 5)

TIMEOUT = 600.0
"""In seconds."""

_LONGEST = 1e6


@dataclass(frozen=True)
class Options:
    """How to compare two models.

    Attributes:
        loaders: The names of the loaders to run them under.
        batch_sizes: The numbers of rows to feed where that is open.
        tolerance: How much results may differ.
        samples: A file of values to feed; None to make all up.
        signature: The key of the only signature to compare, in the new model; None for all.
        timeout: After how many seconds to give up.
        allow_ops: The ops that may touch files, other machines or code.
    """

    loaders: Sequence[str] = LOADERS
    batch_sizes: Sequence[int] = BATCH_SIZES
    tolerance: Tolerance = EXACT
    samples: Path | None = None
    signature: str | None = None
    timeout: float = TIMEOUT
    allow_ops: Sequence[str] = ()

    def check(self) -> None:
        """Makes sure that the options make sense.

        Raises:
            UsageError: An option makes no sense.
        """
        for loader in self.loaders:
            if loader not in LOADERS:
                raise UsageError(f"There is no loader {loader!r}; {did_you_mean(loader, LOADERS)}.")
        if not self.loaders:
            raise UsageError("Name a loader: v1, v2 or both.")
        if not self.batch_sizes or min(self.batch_sizes) < 1:
            raise UsageError("Batch sizes are numbers from 1 on.")
        ops = findable_ops()
        for op in self.allow_ops:
            if op not in ops:
                raise UsageError(f"No op {op!r} would be refused; {did_you_mean(op, ops)}.")
        if not 0 < self.timeout <= _LONGEST:
            raise UsageError(f"The time limit has to be more than 0 seconds, up to {_LONGEST:g}.")
        if not all(0 <= each < math.inf for each in (self.tolerance.rtol, self.tolerance.atol)):
            raise UsageError("Tolerances are finite numbers from 0 on.")


@phase("verify")
def verify(
    old: SavedModel, new: SavedModel, mapping: ModelMapping | None, options: Options
) -> VerifyReport:
    """Compares two models under TensorFlow.

    Args:
        old: The model as it was.
        new: The model as it is.
        mapping: What the signatures of the one are in the other. None if they are to be what they
            were; where they are not, what the two models differ in says what was changed.
        options: How.

    Raises:
        UsageError: If there is no such signature.
        UnsafeModel: If a model has ops that reach outside of it, and are not allowed.
        PatchError: If no patch makes the signatures of the one those of the other.
        EnvironmentFailure: If there is no TensorFlow, it takes too long, or it crashes.
    """
    options.check()
    with contextlib.ExitStack() as stack:
        adapters = {} if mapping is None else dict.fromkeys(mapping.adapters)
        others = [stack.enter_context(open_model(each)) for each in adapters]
        refuse_unsafe((old, new, *others), options.allow_ops)
    whole = identity_mapping(old) if mapping is None else mapping
    problems = tuple(misstated_signatures(whole, new))
    if mapping is None:
        if problems:
            whole = mapping_of(old, compile_patch(old, infer_patch(old, new)))
            problems = (*misstated_signatures(whole, new), *_narrowed(whole, old))
        # Without a patch there is nothing that is not concerned.
        whole = whole.with_signatures(lambda each: [replace(each, concerned=True)])
    wanted = whole if options.signature is None else _only(whole, options.signature)
    reports, confinement = ask(
        Request(
            str(old.directory.absolute()),
            str(new.directory.absolute()),
            wanted,
            tuple(dict.fromkeys(options.loaders)),
            tuple(dict.fromkeys(options.batch_sizes)),
            options.tolerance,
            None if options.samples is None else str(options.samples.absolute()),
            options.timeout,
        )
    )
    return VerifyReport(old.directory, new.directory, problems, reports, confinement)


def _narrowed(mapping: ModelMapping, old: SavedModel) -> Iterator[str]:
    """Yields a sentence for each input that took any number of rows and takes a fixed one now."""
    graphs = {graph.tags: graph for graph in old.meta_graphs}
    for graph in mapping.meta_graphs:
        for signature in graph.signatures:
            if signature.fed is not None:  # The old model does not have it.
                continue
            infos = graphs[graph.old_tags].signatures[signature.old].inputs
            for each in signature.inputs:
                if each.old is None:
                    continue
                taken, now = shape_of(infos[each.old].tensor_shape), each.declared.shape
                if each.new is not None and taken and now and taken[0] is None and now[0]:
                    yield (
                        f"signature {signature.new!r}: input {each.new!r} took any number of rows, "
                        f"and takes {now[0]} now; if that is wanted, say so with a patch."
                    )


def _only(mapping: ModelMapping, key: str) -> ModelMapping:
    keys = {each.new for graph in mapping.meta_graphs for each in graph.signatures}
    if key not in keys:
        known = did_you_mean(key, keys, most=MOST_LISTED, listed_by="sigpb show")
        raise UsageError(f"There is no signature {key!r}; {known}.")
    return mapping.with_signatures(lambda each: [each] if each.new == key else [])


def misstated_signatures(wanted: ModelMapping, model: SavedModel) -> Iterator[str]:
    """Yields a sentence for each thing that a model's signatures state and a mapping does not.

    Args:
        wanted: The mapping; what it says of the new model is what the signatures are to state.
        model: The new model.
    """
    graphs = {graph.tags: graph for graph in model.meta_graphs}
    several = len(graphs) > 1
    for each in wanted.meta_graphs:
        where = f"MetaGraph {tag_set_text(each.new_tags)}: " if several else ""
        if each.new_tags in graphs:
            found = _in_meta_graph(each, graphs.pop(each.new_tags))
            yield from (where + problem for problem in found)
        else:
            yield f"there is no MetaGraph {tag_set_text(each.new_tags)}."
    for tags in graphs:
        yield f"there is a MetaGraph {tag_set_text(tags)}, which is not expected."


def _in_meta_graph(wanted: MetaGraphMapping, graph: MetaGraph) -> Iterator[str]:
    signatures = {key: graph.signatures[key] for key in graph.user_signatures}
    for each in wanted.signatures:
        if each.new not in signatures:
            yield f"there is no signature {each.new!r}; {did_you_mean(each.new, signatures)}."
            continue
        if each.incomparable:
            continue
        signature = signatures[each.new]
        inputs = {end.new: end.declared for end in each.inputs if end.new is not None}
        if each.examples is not None:
            inputs = {each.examples: TensorType(dtype_of("string"), (None,))}
        outputs = {end.new: end.declared for end in each.outputs}
        outputs |= {added.new: added.declared for added in each.added}
        problems = (
            *_in_signature("input", inputs, signature.inputs),
            *_in_signature("output", outputs, signature.outputs),
        )
        yield from (f"signature {each.new!r}: {problem}" for problem in problems)
    for key in sorted(set(signatures) - {each.new for each in wanted.signatures}, key=natural):
        yield f"there is a signature {key!r}, which is not expected."


def _in_signature(
    side: Side, expected: Mapping[str, TensorType], infos: Mapping[str, protos.TensorInfo]
) -> Iterator[str]:
    for key in sorted(expected, key=natural):
        type_ = expected[key]
        if key not in infos:
            yield f"there is no {side} {key!r}; {did_you_mean(key, infos)}."
        elif type_ != (now := declared_type(infos[key])):
            yield f"{side} {key!r} is {type_text(now)}, and {type_text(type_)} is expected."
    for key in sorted(set(infos) - set(expected), key=natural):
        yield f"there is an {side} {key!r}, which is not expected."


def refuse_unsafe(models: Sequence[SavedModel], allowed: Collection[str]) -> None:
    """Makes sure that models can be run: they have no ops that touch what is not theirs.

    Args:
        models: The models.
        allowed: The names of ops that they may have.

    Raises:
        UnsafeModel: They have other such ops, or read assets that are no files of theirs.
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
            f"{' '.join(list(problems)[:5])}{more} Look at it with 'sigpb lint'.{flag}",
            ops,
        )


@phase("verify")
def verify_changes(
    model: SavedModel, plan: Plan, changes: Changes, options: Options, output: Path
) -> VerifyReport:
    """Compares a model with what changes make of it.

    Args:
        model: The model as it is.
        plan: The plan that the changes carry out.
        changes: The new content of its files.
        options: How to compare them.
        output: Where it is going to be, for the report.

    Raises:
        UnsafeModel: If it has ops that reach outside of it, and are not allowed.
        EnvironmentFailure: If TensorFlow cannot run it.
        NotEquivalent: If it does not do what it did.
    """
    with staged(model.directory, changes) as stage, open_model(stage) as patched:
        report = verify(model, patched, mapping_of(model, plan), options)
    report = replace(report, new=output)
    if report.verdict != "equivalent":
        raise NotEquivalent(report)
    return report

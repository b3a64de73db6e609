"""Carries out a plan: from edits to the new content of the model's files."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.patching import side_files
from sigpb.patching.invert import inverse_of
from sigpb.patching.plan import Plan, asks_for_whole_graphs, not_checked
from sigpb.patching.side_files import FingerprintMode, WarmupMode
from sigpb.phases import phase
from sigpb.publishing.changes import Changes, Content, SplicedFile, check_size
from sigpb.regular_files import read_regular
from sigpb.rewrite.commit import Committed, commit
from sigpb.saved_model.model import SavedModel
from sigpb.tf.tensor_names import full
from sigpb.tf.tensor_types import parse_shape, shape_of, shape_text
from sigpb.wire import Edits, assemble


@phase("edit")
def changes_of(
    plan: Plan,
    model: SavedModel,
    *,
    fingerprint: FingerprintMode = "recompute",
    warmup: WarmupMode = "rewrite",
    history: bool = True,
) -> tuple[Changes, tuple[str, ...]]:
    """Returns the new content of every file that a plan changes, and notes on what was done to it.

    Args:
        plan: A plan for `model`.
        model: The model as it is.
        fingerprint: What becomes of a ``fingerprint.pb``.
        warmup: What becomes of warm-up requests for what the plan changes.
        history: Whether to record the patch.

    Raises:
        PatchError: If the graph is in the way of a change, if warm-up requests cannot follow, if
            the changed model cannot be fingerprinted, or if its proto would be too large.
    """
    if plan.is_empty:
        return {}, ()
    interfaces = {each.index: plan.interfaces[each.index] for each in plan.meta_graphs}
    signed = made = plan.commit(model)
    _hold_to(plan.patch, [made.committed[index] for index in interfaces])
    if asks_for_whole_graphs(plan.patch):
        from sigpb.patching.whole_graph import carried_out

        made = carried_out(plan, model, made)
    pieces, committed, files = made
    main: Content = SplicedFile(pieces, model.file)
    if model.is_text:
        patched = protos.SavedModel.FromString(assemble(pieces, model.buffer))
        main = text_of(model, patched)
    requests, notes = side_files.warmup(model, interfaces, committed, warmup)
    views = committed.values()
    unchecked = dict.fromkeys(clause for each in views for clause in each.unchecked)
    warnings = (f"warning: {sentence}" for each in views for sentence in each.warnings)
    notes = (*warnings, *map(not_checked, unchecked), *notes)
    changes: dict[str, Content | None] = {
        model.file.name: main,
        **files,
        **side_files.fingerprint(model, pieces, committed, fingerprint, files),
        **requests,
    }
    check_size(changes)
    if history:
        changes |= side_files.history(model, plan, changes, views, inverse_of(plan, signed))
    return changes, notes


@phase("check")
def check(plan: Plan, model: SavedModel) -> Plan:
    """Makes sure that the graphs of a model allow what a plan says.

    Returns:
        The plan, with the warnings that the graphs call for, and what of it is not known.

    Raises:
        PatchError: With all that is in the way.
    """
    meta_graphs = []
    for each in plan.meta_graphs:
        interfaces = plan.interfaces[each.index]
        if any(signature.converted for signature in interfaces.kept()):
            committed = commit(interfaces, Edits(plan.ground_of(model).buffer))
            _hold_to(plan.patch, [committed])
            each = replace(
                each,
                warnings=each.warnings + committed.warnings,
                unchecked=each.unchecked + committed.unchecked,
            )
        meta_graphs.append(each)
    return replace(plan, meta_graphs=tuple(meta_graphs))


def _hold_to(patch: protos.SavedModelPatch, committed: Iterable[Committed]) -> None:
    """Makes sure that endpoints are of the shapes, and the tensors, that a patch states.

    One that is of its shape already can be given another one by the batch size of the same patch.
    One that has its name already can lose it when other values are to pass.

    Raises:
        PatchError: If some are not.
    """
    problems = []
    for graph, signature in itertools.product(committed, patch.signature):
        after = graph.signature_defs.get(signature.rename_to or signature.key)
        if after is None:
            continue
        for infos, ends in ((after.inputs, signature.input), (after.outputs, signature.output)):
            for end in ends:
                info = infos.get(end.rename_to or end.key)
                if info is not None and end.node_name and info.name != full(end.node_name):
                    problems.append(
                        f"signature {signature.key!r}: {end.key!r} would be the tensor "
                        f"{info.name!r}, and not {full(end.node_name)!r}; name it in a patch of "
                        "its own."
                    )
                if info is None or not end.HasField("shape"):
                    continue
                if (shape := shape_of(info.tensor_shape)) != parse_shape(end.shape):
                    problems.append(
                        f"signature {signature.key!r}: {end.key!r} would be of the shape "
                        f"{shape_text(shape)}, because the batch size of the patch is another one, "
                        f"and not {end.shape} as the patch states too."
                    )
    if problems:
        raise PatchError(problems)


def text_of(model: SavedModel, patched: protos.SavedModel) -> bytes:
    """Returns a patched model as text, with the contents of an ``Any`` spelled out if they were."""
    from google.protobuf import descriptor_pool, text_format

    spelled_out = b"[type.googleapis.com/" in read_regular(model.file)
    pool = protos.POOL if spelled_out else descriptor_pool.DescriptorPool()
    return text_format.MessageToString(patched, as_utf8=True, descriptor_pool=pool).encode()

"""Carries out what a patch asks of MetaGraphs as wholes.

What that comes to is found out from a MetaGraph as the edits of its signatures leave it. So there
are two rounds: the pieces of the second one are made of those of the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.patching.graph_edits import (
    ClearDevices,
    DropMetaGraph,
    GraphEdit,
    Prune,
    SetDevice,
    StripDefaultAttrs,
)
from sigpb.patching.plan import MetaGraphPlan, Plan
from sigpb.rewrite.commit import CommittedModel
from sigpb.rewrite.draft import MetaGraphDraft, interfaces_of
from sigpb.rewrite.whole_graph.default_attributes import DefaultAttributes
from sigpb.rewrite.whole_graph.prune import Pruned
from sigpb.rewrite.whole_graph.rewrite import Done, Wanted, rewrite
from sigpb.saved_model.model import MetaGraph, SavedModel, parse, tag_set_text
from sigpb.wire import Edits, Piece, SourceRange, assemble, composed

_GRAPH = protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER
_VERSIONS = protos.GraphDef.VERSIONS_FIELD_NUMBER


def carried_out(plan: Plan, model: SavedModel, signed: CommittedModel) -> CommittedModel:
    """Does to MetaGraphs as wholes what a plan says.

    Args:
        plan: The plan.
        model: The model that was opened.
        signed: What it is to be but for that.

    Returns:
        What it is to be. MetaGraphs that are dropped are missing.
    """
    stage, committed = _in_between(model, signed.pieces), dict(signed.committed)
    edits = Edits(stage.buffer)
    for index in _changed(plan):
        graph = stage.meta_graphs[index]
        if plan.patch.drop:
            edits.delete(stage.root, graph.message.enclosing[-1])
            del committed[index]
            continue
        done = rewrite(graph, _wanted(plan.patch), edits)
        after = done.pruned.object_graph if done.pruned else None
        committed[index] = committed[index]._replace(
            object_graph=after or committed[index].object_graph, is_rewritten=True
        )
    pieces = edits.pieces()
    if stage is not model:
        pieces = composed(pieces, signed.pieces)
    return CommittedModel(pieces, committed, signed.files)


def _in_between(model: SavedModel, pieces: Sequence[Piece]) -> SavedModel:
    """Returns a model as its signatures are to be: in memory, unless that is as it is."""
    if pieces == (SourceRange(0, len(model.buffer)),):
        return model
    return SavedModel(model.file, model.state, assemble(pieces, model.buffer))


def _changed(plan: Plan) -> list[int]:
    """Returns the positions of the MetaGraphs of which a plan changes more than signatures."""
    return [
        each.index
        for each in plan.meta_graphs
        if any(isinstance(edit, GraphEdit) for edit in each.edits)
    ]


def with_graph_edits(plan: Plan, model: SavedModel, selected: Collection[int]) -> Plan:
    """Returns a plan with the edits of MetaGraphs as wholes that its patch asks for.

    Args:
        plan: A plan of edits of signatures.
        model: The model.
        selected: The positions of the MetaGraphs that the patch is for.

    Raises:
        PatchError: If no MetaGraph would be left, or pruning would leave one empty.
    """
    if plan.patch.drop and len(selected) == len(model.meta_graphs):
        raise PatchError(
            f"MetaGraph {tag_set_text(model.meta_graphs[0].tags)} is the last one, and nothing "
            "loads a SavedModel without a MetaGraph; remove the directory instead."
        )
    stage = _in_between(model, plan.commit(model).pieces)
    plans = {each.index: each for each in plan.meta_graphs}
    interfaces = dict(plan.interfaces)
    for index in selected:
        before = plan.ground_of(model).meta_graphs[index]
        edits = tuple(_edits_of(stage.meta_graphs[index], plan.patch))
        if edits:
            made = plans.get(index) or MetaGraphPlan(index, before.tags, (), ())
            plans[index] = replace(
                made,
                edits=made.edits + edits,
                warnings=made.warnings + tuple(text for edit in edits for text in edit.warnings()),
            )
            interfaces.setdefault(index, interfaces_of(MetaGraphDraft.of(before)))
    ordered = tuple(plans[index] for index in sorted(plans))
    return replace(plan, meta_graphs=ordered, interfaces=interfaces)


def _edits_of(graph: MetaGraph, patch: protos.SavedModelPatch) -> Iterator[GraphEdit]:
    """Yields what a patch comes to for a MetaGraph whose signatures are as they are to be."""
    if patch.drop:
        yield DropMetaGraph(graph.tags, graph.message.end - graph.message.start)
        return
    if patch.prune and not graph.user_signatures and not graph.has_object_graph:
        raise PatchError(
            f"MetaGraph {tag_set_text(graph.tags)} has no signature, so that pruning it would "
            "leave nothing to run; create a signature in the same patch, or select another "
            "MetaGraph with tags."
        )
    done = rewrite(graph, _wanted(patch), Edits(graph.message.buffer))
    if done.pruned:
        yield _prune(done, done.pruned)
    if done.devices and done.devices.before:
        before = tuple(sorted(done.devices.before.items()))
        if patch.HasField("set_device"):
            yield SetDevice(patch.set_device, before)
        else:
            yield ClearDevices(before)
    if done.defaults and (done.defaults.stripped or not done.says_stripped):
        yield _strip(done.defaults, graph)


def _wanted(patch: protos.SavedModelPatch) -> Wanted:
    device = patch.set_device if patch.HasField("set_device") else None
    return Wanted("" if patch.clear_devices else device, patch.strip_default_attrs, patch.prune)


def _prune(done: Done, pruned: Pruned) -> Prune:
    return Prune(
        len(pruned.nodes),
        len(pruned.functions),
        len(pruned.objects),
        pruned.collected,
        tuple(sorted(pruned.ops)),
        done.saved,
    )


def _strip(defaults: DefaultAttributes, graph: MetaGraph) -> StripDefaultAttrs:
    versions = graph.message.find(_GRAPH, _VERSIONS)
    stated = parse(protos.VersionDef, versions) if versions else protos.VersionDef()
    return StripDefaultAttrs(
        defaults.stripped,
        defaults.nodes,
        defaults.needs.oldest(),
        defaults.needs.foreign(),
        graph.tensorflow_version,
        stated.producer,
        stated.min_consumer,
    )

"""The adapters of a patch: put before and after signatures first, and taken out last.

So what else the patch says of a signature is about the keys that it has with them, and the patch
that undoes another one goes its way back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from sigpb import protos
from sigpb.composing.adapters import adapter_at, chosen
from sigpb.composing.composed import Composed
from sigpb.composing.fit import Pair
from sigpb.composing.graft import Asked, Grafted, grafted
from sigpb.composing.ungraft import ungrafted
from sigpb.composing.way_back import WayBack, way_back
from sigpb.edits import Edit
from sigpb.errors import ModelUnreadable, PatchError, did_you_mean
from sigpb.patching.graft_edits import PutAdapter, TakeOutAdapter
from sigpb.patching.model_steps import model_steps
from sigpb.patching.plan import Ground, MetaGraphPlan, Plan
from sigpb.rewrite.commit import CommittedModel, unchanged
from sigpb.rewrite.draft import MetaGraphDraft, interfaces_of
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import SignatureRef
from sigpb.saved_model import history as histories
from sigpb.saved_model.files import sha256_of
from sigpb.saved_model.grafts import Graft, Position, grafts
from sigpb.saved_model.model import MetaGraph, SavedModel, tag_set
from sigpb.wire import assemble, sha256


class WithGrafts(NamedTuple):
    """A model with the adapters of a patch.

    Attributes:
        ground: The model; None if no adapter is put into it.
        edits: What was done, by the positions of MetaGraphs.
    """

    ground: Ground | None
    edits: Mapping[int, Sequence[Edit]]


def with_grafts(
    model: SavedModel, patch: protos.SavedModelPatch, targets: Mapping[int, Mapping[str, str]]
) -> WithGrafts:
    """Returns a model with the adapters of a patch.

    Args:
        model: The model.
        patch: The patch, which names adapters by whole paths.
        targets: The signatures to patch, by the positions of their MetaGraphs: the keys that they
            have by those that the patch has for them.

    Raises:
        PatchError: With everything that is in the way.
    """
    composed, edits = Composed.of(model), defaultdict[int, list[PutAdapter]](list)
    ways_back: list[tuple[int, WayBack]] = []
    problems: dict[str, None] = {}
    for index, keys in targets.items():
        for item in patch.signature:
            if item.key not in keys:
                continue
            key = keys[item.key]
            already = [each for each in grafts(model.meta_graphs[index]) if each.signature == key]
            for position, endpoint, graft in _in_order(item):
                try:
                    graph = composed.model.meta_graphs[index]
                    asked = _asked(graph, key, position, endpoint, graft)
                    _check_new(asked, already)
                    before = composed
                    composed, made = grafted(before, index, key, asked)
                    ways_back.append((index, way_back(made.graft, index, before, composed)))
                    edits[index].append(_edit(key, asked, made))
                except (PatchError, ModelUnreadable) as error:
                    where = f"signature {item.key!r}: {position} {Path(graft.model).name!r}: "
                    texts = error.problems if isinstance(error, PatchError) else (str(error),)
                    problems |= dict.fromkeys(where + text for text in texts)
    if problems:
        raise PatchError([*problems])
    for index, put in edits.items():
        grafted_keys = frozenset(edit.signature.key for edit in put)
        composed.model.meta_graphs[index].grafted = grafted_keys
    ground = Ground(composed.model, composed.pieces, composed.files, ways_back)
    return WithGrafts(ground if ways_back else None, edits)


def _in_order(
    item: protos.SignaturePatch,
) -> Iterator[tuple[Position, str | None, protos.Graft]]:
    """Yields the adapters of a signature from those beside it to the outermost ones.

    Yields:
        Where it is, the input or output that it is a step of, and the adapter.
    """
    for graft in reversed(item.before):
        yield "before", None, graft
    for graft in item.after:
        yield "after", None, graft
    for position, endpoint, step in model_steps(item):
        yield position, endpoint, step.graft()


def _asked(
    meta_graph: MetaGraph, key: str, position: Position, endpoint: str | None, graft: protos.Graft
) -> Asked:
    """Returns which adapter is meant.

    Raises:
        PatchError: If there is no such signature, or none that goes with the endpoint.
        ModelUnreadable: If the adapter is damaged.
    """
    if endpoint is not None:
        ends = meta_graph.signatures[key]
        side, known = ("input", ends.inputs) if position == "before" else ("output", ends.outputs)
        if endpoint not in known:
            raise PatchError(
                f"the signature has no {side} {endpoint!r}; {did_you_mean(endpoint, known)}."
            )
    adapter = adapter_at(Path(graft.model))
    tags = tag_set(graft.tags.tag) if graft.HasField("tags") else None
    signature = chosen(
        adapter, tags, meta_graph.tags, graft.signature, endpoint=endpoint, freeze=graft.freeze
    )
    pairs = [Pair(getattr(pair, "from"), pair.to) for pair in graft.map]
    return Asked(signature, position, pairs)


def _check_new(asked: Asked, already: Sequence[Graft]) -> None:
    """Makes sure that a signature does not have an adapter yet.

    Without the record nothing tells whether the patch is given a second time, or a second adapter
    is meant, which values would pass twice.

    Raises:
        PatchError: If it has.
    """
    name, digest = asked.adapter.adapter.directory.name, asked.adapter.adapter.digest
    for graft in already:
        if (graft.adapter, graft.position) == (name, asked.position):
            same = "it" if graft.digest == digest else "another version of it"
            raise PatchError(
                f"the model has {same} {graft.position} this signature already, as "
                f"{graft.name!r}. Take that out first (ungraft: {graft.name!r}); to have values "
                "pass both, copy the adapter to a directory of another name."
            )


def _edit(key: str, asked: Asked, made: Grafted) -> PutAdapter:
    brought = made.brought
    return PutAdapter(
        SignatureRef(key),
        made.graft.name,
        made.graft.position,
        str(asked.adapter.adapter.directory),
        made.graft.adapter_signature,
        made.graft.digest,
        tuple((pair.output, pair.input) for pair in made.pairs),
        made.left_out,
        asked.adapter.freeze,
        brought.functions,
        brought.variables,
        brought.variable_bytes,
        brought.tables,
        brought.assets,
        brought.constants,
        brought.unknown_ops,
        asked.adapter.tags,
        asked.adapter.endpoint,
    )


def with_takings_out(
    plan: Plan,
    model: SavedModel,
    targets: Mapping[int, Mapping[str, str]],
    known: Sequence[tuple[int, WayBack]] | None,
) -> Plan:
    """Returns a plan that takes out the adapters which its patch names, once all else is done.

    Args:
        plan: A plan of all else.
        model: The model.
        targets: The signatures to patch: see `with_grafts`.
        known: How adapters are taken out, by the positions of their MetaGraphs; None for what the
            model's record says.

    Raises:
        PatchError: With everything that is in the way.
    """
    problems, taken_out = dict[str, None](), list[tuple[int, WayBack]]()
    stored = dict[str, str | Path | None]()
    plans, interfaces = {each.index: each for each in plan.meta_graphs}, dict(plan.interfaces)
    for index, keys in targets.items():
        graph = plan.ground_of(model).meta_graphs[index]
        there = {each.name: each for each in grafts(graph)}
        wanted = {
            name: item for item in plan.patch.signature if item.key in keys for name in item.ungraft
        }
        for name, item in wanted.items():
            graft = there.get(name)
            if graft is None or graft.signature not in (item.key, item.rename_to):
                problems[f"signature {item.key!r}: {_not_there(name, there)}"] = None
        edits = []
        for graft in reversed([graft for name, graft in there.items() if name in wanted]):
            ways = _recorded(model, index) if known is None else known
            way = next((way for at, way in ways if at == index and way.graft == graft), None)
            if way is None:
                problems[
                    f"{graft.name!r} cannot be taken out: no record ({histories.FILE_NAME}) says "
                    "what the model was without it. Take the model as it was."
                ] = None
                continue
            if known is None:
                problems |= dict.fromkeys(_stored_since(model, way, stored))
            taken_out.append((index, way))
            ref = SignatureRef(keys[wanted[graft.name].key])
            edits.append(TakeOutAdapter(ref, graft.name, graft.position, graft.digest))
        if edits:
            made = plans.get(index) or MetaGraphPlan(index, graph.tags, (), ())
            plans[index] = replace(made, edits=(*made.edits, *edits))
            interfaces.setdefault(index, interfaces_of(MetaGraphDraft.of(graph)))
    if problems:
        raise PatchError([*problems])
    ordered = tuple(plans[index] for index in sorted(plans))
    whole = replace(plan, meta_graphs=ordered, interfaces=interfaces, taken_out=taken_out)
    whole.commit(model)  # It finds what else is in the way.
    return whole


def _not_there(name: str, there: Mapping[str, Graft]) -> str:
    if name in there:
        return f"{name!r} is {there[name].position} {there[name].signature!r}, and not here."
    if not there:
        return f"there is no adapter {name!r}, nor any other."
    return f"there is no adapter {name!r}; {did_you_mean(name, there)}."


def _recorded(model: SavedModel, index: int) -> Iterator[tuple[int, WayBack]]:
    """Yields what the record of a model says of the adapters in a MetaGraph, the last one first."""
    for record in reversed(histories.records(model.directory)):
        entries = record.get("grafts")
        for entry in entries if isinstance(entries, list) else ():
            try:
                way = WayBack.of_json(entry)
            except ValueError:
                continue  # Somebody damaged it.
            if way.tags == model.meta_graphs[index].tags:
                yield index, way


def _stored_since(
    model: SavedModel, way: WayBack, stored: dict[str, str | Path | None]
) -> list[str]:
    """Returns the files beside the proto that are not as a graft left them.

    Args:
        model: The model.
        way: How the graft is taken out.
        stored: What files hold once the grafts that came later are out, which is brought to what
            they hold without this one: their SHA-256, the file of the model that holds the same, or
            None for no file.
    """

    def now(name: str) -> str | Path | None:
        return stored.get(name, Path(name))

    def digest(name: str) -> str | None:
        held = now(name)
        if not isinstance(held, Path):
            return held
        file = model.directory / held
        return sha256_of(file) if file.is_file() else None

    problems = [
        f"{way.graft.name!r} cannot be taken out: {name} was written again since it was put there."
        for name, left in way.left.items()
        if digest(name) != left
    ]
    stored |= {
        name: sha256((was,), b"") if isinstance(was, bytes) else was and now(str(was))
        for name, was in way.files.items()
    }
    return problems


def without_adapters(
    model: SavedModel, made: CommittedModel, taken_out: Sequence[tuple[int, WayBack]]
) -> CommittedModel:
    """Takes adapters out of a model.

    Args:
        model: The model that was opened.
        made: What it is to be but for that.
        taken_out: How adapters are taken out, one after another.

    Raises:
        PatchError: If something is in the way.
    """
    stage = SavedModel(model.file, model.state, assemble(made.pieces, model.buffer))
    composed = Composed(stage, made.pieces, made.files)
    for index, way in taken_out:
        composed = ungrafted(composed, index, way)
    committed = dict(made.committed)
    for index, _ in taken_out:
        graph = composed.model.meta_graphs[index]
        committed[index] = unchanged(graph)._replace(graph=GraphParts(graph).top)
    return CommittedModel(composed.pieces, committed, composed.files)

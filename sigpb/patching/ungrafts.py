"""The adapters that a patch takes out of a model, once all else that it says is done.

So a patch that undoes another one goes its way back: first its edits, and then its adapters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sigpb import protos
from sigpb.composing.composed import Composed
from sigpb.composing.ungraft import ungrafted
from sigpb.composing.way_back import WayBack
from sigpb.edits import Edit
from sigpb.errors import PatchError, did_you_mean
from sigpb.patching.graft_edits import TakeOutAdapter
from sigpb.patching.plan import MetaGraphPlan, Plan
from sigpb.rewrite.commit import CommittedModel, unchanged
from sigpb.rewrite.draft import MetaGraphDraft, interfaces_of
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import SignatureRef
from sigpb.saved_model import history as histories
from sigpb.saved_model.files import sha256_of
from sigpb.saved_model.grafts import Graft, grafts
from sigpb.saved_model.model import SavedModel
from sigpb.wire import assemble, sha256


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
        targets: The signatures to patch, by the positions of their MetaGraphs: the keys that they
            have by those that the patch has for them.
        known: How adapters are taken out, by the positions of their MetaGraphs, in the order in
            which they were put there; None for what the model's record says.

    Raises:
        PatchError: With everything that is in the way.
    """
    graphs = plan.ground_of(model).meta_graphs
    there = {index: {each.name: each for each in grafts(graphs[index])} for index in targets}
    wanted: dict[tuple[int, str], str] = {}
    problems: list[str] = []
    for item in plan.patch.signature:
        for name in item.ungraft:
            found = {
                (index, name): keys[item.key]
                for index, keys in targets.items()
                if item.key in keys and _is_at(there[index].get(name), item)
            }
            wanted |= found
            if not found:
                problems.append(f"signature {item.key!r}: {_not_there(name, there.values())}")
    ways = _recorded(model) if known is None else reversed(known)
    newest: dict[tuple[int, str], WayBack] = {}
    for index, way in ways:  # One that was taken out, and put there again, is recorded twice.
        if (index, way.graft.name) in wanted and way.graft == there[index][way.graft.name]:
            newest.setdefault((index, way.graft.name), way)
    taken_out = [(index, way) for (index, _), way in newest.items()]
    problems += (
        f"{name!r} cannot be taken out: no record ({histories.FILE_NAME}) says what the model was "
        "without it. Take the model as it was."
        for _, name in sorted(wanted.keys() - newest.keys())
    )
    if known is None:
        stored = dict[str, str | Path | None]()
        for _, way in taken_out:
            problems += _stored_since(model, way, stored)
    if problems:
        raise PatchError(problems)
    edits = defaultdict[int, list[Edit]](list)
    for index, graft in ((index, way.graft) for index, way in taken_out):
        ref = SignatureRef(wanted[index, graft.name])
        edits[index].append(TakeOutAdapter(ref, graft.name, graft.position, graft.digest))
    plans, interfaces = {each.index: each for each in plan.meta_graphs}, dict(plan.interfaces)
    for index, added in edits.items():
        made = plans.get(index) or MetaGraphPlan(index, graphs[index].tags, (), ())
        plans[index] = replace(made, edits=(*made.edits, *added))
        interfaces.setdefault(index, interfaces_of(MetaGraphDraft.of(graphs[index])))
    ordered = tuple(plans[index] for index in sorted(plans))
    whole = replace(plan, meta_graphs=ordered, interfaces=interfaces, taken_out=taken_out)
    whole.commit(model)  # It finds what else is in the way.
    return whole


def _is_at(graft: Graft | None, item: protos.SignaturePatch) -> bool:
    """Whether an adapter is before or after the signature that a patch names."""
    return graft is not None and graft.signature in (item.key, item.rename_to)


def _not_there(name: str, there: Iterable[Mapping[str, Graft]]) -> str:
    known = {key: graft for each in there for key, graft in each.items()}
    if name in known:
        return (
            f"{name!r} was put {known[name].position} {known[name].signature!r}, and not here. If "
            "that signature has another key since then, take this back first ('sigpb undo' does)."
        )
    if not known:
        return f"there is no adapter {name!r}, nor any other."
    return f"there is no adapter {name!r}; {did_you_mean(name, known)}."


def _recorded(model: SavedModel) -> Iterator[tuple[int, WayBack]]:
    """Yields what the record of a model says of adapters, the last one first."""
    for record in reversed(histories.records(model.directory)):
        entries = record.get("grafts")
        for entry in reversed(entries) if isinstance(entries, list) else ():
            try:
                way = WayBack.of_json(entry)
            except ValueError:
                continue  # Somebody damaged it.
            for index, graph in enumerate(model.meta_graphs):
                if way.tags == graph.tags:
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

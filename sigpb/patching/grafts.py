"""The adapters that a patch puts before and after signatures, in the model that the rest is for.

What else the patch says of a signature is compiled against the model that has them, so that it is
about the keys which the signature has then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sigpb import protos
from sigpb.composing.adapters import adapter_at, chosen
from sigpb.composing.composed import Composed
from sigpb.composing.fit import Pair
from sigpb.composing.graft import Asked, Grafted, grafted
from sigpb.composing.way_back import WayBack, way_back
from sigpb.edits import Edit
from sigpb.errors import ModelUnreadable, PatchError, did_you_mean
from sigpb.patching.graft_edits import PutAdapter
from sigpb.patching.model_steps import model_steps
from sigpb.patching.plan import Ground
from sigpb.rewrite.interface import SignatureRef
from sigpb.saved_model.grafts import Graft, Position, grafts
from sigpb.saved_model.model import MetaGraph, SavedModel, tag_set


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
        made.brought,
        asked.adapter.tags,
        asked.adapter.endpoint,
        made.unchecked_shapes,
    )

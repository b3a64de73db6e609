"""Puts a part of a model into another model, in every view of a MetaGraph of it.

The names in the part are free in the model: `sigpb.composing.scoped` makes them so. What the model
has stays where it is and as it is, but for what joins the two. So objects keep the numbers by which
`keras_metadata.pb` refers to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sigpb import protos
from sigpb.checkpoint.checkpoint import Checkpoint
from sigpb.composing.absorbing import (
    assets,
    collections,
    graph,
    initializers,
    meta_info,
    objects,
    saver,
    without_objects,
)
from sigpb.composing.absorbing.collections import Collections
from sigpb.composing.absorbing.saved_objects import leave_out_objects, stores_values
from sigpb.composing.absorbing.stored_values import tracks_objects, with_values
from sigpb.composing.absorbing.target import Target, scope_of
from sigpb.composing.composed import Composed
from sigpb.composing.part import Part
from sigpb.composing.saver_keys import keyed_nodes
from sigpb.errors import PatchError
from sigpb.rewrite.metadata import insert_signature_defs
from sigpb.saved_model.model import MetaGraph, tag_set_text
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.wire import Edits


def absorbed(
    into: Composed, index: int, part: Part, name: str, signatures: Mapping[str, str]
) -> Composed:
    """Returns a model that has a part of another one as well.

    Args:
        into: The model.
        index: The position of the MetaGraph that gets the part.
        part: The part. Its nodes are in a scope that the MetaGraph does not have, the names of its
            functions, variables and tensors in the checkpoint are free there.
        name: As which child of the root of the object graph, and of the objects that the checkpoint
            tracks, the root of the part appears.
        signatures: The keys that signatures of the part get, by those that they have there. Others
            of its signatures go.

    Raises:
        PatchError: With all that is in the way.
        ModelUnreadable: If a checkpoint cannot be read.
    """
    meta_graph = into.model.meta_graphs[index]
    edits = Edits(into.model.buffer)
    directory = into.model.directory
    checkpoint = Checkpoint.of_model(directory, into.files)
    others = _fitted(part.meta_graph, meta_graph, checkpoint)
    target = Target(meta_graph, edits, scope_of(others.graph_def.node) or name)
    changed = Collections(target)
    found = [*_signature_problems(target, others, signatures)]
    found += graph.problems(target, others.graph_def)
    found += meta_info.problems(target, others.meta_info_def)
    found += collections.problems(changed, others.collection_def)
    found += saver.problems(target, others, changed)
    if meta_graph.has_object_graph:
        found += objects.problems(target, name)
    elif part.meta_graph.HasField("object_graph_def"):
        known = sorted(signatures.keys() & others.signature_def.keys())
        found += without_objects.problems(others, known)
    if found:
        where = f"the MetaGraph {tag_set_text(meta_graph.tags)} of {directory}"
        raise PatchError([f"{where} cannot take {name!r} in: {each}." for each in found])
    file_names, added_files = assets.placed_files(directory, into.files, part.assets)
    files, tracked = with_values(checkpoint, directory, {**into.files, **added_files}, part, name)
    graph.add_graph(target, others.graph_def)
    initializers.merge_initializers(target, changed, others)
    saver.merge_savers(target, others.saver_def, tracked)
    assets.merge_assets(target, changed, others.asset_file_def, file_names)
    collections.add_collections(changed, others.collection_def)
    changed.rewrite()
    if meta_graph.has_object_graph:
        first = assets.count_assets(target)
        objects.add_objects(target, others.object_graph_def, name, signatures, first)
    target.top.rewrite(edits)
    meta_info.merge_meta_info(target, others.meta_info_def, others.graph_def)
    added = {new_key: others.signature_def[key] for key, new_key in signatures.items()}
    insert_signature_defs(edits, target.message, added)
    return replace(into.edited(edits), files=files)


def _fitted(
    part: protos.MetaGraphDef, target: MetaGraph, checkpoint: Checkpoint | None
) -> protos.MetaGraphDef:
    """Returns a part as one that can be in a MetaGraph and its checkpoint."""
    if part.HasField("object_graph_def") and not target.has_object_graph:
        fitted = without_objects.without_objects(part)
        if not fitted.HasField("saver_def"):  # It is frozen, and restores nothing.
            saver.forget_variables(fitted)
    else:
        fitted = protos.MetaGraphDef()
        fitted.CopyFrom(part)
    if not fitted.HasField("saver_def"):
        return fitted
    keyed = keyed_nodes(fitted)
    if not stores_values(keyed):
        fitted.ClearField("saver_def")  # It reads and writes the graph of tracked objects only.
        saver.forget_variables(fitted)
    elif tracks_objects(checkpoint):
        leave_out_objects(fitted.graph_def, keyed)
    return fitted


def _signature_problems(
    target: Target, part: protos.MetaGraphDef, signatures: Mapping[str, str]
) -> Iterator[str]:
    """Says why a MetaGraph cannot have the signatures of a part."""
    has_objects = target.meta_graph.has_object_graph
    if has_objects and not part.HasField("object_graph_def"):
        yield (
            "tf.saved_model.load calls the functions of signatures, and the other one, a model of "
            "TensorFlow 1, has none. Write it with tf.function, and save it with tf.saved_model"
        )
        return
    functions = ObjectGraph(part.object_graph_def).signature_nodes
    for key, new_key in signatures.items():
        if key not in part.signature_def:
            yield f"the other one has no signature {key!r}"
        elif has_objects and key not in functions:
            yield f"the object graph of the other one has no signature {key!r}"
        if new_key in target.meta_graph.signatures:
            yield f"it already has a signature {new_key!r}"

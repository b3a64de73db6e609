"""The checkpoint of a model with the values of a part as well."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sigpb import protos
from sigpb.checkpoint.checkpoint import MODEL_PREFIX, OBJECTS_KEY, Checkpoint
from sigpb.checkpoint.combined import Source, combined
from sigpb.checkpoint.objects import merged, restricted
from sigpb.composing.part import Part
from sigpb.publishing.changes import Changes
from sigpb.saved_model.object_graph import SIGNATURES


class Merged(NamedTuple):
    """What becomes of a checkpoint.

    Attributes:
        files: What becomes of the files of the model.
        objects: The objects that it is to track; None if it tracked none, or no others are added.
    """

    files: Changes
    objects: protos.TrackableObjectGraph | None = None


def tracks_objects(checkpoint: Checkpoint | None) -> bool:
    """Whether a checkpoint has the objects that its values belong to, as in TensorFlow 2."""
    return checkpoint is not None and OBJECTS_KEY in checkpoint.index.tensors


def with_values(
    own: Checkpoint | None, directory: Path, files: Changes, part: Part, name: str
) -> Merged:
    """Adds the values of a part to the checkpoint of a model.

    Args:
        own: The checkpoint; None if the model has none.
        directory: The directory of the model.
        files: What becomes of its files already.
        part: The part.
        name: As which child of the root the root of the part is tracked.

    Raises:
        ModelUnreadable: If a checkpoint is damaged.
        EnvironmentFailure: If it cannot be read for another reason.
        PatchError: If the checkpoint cannot have these values.
    """
    other = Checkpoint.of_model(part.directory) if part.variables else None
    if other is None:
        return Merged(files)
    sources = [*([Source(own)] if own else []), Source(other, part.variables)]
    before = own.objects() if own else None
    after = before
    if part.objects is not None:
        added = restricted(part.objects, part.variables, part.meta_graph.object_graph_def)
        after = merged(before or protos.TrackableObjectGraph(nodes=[_NO_VALUES]), added, name)
        _forget_signatures(after)
    others = {path: each for path, each in files.items() if not path.startswith(MODEL_PREFIX)}
    changed = combined(sources, after).changes(directory)
    return Merged({**others, **changed}, after if before else None)


def _forget_signatures(objects: protos.TrackableObjectGraph) -> None:
    """Has the root track no signatures: they have no values, and their keys may change.

    MLIR's importer wants each object that is tracked; before 2.7 TensorFlow tracked no signatures.
    """
    children = objects.nodes[0].children
    for number, child in enumerate(children):
        if child.local_name == SIGNATURES:
            del children[number]
            return


_NO_VALUES = protos.TrackableObjectGraph.TrackableObject()

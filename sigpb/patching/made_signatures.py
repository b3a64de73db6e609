"""Signatures that a patch makes of concrete functions, in the model that the rest of it is for.

They are written first, as TensorFlow's exporter would have written them; what else the patch says
of them, and of other signatures, is compiled against the model that has them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from sigpb import protos
from sigpb.errors import PatchError, did_you_mean
from sigpb.inspect.object_tensors import ObjectTensors
from sigpb.patching.plan import Ground
from sigpb.rewrite.graph_parts import FunctionLibrary, GraphParts
from sigpb.rewrite.made_signature import MadeSignature, disagreement, make_signatures
from sigpb.saved_model.concrete_functions import (
    ConcreteFunction,
    concrete_functions,
    functions_at,
)
from sigpb.saved_model.model import MetaGraph, SavedModel
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.called_functions import called_by
from sigpb.tf.endpoint_keys import argument_name, is_callable
from sigpb.wire import Edits, assemble

_LISTED = 10

# What TensorFlow's exporter and sigpb name the functions of signatures.
_WRAPPERS = "__inference_signature_wrapper"


def with_made_signatures(
    model: SavedModel, patch: protos.SavedModelPatch, selected: Sequence[int]
) -> Ground | None:
    """Returns a model with the signatures that a patch makes of functions.

    Args:
        model: The model.
        patch: The patch.
        selected: The positions of the MetaGraphs that it is for. One that does not have a function
            goes without a signature for it, if another one has it.

    Returns:
        The model; None if all that the patch makes is there, or it makes none.

    Raises:
        PatchError: With everything that is in the way.
    """
    problems: list[str] = []
    made: dict[int, list[MadeSignature]] = defaultdict(list)
    for item in patch.signature:
        if item.HasField("from_function"):
            refused: dict[int, tuple[str, ...]] = {}
            for index in selected:
                try:
                    made[index] += _made(model.meta_graphs[index], item)
                except PatchError as error:
                    refused[index] = error.problems
            if len(refused) == len(selected):
                problems += refused[selected[0]]
    if problems:
        raise PatchError(problems)
    wanted = {index: signatures for index, signatures in made.items() if signatures}
    if not wanted:
        return None
    edits = Edits(model.buffer)
    for index, signatures in wanted.items():
        graph = model.meta_graphs[index]
        make_signatures(edits, graph, _objects(graph), signatures)
    pieces = edits.pieces()
    ground = SavedModel(model.file, model.state, assemble(pieces, model.buffer))
    for index, signatures in wanted.items():
        ground.meta_graphs[index].made_of = {each.key: each.function for each in signatures}
    return Ground(ground, pieces)


def _made(graph: MetaGraph, item: protos.SignaturePatch) -> list[MadeSignature]:
    """Returns the signature that a MetaGraph is to get; none if it has it already.

    Raises:
        PatchError: There can be no such signature.
    """
    where, objects = f"signature {item.key!r}", _objects(graph)
    function = _function(objects, item)
    if item.key in graph.user_signatures:
        if _calls(graph, objects, item.key) == function.name:
            return []
        raise PatchError(
            f"{where}: the model already has a signature of this key, which does not call "
            f"{item.from_function!r}; rename or delete it first, with a patch of its own."
        )
    named = f"{where}: {item.from_function!r} cannot be a signature"
    if function.problem:
        raise PatchError(f"{named}: {function.problem}.")
    bound = objects.proto.concrete_functions[function.name].bound_inputs
    if problem := disagreement(function, len(bound), GraphParts(graph)):
        raise PatchError(f"{named}: {problem}.")
    if problems := list(_uncallable(function)):
        raise PatchError(f"{named}: {problems[0]}.")
    tensors = ObjectTensors(graph, objects)
    captured = [(place, tensors.tensor(place)) for place in bound]
    if unknown := [place for place, tensor in captured if tensor is None]:
        names = ", ".join(objects.describe(place) for place in dict.fromkeys(unknown))
        raise PatchError(
            f"{named}: it captures {names}, which sigpb cannot find in the graph of sessions: "
            "nothing restores or initializes it there."
        )
    return [MadeSignature(item.key, function, tuple(tensor for _, tensor in captured if tensor))]


def _objects(graph: MetaGraph) -> ObjectGraph:
    """Returns the object graph.

    Raises:
        PatchError: There is none.
    """
    if graph.object_graph is None:
        raise PatchError(
            "the model has no object graph, so that there are no functions to make signatures of."
        )
    return graph.object_graph


def _function(objects: ObjectGraph, item: protos.SignaturePatch) -> ConcreteFunction:
    """Returns the function that a patch names.

    Raises:
        PatchError: There is none, or more than one.
    """
    found = functions_at(objects, item.from_function)
    where = f"signature {item.key!r}"
    if not found:
        known = {each.path for each in concrete_functions(objects)}
        raise PatchError(
            f"{where}: there is no function {item.from_function!r}; "
            f"{did_you_mean(item.from_function, known)}."
        )
    if len(found) > 1:
        listed = [
            f"{each.full_path!r} ({', '.join((*(a.key for a in each.arguments), *each.fixed))})"
            for each in found[:_LISTED]
        ]
        more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise PatchError(
            f"{where}: {item.from_function!r} has {len(found)} concrete functions; name one of "
            f"{', '.join(listed)}{more}."
        )
    return found[0]


def _uncallable(function: ConcreteFunction) -> Iterator[str]:
    """Yields why `tf.saved_model.load` could not call a signature with these arguments."""
    names = Counter(argument_name(each.key) for each in function.arguments)
    for each in function.arguments:
        if not is_callable(each.key):
            yield f"no Python argument can have the name of its argument {each.key!r}"
        if names[argument_name(each.key)] > 1:
            yield f"another argument has the Python name of its argument {each.key!r}"


def _calls(graph: MetaGraph, objects: ObjectGraph, key: str) -> str | None:
    """Returns the function that a signature calls, seen through the wrappers around it."""
    if key not in objects.signature_nodes:
        return None
    library, seen = FunctionLibrary(graph.message), set[str]()
    name: str | None = objects.function_name(objects.signature_nodes[key])
    while name is not None and name.startswith(_WRAPPERS) and name not in seen:
        seen.add(name)
        function = library.get(name)
        calls = map(called_by, function.node_def) if function else ()
        called = [each for each in calls if each is not None]
        name = called[0] if len(called) == 1 else None
    return name

"""Sizes that a signature leaves open, or fixes, followed through the graph from its inputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from sigpb.errors import PatchError
from sigpb.rewrite.conversion import Conversion, is_batch_relaxed, opened_axes
from sigpb.rewrite.interface import BatchSize, Interface
from sigpb.rewrite.surveyed_graph import SurveyedGraph, tensors_of
from sigpb.tf.stated_shapes import merged
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import (
    Shape,
    TensorType,
    converted_tensor,
    declared_type,
    shape_of,
    shape_text,
    tensor_type,
)


def batch_size(
    graph: SurveyedGraph, inputs: Mapping[str, Conversion], fetched: Sequence[str]
) -> BatchSize:
    """Returns the batch size that changes when inputs are converted.

    Args:
        graph: The graph; receives the nodes that change.
        inputs: How they are converted.
        fetched: The tensors that the signature returns.

    Raises:
        PatchError: With all nodes that rely on the old batch size.
    """
    infos = {key: port.info for key, port in graph.signature.inputs.items()}
    shapes = {key: shape_of(infos[key].tensor_shape) for key in inputs}
    # What steps make of what clients send is the model's; a reshape alone says no batch size.
    new_shapes = {key: change.made.shape for key, change in inputs.items()}
    opened = [
        key
        for key in inputs
        if is_batch_relaxed(shapes[key], new_shapes[key])
        or 0 in opened_axes(shapes[key], new_shapes[key])
    ]
    relaxed = [key for key in opened if not _is_open(graph.type_of(infos[key].name))]
    fixed = [key for key in inputs if is_batch_relaxed(new_shapes[key], shapes[key])]
    before = {_first(shapes[key]) for key in relaxed}
    after = {_first(new_shapes[key]) for key in opened or fixed}
    if len(before) > 1:
        raise PatchError(
            f"the inputs {', '.join(map(repr, relaxed))} have the batch sizes "
            f"{', '.join(sorted(map(str, before)))}; only one can be relaxed at a time."
        )
    if len(after) != 1:
        return BatchSize()
    from sigpb.batch_size.dimension import BatchError, relax_nodes

    size, nodes = before.pop() if before else None, graph.nodes(fetched)
    results, beside = [*map(_output, fetched)], tuple[str, ...]()

    def axes() -> dict[tuple[str, int], int]:
        outputs = (_output(infos[key].name) for key in (*(opened or fixed), *beside))
        return {output: 0 for output in outputs if output[0] in nodes}

    try:
        result = relax_nodes(nodes, axes(), size, graph.library, results)
    except BatchError as error:
        beside = tuple(_open_beside(graph, inputs)) if relaxed else ()
        if not beside:
            raise PatchError(error.problems) from error
        try:
            result = relax_nodes(nodes, axes(), size, graph.library, results)
        except BatchError as other:
            raise PatchError(other.problems) from other
    changed = graph.change(result.nodes, {name for name, _ in axes()})
    return BatchSize(tuple(relaxed), size, after.pop(), result.axes, changed, beside)


def opened_sizes(
    graph: SurveyedGraph, inputs: Mapping[str, Conversion], fetched: Sequence[str]
) -> list[BatchSize]:
    """Returns the sizes, other than the batch size, that are open once inputs are converted.

    Each is followed as if it were the batch: what is computed at one place of that dimension
    may not depend on what is at another.

    Args:
        graph: The graph; receives the nodes that change.
        inputs: How inputs are converted.
        fetched: The tensors that the signature returns.

    Raises:
        PatchError: With all nodes that rely on such a size.
    """
    wanted: dict[tuple[int, int], list[str]] = defaultdict(list)
    for key, change in inputs.items():
        info = graph.signature.inputs[key].info
        actual = graph.type_of(info.name)
        before = shape_of(info.tensor_shape)
        for axis in opened_axes(before, change.inside.shape):
            size = before[axis] if before else None
            is_open = actual is not None and actual.shape and actual.shape[axis] is None
            if axis and size is not None and not is_open:
                wanted[axis, size].append(key)
    found = list[BatchSize]()
    for (axis, size), keys in sorted(wanted.items()):
        together = list[str]()
        for key in keys:
            # Inputs that have nothing to do with each other may be of different sizes.
            try:
                found.append(_open(graph, axis, size, [key], fetched))
            except PatchError:
                together.append(key)
        if together:
            found.append(_open(graph, axis, size, together, fetched))
    return found


def _open(
    graph: SurveyedGraph, axis: int, size: int, keys: Sequence[str], fetched: Sequence[str]
) -> BatchSize:
    from sigpb.batch_size.dimension import BatchError, relax_nodes
    from sigpb.batch_size.literals import may_be_made_of

    nodes = graph.nodes(fetched)
    outputs = [_output(graph.signature.inputs[key].info.name) for key in keys]
    axes = {output: axis for output in outputs if output[0] in nodes}
    try:
        if problems := [*may_be_made_of(nodes, size, graph.library)]:
            raise BatchError(problems)
        result = relax_nodes(nodes, axes, size, graph.library, [*map(_output, fetched)])
    except BatchError as error:
        raise PatchError(
            [
                f"dimension {axis} of input {' and '.join(map(repr, keys))} cannot be opened, "
                f"taken for a batch of {size}: {problem}"
                for problem in error.problems
            ]
        ) from error
    changed = graph.change(result.nodes, {name for name, _ in axes})
    return BatchSize(tuple(keys), size, None, result.axes, changed, axis=axis)


def _open_beside(graph: SurveyedGraph, converted: Collection[str]) -> Iterator[str]:
    """Yields inputs that are not converted and whose first dimension is open."""
    for key, port in graph.signature.inputs.items():
        name = port.info.name
        is_stated = name and _is_open(declared_type(port.info))
        if key not in converted and is_stated and _is_open(graph.type_of(name)):
            yield key


def left_behind(signature: Interface, batch: BatchSize) -> Iterator[str]:
    """Yields the outputs that do not follow a batch size that is opened."""
    for end in signature.kept("output") if batch.relaxed else ():
        shape = batch.follow(converted_tensor(end.info), tensor_type(end.info)).shape
        if end.type is None and shape is not None and None not in shape[:1]:
            yield (
                f"signature {signature.ref.key!r}: output {end.key!r} keeps the shape "
                f"{shape_text(shape)} for every batch size: it is made of constants, or is one "
                "value for all examples."
            )


def followed_shapes(
    graph: SurveyedGraph, inputs: Mapping[str, Conversion]
) -> tuple[list[str], list[str]]:
    """Follows the shapes that inputs are to have through the graph.

    Args:
        graph: The graph.
        inputs: How inputs are converted.

    Returns:
        Why the graph does not take them, in sentences, and what is not known of that, in clauses.
    """
    refined: dict[tuple[str, int], Shape] = {}
    for key, change in inputs.items():
        tensor = converted_tensor(graph.signature.inputs[key].info)
        if actual := graph.type_of(tensor):
            # A batch size that is opened is not followed again.
            shape = merged(change.arriving, actual.shape)
            if shape != actual.shape:
                refined[_output(tensor)] = shape
    if not refined:
        return [], []
    from sigpb.batch_size.refined_shapes import follow

    nodes = graph.nodes(tensors_of(graph.signature.kept("output")))
    followed = follow(nodes, refined, graph.library)
    problems = [
        f"{what}, so sessions could not load or run the model; state shapes that the graph takes."
        for what in followed.contradictions
    ]
    if not followed.unchecked:
        return problems, []
    first, *others = followed.unchecked
    more = f" and {len(others)} more" if others else ""
    return problems, [f"whether {first}{more} can take the shapes that inputs are to have"]


def _output(tensor: str) -> tuple[str, int]:
    return producer(tensor), output_number(tensor)


def _is_open(type_: TensorType | None) -> bool:
    """Whether the graph leaves the first dimension of a tensor open."""
    return bool(type_ and type_.shape and type_.shape[0] is None)


def _first(shape: Shape) -> int | None:
    return shape[0] if shape else None

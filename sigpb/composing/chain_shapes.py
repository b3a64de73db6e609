"""What the second of two signatures makes of the shapes that the first returns.

It may leave open what the first states. A session computes all shapes that it can when it loads a
graph, and refuses the graph for all signatures if they contradict each other.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from sigpb import protos
from sigpb.composing.adapters import remembered
from sigpb.composing.fit import Pair
from sigpb.graphs.cone import computing
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import fed_tensors
from sigpb.tf.stated_shapes import merged
from sigpb.tf.tensor_names import canonical, full, output_number, producer
from sigpb.tf.tensor_types import Shape, is_compatible, shape_text, tensor_names


class ArrivingShapes(NamedTuple):
    """What is known of the shapes that arrive.

    Attributes:
        problems: Why no session could load the graph, in sentences.
        unchecked: What is not known of that, in clauses.
    """

    problems: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def arriving_shapes(
    parts: GraphParts,
    first: protos.SignatureDef,
    second: protos.SignatureDef,
    pairs: Sequence[Pair],
    graph: Hashable = None,
) -> ArrivingShapes:
    """Follows the shapes that one signature returns through the graph of another.

    Args:
        parts: The graph, which has both.
        first: The signature that returns them.
        second: The one that is fed with them.
        pairs: Which outputs feed which inputs.
        graph: What tells between which nodes, and functions, the second one's inputs and outputs
            are: for the same ones shapes are followed once. None if nothing tells.
    """
    refined: dict[tuple[str, int], Shape] = {}
    problems: list[str] = []
    for output, input_ in pairs:
        made, taken = first.outputs[output], second.inputs[input_]
        for source, target in zip(tensor_names(made), tensor_names(taken), strict=True):
            shapes = [_stated(parts, tensor) for tensor in (source, target)]
            if not is_compatible(*shapes):
                problems.append(
                    f"{full(source)!r} cannot feed {full(target)!r}: the graph has it as "
                    f"{shape_text(shapes[0])}, and the other as {shape_text(shapes[1])}, whatever "
                    "the signatures say."
                )
            elif (shape := merged(*shapes)) != shapes[1]:
                refined[producer(target), output_number(target)] = shape
    if problems or not refined:
        return ArrivingShapes(tuple(problems))
    if graph is None:
        return _followed(parts, second, refined)
    key = (graph, "shapes", *sorted(refined.items()))
    return remembered(key, lambda: _followed(parts, second, refined))


def _followed(
    parts: GraphParts, second: protos.SignatureDef, refined: Mapping[tuple[str, int], Shape]
) -> ArrivingShapes:
    """Follows shapes from inputs of a signature to its outputs."""
    from sigpb.batch_size.refined_shapes import follow

    fetched = [canonical(name) for info in second.outputs.values() for name in tensor_names(info)]
    nodes = computing(parts.top.nodes, sorted(fetched), {*fed_tensors(second)})
    followed = follow(nodes, refined, parts.library)
    problems = [
        f"{what}, so sessions could not load or run the model with the shapes that feed the inputs."
        for what in followed.contradictions
    ]
    if not followed.unchecked:
        return ArrivingShapes(tuple(problems))
    unknown, *others = followed.unchecked
    more = f" and {len(others)} more" if others else ""
    clause = f"whether {unknown}{more} can take the shapes that feed the inputs"
    return ArrivingShapes(tuple(problems), (clause,))


def _stated(parts: GraphParts, tensor: str) -> Shape:
    type_ = parts.top.type_of(canonical(tensor))
    return type_.shape if type_ is not None else None

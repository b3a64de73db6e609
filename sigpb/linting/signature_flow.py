"""What the outputs of a signature depend on, seen through the functions that are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.inspect.graph.dependence import Dependence, Dependences, bits
from sigpb.inspect.graph.flow import Graph
from sigpb.rewrite.interface import fed_tensors
from sigpb.tf.ops import UNFED_PLACEHOLDERS, VARIABLES
from sigpb.tf.tensor_names import canonical, producer
from sigpb.tf.tensor_types import tensor_names


@dataclass(frozen=True)
class SignatureFlow:
    """What a signature feeds and needs.

    Attributes:
        needed: For each output, by its key, the tensors it depends on: those that the signature
            feeds, placeholders that it does not feed, and variables. As nodes spell them.
        used: The tensors that an output depends on, or a side effect of a function.
        cone: The names of the nodes outside of functions that compute the outputs.
    """

    needed: Mapping[str, frozenset[str]]
    used: frozenset[str]
    cone: frozenset[str]


def signature_flow(graph: Graph, signature: protos.SignatureDef) -> SignatureFlow:
    """Follows the outputs of a signature to what they take.

    Args:
        graph: The graph of the MetaGraph.
        signature: The signature.
    """
    fed = list(fed_tensors(signature))
    outputs = {
        key: [canonical(name) for name in tensor_names(info)]
        for key, info in signature.outputs.items()
    }
    results = list(dict.fromkeys(name for names in outputs.values() for name in names))
    sources = _sources(graph, results)
    arguments = {tensor: number for number, tensor in enumerate(dict.fromkeys([*fed, *sources]))}
    body = graph.body(arguments, tuple(results))
    dependences = Dependences(graph.library)
    dependence = dependences.of(body) or Dependence({}, [0] * len(results), 0)
    tensors = list(arguments)

    def named(numbers: Iterable[int]) -> frozenset[str]:
        return frozenset(tensors[number] for each in numbers for number in bits(each))

    needed = dict(zip(results, dependence.results, strict=True))
    # The end of a call waits for all that the function does, whatever its results take.
    calls = [
        dependence.of(name)
        for name in dependence.nodes
        if dependences.call(body, body.records[name])
    ]
    return SignatureFlow(
        {key: named(needed[name] for name in names) for key, names in outputs.items()},
        named([*dependence.results, *calls]),
        frozenset(dependence.nodes),
    )


def _sources(graph: Graph, tensors: Iterable[str]) -> list[str]:
    """Returns the placeholders and variables that are behind some tensors, whatever is fed."""
    found = []
    seen = {producer(tensor) for tensor in tensors}
    to_do = sorted(seen)
    while to_do:
        record = graph.records.get(to_do.pop())
        if record is None:
            continue
        if record.op in UNFED_PLACEHOLDERS or record.op in VARIABLES:
            found.append(record.name)
        new = {producer(tensor) for tensor in record.inputs} - seen
        seen |= new
        to_do += sorted(new)
    return found

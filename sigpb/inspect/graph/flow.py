"""The part of a graph that is between some inputs and some outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sigpb import protos
from sigpb.errors import UsageError, did_you_mean
from sigpb.inspect.graph.bodies import (
    UNKNOWN,
    FlowBody,
    FlowLibrary,
    NodeRecord,
    better,
    graph_records,
    graph_version,
    output_type,
)
from sigpb.inspect.graph.dependence import Dependences, Instance
from sigpb.inspect.proto_source import GraphPart
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.ops import PLACEHOLDERS
from sigpb.tf.tensor_names import canonical, full, producer
from sigpb.tf.tensor_types import TensorType, shape_of, tensor_names

# So many names are compared with one that is mistyped.
_NAMES = 1000

# In the order of `tensor_names`.
_SPARSE = ("values", "indices", "dense_shape")


@dataclass(frozen=True)
class End:
    """An input or an output.

    Attributes:
        key: Its key; or a tensor, if it is none of the signature.
        tensor: The tensor, as nodes spell it; or a node to run, as ``^name``.
        type: What is stated of its type.
        part: Which part it is of a value that consists of several tensors.
    """

    key: str
    tensor: str
    type: TensorType = UNKNOWN
    part: str = ""

    @property
    def label(self) -> str:
        """The key, and the part if there is one."""
        return f"{self.key} ({self.part})" if self.part else self.key


@dataclass(frozen=True)
class Ends:
    """The inputs and outputs between which a graph is looked at.

    Attributes:
        title: What the graph is, as text.
        inputs: Where the graph begins. Two may be the same tensor.
        outputs: Where it ends.
        followed: The tensors of the inputs that are followed; None to show all that outputs take.
    """

    title: str
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    followed: tuple[str, ...] | None = None

    @property
    def arguments(self) -> dict[str, int]:
        """The tensors of the inputs, and their numbers."""
        tensors = dict.fromkeys(endpoint.tensor for endpoint in self.inputs)
        return {tensor: number for number, tensor in enumerate(tensors)}

    @property
    def live(self) -> int | None:
        """The numbers of the inputs that are followed, as bits."""
        if self.followed is None:
            return None
        arguments = self.arguments
        return sum(1 << arguments[tensor] for tensor in set(self.followed))


def signature_ends(title: str, signature: protos.SignatureDef) -> Ends:
    """Returns the inputs and outputs of a signature, sorted by their keys."""
    return Ends(title, tuple(_ends(signature.inputs)), tuple(_ends(signature.outputs)))


def between(
    whole: Ends, begin: str | None, end: str | None, records: Mapping[str, NodeRecord]
) -> Ends:
    """Returns the part of a graph that begins or ends elsewhere.

    Args:
        whole: The inputs and outputs of the whole graph.
        begin: The key of an input, or any tensor, that alone is followed; None for all.
        end: The key of an output, or any tensor; None for all outputs.
        records: The nodes.

    Raises:
        UsageError: There is no such key, and no such tensor.
    """
    inputs, outputs, followed, title = whole.inputs, whole.outputs, whole.followed, whole.title
    if begin is not None:
        chosen = _chosen(begin, inputs, records, "from", "input")
        followed = tuple(endpoint.tensor for endpoint in chosen)
        inputs += tuple(endpoint for endpoint in chosen if endpoint not in inputs)
        title += f", from {begin!r}"
    if end is not None:
        outputs = tuple(_chosen(end, outputs, records, "to", "output"))
        title += f", to {end!r}"
    return Ends(title, inputs, outputs, followed)


def _chosen(
    wanted: str,
    endpoints: tuple[End, ...],
    records: Mapping[str, NodeRecord],
    flag: str,
    side: str,
) -> list[End]:
    if found := [each for each in endpoints if each.key == wanted]:
        return found
    if producer(wanted) in records:
        return [End(full(wanted), canonical(wanted))]
    known = {endpoint.key for endpoint in endpoints}
    last = wanted.rpartition("/")[2].partition(":")[0]
    known |= set([name for name in records if last in name][:_NAMES])
    raise UsageError(
        f"--{flag}={wanted}: the graph has neither an {side} of this key nor a tensor of this "
        f"name; {did_you_mean(wanted, known)}."
    )


def _ends(infos: Mapping[str, protos.TensorInfo]) -> Iterator[End]:
    for key in sorted(infos):
        info = infos[key]
        tensors = tensor_names(info)
        if info.WhichOneof("encoding") in ("name", None):
            yield End(
                key, canonical(info.name), TensorType(info.dtype, shape_of(info.tensor_shape))
            )
            continue
        parts = _SPARSE if info.HasField("coo_sparse") else map(str, range(len(tensors)))
        for part, tensor in zip(parts, tensors, strict=True):
            yield End(key, canonical(tensor), part=part)


class Graph:
    """A graph that is looked at.

    Attributes:
        library: Its functions.
        records: The nodes of its top level by name.
    """

    def __init__(self, part: GraphPart) -> None:
        self._message = part.message
        meta_graph = part.meta_graph
        self._op_defs = OpDefs(
            lambda: (*(meta_graph.op_defs() if meta_graph else ()), *self.library.signatures())
        )
        self.library = FlowLibrary(part.message, self._op_defs)
        self.records = graph_records(part.message)

    def node(self, name: str) -> protos.NodeDef | None:
        """Parses a node of the top level, without the values of a large constant; None if none."""
        record = self.records.get(name)
        return None if record is None else self.top.node(record)

    @cached_property
    def top(self) -> FlowBody:
        """The top level as a body without arguments and results."""
        return self.body({}, ())

    def endpoints(self, title: str) -> Ends:
        """Returns the placeholders of the graph, and the outputs of nodes that no node takes."""
        records = self.records.values()
        inputs = (record.name for record in records if record.op in PLACEHOLDERS)
        used = {producer(spelled) for record in records for spelled in record.inputs}
        outputs: list[End] = []
        for record in records:
            if record.name not in used:
                count = len(self.top.output_dtypes(record))
                tensors = (canonical(f"{record.name}:{number}") for number in range(count))
                found = [End(tensor, tensor) for tensor in tensors]
                outputs += found or [End(record.name, f"^{record.name}")]
        return Ends(title, tuple(End(name, name) for name in inputs), tuple(outputs))

    def flow(self, endpoints: Ends) -> Flow:
        """Returns the part of the graph between some endpoints."""
        results = tuple(endpoint.tensor for endpoint in endpoints.outputs)
        body = self.body(endpoints.arguments, results)
        return Flow(endpoints, body, Dependences(self.library))

    def body(self, arguments: Mapping[str, int], results: tuple[str, ...]) -> FlowBody:
        """Returns the top level as a body with arguments and results.

        Args:
            arguments: The tensors to take for arguments, as nodes spell them, and their numbers.
            results: The tensors to take for results, as nodes spell them.
        """
        version = self._version
        return FlowBody(
            self._message, self._op_defs, self.records, arguments, results, version=version
        )

    @cached_property
    def _version(self) -> int:
        return graph_version(self._message)


class Flow:
    """The nodes between some inputs and some outputs of a graph.

    Attributes:
        endpoints: The inputs and outputs.
        arguments: The tensors of the inputs, and their numbers.
        instance: The nodes between them.
    """

    def __init__(self, endpoints: Ends, body: FlowBody, dependences: Dependences) -> None:
        self.endpoints = endpoints
        self.arguments = body.arguments
        self._dependences = dependences
        self.instance = Instance(body, dependences, range(len(body.results)), live=endpoints.live)

    @cached_property
    def depends_on(self) -> list[int]:
        """For each output the inputs that it depends on and that are followed, as bits."""
        dependence = self._dependences.of(self.instance.body)
        assert dependence is not None, "no function calls the top level"
        live = self.instance.live
        return [found if live is None else found & live for found in dependence.results]

    @cached_property
    def input_types(self) -> Mapping[str, TensorType]:
        """The types of the inputs by their tensors."""
        body = self.instance.body
        found: dict[str, TensorType] = {}
        for endpoint in self.endpoints.inputs:
            known = better(endpoint.type, found.get(endpoint.tensor, UNKNOWN))
            if record := body.record(endpoint.tensor):
                output = body.output(record, endpoint.tensor)
                known = better(known, output_type(body, record, output))
            found[endpoint.tensor] = known
        return found

"""The inputs and outputs that a graph is looked at between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.errors import UsageError, did_you_mean
from sigpb.graph.tensor_names import canonical, full, producer
from sigpb.inspect.graph.dataflow.bodies import NodeRecord
from sigpb.inspect.graph.dataflow.types import UNKNOWN, is_placeholder
from sigpb.tensor_types import TensorType, shape_of, tensor_names

# So many names are compared with one that is mistyped.
_NAMES = 1000

# In the order of `tensor_names`.
_SPARSE = ("values", "indices", "dense_shape")


@dataclass(frozen=True)
class Endpoint:
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
class Endpoints:
    """What is looked at.

    Attributes:
        title: What it is, as text.
        inputs: Where the graph begins. Two may be the same tensor.
        outputs: Where it ends.
        followed: The tensors of the inputs that are followed; None to show all that outputs take.
    """

    title: str
    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]
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


def of_signature(title: str, signature: protos.SignatureDef) -> Endpoints:
    """Returns the inputs and outputs of a signature, sorted by their keys."""
    return Endpoints(
        title, tuple(_endpoints(signature.inputs)), tuple(_endpoints(signature.outputs))
    )


def of_graph(title: str, records: Mapping[str, NodeRecord], ends: Iterable[str]) -> Endpoints:
    """Returns the placeholders of a graph, and some tensors that nothing takes.

    Args:
        title: What it is.
        records: The nodes.
        ends: What `unused` returns.
    """
    inputs = (record.name for record in records.values() if is_placeholder(record))
    return Endpoints(
        title,
        tuple(Endpoint(name, name) for name in inputs),
        tuple(Endpoint(name.removeprefix("^"), name) for name in ends),
    )


def unused(records: Mapping[str, NodeRecord]) -> list[NodeRecord]:
    """Returns the nodes that no other node takes anything from, or waits for."""
    used = {producer(spelled) for record in records.values() for spelled in record.inputs}
    return [record for record in records.values() if record.name not in used]


def between(
    whole: Endpoints, begin: str | None, end: str | None, records: Mapping[str, NodeRecord]
) -> Endpoints:
    """Returns the part of a graph that begins or ends elsewhere.

    Args:
        whole: What there is.
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
    return Endpoints(title, inputs, outputs, followed)


def _chosen(
    wanted: str,
    endpoints: tuple[Endpoint, ...],
    records: Mapping[str, NodeRecord],
    flag: str,
    side: str,
) -> list[Endpoint]:
    if found := [each for each in endpoints if each.key == wanted]:
        return found
    if producer(wanted) in records:
        return [Endpoint(full(wanted), canonical(wanted))]
    known = {endpoint.key for endpoint in endpoints}
    last = wanted.rpartition("/")[2].partition(":")[0]
    known |= set([name for name in records if last in name][:_NAMES])
    raise UsageError(
        f"--{flag}={wanted}: the graph has neither an {side} of this key nor a tensor of this "
        f"name; {did_you_mean(wanted, known)}."
    )


def _endpoints(infos: Mapping[str, protos.TensorInfo]) -> Iterator[Endpoint]:
    for key in sorted(infos):
        info = infos[key]
        tensors = tensor_names(info)
        if info.WhichOneof("encoding") in ("name", None):
            yield Endpoint(
                key, canonical(info.name), TensorType(info.dtype, shape_of(info.tensor_shape))
            )
            continue
        parts = _SPARSE if info.HasField("coo_sparse") else map(str, range(len(tensors)))
        for part, tensor in zip(parts, tensors, strict=True):
            yield Endpoint(key, canonical(tensor), part=part)

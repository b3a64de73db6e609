"""What the signatures of one model are in another: what to feed both, and what has to be equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, NamedTuple

from sigpb import protos
from sigpb.steps.step import Step
from sigpb.tf.tensor_types import Encoding, Shape, TensorType


def suffixes_of(info: protos.TensorInfo) -> tuple[str, ...]:
    """Returns what TensorFlow appends to an endpoint's key for each of its tensors.

    See tensorflow/python/saved_model/load_v1_in_v2.py. The order is that of `tensor_names`.
    """
    if info.HasField("coo_sparse"):
        return ("_values", "_indices", "_dense_shape")
    if info.HasField("composite_tensor"):
        return tuple(f"_component_{i}" for i in range(len(info.composite_tensor.components)))
    return ("",)


@dataclass(frozen=True)
class Component:
    """A tensor of an input: a dense one has one, a sparse one three.

    Attributes:
        suffix: What ``tf.saved_model.load`` appends to the key to name it; empty for a dense one.
        tensor: The tensor's name in the old model. Inputs that share a tensor get equal values.
        type: What is fed to the new model.
    """

    suffix: str
    tensor: str
    type: TensorType


@dataclass(frozen=True)
class InputMapping:
    """An input.

    Attributes:
        old: Its key in the old model; None if only the new one has it.
        new: Its key in the new one; None if its value is fixed there, or nothing needs it.
        encoding: How it is made of tensors.
        declared: The type that the new model's signature is to state.
        components: Its tensors.
        dtype: The dtype that the old model takes.
        steps: What turns a value for the new model into one for the old model.
        value: A fixed value: an encoded TensorProto.
        rows_of: For a value of one row that is repeated, the input that has as many rows, by its
            key in the old model.
        rows: The rows that the old model takes at a time where the new one takes any number; None
            if that is no different.
        tensor: For an input that is fed inside of the graph, the name of the tensor in the old
            model: at the top level, or in a function that the signature calls.
        opened: The dimensions, but for the first, that the old model fixes and the new one does
            not, so that only one size of them is fed.
        default: For a feature of tf.Examples, the value of a row that leaves it out, as it is read:
            an encoded TensorProto. None if there is none.
    """

    old: str | None
    new: str | None
    encoding: Encoding
    declared: TensorType
    components: tuple[Component, ...]
    dtype: int
    steps: tuple[Step, ...] = ()
    value: bytes | None = None
    rows_of: str | None = None
    rows: int | None = None
    tensor: str | None = None
    opened: tuple[int, ...] = ()
    default: bytes | None = None

    @property
    def is_unneeded(self) -> bool:
        """Whether the new model does without it."""
        return self.new is None and self.value is None


class Feeding(NamedTuple):
    """What is fed to a signature of the old model other than its clients feed.

    Attributes:
        tensors: The names of tensors that are fed, by what to call them.
        left_out: The keys of the inputs that are not fed.
        fetched: What is fetched, as ``tf.saved_model.load`` names it.
    """

    tensors: Mapping[str, str]
    left_out: frozenset[str]
    fetched: frozenset[str]


@dataclass(frozen=True)
class OutputMapping:
    """An output.

    Attributes:
        old: Its key in the old model.
        new: Its key in the new one.
        declared: The type that the new model's signature is to state.
        suffixes: The suffixes of its tensors: see `Component`.
        steps: What turns the old model's value into the one that the new model is to return.
        batch_axis: The dimension that grows with the number of rows where the old model's is
            fixed; None if there is none.
        rows_of: For a value of one row that is repeated, the input that has as many rows, by its
            key in the old model.
    """

    old: str
    new: str
    declared: TensorType
    suffixes: tuple[str, ...] = ("",)
    steps: tuple[Step, ...] = ()
    batch_axis: int | None = None
    rows_of: str | None = None


@dataclass(frozen=True)
class AddedOutput:
    """An output that only the new model has, and what it is in the old one.

    Attributes:
        new: Its key in the new model.
        tensor: The name of its tensor in the old model: at the top level of the graph, or in a
            function that the signature calls.
        declared: The type that the new model's signature is to state.
        steps: What turns that tensor's value into the one that the new model is to return.
        batch_axis: See `OutputMapping`.
        rows_of: See `OutputMapping`.
        fed: For an output that returns what the new model is fed, the key of that input there;
            what stands for its tensor is the key.
    """

    new: str
    tensor: str
    declared: TensorType
    steps: tuple[Step, ...] = ()
    batch_axis: int | None = None
    rows_of: str | None = None
    fed: str | None = None


@dataclass(frozen=True)
class FunctionPlace:
    """Where `tf.saved_model.load` has a function.

    Attributes:
        way: The names of objects on the way to it from the root.
        number: Which of the concrete functions there it is.
    """

    way: tuple[str, ...]
    number: int


@dataclass(frozen=True)
class AdapterMapping:
    """An adapter that was put before or after a signature.

    Names are those that loaders have for tensors: see `Component`.

    Attributes:
        directory: Its directory.
        tags: The tag-set of its MetaGraph.
        signature: The key of its signature.
        position: Whether values pass it before what it was put to, or after.
        takes: Which values it takes: their names outside, each with the name that it has for them.
        gives: Which values it gives: the names that it has for them, each with that outside.
    """

    directory: str
    tags: tuple[str, ...]
    signature: str
    position: Literal["before", "after"]
    takes: tuple[tuple[str, str], ...]
    gives: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SignatureMapping:
    """A signature.

    Attributes:
        old: Its key in the old model.
        new: Its key in the new one.
        inputs: All inputs that the old model has, and those that are fed inside of its graph.
        outputs: The outputs that both have.
        added: The outputs that only the new model has.
        concerned: Whether the patch changes anything of it.
        function: For a signature that the old model does not have, the function there that it
            calls; None for any other.
        examples: The only input that the new model has, if it reads all others from the tf.Examples
            that are passed by it. Their keys there are the names of features then.
        fed: For a signature that the old model does not have, the names of the tensors to feed
            there, by what the old model would call its inputs; all its outputs are added.
        adapters: The adapters that were put before and after it, in the order in which they were;
            what the old model has is what it has with them.
        incomparable: Why nothing tells what the new signature is to do, as a clause; empty if
            something does.
    """

    old: str
    new: str
    inputs: tuple[InputMapping, ...]
    outputs: tuple[OutputMapping, ...]
    added: tuple[AddedOutput, ...] = ()
    concerned: bool = True
    function: FunctionPlace | None = None
    examples: str | None = None
    fed: Mapping[str, str] | None = None
    adapters: tuple[AdapterMapping, ...] = ()
    incomparable: str = ""

    @property
    def rows(self) -> int | None:
        """The rows that the old model takes at a time, if the new one takes any number."""
        return next((each.rows for each in self.inputs if each.rows is not None), None)

    def in_turn(self, model: str) -> tuple[str, ...]:
        """Returns the directories of the adapters and of a model in the order that values take."""
        if not self.adapters:
            return ()
        before = [each.directory for each in self.adapters if each.position == "before"]
        after = [each.directory for each in self.adapters if each.position == "after"]
        return (*reversed(before), model, *after)

    @property
    def feeding(self) -> Feeding | None:
        """What the old model has to be fed otherwise; None if it is fed what its clients feed."""
        ends = [(each.old, each) for each in self.inputs if each.old is not None]
        tensors = {old: each.tensor for old, each in ends if each.tensor is not None}
        left_out = frozenset(old for old, each in ends if each.is_unneeded)
        fetched = frozenset(each.old + suffix for each in self.outputs for suffix in each.suffixes)
        return Feeding(tensors, left_out | tensors.keys(), fetched) if tensors else None

    @property
    def has_open_batch(self) -> bool:
        """Whether the number of rows is for the client to choose."""
        return any(
            each.encoding != "dense" or _is_open(each.components[0].type.shape)
            for each in self.inputs
            if each.new is not None
        )


def _is_open(shape: Shape) -> bool:
    return shape is None or shape[:1] == (None,)


@dataclass(frozen=True)
class MetaGraphMapping:
    """A MetaGraph.

    Attributes:
        old_tags: Its tag-set in the old model.
        new_tags: Its tag-set in the new one.
        signatures: The signatures that the new model is to have.
    """

    old_tags: tuple[str, ...]
    new_tags: tuple[str, ...]
    signatures: tuple[SignatureMapping, ...]


@dataclass(frozen=True)
class ModelMapping:
    """A whole model."""

    meta_graphs: tuple[MetaGraphMapping, ...]

    @property
    def adapters(self) -> Iterator[str]:
        """The directories of the adapters that signatures get."""
        signatures = chain.from_iterable(graph.signatures for graph in self.meta_graphs)
        return (adapter.directory for each in signatures for adapter in each.adapters)

    def with_signatures(
        self, change: Callable[[SignatureMapping], Iterable[SignatureMapping]]
    ) -> ModelMapping:
        """Returns the mapping with those signatures that a function makes of each signature."""
        return ModelMapping(
            tuple(
                replace(graph, signatures=tuple(chain(*map(change, graph.signatures))))
                for graph in self.meta_graphs
            )
        )

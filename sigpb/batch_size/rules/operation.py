"""One node as its rule sees it: what it takes, and how it can be changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from sigpb import protos
from sigpb.batch_size.rules.sizes import Batch, Dim, Dims, at, known
from sigpb.batch_size.rules.values import Tensor
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import shape_of


class Refusal(Exception):
    """A node cannot be made to work for any batch size, or it is not known how.

    Attributes:
        reasons: Why, each a clause that follows the name of the node.
        located: Whether the reasons are sentences that name the node themselves.
    """

    def __init__(self, *reasons: str, located: bool = False) -> None:
        super().__init__(*reasons)
        self.reasons = reasons
        self.located = located


COUNT = -1
"""Stands for the number of tensors in a list, where dimensions are counted."""


class Wanted(NamedTuple):
    """A dimension that has to follow the batch.

    Attributes:
        operand: The number of an operand.
        axis: Which of its dimensions, or COUNT.
        size: The size it has to be.
    """

    operand: int
    axis: int
    size: Batch


class Demand(Exception):
    """A node needs operands that do not follow the batch, although they have its size, to do so.

    Attributes:
        wanted: Which dimensions of them.
    """

    def __init__(self, *wanted: Wanted) -> None:
        super().__init__(*wanted)
        self.wanted = wanted


class Callees(Protocol):
    """The functions that nodes call."""

    op_defs: OpDefs

    def get(self, name: str) -> protos.FunctionDef | None:
        """Returns the function of a name, or None."""
        ...

    def follow(self, name: str, arguments: Sequence[Tensor]) -> list[Tensor]:
        """Returns what is known of the results of a function.

        Raises:
            Refusal: The function cannot take such arguments.
            Demand: It needs other arguments to follow the batch.
        """
        ...


class Surroundings(Protocol):
    """The body that a node is in."""

    callees: Callees

    def dtype_of(self, tensor: str) -> int:
        """Returns the dtype of a tensor that a node takes."""
        ...

    def only_used_as(self, name: str, op: str, number: int) -> bool:
        """Whether the output of a node is used, and only as a certain operand of some op."""
        ...

    def users(self, name: str) -> Sequence[protos.NodeDef]:
        """Returns the nodes that take tensors from a node."""
        ...

    def begin(self) -> Sequence[tuple[str, Tensor]]:
        """Returns the tensors where the batch dimension begins."""
        ...


@dataclass(eq=False)
class Operation:
    """One node, the operands that it takes, and the changes that its rule makes to it.

    Attributes:
        node: The node as it is.
        operands: What is known of its operands, control inputs left out.
        size: The old batch size; None if the batch dimension is only followed.
        surroundings: The body that it is in.
        stated: The shape that the node states of its first output.
        replaced: The integers that take the place of operands, by the number of the operand: a
            constant, unless the batch size is among them.
        calls: The functions it calls, by the name of the attribute or the place in it, and with
            what arguments.
        exchanged: Functions that it is to call instead, by the attributes that name them, and with
            what arguments.
        shapes: Attributes that state shapes, and what they are to be.
        attributes: Attributes that are integers or lists of them, and what they are to be.
        fits: Whether TensorFlow accepts the sizes of the operands, as far as they are known before
            the graph runs; None if that cannot be determined. See `require`.
        understood: The operands of which the rule says itself what follows if they depend on the
            batch as a whole; see `Tensor.whole`.
        computed_by: The op that computes the result in its place, from the same operands and with
            the attribute `T` only.
    """

    node: protos.NodeDef
    operands: Sequence[Tensor]
    size: int | None
    surroundings: Surroundings
    stated: Dims | None = None
    replaced: dict[int, Dims] = field(default_factory=dict)
    calls: list[tuple[str, int, tuple[Tensor, ...]]] = field(default_factory=list)
    exchanged: dict[str, tuple[protos.FunctionDef, tuple[Tensor, ...]]] = field(
        default_factory=dict
    )
    shapes: dict[str, list[Dims | None]] = field(default_factory=dict)
    attributes: dict[str, int | list[int]] = field(default_factory=dict)
    fits: bool | None = True
    understood: set[int] = field(default_factory=set)
    computed_by: str | None = None

    def understand(self, *numbers: int) -> None:
        """Notes operands that may depend on the batch as a whole."""
        self.understood.update(numbers)

    def understand_all(self) -> None:
        """Notes that all operands may depend on the batch as a whole."""
        self.understand(*range(len(self.operands)))

    def require(self, fits: bool | None) -> None:
        """Notes whether sizes are as the op wants them; the first that are not are decisive.

        A size that depends on the batch is none that is known.

        Args:
            fits: False if known sizes contradict each other, so that a session refuses to load the
                graph; None if too little is known, or the rule does not look at all of them.
        """
        if self.fits:
            self.fits = fits

    def refuse_to_open(self, mixes: bool, reason: str) -> None:
        """Refuses to open a batch whose examples would be mixed; one may be followed all the same.

        Raises:
            Refusal: The batch is opened, and its examples would be mixed.
        """
        if mixes and self.size is not None:
            raise Refusal(reason)

    def integer(self, name: str, default: int = 0) -> int:
        """Returns an attribute that is an integer."""
        return self.node.attr[name].i if name in self.node.attr else default

    def flag(self, name: str) -> bool:
        """Returns an attribute that is a bool; False if it is absent."""
        return name in self.node.attr and self.node.attr[name].b

    def word(self, name: str, default: str = "") -> str:
        """Returns an attribute that is a string."""
        return self.node.attr[name].s.decode() if name in self.node.attr else default

    def type(self, name: str) -> int:
        """Returns an attribute that is a dtype; 0 if it is absent."""
        return self.node.attr[name].type if name in self.node.attr else 0

    def integers(self, name: str) -> list[int]:
        """Returns an attribute that is a list of integers; empty if it is absent."""
        return list(self.node.attr[name].list.i) if name in self.node.attr else []

    def stated_shape(self, name: str) -> Dims | None:
        """Returns an attribute that is a shape; None for an unknown rank, or if it is absent."""
        return shape_of(self.node.attr[name].shape) if name in self.node.attr else None

    def dims(self, number: int) -> Dims:
        """Returns the shape of an operand.

        Raises:
            Refusal: Its rank is not known.
        """
        shape = self.operands[number].shape
        if shape is None:
            raise Refusal(f"the rank of its operand {self.spelling(number)!r} is not known")
        return shape

    def value(self, number: int) -> Dims:
        """Returns the integers that an operand consists of.

        Raises:
            Refusal: Nothing is known of them.
        """
        value = self.operands[number].value
        if value is None:
            raise Refusal(f"the value of its operand {self.spelling(number)!r} is not known")
        return value

    def value_or_unknown(self, number: int, count: int) -> Dims:
        """Returns the integers that an operand consists of; so many unknown ones if it may be any.

        Args:
            number: The operand.
            count: How many integers there are if nothing is known of them.
        """
        value = self.operands[number].value
        return (None,) * count if value is None else value

    def constant(self, number: int) -> tuple[int, ...]:
        """Returns the integers that an operand consists of, all known and free of the batch.

        Raises:
            Refusal: They are not.
        """
        value = known(self.value(number))
        if value is None:
            raise Refusal(f"the value of its operand {self.spelling(number)!r} is not constant")
        return value

    def axis(self, number: int, rank: int) -> int:
        """Returns a constant operand that counts dimensions, from the front."""
        (axis,) = self.constant(number)
        return axis + rank if axis < 0 else axis

    def channel_axis(self, rank: int) -> int:
        """Returns the dimension with the channels of an operand, as `data_format` says."""
        return 1 if self.word("data_format").startswith("NC") else rank - 1

    def spelling(self, number: int) -> str:
        """Returns how the node spells an operand."""
        return self.node.input[number]

    def is_size(self, dim: Dim, batch: Dim) -> bool:
        """Whether a number is what a size that follows the batch was for the old batch size."""
        return dim is not None and isinstance(batch, Batch) and dim == at(batch, self.size)

    def dtype(self, number: int) -> int:
        """Returns the dtype of an operand."""
        return self.surroundings.dtype_of(self.spelling(number))

    def only_used_as(self, op: str, number: int) -> bool:
        """Whether the output is used, and only as a certain operand of some op."""
        return self.surroundings.only_used_as(self.node.name, op, number)

    def can_tell_size(self) -> bool:
        """Whether a tensor where the batch dimension begins has the batch size."""
        return any(Batch() in (tensor.shape or ()) for _, tensor in self.surroundings.begin())

    def users(self) -> Sequence[protos.NodeDef]:
        """Returns the nodes that take tensors from this one."""
        return self.surroundings.users(self.node.name)

    def call(
        self, attribute: str, place: int, name: str, arguments: Sequence[Tensor]
    ) -> list[Tensor]:
        """Returns the results of a function that the node calls, and notes the call.

        Args:
            attribute: The attribute that names the function; empty if the op does.
            place: Its number, in an attribute that is a list of functions.
            name: The name of the function.
            arguments: What it is called with.
        """
        self.understand_all()
        results = self.surroundings.callees.follow(name, arguments)
        known = {number for argument in arguments for number in argument.numbers}
        self.calls = [call for call in self.calls if call[:2] != (attribute, place)]
        self.calls.append((attribute, place, tuple(arguments)))
        return [result.within(self.node.name, known) for result in results]

    def function(self, name: str) -> protos.FunctionDef:
        """Returns a function that is called.

        Raises:
            Refusal: There is none of that name.
        """
        function = self.surroundings.callees.get(name)
        if function is None:
            raise Refusal(f"there is no function {name!r} for it to call")
        return function

    def op_def(self, op: str) -> protos.OpDef | None:
        """Returns the definition of an op, or None."""
        return self.surroundings.callees.op_defs.get(op)

    def own_size(self, output: int = 0) -> Batch:
        """Returns a size that is found out when the node runs."""
        return Batch(1, f"{self.node.name}:{output}")


Outputs: TypeAlias = "Callable[[Operation], Tensor | Sequence[Tensor]]"
"""Tells the outputs of a node, and changes it where needed; raises Refusal and Demand."""


class Rule(NamedTuple):
    """What an op makes of the sizes of its operands, and which of them it accepts.

    Attributes:
        outputs: Tells the outputs of a node.
        checks: Whether it notes with `Operation.require` all that TensorFlow asks of sizes before
            a graph runs, so that operands of which nothing is noted are accepted (the shape
            functions in tensorflow/core/ops, tensorflow/core/framework/common_shape_fns.cc).
        any_rank: Whether it accepts operands of any rank, if these fit each other.
    """

    outputs: Outputs
    checks: bool
    any_rank: bool


RULES: dict[str, Rule] = {}


def rule(*ops: str, checks: bool = False, any_rank: bool = False) -> Callable[[Outputs], Outputs]:
    """Makes a function the rule of some ops; `Rule` explains the arguments."""

    def register(function: Outputs) -> Outputs:
        for op in ops:
            RULES[op] = Rule(function, checks, any_rank)
        return function

    return register


def differing(start: Tensor, later: Tensor, size: int | None, operand: int) -> Wanted | None:
    """Returns the dimension in which a loop variable begins with the old batch size.

    Args:
        start: The variable at the beginning.
        later: The same after a round, when it follows the batch.
        size: The old batch size.
        operand: The number of the operand that it begins with.

    Returns:
        The dimension, or None if that is not how the two differ.
    """
    before, after = start.inner, later.inner
    if before is None or after is None or len(before) != len(after):
        return None
    axes = [axis for axis, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    if len(axes) != 1:
        return None
    old, new = before[axes[0]], after[axes[0]]
    follows = isinstance(new, Batch) and old is not None and old == at(new, size)
    return Wanted(operand, axes[0], new) if follows and isinstance(new, Batch) else None

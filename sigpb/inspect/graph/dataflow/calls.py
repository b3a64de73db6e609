"""Nodes that call functions: which ones, with which of their inputs, and what a result takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from sigpb.inspect.graph.dataflow.bodies import Body, Library, NodeRecord

# The definitions are in tensorflow/core/ops/functional_ops.cc and batch_ops.cc: the attribute with
# the function, and how many inputs come before those that are passed to it.
_CALLS: Mapping[str, tuple[str, int]] = {
    "BatchFunction": ("f", 0),
    "PartitionedCall": ("f", 0),
    "RemoteCall": ("f", 1),
    "StatefulPartitionedCall": ("f", 0),
    "TPUPartitionedCall": ("f", 0),
}
# The first input says which function is called.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "Case": ("branches",),
    "If": ("then_branch", "else_branch"),
    "StatelessCase": ("branches",),
    "StatelessIf": ("then_branch", "else_branch"),
}
_LOOPS = ("StatelessWhile", "While")

COND, BODY = "cond", "body"

Kind: TypeAlias = Literal["call", "choice", "loop"]


class Callee(NamedTuple):
    """A function that a node calls.

    Attributes:
        role: The attribute that names it; numbered if there are several; empty if it is the op.
        body: The function.
    """

    role: str
    body: Body


@dataclass(frozen=True)
class Call:
    """What a node calls.

    Attributes:
        kind: ``call`` for one function, ``choice`` for one of several, ``loop`` for a condition and
            a body that are called again and again.
        callees: The functions; of a loop first the condition.
        first: The number of the input that is the first argument of the functions.
        tensors: The inputs of the node, as they are spelled.
    """

    kind: Kind
    callees: tuple[Callee, ...]
    first: int
    tensors: tuple[str, ...]

    def callee(self, role: str) -> Body:
        """Returns the function of a role."""
        return next(callee.body for callee in self.callees if callee.role == role)


def may_call(record: NodeRecord, library: Library) -> bool:
    """Whether a node calls functions, going by its op."""
    op = record.op
    return op in _CALLS or op in _CHOICES or op in _LOOPS or op in library


def call_of(body: Body, record: NodeRecord, library: Library) -> Call | None:
    """Returns what a node calls; None if nothing, or a function that is not there."""
    if record.op in _CALLS:
        role, first = _CALLS[record.op]
        kind: Kind = "call"
        roles: tuple[str, ...] = (role,)
    elif record.op in _CHOICES:
        kind, roles, first = "choice", _CHOICES[record.op], 1
    elif record.op in _LOOPS:
        kind, roles, first = "loop", (COND, BODY), 0
    elif function := library.get(record.op):
        return Call("call", (Callee("", function),), 0, tuple(record.tensors))
    else:
        return None
    callees = []
    for role, name in _named(body, record, roles):
        function = library.get(name)
        if function is None:
            return None
        callees.append(Callee(role, function))
    return Call(kind, tuple(callees), first, tuple(record.tensors)) if callees else None


def _named(body: Body, record: NodeRecord, roles: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yields the names of the functions in some attributes, each with its role."""
    attributes = body.node(record).attr
    for role in roles:
        if role not in attributes:
            yield role, ""
        elif attributes[role].HasField("list"):
            for number, function in enumerate(attributes[role].list.func):
                yield f"{role}[{number}]", function.name
        else:
            yield role, attributes[role].func.name

"""Names of nodes: those that are not taken, and what those that sigpb added tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from sigpb import protos


def numbered(wanted: str, is_taken: Callable[[str], bool]) -> str:
    """Returns the name wanted, with a number if it is taken."""
    name, number = wanted, 0
    while is_taken(name):
        number += 1
        name = f"{wanted}_{number}"
    return name


class TakenNames:
    """The names of the nodes and arguments of a graph or function.

    Two of them may not differ only in case: `tf.saved_model.load` puts what a signature needs into
    a graph of Python's, which then gives one of them another name
    (``Graph.unique_name`` in tensorflow/python/framework/ops.py).
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._lowered = set[str]()
        self._scopes = set[str]()
        for name in names:
            self.add(name)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._lowered

    def has_scope(self, scope: str) -> bool:
        """Whether a name begins with a scope and a slash."""
        return scope.lower() in self._scopes

    def add(self, name: str) -> None:
        """Takes a name."""
        self._lowered.add(name.lower())
        scope = name.lower()
        while (scope := scope.rpartition("/")[0]) and scope not in self._scopes:
            self._scopes.add(scope)

    def take(self, wanted: str) -> str:
        """Takes a name that is not taken, and returns it: the one wanted, perhaps with a number."""
        name = numbered(wanted, self.__contains__)
        self.add(name)
        return name


SPLICED = "sigpb"
"""The outermost scope of all nodes that are added."""

SCOPE = f"{SPLICED}/"

_COPY = "copy"
_COPIES = re.compile(rf"/{_COPY}(?:_\d+)?(?=/)")


def is_added(tensor: str) -> bool:
    """Whether a tensor, or a node, of the top level is one that sigpb added."""
    return tensor.startswith(SCOPE)


def is_spliced(node: protos.NodeDef) -> bool:
    """Whether a placeholder of the model takes what sigpb computes when it is not fed."""
    if node.op != "PlaceholderWithDefault" or is_added(node.name):
        return False
    return bool(node.input) and is_added(node.input[0])


def copy_scope(scope: str) -> str:
    """Returns the scope of the nodes that are copied for what is spliced in a scope."""
    return f"{scope}/{_COPY}"


def original_names(name: str) -> list[str]:
    """Returns the names of the nodes that a node may be a copy of; none if it is no copy.

    They may be several, as signatures and nodes may have such names themselves.
    """
    scopes = _COPIES.finditer(name, len(SCOPE)) if name.startswith(SCOPE) else ()
    return [name[scope.end() + 1 :] for scope in scopes]

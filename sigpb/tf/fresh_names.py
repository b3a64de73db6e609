"""Names of nodes and functions that are not taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable


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

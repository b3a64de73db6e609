"""Which releases of TensorFlow know which ops and attributes of ops.

``tf/op_versions.tsv``, which ``tools/regenerate_op_versions.py`` writes, lists the releases that it
is about, then the ops and attributes that not all of them know. An attribute that is as old as its
op has no line. Ops in libraries of their own, as those of ``tf.contrib`` were, are not among them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sigpb.tf.op_defs import tensorflow_op_def

# ValidateNodeDef in tensorflow/core/framework/node_def_util.cc: 2.4 and older refuse such a node.
_IGNORES_ATTRIBUTES = "2.5"
"""The first release that ignores the attributes of a node which it does not know."""

_MOST_NAMED = 3


class Need(NamedTuple):
    """An op, or an attribute of one, that not all releases of TensorFlow know.

    Attributes:
        op: The op.
        attribute: The attribute; empty if the op is meant.
    """

    op: str
    attribute: str

    @property
    def known_to(self) -> frozenset[str]:
        """The releases that know it; empty if it is not TensorFlow's own."""
        return _known_to(self.op, self.attribute)


class _Table(NamedTuple):
    releases: tuple[str, ...]
    known_to: Mapping[str, frozenset[str]]


@cache
def _table() -> _Table:
    table = Path(__file__).with_name("op_versions.tsv")
    (_, listed), *rows = (
        line.split("\t") for line in table.read_text(encoding="ascii").splitlines()
    )
    releases = tuple(listed.split(" "))

    def between(span: str) -> tuple[str, ...]:
        first, _, last = span.partition("-")
        return releases[releases.index(first) : releases.index(last or releases[-1]) + 1]

    known = {
        name: frozenset(release for span in spans.split(",") for release in between(span))
        for name, spans in rows
    }
    return _Table(releases, MappingProxyType(known))


def limited_ops() -> frozenset[str]:
    """Returns the ops that not all releases know, or of which they do not know all attributes."""
    return frozenset(name.partition(".")[0] for name in _table().known_to)


def releases_text() -> str:
    """Names all releases that are compared, such as ``1.15 and 2.0 to 2.21``."""
    oldest, *others = _table().releases
    return f"{oldest} and {others[0]} to {others[-1]}"


def _known_to(op: str, attribute: str) -> frozenset[str]:
    releases, known_to = _table()
    op_def = tensorflow_op_def(op)
    of_op = known_to.get(op, frozenset(releases if op_def else ()))
    if f"{op}.{attribute}" in known_to:
        return known_to[f"{op}.{attribute}"]
    # Any node may have attributes that begin so (tensorflow/core/framework/node_def_util.cc).
    # Of ops that the newest release has no more, there is no list of attributes.
    if not attribute or attribute.startswith("_") or op_def is None:
        return of_op
    return of_op if any(each.name == attribute for each in op_def.attr) else frozenset()


@cache
def _needs(op: str, attributes: frozenset[str]) -> tuple[Need, ...]:
    everything = len(_table().releases)
    whole, *parts = (Need(op, attribute) for attribute in ("", *sorted(attributes)))
    newer = (each for each in parts if each.known_to != whole.known_to)
    return tuple(each for each in (whole, *newer) if len(each.known_to) < everything)


class OpNeeds:
    """What nodes need of TensorFlow: the ops and attributes that not all releases know."""

    def __init__(self, functions: Collection[str]) -> None:
        """Takes the names of the graph's functions, which nodes may have as their ops."""
        self._functions = functions
        self._nodes: dict[Need, int] = {}
        self._examples: dict[Need, str] = {}

    def add(self, name: str, op: str, attributes: Iterable[str]) -> None:
        """Adds what a node needs.

        Args:
            name: The node's name.
            op: Its op.
            attributes: The names of its attributes.
        """
        if op in self._functions:
            return
        for need in _needs(op, frozenset(attributes)):
            self._nodes[need] = self._nodes.get(need, 0) + 1
            self._examples.setdefault(need, name)

    @property
    def known_to(self) -> tuple[str, ...]:
        """The releases that know all that is TensorFlow's own, from the oldest on."""
        return tuple(
            release
            for release in _table().releases
            if all(release in need.known_to for need in self._nodes if need.known_to)
        )

    def oldest(self) -> str:
        """Says which is the oldest release that knows all, and why no older one does.

        Returns:
            For instance ``2.15 (attribute 'debug_name' of op VarHandleOp in node 'w'), or 2.10,
            which ignores attributes that it does not know``.
        """
        releases, known = _table().releases, self.known_to
        if not known:
            return f"none ({self._named(need for need in self._nodes if need.known_to)})"
        if known == releases:
            return f"{known[0]} (the oldest compared)"
        first = releases.index(known[0])
        others = [each for each in releases[first:] if each not in known]
        text = f"{known[0]}, but not {', '.join(others)}" if others else known[0]
        missing = {*releases[max(first - 1, 0) : first], *others}
        reasons = [each for each in self._nodes if each.known_to and missing - each.known_to]
        if reasons:
            text += f" ({self._named(reasons)})"
        ops = [Need(each.op, "") for each in self._nodes if each.known_to]
        for release in releases[releases.index(_IGNORES_ATTRIBUTES) : first]:
            if all(release in op.known_to for op in ops):
                return f"{text}, or {release}, which ignores attributes that it does not know"
        return text

    def foreign(self) -> str:
        """Names the ops and attributes that no release has; empty if there are none."""
        return self._named(need for need in self._nodes if not need.known_to)

    def _named(self, needs: Iterable[Need]) -> str:
        ordered = sorted(needs)
        texts = [self._text(need) for need in ordered[:_MOST_NAMED]]
        if len(ordered) > _MOST_NAMED:
            texts.append(f"{len(ordered) - _MOST_NAMED:,} more")
        return "; ".join(texts)

    def _text(self, need: Need) -> str:
        number, example = self._nodes[need], self._examples[need]
        nodes = f"node {example!r}" if number == 1 else f"{number:,} nodes such as {example!r}"
        attribute = f"attribute {need.attribute!r} of " if need.attribute else ""
        return f"{attribute}op {need.op} in {nodes}"

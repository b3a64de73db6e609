"""The difference of two models, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sigpb.comparing.signature_difference import SignatureDifference
from sigpb.saved_model.grafts import Graft

Tags = tuple[str, ...]

Level = Literal["compatible", "warning", "breaking"]
LEVELS: tuple[Level, ...] = ("compatible", "warning", "breaking")
"""What a change means for existing clients, the worst last."""


@dataclass(frozen=True)
class NameChanges:
    """Things with names that were added, removed or changed; each sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @classmethod
    def between(
        cls,
        before: Mapping[str, object],
        after: Mapping[str, object],
        changed: Iterable[str] | None = None,
    ) -> NameChanges:
        """Compares things by names; without `changed`, the unequal ones are those that changed."""
        if changed is None:
            changed = (name for name in before.keys() & after.keys() if before[name] != after[name])
        return cls(
            tuple(sorted(after.keys() - before.keys())),
            tuple(sorted(before.keys() - after.keys())),
            tuple(sorted(changed)),
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True)
class ConstantChange:
    """A constant that has another value.

    Attributes:
        name: The node; of one in a function, after the name of that and a colon.
        before: The start of the SHA-256 of its value.
        after: The same, of its new value.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class GraphDifference:
    """What is different in a graph.

    Attributes:
        nodes: Nodes of the top level.
        spliced: The changed nodes that differ only in taking what sigpb put in front of them.
        functions: Functions of the library.
        constants: Constants with other values, of the changed nodes and functions.
    """

    nodes: NameChanges = NameChanges()
    spliced: tuple[str, ...] = ()
    functions: NameChanges = NameChanges()
    constants: tuple[ConstantChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.nodes or self.functions)

    @property
    def recomputes(self) -> bool:
        """Whether something that was there is different or gone, so that values may differ."""
        changed = set(self.nodes.changed) - set(self.spliced)
        return bool(changed or self.nodes.removed or self.functions.changed) or bool(
            self.functions.removed
        )


@dataclass(frozen=True)
class SectionDifference:
    """The bytes of one part of a MetaGraph.

    Attributes:
        name: What is there, such as ``signature_def`` or ``graph_def.node``.
        before: How many bytes it takes.
        after: How many bytes it takes.
        removed: How many of the bytes before are not there any more.
        added: How many of the bytes after were not there.
        ranges: Where in the new file the added bytes are: starts, and ends that are not included.
    """

    name: str
    before: int
    after: int
    removed: int
    added: int
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class GraftChange:
    """An adapter that only one of two models has before or after a signature.

    Attributes:
        graft: The adapter.
        is_added: Whether it is the second model that has it.
        nodes: How many nodes of the top level are the adapter's.
    """

    graft: Graft
    is_added: bool
    nodes: int


@dataclass(frozen=True, repr=False)
class MetaGraphDifference:
    """What is different between two MetaGraphs.

    Attributes:
        tags_before: The tag-set.
        tags_after: The tag-set.
        signatures: All signatures, also those that are the same.
        by_key: What a client finds under the key of every signature that is there now: how it
            differs from what was there under that key.
        internal: TensorFlow's own signatures.
        graph: The graph.
        others: Further parts with another content, such as ``collection_def``.
        sections: The bytes of all parts.
        disagreements_before: Where `signature_def` and the object graph contradict each other.
        disagreements_after: The same, of the second model.
        grafts: Adapters before and after signatures. Their nodes, and what joins them to the model,
            are not in `graph`, and the functions that come or go with them are only counted.
        grafted_functions: How many functions came or went where adapters did.
    """

    tags_before: Tags
    tags_after: Tags
    signatures: tuple[SignatureDifference, ...]
    by_key: tuple[SignatureDifference, ...]
    internal: NameChanges
    graph: GraphDifference
    others: tuple[str, ...]
    sections: tuple[SectionDifference, ...]
    disagreements_before: tuple[str, ...] = ()
    disagreements_after: tuple[str, ...] = ()
    grafts: tuple[GraftChange, ...] = ()
    grafted_functions: int = 0

    def __repr__(self) -> str:
        tags = ", ".join(map(repr, self.tags_after))
        return f"<MetaGraphDifference {{{tags}}}: {list(self.changed_signatures)}>"

    @property
    def changed_signatures(self) -> tuple[SignatureDifference, ...]:
        """Those signatures of which anything is different."""
        return tuple(change for change in self.signatures if change.is_change)

    @property
    def is_change(self) -> bool:
        """Whether anything is different but the order of bytes."""
        return (
            self.tags_before != self.tags_after
            or bool(self.changed_signatures or self.internal or self.graph or self.others)
            or bool(self.grafts)
            or self.disagreements_before != self.disagreements_after
        )


@dataclass(frozen=True)
class FileChange:
    """A file beside the proto that differs, or that only one of the models has.

    Attributes:
        path: Its path in the model's directory.
        before: The start of its SHA-256, or the size of one that stays in a store; None if it was
            added.
        after: The same, of the new file; None if it was removed.
        counts: Whether loaders take notice of it.
    """

    path: str
    before: str | None
    after: str | None
    counts: bool


@dataclass(frozen=True)
class FilesDifference:
    """What is different beside the proto.

    Attributes:
        files: The files.
        variables: The tensors of the checkpoint; empty also where its index cannot be read.
        not_compared: The paths of files of the same size that stay in a store, which does not say
            whether they are the same.
    """

    files: tuple[FileChange, ...] = ()
    variables: NameChanges = NameChanges()
    not_compared: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClientFinding:
    """What a rule found.

    Attributes:
        rule: The rule's id.
        level: What it means for a client.
        message: What the rule found, as a clause.
    """

    rule: str
    level: Level
    message: str


@dataclass(frozen=True)
class SignatureVerdict:
    """What the clients of a signature can expect.

    Attributes:
        tags: The tag-set that they load.
        signature: The key that they call; None for a tag-set that is gone as a whole.
        findings: What they notice, the worst first.
    """

    tags: Tags
    signature: str | None
    findings: tuple[ClientFinding, ...]

    @property
    def level(self) -> Level:
        """The worst of the findings."""
        return max((each.level for each in self.findings), key=LEVELS.index, default="compatible")


@dataclass(frozen=True, repr=False)
class ModelDifference:
    """What is different between two models; printing it shows what ``sigpb diff`` prints.

    Attributes:
        before: The directory of the first model, or its URL.
        after: The directory of the second model, or its URL.
        size_before: The size of the first model's proto in bytes, in the binary format.
        size_after: The size of the second model's proto.
        removed: The tag-sets of MetaGraphs that only `before` has.
        added: The tag-sets of MetaGraphs that only `after` has.
        meta_graphs: The MetaGraphs that both models have.
        files: The other files.
    """

    before: Path | str
    after: Path | str
    size_before: int
    size_after: int
    removed: tuple[Tags, ...]
    added: tuple[Tags, ...]
    meta_graphs: tuple[MetaGraphDifference, ...]
    files: FilesDifference

    @property
    def is_same(self) -> bool:
        """Whether nothing is different that a loader takes notice of."""
        return not (
            self.removed
            or self.added
            or any(graph.is_change for graph in self.meta_graphs)
            or any(file.counts for file in self.files.files)
        )

    @property
    def verdicts(self) -> tuple[SignatureVerdict, ...]:
        """What existing clients of each signature of `before` notice when `after` is served."""
        from sigpb.comparing.compat import verdicts

        return verdicts(self)

    @property
    def is_breaking(self) -> bool:
        """Whether anything breaks existing clients of `before`."""
        return any(verdict.level == "breaking" for verdict in self.verdicts)

    def __str__(self) -> str:
        from sigpb.comparing.report import difference_text

        return difference_text(self).removesuffix("\n")

    def __repr__(self) -> str:
        return f"<ModelDifference {str(self.before)!r} → {str(self.after)!r}: {self._counts}>"

    @property
    def _counts(self) -> str:
        if self.is_same:
            return "the same"
        signatures = sum(len(graph.changed_signatures) for graph in self.meta_graphs)
        meta_graphs = len(self.removed) + len(self.added)
        files = sum(file.counts for file in self.files.files)
        counts = ((meta_graphs, "MetaGraph"), (signatures, "signature"), (files, "file"))
        said = [f"{count} {noun}{'s'[: count != 1]}" for count, noun in counts if count]
        return f"differ in {', '.join(said) or 'other parts'}"

    def _repr_html_(self) -> str:
        from sigpb.comparing.html import difference_html

        return difference_html(self)

    def to_json(self) -> dict[str, Any]:
        """Returns what is different as JSON values: see docs/json.md."""
        from sigpb.comparing.report import difference_json

        return difference_json(self)

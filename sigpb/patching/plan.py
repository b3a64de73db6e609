"""A plan: the edits that bring a model in line with a patch, before anything is changed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sigpb import protos
from sigpb.edits import Edit
from sigpb.publishing.changes import Changes
from sigpb.rewrite.commit import CommittedModel, commit_model
from sigpb.rewrite.draft import Interfaces
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.model import SavedModel, tag_set_text
from sigpb.visible_text import visible, visible_lines
from sigpb.wire import Piece, composed

if TYPE_CHECKING:
    from sigpb.composing.way_back import WayBack

PatchLike: TypeAlias = protos.SavedModelPatch | Mapping[str, Any] | str | os.PathLike[str]
"""What the functions of sigpb take for a patch: see `sigpb.patching.given_patch.patch_of`."""


@dataclass(frozen=True)
class MetaGraphPlan:
    """The edits of one MetaGraph.

    Attributes:
        index: The MetaGraph's position in the file.
        tags: Its tag-set as it is.
        edits: What is done to it; all at once.
        warnings: What works but may surprise.
        unchecked: What only a run of the model shows, so that it should be verified: see
            `Edit.unchecked`.
        chains: What values pass between a client and a tensor, where steps are asked for or several
            are needed: see `Conversion.chain`.
    """

    index: int
    tags: tuple[str, ...]
    edits: tuple[Edit, ...]
    warnings: tuple[str, ...]
    unchecked: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()


class Ground(NamedTuple):
    """The model that a plan's interfaces are of, where it is not the one in the file.

    Attributes:
        model: The model with the signatures that the patch makes of functions, and with its
            adapters, but for those that it takes out.
        pieces: What its proto is made of, in terms of the file's.
        files: What else changes in the model's directory: its checkpoint and assets.
        ways_back: How the adapters are taken out again, by the positions of their MetaGraphs.
    """

    model: SavedModel
    pieces: tuple[Piece, ...]
    files: Changes = {}
    ways_back: Sequence[tuple[int, WayBack]] = ()

    def upon(self, ground: Ground) -> Ground:
        """Returns this model, which is made of another one, in terms of the file of that."""
        return Ground(self.model, composed(self.pieces, ground.pieces), *ground[2:])


@dataclass(frozen=True, repr=False)
class Plan:
    """What a patch does to a model; printing it shows every change.

    Attributes:
        model: The model's directory, or its URL.
        patch: The patch, with the keys that its patterns stand for in this model, and dtypes and
            steps in plain spelling. Not to be changed.
        meta_graphs: The MetaGraphs that are changed.
        interfaces: What the signatures of these MetaGraphs are to be, by their positions. They hold
            on to the open model.
        ground: The model that they are of; None for the one in the file.
        asked: The patch as it was given; None where that is `patch`.
        taken_out: How the adapters are taken out that are to go, once all else is done, by the
            positions of their MetaGraphs.
    """

    model: Path | str
    patch: protos.SavedModelPatch
    meta_graphs: tuple[MetaGraphPlan, ...]
    interfaces: Mapping[int, Interfaces] = field(default_factory=dict, repr=False, compare=False)
    ground: Ground | None = field(default=None, repr=False, compare=False)
    asked: protos.SavedModelPatch | None = field(default=None, repr=False, compare=False)
    taken_out: Sequence[tuple[int, WayBack]] = field(default=(), repr=False, compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether the model is as the patch wants it."""
        return not self.meta_graphs

    @property
    def dropped(self) -> frozenset[int]:
        """The positions of the MetaGraphs that go."""
        return frozenset(each.index for each in self.meta_graphs if self.patch.drop)

    def ground_of(self, model: SavedModel) -> SavedModel:
        """Returns the model that the interfaces are of, for a plan of a model."""
        return model if self.ground is None else self.ground.model

    def commit(self, model: SavedModel) -> CommittedModel:
        """Brings a model in line with the interfaces.

        Args:
            model: The model that the plan was made for.

        Returns:
            What it is to be, but for what is done to MetaGraphs as wholes.

        Raises:
            PatchError: With all that a graph is in the way of.
        """
        made = self._on_ground(model)
        if self.taken_out:
            from sigpb.patching.ungrafts import without_adapters

            return without_adapters(model, made, self.taken_out)
        return made

    def _on_ground(self, model: SavedModel) -> CommittedModel:
        ground = self.ground_of(model)
        made = commit_model(ground, self.interfaces)
        if self.ground is None:
            return made
        # Nodes were added before: the graph is not the one in the file.
        graphs = {index: GraphParts(each).top for index, each in enumerate(ground.meta_graphs)}
        committed = {
            index: each._replace(graph=each.graph or graphs[index])
            for index, each in made.committed.items()
        }
        pieces = composed(made.pieces, self.ground.pieces)
        return CommittedModel(pieces, committed, self.ground.files)

    def to_tell(self) -> Plan:
        """Returns the plan for people, which holds on to nothing and cannot be carried out."""
        return replace(self, interfaces={}, ground=None, taken_out=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works but may surprise, of all MetaGraphs."""
        return tuple(warning for graph in self.meta_graphs for warning in graph.warnings)

    @property
    def counts(self) -> str:
        """How much the plan changes: ``3 edits, 1 warning``."""
        edits = sum(len(graph.edits) for graph in self.meta_graphs)
        found = ((edits, "edit"), (len(self.warnings), "warning"))
        said = [f"{count} {noun}{'s'[: count != 1]}" for count, noun in found if count]
        return ", ".join(said) or "nothing to change"

    def __repr__(self) -> str:
        return f"<Plan of {str(self.model)!r}: {self.counts}>"

    def _repr_html_(self) -> str:
        from sigpb import html_text

        parts = [html_text.lines(str(self.model) if self.meta_graphs else str(self))]
        for graph in self.meta_graphs:
            parts.append(html_text.heading(f"MetaGraph {tag_set_text(graph.tags)}"))
            parts.append(html_text.lines(*(edit.describe() for edit in graph.edits)))
            parts.append(html_text.lines(*graph.chains))
            warnings = (*(f"warning: {each}" for each in graph.warnings),)
            unchecked = map(not_checked, graph.unchecked)
            parts.append(
                html_text.lines(
                    *(html_text.Cell(each, "warning") for each in (*warnings, *unchecked))
                )
            )
        return html_text.document(*parts)

    def __str__(self) -> str:
        if self.is_empty:
            return visible(f"{self.model}: nothing to change")
        lines = [str(self.model)]
        for graph in self.meta_graphs:
            lines.append(f"  MetaGraph {tag_set_text(graph.tags)}")
            lines += [f"    {edit.describe()}" for edit in graph.edits]
            lines += [f"    {chain}" for chain in graph.chains]
            lines += [f"    warning: {warning}" for warning in graph.warnings]
            lines += [f"    {not_checked(each)}" for each in graph.unchecked]
        return visible_lines(lines)

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as JSON values."""
        return {
            "model": str(self.model),
            "patch_id": self.patch.id,
            "reason": self.patch.reason,
            "meta_graphs": [
                {
                    "tags": list(graph.tags),
                    "edits": [edit.to_json() for edit in graph.edits],
                    "chains": list(graph.chains),
                    "warnings": list(graph.warnings),
                    "unchecked": list(graph.unchecked),
                }
                for graph in self.meta_graphs
            ],
        }


def asks_for_whole_graphs(patch: protos.SavedModelPatch) -> bool:
    """Whether a patch says what is to become of MetaGraphs apart from their signatures."""
    return (
        patch.drop
        or patch.clear_devices
        or patch.HasField("set_device")
        or patch.strip_default_attrs
        or patch.prune
    )


def not_checked(what: str) -> str:
    """Returns the line that recommends to verify something."""
    return f"not checked without --verify: {what}"

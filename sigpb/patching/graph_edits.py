"""The edits of a MetaGraph as a whole, which are made when its signatures are as they are to be.

They are here, and not in `sigpb.edits`, because few patches ask for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.edits import Edit
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.saved_model.model import tag_set_text
from sigpb.tf.device_names import is_local_cpu
from sigpb.tf.op_versions import releases_text

_KEEP = "keep the model as it was, which --in_place does in a backup"


@dataclass(frozen=True)
class GraphEdit(Edit):
    """A change of a MetaGraph as a whole."""

    def apply(self, draft: MetaGraphDraft) -> None:
        """Leaves a draft alone: signatures do not change."""


@dataclass(frozen=True)
class DropMetaGraph(GraphEdit):
    """Removes a MetaGraph; variables and assets stay, which MetaGraphs share.

    Attributes:
        tags: Its tag-set.
        size: Its bytes in the file.
    """

    tags: tuple[str, ...]
    size: int

    def describe(self) -> str:
        """Returns for instance ``MetaGraph {train} dropped: 12,345 bytes``."""
        return f"MetaGraph {tag_set_text(self.tags)} dropped: {_count(self.size, 'byte')}"

    def irreversible(self) -> Iterator[str]:
        """What is dropped is nowhere else."""
        yield f"MetaGraph {tag_set_text(self.tags)} is dropped for good; {_KEEP}."


@dataclass(frozen=True)
class ClearDevices(GraphEdit):
    """Has nodes name no device.

    Attributes:
        before: The devices that nodes name, each with the number of nodes.
    """

    before: tuple[tuple[str, int], ...]

    def describe(self) -> str:
        """Returns for instance ``devices cleared: '/device:GPU:0' (12 nodes)``."""
        return f"devices cleared: {_listed(self.before)}"

    def irreversible(self) -> Iterator[str]:
        """Nothing in the model says where nodes were."""
        yield f"devices of nodes are cleared for good; {_KEEP}."


@dataclass(frozen=True)
class SetDevice(GraphEdit):
    """Has all nodes name a device.

    Attributes:
        device: The device.
        before: What the nodes that change name, each with the number of nodes.
    """

    device: str
    before: tuple[tuple[str, int], ...]

    def describe(self) -> str:
        """Returns for instance ``devices: none (12 nodes) → '/device:CPU:0'``."""
        return f"devices: {_listed(self.before)} → {self.device!r}"

    def irreversible(self) -> Iterator[str]:
        """Nothing in the model says where nodes were."""
        yield f"devices of nodes are set for good; {_KEEP}."

    def warnings(self) -> Iterator[str]:
        """A session needs the device, and an op a kernel for it."""
        if not is_local_cpu(self.device):
            yield (
                f"where there is no {self.device!r}, or an op has no kernel for it, sessions fail "
                "unless they are told to place nodes elsewhere (allow_soft_placement)."
            )


@dataclass(frozen=True)
class StripDefaultAttrs(GraphEdit):
    """Takes the attributes from nodes that are as their ops have them by default.

    Attributes:
        attributes: How many.
        nodes: From how many nodes.
        oldest: The oldest TensorFlow that knows all ops and attributes that are left, and why.
        foreign: The ops and attributes that are left and that no TensorFlow knows.
        written_by: The version of TensorFlow that wrote the model; empty if that is not stated.
        producer: The version of GraphDef that it wrote.
        min_consumer: The oldest version of GraphDef that may read it, as it states.
    """

    attributes: int
    nodes: int
    oldest: str
    foreign: str
    written_by: str
    producer: int
    min_consumer: int

    def describe(self) -> str:
        """Returns for instance ``default attributes stripped: 12 of 8 nodes``."""
        return (
            f"default attributes stripped: {self.attributes:,} of {_count(self.nodes, 'node')}; "
            f"written by TensorFlow {self.written_by or '(not stated)'}, GraphDef version "
            f"{self.producer}, to be read from version {self.min_consumer} on; oldest TensorFlow "
            f"that knows all ops and attributes that are left: {self.oldest}"
        )

    def warnings(self) -> Iterator[str]:
        """Names of ops and attributes are not all that is new."""
        if self.foreign:
            yield f"TensorFlow {releases_text()} do not know these: {self.foreign}."
        yield (
            "only the names of ops and attributes were compared with what TensorFlow "
            f"{releases_text()} know, not which dtypes and values they take."
        )

    def irreversible(self) -> Iterator[str]:
        """No patch adds attributes."""
        yield (
            "default attributes are stripped for good, which changes nothing where TensorFlow "
            f"knows them; {_KEEP}."
        )


@dataclass(frozen=True)
class Prune(GraphEdit):
    """Leaves out what nothing needs.

    Attributes:
        nodes: How many nodes of the top level go.
        functions: How many functions of the library.
        objects: How many functions and constants of the object graph are emptied.
        collected: How many elements of collections go.
        ops: The ops that nothing uses any more.
        size: How many bytes of the file they take.
    """

    nodes: int
    functions: int
    objects: int
    collected: int
    ops: tuple[str, ...]
    size: int

    def describe(self) -> str:
        """Returns for instance ``pruned: 12 nodes, 3 functions, 2 ops; 4,567 bytes``."""
        counts = {
            "node": self.nodes,
            "function": self.functions,
            "object": self.objects,
            "element": self.collected,
            "op": len(self.ops),
        }
        places = {"object": " of the object graph", "element": " of collections"}
        parts = [
            _count(count, what) + places.get(what, "") for what, count in counts.items() if count
        ]
        return f"pruned: {', '.join(parts)}; {_count(self.size, 'byte')}"

    def warnings(self) -> Iterator[str]:
        """A session can be asked for any node by its name."""
        if self.nodes:
            yield (
                "clients cannot feed or fetch a removed node by its name any more; no signature, "
                "initializer or collection names these nodes."
            )

    def irreversible(self) -> Iterator[str]:
        """What is pruned is nowhere else."""
        yield f"nodes and functions are pruned for good; {_KEEP}."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _listed(devices: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(
        f"{device!r} ({_count(count, 'node')})" if device else f"none ({_count(count, 'node')})"
        for device, count in devices
    )

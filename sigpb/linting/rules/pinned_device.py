"""Nodes that are meant to run on one device."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from sigpb.inspect.graph.bodies import call_of, may_call
from sigpb.linting.linted_model import LintedGraph, LintedModel
from sigpb.linting.op_search import nodes_with
from sigpb.linting.rule import Finding, LintRule

# What devices other than the CPU of the machine itself hold, among others.
_MENTION = re.compile(rb"/job:(?!localhost)|/device:(?![Cc][Pp][Uu])|[GTgt][Pp][Uu]:")


class PinnedDevice(LintRule):
    """Finds nodes that are pinned to an accelerator, or to another machine."""

    id = "pinned-device"
    severity = "warning"
    explanation = (
        "Nodes of the graph name the device that they are to run on, such as '/device:GPU:0'. "
        "Where there is none, sessions refuse the model with 'Cannot assign a device for "
        "operation', unless they are told to place nodes elsewhere (allow_soft_placement). In "
        "functions that sessions do not call it is only an info."
    )
    remedy = (
        "'sigpb patch --clear_devices' takes the devices out of all nodes, '--set_device' names "
        "another one."
    )
    example = "2 nodes are pinned to '/device:GPU:0', such as 'a'."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Yields one finding for each device."""
        for graph in model.graphs:
            pinned: dict[str, list[tuple[str | None, str]]] = defaultdict(list)
            for function, node in nodes_with(graph, _MENTION):
                if _is_elsewhere(node.device):
                    pinned[node.device].append((function, node.name))
            called = _called(graph) if pinned else set()
            for device, nodes in sorted(pinned.items()):
                running = [each for each in nodes if each[0] is None or each[0] in called]
                function, name = (running or nodes)[0]
                inside = f" of function {function!r}" if function else ""
                yield self.finding(
                    f"{_count(len(nodes))} pinned to {device!r}, such as {name!r}{inside}.",
                    graph.where(),
                    severity=None if running else "info",
                )


def _called(graph: LintedGraph) -> set[str]:
    """Returns the names of the functions that nodes of the graph call, directly or not."""
    library = graph.graph.library
    called: set[str] = set()
    waiting = [graph.graph.top]
    while waiting:
        body = waiting.pop()
        for record in body.records.values():
            call = call_of(body, record, library) if may_call(record, library) else None
            for callee in call.callees if call else ():
                if callee.body.name not in called:
                    called.add(callee.body.name)
                    waiting.append(callee.body)
    return called


def _is_elsewhere(device: str) -> bool:
    """Whether a device is not the CPU of the machine itself.

    Args:
        device: It, such as ``/job:localhost/replica:0/task:0/device:GPU:0`` or ``/gpu:0``
            (tensorflow/core/util/device_name_utils.cc).
    """
    for part in device.lower().strip("/").split("/"):
        kind, _, name = part.partition(":")
        if kind == "job" and name != "localhost":
            return True
        type_ = name.partition(":")[0] if kind == "device" else kind
        if type_ not in ("", "cpu", "job", "replica", "task"):
            return True
    return False


def _count(nodes: int) -> str:
    return "One node is" if nodes == 1 else f"{nodes:,} nodes are"

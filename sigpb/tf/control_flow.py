"""The loops and branches of TensorFlow 1, which are made of nodes between other nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sigpb import protos
from sigpb.tf.tensor_names import producer

# tensorflow/core/ops/control_flow_ops.cc
ENTER_OPS = {"Enter", "RefEnter"}
"""What takes a tensor into a loop."""

_EXIT_OPS = {"Exit", "RefExit"}
_MERGE_OPS = {"Merge", "RefMerge"}
_SWITCH_OPS = {"Switch", "RefSwitch", "_SwitchN"}
# They close a loop, and so come after what takes tensors from them.
_NEXT_OPS = {"NextIteration", "RefNextIteration"}


def is_back_edge(nodes: Mapping[str, protos.NodeDef], spelled: str) -> bool:
    """Whether a tensor is what the next round of a loop begins with."""
    name = producer(spelled)
    return name in nodes and nodes[name].op in _NEXT_OPS


class _Depth(NamedTuple):
    """In how many loops and branches something is."""

    loops: int = 0
    branches: int = 0


def surroundings(tensor: str, nodes: Mapping[str, protos.NodeDef]) -> str | None:
    """Returns what a tensor is inside of, so that nothing outside can take it.

    Args:
        tensor: A tensor of a GraphDef or of a function.
        nodes: The nodes there, by name.

    Returns:
        ``a loop``, which may run any number of times, or ``a branch``, which may not run, each with
        the op whose outputs leave it; or None.
    """
    depth = _depth_of(tensor, nodes)
    if depth.loops:
        return "a loop, which only the outputs of Exit nodes leave"
    return "a branch, which only the outputs of Merge nodes leave" if depth.branches else None


def loops_around(node: str, nodes: Mapping[str, protos.NodeDef]) -> int:
    """Returns in how many loops the outputs of a node are."""
    return _depth_of(node, nodes).loops


def _depth_of(tensor: str, nodes: Mapping[str, protos.NodeDef]) -> _Depth:
    depths: dict[str, _Depth] = {}
    opened: set[str] = set()
    waiting = [producer(tensor)]
    while waiting:
        name = waiting[-1]
        before = _inputs(name, nodes)
        if name not in opened:
            opened.add(name)
            waiting += (each for each in before if each not in opened)
            continue
        waiting.pop()
        if name not in depths:
            depths[name] = _depth(name, nodes, [depths.get(each, _Depth()) for each in before])
    return depths[producer(tensor)]


def _inputs(name: str, nodes: Mapping[str, protos.NodeDef]) -> list[str]:
    """Returns what a node takes tensors from or waits for, without what closes a loop."""
    if name not in nodes:
        return []
    node = nodes[name]
    forward = (each for each in node.input if not _closes(node, each, nodes))
    return [producer(each) for each in forward]


def _closes(node: protos.NodeDef, tensor: str, nodes: Mapping[str, protos.NodeDef]) -> bool:
    return node.op in _MERGE_OPS and is_back_edge(nodes, tensor)


def _depth(name: str, nodes: Mapping[str, protos.NodeDef], before: Sequence[_Depth]) -> _Depth:
    """Returns the depth of a node's outputs, given those of what it takes."""
    if name not in nodes:
        return _Depth()
    node = nodes[name]
    loops = max((each.loops for each in before), default=0)
    branches = max((each.branches for each in before), default=0)
    loops += (node.op in ENTER_OPS) - (node.op in _EXIT_OPS)
    branches += node.op in _SWITCH_OPS and not _ends_loop(node, nodes)
    branches -= node.op in _MERGE_OPS and not _begins_loop(node, nodes)
    return _Depth(max(loops, 0), max(branches, 0))


def _begins_loop(merge: protos.NodeDef, nodes: Mapping[str, protos.NodeDef]) -> bool:
    """Whether what a node merges is what a round of a loop begins with."""
    return any(_closes(merge, each, nodes) for each in merge.input)


def _ends_loop(switch: protos.NodeDef, nodes: Mapping[str, protos.NodeDef]) -> bool:
    """Whether it is the condition of a loop that a node switches by."""
    condition = nodes.get(producer(switch.input[1])) if len(switch.input) > 1 else None
    return condition is not None and condition.op == "LoopCond"

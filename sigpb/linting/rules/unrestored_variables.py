"""Variables that have no value once a session has loaded the model.

Keras 3 keeps variables of its own, and `tf.saved_model.save` gives the graph a second handle for
each: signatures read the one, the restore op assigns the other. `tf.saved_model.load` looks at
neither. So for a variable that signatures read and nothing restores, there is often a copy that is
restored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sigpb import protos
from sigpb.errors import PatchError, listed
from sigpb.inspect.loading import is_variable
from sigpb.inspect.object_tensors import captured_tensors, restored_variables
from sigpb.linting.linted_model import Consumers, LintedGraph, LintedModel
from sigpb.linting.rule import Finding, Fixing, LintRule
from sigpb.rewrite.interface import fed_tensors
from sigpb.tf.load_ops import ASSIGNING, variable_of
from sigpb.tf.tensor_names import producer
from sigpb.wire import Edits

_HANDLE = "VarHandleOp"


class UnrestoredVariables(LintRule):
    """Finds variables that a signature reads and neither the restore op nor the init op assigns."""

    id = "unrestored-variables"
    severity = "error"
    explanation = (
        "A signature reads variables that nothing gives a value when a session loads the model: "
        "TensorFlow Serving and tf.compat.v1 load it, and every request fails with 'Could not find "
        "variable' or 'Error while reading resource variable'. tf.saved_model.save writes such "
        "models of Keras 3: the checkpoint is restored into copies of the variables. "
        "tf.saved_model.load is not concerned."
    )
    remedy = (
        "If the model can be exported again, use Keras' own model.export(), which writes no such "
        "models."
    )
    example = "signature 'other': It reads a variable that nothing restores: 'w'."
    fixes = {"share": "gives the restored copies the shared_name of the variables that are read"}

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Compares what signatures read with what is assigned when the model is loaded."""
        for graph in model.graphs:
            fixable: set[str] | None = None
            for key in graph.signatures:
                if names := unrestored(graph, key):
                    fixable = set(restored_twins(graph)) if fixable is None else fixable
                    yield self.finding(
                        f"It reads {'a variable' if len(names) == 1 else 'variables'} that "
                        f"nothing restores: {listed(names)}.",
                        graph.where(key),
                        fix=self.fixes["share"] if fixable.issuperset(names) else "",
                    )

    def fix(self, fixing: Fixing, way: str) -> None:
        """Joins the variables of the signatures that have a fix."""
        for index in range(len(fixing.model.meta_graphs)):
            graph = LintedGraph(fixing.model.meta_graphs[index], "")
            names = {name for key in graph.signatures for name in unrestored(graph, key)}
            fixable = sorted(names & set(restored_twins(graph)) if names else ())
            if fixable:
                share(graph, fixable)
                edits = Edits(fixing.model.buffer)
                graph.top_level.rewrite(edits)
                fixing.rewrite(edits)


def unrestored(graph: LintedGraph, signature: str) -> list[str]:
    """Returns the variables that a signature, given by its key, reads and nothing assigns.

    Returns:
        The names of their nodes, sorted; none if loaders find out by themselves what to restore.
    """
    if not graph.loading.restores:
        return []
    flow = graph.flow(signature)
    needed = {tensor for tensors in flow.needed.values() for tensor in tensors}
    fed = fed_tensors(graph.signatures[signature])
    consumers = Consumers(graph, among=flow.cone)
    found = []
    for name in sorted(needed.difference(fed)):
        record = graph.graph.records.get(name)
        if not is_variable(record):
            continue
        node = graph.graph.node(name)
        if node is None or variable_of(node) in graph.loading.assigned:
            continue
        if not any(user.op in ASSIGNING for user in consumers.of(name)):
            found.append(name)
    return found


def restored_twins(graph: LintedGraph) -> dict[str, str]:
    """Returns, for each variable that nothing restores, the copy of it that is restored.

    The object graph knows each variable once: by its way from the root, which is its key in the
    checkpoint, and as what functions capture, which is the handle that calls of them take.

    Returns:
        Names of VarHandleOps outside of functions: for the one that is read the one that is
        restored, of the same dtype and shape.
    """
    objects = graph.meta_graph.object_graph
    if objects is None:
        return {}
    restored = restored_variables(objects, graph.loading.values)
    twins: dict[str, str] = {}
    for place, tensor in captured_tensors(objects, graph.graph):
        handle = producer(tensor)
        twin = restored.get(place)
        if twin is not None and twin != handle and _is_alike(graph, handle, twin):
            twins[handle] = twin
    # One cannot be restored in the place of two.
    counts = Counter(twins.values())
    return {handle: twin for handle, twin in twins.items() if counts[twin] == 1}


def share(graph: LintedGraph, names: list[str]) -> None:
    """Gives the handle that is restored the `shared_name` of the handle that is read.

    Args:
        graph: The MetaGraph, to whose nodes it is done.
        names: The variables that are read.

    Raises:
        PatchError: If it is not known which variable is restored in the place of one of them.
    """
    twins = restored_twins(graph)
    if unknown := [name for name in names if name not in twins]:
        raise PatchError(
            f"{graph.where() or 'The model'}: it cannot be determined which restored variables "
            f"belong to {', '.join(map(repr, unknown))}."
        )
    for name in names:
        read, restored = (graph.graph.node(each) for each in (name, twins[name]))
        assert read is not None, "restored_twins found it"
        assert restored is not None, "restored_twins found it"
        shared = protos.NodeDef()
        shared.CopyFrom(restored)
        shared.attr["shared_name"].s = variable_of(read).name
        graph.top_level.replace(shared)


def _is_alike(graph: LintedGraph, first: str, second: str) -> bool:
    nodes = [graph.graph.node(name) for name in (first, second)]
    types = [
        (node.attr["dtype"].type, node.attr["shape"].shape, variable_of(node).container)
        for node in nodes
        if node is not None and node.op == _HANDLE
    ]
    return len(types) == 2 and types[0] == types[1]

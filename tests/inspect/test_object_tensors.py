from __future__ import annotations

from pathlib import Path

from sigpb import protos
from sigpb.inspect.object_tensors import ObjectTensors
from sigpb.saved_model.model import open_model
from tests.patches import ModelFactory, altered, only_graph


def tensors_of(model: Path) -> dict[str, str | None]:
    """The tensors of all objects that functions can capture, by what the objects are."""
    with open_model(model) as opened:
        graph = opened.meta_graphs[0]
        objects = graph.object_graph
        assert objects is not None
        tensors = ObjectTensors(graph, objects)
        return {
            objects.describe(place): tensors.tensor(place)
            for place, node in enumerate(objects.proto.nodes)
            if node.WhichOneof("kind") in ("variable", "constant", "asset", "resource")
        }


def shared_names(model: Path) -> dict[str, str]:
    nodes = only_graph(model).graph_def.node
    return {n.name: n.attr["shared_name"].s.decode() for n in nodes if n.op == "VarHandleOp"}


def test_each_object_has_its_tensor(fixture_model: ModelFactory) -> None:
    """Three variables of one name: the graph numbers them in another order than they have here."""
    model = fixture_model("tf2_functions")
    found = tensors_of(model)
    nodes = {node.name: node for node in only_graph(model).graph_def.node}
    variables = {name: found[f"the variable {name!r}"] for name in ("scale", "shift", "net.factor")}
    assert sorted(map(str, variables.values())) == ["v", "v_1", "v_2"]
    shapes = {
        name: [dim.size for dim in nodes[str(node)].attr["shape"].shape.dim]
        for name, node in variables.items()
    }
    assert shapes == {"scale": [], "shift": [2], "net.factor": []}
    assert nodes[str(found["the resource 'words'"])].op == "HashTableV2"
    path = nodes[str(found["the asset 'asset'"])]
    assert (path.op, len(path.input)) == ("ReadVariableOp", 1)
    constant = next(str(tensor) for what, tensor in found.items() if "constant" in what)
    assert nodes[constant].op == "Const"


def test_variable_is_told_by_what_is_restored_into_it(fixture_model: ModelFactory) -> None:
    """Not by its name: exchanged handles of the restore op are exchanged variables."""

    def exchange(graph: protos.MetaGraphDef) -> None:
        restore = next(
            node for node in graph.graph_def.node if "restore" in node.attr["f"].func.name
        )
        first, second = (list(restore.input).index(name) for name in ("v", "v_1"))
        restore.input[first], restore.input[second] = restore.input[second], restore.input[first]

    model = fixture_model("tf2_functions")
    before = tensors_of(model)
    after = tensors_of(altered(model, exchange))
    swapped = {"v": "v_1", "v_1": "v"}
    for what, tensor in before.items():
        assert after[what] == swapped.get(str(tensor), tensor), what


def test_path_of_an_asset_is_not_assigned_again(fixture_model: ModelFactory) -> None:
    """What waits for the assignment is first in the graph, and is passed over."""

    def reverse(graph: protos.MetaGraphDef) -> None:
        nodes = sorted(graph.graph_def.node, key=lambda node: -len(node.input))
        del graph.graph_def.node[:]
        graph.graph_def.node.extend(nodes)

    model = altered(fixture_model("tf2_functions"), reverse)
    nodes = {node.name: node for node in only_graph(model).graph_def.node}
    found = [str(tensor) for what, tensor in tensors_of(model).items() if "asset" in what]
    assert [(nodes[name].op, len(nodes[name].input)) for name in found] == [
        ("ReadVariableOp", 1),
        ("ReadVariableOp", 1),
    ]


def test_unknown(fixture_model: ModelFactory) -> None:
    def cut(graph: protos.MetaGraphDef) -> None:
        graph.saver_def.Clear()
        del graph.asset_file_def[:]
        for node in graph.graph_def.node:
            if "initializer" in node.attr["f"].func.name:
                node.op = "NoOp"
                del node.input[:]
            if node.op == "Const":
                node.name += "_renamed"

    assert set(tensors_of(altered(fixture_model("tf2_functions"), cut)).values()) == {None}

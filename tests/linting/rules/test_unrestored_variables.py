"""Models as `tf.saved_model.save` writes them of Keras 3: two handles for each variable.

Signatures read those with the variables' names; the restore op assigns `Variable`, `Variable_1` …
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.linting.lint import fix
from sigpb.linting.linted_model import LintedGraph
from sigpb.linting.rules.unrestored_variables import share
from sigpb.saved_model.model import open_model
from tests.linting.faults import ModelFactory, find, findings, repair, rule
from tests.model_runner import assert_equal, make_inputs, resave, run_v1, run_v2
from tests.patches import altered, only_graph

RULE = "unrestored-variables"


def nodes_of(graph: protos.MetaGraphDef, op: str) -> list[protos.NodeDef]:
    return [node for node in graph.graph_def.node if node.op == op]


def split(graph: protos.MetaGraphDef) -> None:
    """Gives variables second handles, which the restore op assigns in their place."""
    nodes = graph.graph_def.node
    (restore,) = (node for node in nodes if node.name == graph.saver_def.restore_op_name)
    for number, handle in enumerate(nodes_of(graph, "VarHandleOp")):
        twin = nodes.add()
        twin.CopyFrom(handle)
        twin.name = f"Variable_{number}"
        twin.attr["shared_name"].s = twin.name.encode()
        restore.input[:] = [twin.name if name == handle.name else name for name in restore.input]


@pytest.mark.parametrize(
    "name", ["tf2_linear", "tf2_many", "tf2_stateful", "tf1_shared", "tf1_interior", "tf1_eval"]
)
def test_all_are_restored(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_second_handles_are_restored(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), split)
    assert find(RULE, model) == [
        ("error", f"signature {key!r}", f"It reads {what} nothing restores: {names}.")
        for key, what, names in (
            ("other", "a variable that", "'w'"),
            ("serving_default", "variables that", "'c', 'w'"),
            ("single", "a variable that", "'c'"),
        )
    ]
    fix_ = "gives the restored copies the shared_name of the variables that are read"
    assert {each.fix for each in findings(RULE, model)} == {fix_}


def test_fix_changes_nothing_but_shared_names(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), split)
    before = only_graph(model)

    repair(RULE, model)

    after = only_graph(model)
    shared = {
        node.name: node.attr["shared_name"].s
        for node in nodes_of(after, "VarHandleOp")
        if node not in before.graph_def.node
    }
    handles = nodes_of(only_graph(fixture_model("tf2_linear")), "VarHandleOp")
    assert shared == {
        f"Variable_{number}": handle.attr["shared_name"].s for number, handle in enumerate(handles)
    }
    for node in (*before.graph_def.node, *after.graph_def.node):
        node.attr.pop("shared_name", None)
    assert after == before


def test_nothing_restores_a_variable_at_all(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        split(graph)
        for node in nodes_of(graph, "VarHandleOp"):
            if node.name.startswith("Variable_"):
                node.attr["dtype"].type = protos.DataType.Value("DT_DOUBLE")  # no twin any more

    model = altered(fixture_model("tf2_linear"), fault)
    assert {each.fix for each in findings(RULE, model)} == {None}
    assert fix(model, [rule(RULE)]).fixed == ()


def test_one_restored_variable_cannot_stand_for_two(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        split(graph)
        (handle,) = (node for node in nodes_of(graph, "VarHandleOp") if node.name == "w")
        other = graph.graph_def.node.add()
        other.CopyFrom(handle)
        other.name = "again"
        other.attr["shared_name"].s = b"again"
        output = graph.signature_def["other"].outputs
        called = next(iter(output.values())).name.partition(":")[0]
        (call,) = (node for node in graph.graph_def.node if node.name == called)
        call.input[:] = ["again" if name == "w" else name for name in call.input]

    model = altered(fixture_model("tf2_linear"), fault)
    assert {each.where: each.fix is None for each in findings(RULE, model)} == {
        "signature 'other'": True,
        "signature 'serving_default'": True,
        "signature 'single'": False,
    }


def test_a_variable_that_the_init_op_assigns(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        split(graph)
        assigned = []
        for handle in nodes_of(graph, "VarHandleOp"):
            if not handle.name.startswith("Variable_"):
                graph.graph_def.node.add(
                    name=f"{handle.name}/set", op="AssignVariableOp", input=[handle.name, "c"]
                )
                assigned.append(f"^{handle.name}/set")
        (init,) = (node for node in graph.graph_def.node if node.op == "NoOp")
        init.input.extend(assigned)

    assert find(RULE, altered(fixture_model("tf2_linear"), fault)) == []


@pytest.mark.parametrize("reads", [False, True])
def test_a_variable_that_the_signature_assigns_first(
    fixture_model: ModelFactory, reads: bool
) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        nodes = graph.graph_def.node
        handle = nodes.add(name="scratch", op="VarHandleOp")
        handle.attr["shared_name"].s = b"scratch"
        waits = []
        if not reads:
            nodes.add(name="set", op="AssignVariableOp", input=["scratch", "serving_default_x"])
            waits = ["^set"]
        nodes.add(name="get", op="ReadVariableOp", input=["scratch", *waits])
        output = graph.signature_def["serving_default"].outputs["extra"]
        output.name, output.dtype = "get:0", protos.DataType.Value("DT_FLOAT")

    found = find(RULE, altered(fixture_model("tf2_linear"), fault))
    assert len(found) == reads


def test_models_without_a_restore_op(fixture_model: ModelFactory) -> None:
    # A session in Python then restores the variables of the collections.
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.ClearField("saver_def")

    assert find(RULE, altered(fixture_model("tf1_shared"), fault)) == []


def test_fix_must_know_the_restored_variable(fixture_model: ModelFactory) -> None:
    with open_model(fixture_model("tf2_linear")) as model:
        graph = LintedGraph(model.meta_graphs[0], "")
        with pytest.raises(PatchError, match="which restored variables belong to 'nothing'"):
            share(graph, ["nothing"])


@pytest.mark.tensorflow
def test_split_model_in_tensorflow(fixture_model: ModelFactory, tmp_path: Path) -> None:
    original = fixture_model("tf2_linear")
    model = altered(fixture_model("tf2_linear"), split)
    inputs = make_inputs(original, ["serve"])
    wanted = run_v1(original, ["serve"], inputs)
    broken = run_v1(model, ["serve"], inputs)
    assert any("Could not find variable" in str(result) for result in broken.values())

    repair(RULE, model)

    assert_equal(wanted, run_v1(model, ["serve"], inputs))
    assert_equal(run_v2(original, ["serve"], inputs), run_v2(model, ["serve"], inputs))


@pytest.mark.tensorflow
def test_keras_3(tmp_path: Path) -> None:
    keras: Any = pytest.importorskip("keras", minversion="3.0")
    import tensorflow as tf

    model = keras.Sequential(
        [
            keras.Input([3]),
            keras.layers.Dense(2, name="a.b"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(2),
        ]
    )
    for number, weight in enumerate(model.weights):
        weight.assign(tf.reshape(tf.range(1.0, 1 + tf.size(weight).numpy()), weight.shape) + number)
    function = tf.function(
        lambda x: {"y": model(x)}, input_signature=[tf.TensorSpec([None, 3], name="x")]
    )
    saved = tmp_path / "model"
    tf.saved_model.save(model, str(saved), signatures=function.get_concrete_function())
    inputs = make_inputs(saved, ["serve"])
    wanted = run_v2(saved, ["serve"], inputs)
    (found,) = findings(RULE, saved)
    assert (found.severity, found.where) == ("error", "signature 'serving_default'")

    repair(RULE, saved)

    assert_equal(wanted, run_v1(saved, ["serve"], inputs))
    assert_equal(wanted, run_v2(saved, ["serve"], inputs))
    again = resave(saved, ["serve"], tmp_path / "again")
    assert_equal(wanted, run_v1(again, ["serve"], inputs))
    assert find(RULE, again) == []

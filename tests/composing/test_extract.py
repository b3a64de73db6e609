"""Parts with only some of their signatures, and what these need."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.composing.extract import extracted
from sigpb.composing.part import Part
from sigpb.composing.saver_keys import keyed_nodes
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.saved_model.model import open_model


def part_of(text: str) -> Part:
    """A part that is a MetaGraph, which is all of its model."""
    meta_graph = text_format.Parse(text, protos.MetaGraphDef(), descriptor_pool=protos.POOL)
    keys = {each for node in keyed_nodes(meta_graph) for each in node.keys}
    return Part(meta_graph, Path("model"), {key: key for key in keys}, {})


def counts(part: Part) -> dict[str, int]:
    """How much there is of each kind."""
    graph = part.meta_graph.graph_def
    return {
        "signatures": len(part.meta_graph.signature_def),
        "nodes": len(graph.node),
        "functions": len(graph.library.function),
        "objects": len(part.meta_graph.object_graph_def.nodes),
        "variables": len(part.variables),
        "tracked": len(part.objects.nodes) if part.objects else 0,
        "assets": len(part.assets),
    }


LEFT = {
    ("tf1_shared", "classify"): "1 47 0 0 1 0 1",
    ("tf1_shared", "regress"): "1 8 0 0 0 0 0",
    ("tf1_shared", "serving_default"): "1 41 0 0 1 0 0",
    ("tf2_linear", "serving_default"): "2 10 4 5 2 3 0",
    ("tf2_linear", "single"): "2 8 4 4 1 2 0",
    ("tf2_many", "serving_default"): "2 18 7 14 1 2 1",
    ("tf2_stateful", "reset"): "2 6 4 4 1 2 0",
    ("ranking", "embed"): "2 8 4 4 1 2 0",
}


@pytest.mark.parametrize(("name", "signature"), LEFT)
def test_what_is_left(fixture_model: Callable[..., Path], name: str, signature: str) -> None:
    with open_model(fixture_model(name)) as model:
        part = Part.of(model, 0)
    before = part.meta_graph.SerializeToString(deterministic=True)
    after = extracted(part, [signature])
    assert part.meta_graph.SerializeToString(deterministic=True) == before, "it was changed"
    assert " ".join(map(str, counts(after).values())) == LEFT[name, signature]
    assert extracted(after, [signature]).meta_graph == after.meta_graph, "twice is once"
    keys = {key for each in keyed_nodes(after.meta_graph) for key in each.keys}
    assert keys - {"_CHECKPOINTABLE_OBJECT_GRAPH"} == set(after.variables)


def test_several_signatures_keep_what_either_needs(fixture_model: Callable[..., Path]) -> None:
    with open_model(fixture_model("tf2_linear")) as model:
        part = Part.of(model, 0)
    after = extracted(part, ["single", "other"])
    assert set(after.meta_graph.signature_def) == {"single", "other", "__saved_model_init_op"}
    (signatures,) = (
        node
        for node in after.meta_graph.object_graph_def.nodes
        if node.user_object.identifier == "signature_map"
    )
    assert {child.local_name for child in signatures.children} == {"single", "other"}


TABLES = """
meta_info_def { stripped_op_list { op { name: "Const" } op { name: "VarHandleOp" } } }
graph_def {
  node { name: "x" op: "Placeholder" }
  node { name: "a_file" op: "Const" }
  node { name: "b_file" op: "Const" }
  node { name: "a" op: "HashTableV2" }
  node { name: "b" op: "HashTableV2" }
  node { name: "a_init" op: "InitializeTableFromTextFileV2" input: "a" input: "a_file" }
  node { name: "b_init" op: "InitializeTableFromTextFileV2" input: "b" input: "b_file" }
  node { name: "log" op: "Print" input: "x" }
  node { name: "tables" op: "NoOp" input: "^a_init" input: "^b_init" }
  node { name: "init" op: "NoOp" input: "^tables" input: "^log" }
  node { name: "w" op: "VariableV2" }
  node { name: "w/initial" op: "Const" }
  node { name: "w/Assign" op: "Assign" input: "w" input: "w/initial" }
  node { name: "v" op: "VariableV2" }
  node { name: "v/Assign" op: "Assign" input: "v" input: "w/initial" }
  node { name: "find_a" op: "LookupTableFindV2" input: "a" input: "x" input: "w" }
  node { name: "find_b" op: "LookupTableFindV2" input: "b" input: "x" input: "v" }
  node { name: "file" op: "Placeholder" }
  node { name: "keys" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING
         tensor_shape { dim { size: 2 } } string_val: "v" string_val: "w" } } } }
  node { name: "slices" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING
         tensor_shape { dim { size: 2 } } string_val: "" } } } }
  node { name: "save" op: "SaveV2" input: "file" input: "keys" input: "slices"
         input: "v" input: "w"
         attr { key: "dtypes" value { list { type: DT_INT64 type: DT_FLOAT } } } }
  node { name: "saved" op: "Identity" input: "file" input: "^save" }
  node { name: "read" op: "RestoreV2" input: "file" input: "keys" input: "slices"
         attr { key: "dtypes" value { list { type: DT_INT64 type: DT_FLOAT } } } }
  node { name: "restore_v" op: "Assign" input: "v" input: "read" }
  node { name: "restore_w" op: "Assign" input: "w" input: "read:1" }
  node { name: "restore" op: "NoOp" input: "^restore_v" input: "^restore_w" }
}
saver_def { filename_tensor_name: "file:0" save_tensor_name: "saved:0" restore_op_name: "restore" }
collection_def { key: "saved_model_main_op" value { node_list { value: "init" } } }
collection_def { key: "table_initializer" value { node_list { value: "a_init" value: "b_init" } } }
collection_def { key: "somebodys" value { bytes_list { value: "a" } } }
asset_file_def { filename: "a.txt" tensor_info { name: "a_file:0" } }
asset_file_def { filename: "b.txt" tensor_info { name: "b_file:0" } }
signature_def { key: "a" value { inputs { key: "x" value { name: "x:0" } }
                                 outputs { key: "y" value { name: "find_a:0" } } } }
signature_def { key: "b" value { inputs { key: "x" value { name: "x:0" } }
                                 outputs { key: "y" value { name: "find_b:0" } } } }
signature_def { key: "__saved_model_train_op"
                value { outputs { key: "t" value { name: "b_init" } } } }
"""


def with_variables(part: Part) -> Part:
    """The part, which collects its variables."""
    for name in "vw":
        variable = protos.VariableDef(variable_name=f"{name}:0", initializer_name=f"{name}/Assign")
        variables = part.meta_graph.collection_def["variables"].bytes_list.value
        variables.append(variable.SerializeToString())
    return part


def test_the_tables_and_variables_of_a_signature_stay() -> None:
    after = extracted(with_variables(part_of(TABLES)), ["a"])
    meta_graph = after.meta_graph
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    gone = {"b_file", "b", "b_init", "v", "v/Assign", "find_b", "restore_v"}
    every = {node.name for node in part_of(TABLES).meta_graph.graph_def.node}
    assert every - nodes.keys() == gone, "also what is printed while it is initialized stays"
    assert nodes.keys() - every == {"keys_1", "slices_1"}, "lists that two nodes shared"
    assert list(nodes["tables"].input) == ["^a_init"]
    assert list(nodes["restore"].input) == ["^restore_w"]
    assert list(nodes["restore_w"].input) == ["w", "read:0"]
    assert list(nodes["save"].input)[3:] == ["w"]
    for name in ("save", "read"):
        assert nodes[name].attr["dtypes"].list.type == [protos.DataType.Value("DT_FLOAT")]
    assert {tuple(each.keys) for each in keyed_nodes(meta_graph)} == {("w",)}
    assert [asset.filename for asset in meta_graph.asset_file_def] == ["a.txt"]
    assert set(after.variables) == {"w"}
    assert set(meta_graph.signature_def) == {"a"}
    collections = meta_graph.collection_def
    assert set(collections) == {"saved_model_main_op", "table_initializer", "variables"}
    assert list(collections["table_initializer"].node_list.value) == ["a_init"]
    (variable,) = collections["variables"].bytes_list.value
    assert protos.VariableDef.FromString(variable).variable_name == "w:0"
    assert [op.name for op in meta_graph.meta_info_def.stripped_op_list.op] == ["Const"]


def test_without_variables_there_is_no_saver() -> None:
    part = part_of(TABLES)
    part.meta_graph.signature_def["x"].outputs["x"].name = "x:0"
    after = extracted(part, ["x"])
    assert not after.meta_graph.HasField("saver_def")
    assert after.variables == {}
    assert {node.name for node in after.meta_graph.graph_def.node} == {"x", "log", "init", "tables"}


def test_refused() -> None:
    with pytest.raises(PatchError, match="there is no signature 'c'"):
        extracted(part_of(TABLES), ["a", "c"])


def test_what_is_tracked_and_not_restored_is_left_out_where_there_are_no_objects(
    fixture_model: Callable[..., Path],
) -> None:
    with open_model(fixture_model("tf1_no_variables")) as model:
        part = Part.of(model, 0)
    tracked = protos.TrackableObjectGraph()
    tracked.nodes.add().children.add(node_id=1, local_name="t")
    tracked.nodes.add().attributes.add(name="table", checkpoint_key="t/table")
    stored = {key: key for key in ("t/table-keys", "t/table-values")}
    after = extracted(replace(part, variables=stored, objects=tracked), ["default"])
    assert after.variables == {}
    assert after.objects is not None
    assert not any(node.attributes for node in after.objects.nodes)


SHARDS = """
graph_def {
  node { name: "w" op: "VariableV2" }
  node { name: "v" op: "VariableV2" }
  node { name: "u" op: "VariableV2" }
  node { name: "file" op: "Placeholder" }
  node { name: "keys_w" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING
         tensor_shape { dim { size: 1 } } string_val: "w" } } } }
  node { name: "keys_vu" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING
         tensor_shape { dim { size: 2 } } string_val: "v" string_val: "u" } } } }
  node { name: "keys" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING
         tensor_shape { dim { size: 3 } } string_val: "v" string_val: "w" string_val: "u" } } }
         attr { key: "_output_shapes" value { list { shape { dim { size: 3 } } } } } }
  node { name: "slices" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING
         tensor_shape { dim { size: 3 } } string_val: "" } } } }
  node { name: "slice" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING
         tensor_shape { dim { size: 1 } } string_val: "" } } } }
  node { name: "two" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING
         tensor_shape { dim { size: 2 } } string_val: "" } } } }
  node { name: "save_w" op: "SaveV2" input: "file" input: "keys_w" input: "slice" input: "w"
         attr { key: "dtypes" value { list { type: DT_FLOAT } } } }
  node { name: "save_vu" op: "SaveV2" input: "file" input: "keys_vu" input: "two"
         input: "v" input: "u"
         attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_FLOAT } } } }
  node { name: "saved" op: "Identity" input: "file" input: "^save_w" input: "^save_vu" }
  node { name: "read" op: "RestoreV2" input: "file" input: "keys" input: "slices"
         attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_FLOAT type: DT_FLOAT } } }
         attr { key: "_output_shapes" value { list {
           shape { dim { size: 1 } } shape { dim { size: 2 } } shape { dim { size: 3 } } } } } }
  node { name: "to_v" op: "Assign" input: "v" input: "read" }
  node { name: "to_w" op: "Assign" input: "w" input: "read:1" }
  node { name: "to_u" op: "Assign" input: "u" input: "read:2" }
  node { name: "restore" op: "NoOp" input: "^to_v" input: "^to_w" input: "^to_u" }
}
saver_def { filename_tensor_name: "file:0" save_tensor_name: "saved:0" restore_op_name: "restore" }
signature_def { key: "w" value { outputs { key: "y" value { name: "w:0" } } } }
signature_def { key: "wv" value { outputs { key: "y" value { name: "w:0" } }
                                  outputs { key: "z" value { name: "v:0" } } } }
"""


def test_a_file_of_the_checkpoint_that_would_be_empty_stays_as_it_is() -> None:
    # What joins the files waits for each of them.
    whole = extracted(part_of(SHARDS), ["w"])
    assert set(whole.variables) == {"w", "v", "u"}
    assert sum(each.node.op == "SaveV2" for each in keyed_nodes(whole.meta_graph)) == 2
    less = extracted(part_of(SHARDS), ["wv"])
    assert set(less.variables) == {"w", "v"}
    nodes = {node.name: node for node in less.meta_graph.graph_def.node}
    assert list(nodes["save_vu"].input)[3:] == ["v"]
    (shape,) = nodes["keys"].attr["_output_shapes"].list.shape
    assert [dim.size for dim in shape.dim] == [2], "as many as there are keys"
    shapes = nodes["read"].attr["_output_shapes"].list.shape
    assert [shape.dim[0].size for shape in shapes] == [1, 2]


def test_lists_that_are_no_constants_are_refused() -> None:
    part = part_of(SHARDS)
    nodes = {node.name: node for node in part.meta_graph.graph_def.node}
    nodes["two"].op = "Placeholder"
    with pytest.raises(PatchError, match="'save_vu' reads or writes slices"):
        extracted(part, ["wv"])
    part = part_of(SHARDS)
    nodes = {node.name: node for node in part.meta_graph.graph_def.node}
    nodes["save_vu"].input[2] = "slices"
    with pytest.raises(ModelUnreadable, match="'save_vu' has lists of different lengths"):
        extracted(part, ["wv"])
    nodes["read"].attr["dtypes"].list.type.append(1)
    with pytest.raises(PatchError, match="'read' reads or writes a checkpoint, and its keys"):
        extracted(part, ["wv"])


HANDLES = """
graph_def {
  node { name: "v" op: "VarHandleOp" attr { key: "shared_name" value { s: "v" } } }
  node { name: "w" op: "VarHandleOp" attr { key: "shared_name" value { s: "w" } } }
  node { name: "read" op: "ReadVariableOp" input: "w" }
  node { name: "file" op: "Placeholder" }
  node { name: "saved" op: "Identity" input: "file" }
  node { name: "restore" op: "StatefulPartitionedCall" input: "file" input: "v" input: "w"
         attr { key: "f" value { func { name: "__inference_restore_1" } } }
         attr { key: "Tin" value { list { type: DT_STRING type: DT_RESOURCE type: DT_VARIANT } } } }
  library { function {
    signature { name: "__inference_restore_1" control_output: "to_v" control_output: "to_w"
      input_arg { name: "file" } input_arg { name: "hv" } input_arg { name: "hw" } }
    attr { key: "_input_shapes" value { list {
      shape { } shape { dim { size: 1 } } shape { dim { size: 2 } } } } }
    arg_attr { key: 2 value { attr { key: "a" value { s: "w" } } } }
    resource_arg_unique_id { key: 2 value: 7 }
    node_def { name: "keys" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING
               tensor_shape { dim { size: 2 } } string_val: "v" string_val: "w" } } } }
    node_def { name: "slices" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING
               tensor_shape { dim { size: 2 } } string_val: "" } } } }
    node_def { name: "R" op: "RestoreV2" input: "file" input: "keys:output:0"
               input: "slices:output:0"
               attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_FLOAT } } } }
    node_def { name: "of_v" op: "Identity" input: "R:tensors:0" }
    node_def { name: "to_v" op: "AssignVariableOp" input: "hv" input: "of_v:output:0" }
    node_def { name: "to_w" op: "AssignVariableOp" input: "hw" input: "R:tensors:1" }
    node_def { name: "done" op: "Identity" input: "file" input: "^to_v" input: "^to_w" }
    ret { key: "y" value: "done:output:0" }
    control_ret { key: "to_v" value: "to_v" }
    control_ret { key: "to_w" value: "to_w" }
  } }
}
saver_def { filename_tensor_name: "file:0" save_tensor_name: "saved:0" restore_op_name: "restore" }
signature_def { key: "w" value { outputs { key: "y" value { name: "read:0" } } } }
"""


def test_a_function_that_restores_takes_no_more_than_it_uses() -> None:
    after = extracted(part_of(HANDLES), ["w"])
    graph = after.meta_graph.graph_def
    nodes = {node.name: node for node in graph.node}
    (function,) = graph.library.function
    inside = {node.name: list(node.input) for node in function.node_def}
    assert [each.name for each in function.signature.input_arg] == ["file", "hw"]
    assert inside["to_w"] == ["hw", "R:tensors:0"]
    assert inside["done"] == ["file", "^to_w"]
    assert not inside.keys() & {"to_v", "of_v"}
    assert dict(function.control_ret) == {"to_w": "to_w"}
    assert list(function.signature.control_output) == ["to_w"]
    assert {at: each.attr["a"].s for at, each in function.arg_attr.items()} == {1: b"w"}
    assert dict(function.resource_arg_unique_id) == {1: 7}
    assert [len(shape.dim) for shape in function.attr["_input_shapes"].list.shape] == [0, 1]
    assert list(nodes["restore"].input) == ["file", "w"]
    assert len(nodes["restore"].attr["Tin"].list.type) == 2
    assert "v" not in nodes
    assert set(after.variables) == {"w"}


def test_a_function_that_others_run_stays_as_it_is() -> None:
    part = part_of(HANDLES)
    objects = part.meta_graph.object_graph_def
    text_format.Parse(
        """
        nodes { children { node_id: 1 local_name: "signatures" } }
        nodes { user_object { identifier: "signature_map" }
                children { node_id: 2 local_name: "w" } }
        nodes { bare_concrete_function { concrete_function_name: "__inference_restore_1" } }
        concrete_functions { key: "__inference_restore_1" value { } }
        """,
        objects,
    )
    before = part.meta_graph.graph_def.library.function[0]
    after = extracted(part, ["w"])
    (function,) = after.meta_graph.graph_def.library.function
    assert function == before
    assert "v" in {node.name for node in after.meta_graph.graph_def.node}
    assert set(after.variables) == {"v", "w"}


OPTIMIZER = """
graph_def { library { function { signature { name: "__inference_f_1" } } } }
signature_def { key: "f" value { } }
object_graph_def {
  nodes { user_object { identifier: "_tf_keras_model" }
          children { node_id: 1 local_name: "optimizer" }
          children { node_id: 2 local_name: "signatures" } children { node_id: 5 local_name: "w" } }
  nodes { user_object { identifier: "optimizer" }
          slot_variables { original_variable_node_id: 5 slot_name: "m"
                           slot_variable_node_id: 4 } }
  nodes { user_object { identifier: "signature_map" } children { node_id: 3 local_name: "f" } }
  nodes { bare_concrete_function { concrete_function_name: "__inference_f_1" } }
  nodes { variable { name: "w/m" } }
  nodes { variable { name: "w" } }
  concrete_functions { key: "__inference_f_1" value { bound_inputs: 5 } }
}
"""


def test_objects_on_the_way_are_of_no_class_and_have_new_positions() -> None:
    graph = extracted(part_of(OPTIMIZER), ["f"]).meta_graph.object_graph_def
    root, signatures, function, variable = graph.nodes
    assert root.user_object.identifier == "_generic_user_object"
    assert [(each.local_name, each.node_id) for each in root.children] == [
        ("signatures", 1),
        ("w", 3),
    ]
    assert signatures.user_object.identifier == "signature_map"
    assert function.bare_concrete_function.concrete_function_name == "__inference_f_1"
    assert variable.variable.name == "w"
    assert list(graph.concrete_functions["__inference_f_1"].bound_inputs) == [3]


def test_a_position_where_nothing_is_is_refused() -> None:
    part = part_of(OPTIMIZER)
    part.meta_graph.object_graph_def.concrete_functions["__inference_f_1"].bound_inputs.append(9)
    with pytest.raises(ModelUnreadable, match="refers to the position 9, where nothing is"):
        extracted(part, ["f"])


def test_a_variable_of_an_optimizer_is_refused() -> None:
    part = part_of(OPTIMIZER)
    part.meta_graph.object_graph_def.concrete_functions["__inference_f_1"].bound_inputs[:] = [4]
    with pytest.raises(PatchError, match="is a slot of an optimizer"):
        extracted(part, ["f"])


def test_keys_without_a_saver_are_the_names_of_variables() -> None:
    part = with_variables(part_of(TABLES))
    part.meta_graph.ClearField("saver_def")
    assert set(extracted(part, ["a"]).variables) == {"w"}


def test_what_an_initializer_only_reads_does_not_keep_it() -> None:
    part = part_of(TABLES)
    graph = part.meta_graph.graph_def
    nodes = {node.name: node for node in graph.node}
    graph.node.add(name="path", op="VarHandleOp")
    graph.node.add(name="read_path", op="ReadVariableOp", input=["path"])
    nodes["a_init"].input[:] = ["a", "read_path"]
    nodes["b_init"].op, nodes["b_init"].input[:] = "StatefulPartitionedCall", ["read_path", "b"]
    left = {node.name for node in extracted(part, ["a"]).meta_graph.graph_def.node}
    assert {"path", "a_init"} <= left
    assert "b_init" not in left, "its table goes, though it reads the path, too"
    nodes["a_init"].input[:] = ["a", "exported"]
    graph.node.add(name="exported", op="LookupTableExportV2", input=["b"])
    left = {node.name for node in extracted(part, ["b"]).meta_graph.graph_def.node}
    assert "b_init" in left
    assert "a_init" not in left, "it fills another table with what it reads"


def test_what_a_variable_that_stays_is_made_of_keeps_its_value() -> None:
    part = with_variables(part_of(TABLES))
    nodes = {node.name: node for node in part.meta_graph.graph_def.node}
    nodes["w/initial"].op, nodes["w/initial"].input[:] = "Identity", ["v"]
    assert set(extracted(part, ["a"]).variables) == {"v", "w"}


def test_functions_that_capture_the_same_are_not_on_the_way() -> None:
    part = part_of(OPTIMIZER)
    objects = part.meta_graph.object_graph_def
    objects.nodes[0].children.add(node_id=6, local_name="other")
    objects.nodes.add().function.concrete_functions.append("__inference_g_2")
    objects.nodes[6].children.add(node_id=5, local_name="capture_0")
    assert len(extracted(part, ["f"]).meta_graph.object_graph_def.nodes) == 4


def test_values_of_objects_stay_also_if_no_session_restores_them() -> None:
    tracked = protos.TrackableObjectGraph()
    tracked.nodes.add().children.add(node_id=1, local_name="w")
    tracked.nodes.add().attributes.add(name="VARIABLE_VALUE", checkpoint_key="w/value")
    variables = {"w/value": "w/value", "m/value": "m/value"}
    part = replace(part_of(OPTIMIZER), variables=variables, objects=tracked)
    assert set(extracted(part, ["f"]).variables) == {"w/value"}

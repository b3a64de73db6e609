"""Parts whose names are kept apart: other names everywhere, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.composing.part import Part
from sigpb.composing.scoped import scoped
from sigpb.errors import PatchError
from sigpb.saved_model.model import open_model

SCOPE = "sigpb/tok"


def part_of(text: str) -> Part:
    """A part that is a MetaGraph, which is all of its model."""
    meta_graph = text_format.Parse(text, protos.MetaGraphDef(), descriptor_pool=protos.POOL)
    return Part(meta_graph, Path("model"), {}, {})


def nodes_of(owner: protos.GraphDef | protos.FunctionDef) -> dict[str, protos.NodeDef]:
    nodes = owner.node if isinstance(owner, protos.GraphDef) else owner.node_def
    return {node.name: node for node in nodes}


def text(message: protos.MetaGraphDef) -> str:
    return text_format.MessageToString(message, descriptor_pool=protos.POOL)


@pytest.mark.parametrize("name", ["tf1_shared", "tf1_two_graphs", "tf2_many", "tf2_stateful"])
def test_nothing_but_names_changes(fixture_model: Callable[..., Path], name: str) -> None:
    with open_model(fixture_model(name)) as model:
        part = Part.of(model, 0)
    original = text(part.meta_graph)
    after = scoped(part, SCOPE, 5000)
    assert text(part.meta_graph) == original, "the part given was changed"
    functions = after.meta_graph.graph_def.library.function
    assert all(int(each.signature.name.rpartition("_")[2]) >= 5000 for each in functions)
    assert all(each.name.startswith(f"{SCOPE}/") for each in after.meta_graph.graph_def.node)
    assert len(after.variables) == len(part.variables)
    assert set(after.variables).isdisjoint(part.variables)
    undone = protos.MetaGraphDef()
    undone.CopyFrom(after.meta_graph)
    _take_back(undone, part.meta_graph)
    assert undone == part.meta_graph


def _take_back(after: protos.MetaGraphDef, before: protos.MetaGraphDef) -> None:
    """Gives names back by replacing texts, whatever they stand for."""
    graphs = after.graph_def, before.graph_def
    names = [[each.signature.name for each in graph.library.function] for graph in graphs]
    encoded = text(after)
    for new, old in zip(*names, strict=True):
        encoded = encoded.replace(f'"{new}"', f'"{old}"')
    for each in (f"{SCOPE}/", f"{SCOPE.replace('/', '_')}/"):
        encoded = encoded.replace(each, "")
    after.Clear()
    text_format.Parse(encoded, after, descriptor_pool=protos.POOL)
    before.graph_def.ClearField("debug_info")
    for meta_graph in (after, before):  # Encoded messages have lengths.
        for key in ("variables", "trainable_variables"):
            meta_graph.collection_def.pop(key, None)
        for node in meta_graph.graph_def.node:
            if b"VARIABLE_VALUE" in node.attr["value"].tensor.SerializeToString():
                node.attr["value"].tensor.Clear()


def test_keys_are_where_they_are_read_written_and_tracked(
    fixture_model: Callable[..., Path],
) -> None:
    with open_model(fixture_model("tf2_many")) as model:
        part = Part.of(model, 0)
    after = scoped(part, SCOPE, 1)
    assert set(after.variables) == {f"sigpb_tok/{key}" for key in part.variables}
    assert after.objects is not None
    tracked = {each.checkpoint_key for node in after.objects.nodes for each in node.attributes}
    assert tracked == set(after.variables)
    graph = after.meta_graph.graph_def
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    constants = [
        value
        for nodes in bodies
        for node in nodes
        for value in node.attr["value"].tensor.string_val
        if b"VARIABLE_VALUE" in value
    ]
    assert {each.decode() for each in constants if b"\n" not in each} == set(after.variables)
    (stored,) = {each for each in constants if b"\n" in each}
    objects = protos.TrackableObjectGraph.FromString(stored)
    assert {each.checkpoint_key for node in objects.nodes for each in node.attributes} == tracked


SHARING = """
graph_def {
  node { name: "v" op: "VarHandleOp" attr { key: "shared_name" value { s: "" } } }
  node { name: "w" op: "VarHandleOp" attr { key: "shared_name" value { s: "w" } }
         attr { key: "_class" value { list { s: "loc:@v" } } } }
  node { name: "t" op: "HashTableV2" attr { key: "shared_name" value { s: "" } } input: "^v" }
  node { name: "call" op: "PartitionedCall" input: "w:0"
         attr { key: "f" value { func { name: "__inference_f_12" } } }
         attr { key: "_gradient_op_type" value { s: "PartitionedCall-3" } } }
  node { name: "own" op: "Relu" input: "call:1"
         attr { key: "_gradient_op_type" value { s: "Guided" } } }
  node { name: "enter" op: "Enter" input: "own" attr { key: "frame_name" value { s: "while" } } }
  library {
    function {
      signature { name: "__inference_f_12" input_arg { name: "x" type: DT_RESOURCE } }
      node_def { name: "table" op: "HashTableV2" input: "^x" }
      node_def { name: "named" op: "HashTableV2" attr { key: "shared_name" value { s: "w" } } }
      node_def { name: "find" op: "LookupTableFindV2" input: "table:table_handle:0" input: "^table"
                 attr { key: "_class" value { list { s: "loc:@table" } } } }
      node_def { name: "custom" op: "SomebodysModel"
                 attr { key: "model_identifier" value { s: "m" } } }
      node_def { name: "anonymous" op: "VarHandleOp"
                 attr { key: "shared_name" value { s: "cd2c89b7-88b7-44c8-ad83-06c2a9158347" } } }
      ret { key: "y" value: "table:table_handle:0" }
      control_ret { key: "table" value: "table" }
      attr { key: "forward_function_name" value { s: "__forward_f_13" } }
      attr { key: "api_implements" value { s: "lstm_1234" } }
    }
    function { signature { name: "__forward_f_13" } }
    function { signature { name: "bilinear" }
      node_def { name: "resize" op: "CropAndResize" attr { key: "method" value { s: "bilinear" } } }
      node_def { name: "call" op: "bilinear_grad" } }
    function { signature { name: "bilinear_grad" } }
    gradient { function_name: "bilinear" gradient_func: "bilinear_grad" }
    registered_gradients { gradient_func: "bilinear_grad" registered_op_type: "CustomGradient-7" }
  }
}
object_graph_def {
  nodes { captured_tensor { name: "table:0" concrete_function: "__inference_f_12" } }
  nodes { constant { operation: "call" } }
  nodes { variable { name: "v" } }
  nodes { function { concrete_functions: "__forward_f_13" } }
  concrete_functions { key: "__inference_f_12" value { bound_inputs: 1 } }
  concrete_functions { key: "__forward_f_13" value { bound_inputs: 2 } }
}
meta_info_def { function_aliases { key: "__inference_f_12" value: "f" } }
"""


def test_names_by_which_ops_share_something() -> None:
    part = scoped(part_of(SHARING), SCOPE, 12)
    graph = part.meta_graph.graph_def
    top = nodes_of(graph)
    assert top[f"{SCOPE}/v"].attr["shared_name"].s == b"sigpb/tok", "an empty name is shared too"
    assert top[f"{SCOPE}/w"].attr["shared_name"].s == b"sigpb/tok/w"
    assert top[f"{SCOPE}/t"].attr["shared_name"].s == b"", "it is shared by the node's own name"
    assert top[f"{SCOPE}/enter"].attr["frame_name"].s == b"sigpb/tok/while"
    function = graph.library.function[0]
    inside = nodes_of(function)
    assert set(inside) == {f"{SCOPE}/table", "named", "find", "custom", "anonymous"}
    assert list(inside["find"].input) == [f"{SCOPE}/table:table_handle:0", f"^{SCOPE}/table"]
    assert list(inside["find"].attr["_class"].list.s) == [b"loc:@sigpb/tok/table"]
    assert dict(function.ret) == {"y": f"{SCOPE}/table:table_handle:0"}
    assert dict(function.control_ret) == {"table": f"{SCOPE}/table"}
    assert inside["named"].attr["shared_name"].s == b"sigpb/tok/w"
    assert inside["custom"].attr["model_identifier"].s == b"sigpb/tok/m"
    assert inside["anonymous"].attr["shared_name"].s.startswith(b"cd2c89b7")


def test_functions_and_gradients() -> None:
    part = scoped(part_of(SHARING), SCOPE, 12)
    graph, library = part.meta_graph.graph_def, part.meta_graph.graph_def.library
    # In the order of the numbers that they had, those without one first.
    assert [each.signature.name for each in library.function] == [
        *("__inference_f_14", "__forward_f_15", "bilinear_12", "bilinear_grad_13")
    ]
    first, _, bilinear, _ = library.function
    assert first.attr["forward_function_name"].s == b"__forward_f_15"
    assert first.attr["api_implements"].s == b"lstm_1234_sigpb/tok"
    assert bilinear.node_def[0].attr["method"].s == b"bilinear", "no name of a function"
    assert bilinear.node_def[1].op == "bilinear_grad_13"
    assert library.gradient[0].function_name == "bilinear_12"
    assert library.gradient[0].gradient_func == "bilinear_grad_13"
    assert library.registered_gradients[0].gradient_func == "bilinear_grad_13"
    assert library.registered_gradients[0].registered_op_type == "CustomGradient-7_sigpb/tok"
    top = nodes_of(graph)
    assert top[f"{SCOPE}/call"].attr["f"].func.name == "__inference_f_14"
    assert top[f"{SCOPE}/call"].attr["_gradient_op_type"].s == b"PartitionedCall-3_sigpb/tok"
    assert top[f"{SCOPE}/own"].attr["_gradient_op_type"].s == b"Guided", "a program registers it"
    objects = part.meta_graph.object_graph_def
    assert objects.nodes[0].captured_tensor.name == f"{SCOPE}/table:0"
    assert objects.nodes[0].captured_tensor.concrete_function == "__inference_f_14"
    assert objects.nodes[1].constant.operation == f"{SCOPE}/call"
    assert objects.nodes[2].variable.name == f"{SCOPE}/v"
    assert list(objects.nodes[3].function.concrete_functions) == ["__forward_f_15"]
    functions = {name: list(each.bound_inputs) for name, each in objects.concrete_functions.items()}
    assert functions == {"__inference_f_14": [1], "__forward_f_15": [2]}
    assert dict(part.meta_graph.meta_info_def.function_aliases) == {"__inference_f_14": "f"}


COLLECTIONS = """
graph_def { node { name: "w" op: "VariableV2" } node { name: "a.txt" op: "Const" } }
"""


def test_collections() -> None:
    part = part_of(COLLECTIONS)
    collections = part.meta_graph.collection_def
    variable = protos.VariableDef(variable_name="w:0", initializer_name="w/Assign")
    collections["variables"].bytes_list.value.append(variable.SerializeToString())
    loop = protos.WhileContextDef(context_name="while/c", pivot_name="w:0")
    nested = loop.nested_contexts.add().cond_ctxt
    nested.context_name, nested.pred_name = "cond/c", "w:0"
    nested.values_def.external_values["w:0"] = "w:0"
    collections["while_context"].bytes_list.value.append(loop.SerializeToString())
    collections["names"].node_list.value.extend(["w:0", "gone"])
    collections["keys"].bytes_list.value.append(b"w")
    asset = protos.AssetFileDef(filename="a.txt")
    asset.tensor_info.name = "a.txt:0"
    packed = collections["saved_model_assets"].any_list.value.add()
    packed.type_url = "type.googleapis.com/tensorflow.AssetFileDef"
    packed.value = asset.SerializeToString()

    after = scoped(part, SCOPE, 1).meta_graph.collection_def
    variable = protos.VariableDef.FromString(after["variables"].bytes_list.value[0])
    assert variable.variable_name == f"{SCOPE}/w:0"
    loop = protos.WhileContextDef.FromString(after["while_context"].bytes_list.value[0])
    nested = loop.nested_contexts[0].cond_ctxt
    assert (loop.context_name, loop.pivot_name) == (f"{SCOPE}/while/c", f"{SCOPE}/w:0")
    assert (nested.context_name, nested.pred_name) == (f"{SCOPE}/cond/c", f"{SCOPE}/w:0")
    assert dict(nested.values_def.external_values) == {f"{SCOPE}/w:0": f"{SCOPE}/w:0"}
    assert list(after["names"].node_list.value) == [f"{SCOPE}/w:0", "gone"]
    assert list(after["keys"].bytes_list.value) == [b"w"], "a text of somebody, and no message"
    asset = protos.AssetFileDef.FromString(after["saved_model_assets"].any_list.value[0].value)
    assert (asset.filename, asset.tensor_info.name) == ("a.txt", f"{SCOPE}/a.txt:0")


def test_slices_of_variables_are_named_after_the_key_of_the_whole() -> None:
    part = part_of('graph_def { node { name: "w/part_0" op: "VariableV2" } }')
    collections = part.meta_graph.collection_def
    variable = protos.VariableDef(variable_name="w/part_0:0")
    variable.save_slice_info_def.full_name = "w"
    for key in ("variables", "while_context"):
        collections[key].bytes_list.value.extend([variable.SerializeToString(), b"\xff"])
    after = scoped(part, SCOPE, 1).meta_graph.collection_def
    encoded, somebodys = after["variables"].bytes_list.value
    variable = protos.VariableDef.FromString(encoded)
    assert variable.variable_name == f"{SCOPE}/w/part_0:0"
    assert variable.save_slice_info_def.full_name == f"{SCOPE}/w", "as a saver would ask for it"
    assert somebodys == b"\xff", "no message of that kind"


REFUSED = {
    "graph_def { node { name: 'e' op: 'TRTEngineOp' } }": "engines of TensorRT",
    "graph_def { library { function { node_def { name: 'v' op: 'VarHandleOp' } } } }": (
        "the variable 'v' in a function has no shared_name"
    ),
    "object_graph_def { nodes { registered_saver: 'mine' } }": "registered savers \\(mine\\)",
    """saver_def { restore_op_name: 'r' } graph_def {
         node { name: 'p' op: 'Placeholder' }
         node { name: 'r' op: 'RestoreV2' input: 'p' input: 'p' input: 'p' } }""": (
        "the node 'r' reads or writes a checkpoint, and its keys are no constant"
    ),
    """saver_def { restore_op_name: 'r' } graph_def {
         node { name: 'k' op: 'Const' attr { key: 'value' value { tensor {
           dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: 'w' } } } }
         node { name: 'r' op: 'RestoreV2' input: 'k' input: 'k' input: 'k'
                attr { key: 'dtypes' value { list { type: DT_FLOAT } } } }
         node { name: 'o' op: 'Identity' input: 'k' } }""": "the node 'o' takes keys",
}


@pytest.mark.parametrize("model", REFUSED)
def test_refused(model: str) -> None:
    with pytest.raises(PatchError, match=REFUSED[model]):
        scoped(part_of(model), SCOPE, 1)


@pytest.mark.tensorflow
def test_two_copies_share_nothing_in_a_session() -> None:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        ops = tf.raw_ops
        ops.VarHandleOp(dtype=tf.float32, shape=[], shared_name="", name="v")
        ops.VarHandleOp(dtype=tf.float32, shape=[], shared_name="w", name="w")
        for name in "vw":
            handle = graph.get_tensor_by_name(f"{name}:0")
            ops.AssignAddVariableOp(resource=handle, value=tf.constant(1.0), name=f"{name}_add")
            zero = tf.constant(0.0)
            ops.AssignVariableOp(resource=handle, value=zero, name=f"{name}_init")
            ops.ReadVariableOp(resource=handle, dtype=tf.float32, name=f"{name}_read")
        table = ops.MutableHashTableV2(
            key_dtype=tf.int64, value_dtype=tf.int64, use_node_name_sharing=True, name="t"
        )
        one = tf.constant([1], tf.int64)
        ops.LookupTableInsertV2(table_handle=table, keys=one, values=one, name="fill")
        ops.LookupTableSizeV2(table_handle=table, name="size")
    original = protos.GraphDef.FromString(graph.as_graph_def().SerializeToString())
    part = Part(protos.MetaGraphDef(graph_def=original), Path("model"), {}, {})
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        for at, scope in enumerate(("one", "two")):
            encoded = scoped(part, scope, 100 * at).meta_graph.graph_def.SerializeToString()
            tf.import_graph_def(tf.compat.v1.GraphDef.FromString(encoded), name="")
        session.run([f"{scope}/{name}_init" for scope in ("one", "two") for name in "vw"])
        session.run(["one/v_add", "one/w_add", "one/fill"])
        names = [
            f"{scope}/{name}:0" for name in ("v_read", "w_read", "size") for scope in ("one", "two")
        ]
        assert session.run(names) == [1.0, 0.0, 1.0, 0.0, 1, 0]

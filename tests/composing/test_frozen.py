"""Variables that become constants: the same values, no checkpoint, or a refusal."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.composing import frozen as module
from sigpb.composing.frozen import frozen
from sigpb.composing.part import Part
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.saved_model.model import open_model
from sigpb.tf.ops import VARIABLES
from tests import model_runner
from tests.composing import variable_models

FixtureModel = Callable[..., Path]


def part_of(directory: Path) -> Part:
    with open_model(directory) as model:
        return Part.of(model, 0)


def ops(part: Part) -> set[str]:
    graph = part.meta_graph.graph_def
    bodies = [graph.node, *(each.node_def for each in graph.library.function)]
    return {node.op for body in bodies for node in body}


def write(part: Part, directory: Path) -> Path:
    """Writes a part as a model; the checkpoint comes along, since loaders want one."""
    model = protos.SavedModel(saved_model_schema_version=1, meta_graphs=[part.meta_graph])
    directory.mkdir()
    (directory / "saved_model.pb").write_bytes(model.SerializeToString(deterministic=True))
    shutil.copytree(part.directory / "variables", directory / "variables")
    for name, file in part.assets.items():
        (directory / "assets").mkdir(exist_ok=True)
        shutil.copy(file, directory / "assets" / name)
    return directory


@pytest.mark.parametrize("name", ["tf1_eval", "tf1_shared", "tf2_linear", "tf2_wrapped"])
def test_nothing_of_the_variables_is_left(fixture_model: FixtureModel, name: str) -> None:
    part = part_of(fixture_model(name))
    before = part.meta_graph.SerializeToString(deterministic=True)
    after = frozen(part)
    assert part.meta_graph.SerializeToString(deterministic=True) == before
    assert ops(part) & VARIABLES
    assert not ops(after) & {*VARIABLES, "ReadVariableOp", "SaveV2", "RestoreV2"}
    assert not after.variables
    assert not after.meta_graph.HasField("saver_def")
    assert not {"variables", "trainable_variables"} & set(after.meta_graph.collection_def)
    assert after.meta_graph.signature_def == part.meta_graph.signature_def


def test_ops_are_listed_as_before(fixture_model: FixtureModel) -> None:
    part = part_of(fixture_model("tf2_linear"))
    listed = part.meta_graph.meta_info_def.stripped_op_list.op
    listed.extend(protos.OpDef(name=op) for op in ops(part) - {"Identity"})
    after = frozen(part).meta_graph.meta_info_def.stripped_op_list.op
    assert {each.name for each in after} == ops(frozen(part))
    assert "Identity" in {each.name for each in after if each.input_arg}


def test_objects_are_constants_at_their_places(fixture_model: FixtureModel) -> None:
    part = part_of(fixture_model("tf2_linear"))
    after = frozen(part)
    old, new = (each.meta_graph.object_graph_def for each in (part, after))
    assert len(new.nodes) == len(old.nodes)
    named = {node.variable.name for node in old.nodes if node.HasField("variable")}
    assert {node.constant.operation for node in new.nodes if node.HasField("constant")} == named
    assert new.concrete_functions == old.concrete_functions
    assert after.objects is not None
    assert part.objects is not None
    assert len(after.objects.nodes) == len(part.objects.nodes)
    assert not any(node.attributes for node in after.objects.nodes)


def test_what_the_init_op_sets_stays_a_variable(fixture_model: FixtureModel) -> None:
    after = frozen(part_of(fixture_model("tokenize")))
    kept = [node for node in after.meta_graph.graph_def.node if node.op in VARIABLES]
    assert len(kept) == 1
    assert {"LookupTableFindV2", "HashTableV2", "AssignVariableOp"} <= ops(after)
    assert after.assets


def test_without_variables_the_graph_stays_as_it_is(fixture_model: FixtureModel) -> None:
    part = part_of(fixture_model("tf1_no_variables"))
    assert frozen(part).meta_graph == part.meta_graph


def node_of(part: Part, name: str) -> protos.NodeDef:
    return next(node for node in part.meta_graph.graph_def.node if node.name == name)


def function_of(part: Part, name: str) -> protos.FunctionDef:
    functions = part.meta_graph.graph_def.library.function
    return next(each for each in functions if name in each.signature.name)


def reading_node(part: Part) -> protos.NodeDef:
    nodes = function_of(part, "other_5").node_def
    return next(each for each in nodes if each.op == "ReadVariableOp")


def no_restore_op(part: Part) -> Part:
    part.meta_graph.ClearField("saver_def")
    for place in part.meta_graph.object_graph_def.nodes:
        place.ClearField("variable")
    return part


def key_is_missing(part: Part) -> Part:
    kept = {key: old for key, old in part.variables.items() if not key.startswith("w/")}
    return replace(part, variables=kept)


def other_type(part: Part) -> Part:
    node_of(part, "w").attr["dtype"].type = protos.DataType.Value("DT_INT32")
    return part


def other_shape(part: Part) -> Part:
    node_of(part, "w").attr["shape"].shape.dim[0].size = 4
    return part


def set_by_init_op(part: Part) -> Part:
    value = protos.NodeDef(name="v", op="Const")
    value.attr["dtype"].type = protos.DataType.Value("DT_FLOAT")
    value.attr["value"].tensor.dtype = protos.DataType.Value("DT_FLOAT")
    assign = protos.NodeDef(name="set", op="AssignVariableOp", input=["w", "v"])
    part.meta_graph.graph_def.node.extend([value, assign])
    part.meta_graph.signature_def["__saved_model_init_op"].outputs["init"].name = "set"
    return part


def restored_otherwise(part: Part) -> Part:
    value = protos.NodeDef(name="v", op="Placeholder")
    add = protos.NodeDef(name="add", op="AssignAddVariableOp", input=["w", "v"])
    part.meta_graph.graph_def.node.extend([value, add])
    node_of(part, part.meta_graph.saver_def.restore_op_name).input.append("^add")
    return part


def changed_by_signature(part: Part) -> Part:
    reading = reading_node(part)
    function = function_of(part, "other_5")
    function.node_def.add(
        name="add", op="AssignAddVariableOp", input=[reading.input[0], f"{reading.name}:value:0"]
    )
    return part


def read_as_other_type(part: Part) -> Part:
    reading = reading_node(part)
    reading.attr["dtype"].type = protos.DataType.Value("DT_INT32")
    return part


def returned(part: Part) -> Part:
    part.meta_graph.signature_def["other"].outputs["handle"].name = "w:0"
    return part


def returned_by_function(part: Part) -> Part:
    function = function_of(part, "wrapper_other")
    result = function.signature.output_arg.add(name="handle")
    result.type = protos.DataType.Value("DT_RESOURCE")
    function.ret["handle"] = function.signature.input_arg[2].name
    return part


def called_with_something_else(part: Part) -> Part:
    call = next(
        node
        for node in part.meta_graph.graph_def.node
        if "wrapper_other" in node.attr["f"].func.name
    )
    other = part.meta_graph.graph_def.node.add()
    other.CopyFrom(call)
    other.name = "other_call"
    other.input[2] = "unknown_handle"
    part.meta_graph.graph_def.node.add(name="unknown_handle", op="Placeholder")
    part.meta_graph.signature_def["single"].outputs["more"].name = "other_call:0"
    return part


def stored_table(part: Part) -> Part:
    table = part.meta_graph.graph_def.node.add(name="counts", op="MutableHashTableV2")
    part.meta_graph.graph_def.node.add(name="size", op="LookupTableSizeV2", input=[table.name])
    part.meta_graph.signature_def["single"].outputs["size"].name = "size:0"
    restore = part.meta_graph.saver_def.restore_op_name
    node_of(part, restore).input.append(table.name)
    return part


def in_a_list(part: Part) -> Part:
    function = function_of(part, "other_5")
    reading = reading_node(part)
    function.node_def.add(name="pack", op="Pack", input=[reading.input[0]] * 2)
    return part


REFUSED: dict[Callable[[Part], Part], str] = {
    no_restore_op: "The variables 'c', 'w': no op restores it",
    key_is_missing: "The variable 'w': restored from 'w/.ATTRIBUTES/VARIABLE_VALUE', which the",
    other_type: "'w': of the type int32 [3], and the checkpoint holds float32 [3] under",
    other_shape: "'w': of the type float32 [4], and the checkpoint holds float32 [3] under",
    set_by_init_op: "'w': restored from the checkpoint and then set by the init op",
    restored_otherwise: "The variable 'w': restored in a way that is not known.",
    changed_by_signature: "The AssignAddVariableOp 'add' of the function '__inference_other_52' "
    "takes the variable 'w', and does more than read it.",
    read_as_other_type: "reads the variable 'w' as int32, and it is float32 [3].",
    returned: "The output 'handle' of the signature 'other' is the variable 'w' itself.",
    returned_by_function: "wrapper_other_63' returns a variable itself.",
    called_with_something_else: "which others pass something else",
    stored_table: "The content of the table 'counts' is stored in the checkpoint",
    in_a_list: "The Pack 'pack' of the function '__inference_other_52' takes the variable 'w'",
}


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_refused(fixture_model: FixtureModel, change: Callable[[Part], Part]) -> None:
    part = change(part_of(fixture_model("tf2_linear")))
    with pytest.raises(PatchError) as error:
        frozen(part)
    assert REFUSED[change] in str(error.value)


def test_a_variable_that_counts_is_refused(fixture_model: FixtureModel) -> None:
    with pytest.raises(PatchError, match="takes the variable 'count', and does more than read it"):
        frozen(part_of(fixture_model("tf2_stateful")))


def test_too_large_is_refused_before_values_are_read(
    fixture_model: FixtureModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = fixture_model("tf2_linear")
    part = part_of(directory)
    size = part.meta_graph.ByteSize()
    (directory / "variables" / "variables.data-00000-of-00001").unlink()
    monkeypatch.setattr(module, "MAX_PROTO_SIZE", size + 20)
    with pytest.raises(PatchError, match=rf"would take {size + 24:,} bytes, .* \(2 GiB\)"):
        frozen(part)
    monkeypatch.setattr(module, "MAX_PROTO_SIZE", size + 24)
    with pytest.raises(ModelUnreadable, match="there is no such file"):
        frozen(part)


def test_damaged_values_are_refused(fixture_model: FixtureModel) -> None:
    directory = fixture_model("tf2_linear")
    shard = directory / "variables" / "variables.data-00000-of-00001"
    content = bytearray(shard.read_bytes())
    content[1] ^= 1
    part = part_of(directory)
    shard.write_bytes(content)
    with pytest.raises(ModelUnreadable, match="does not have the checksum"):
        frozen(part)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Models of TensorFlow that read variables in many ways, and what is made of them."""
    directory = tmp_path_factory.mktemp("written")
    models = {
        "tf1": variable_models.write_tf1(directory / "tf1"),
        "tf2": variable_models.write_tf2(directory / "tf2"),
    }
    return {
        name: (model, write(frozen(part_of(model)), directory / f"{name}_frozen"))
        for name, model in models.items()
    }


TAGS = ("serve",)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["tf1", "tf2"])
def test_values_are_the_same(written: dict[str, tuple[Path, Path]], name: str) -> None:
    before, after = written[name]
    inputs = model_runner.make_inputs(before, TAGS)
    assert not ops(part_of(after)) & VARIABLES
    for run in (model_runner.run_v1, model_runner.run_v2):
        model_runner.assert_equal(run(before, TAGS, inputs), run(after, TAGS, inputs))


@pytest.mark.tensorflow
def test_values_are_the_same_after_a_re_save_and_as_tensorflow_freezes_them(
    written: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    before, after = written["tf2"]
    inputs = model_runner.make_inputs(before, TAGS)
    expected = model_runner.run_v2(after, TAGS, inputs)
    again = model_runner.resave(after, TAGS, tmp_path / "again")
    model_runner.assert_equal(expected, model_runner.run_v2(again, TAGS, inputs))
    loaded = tf.saved_model.load(str(before))
    for key in ("flow", "types"):  # It refuses to gather with a batch dimension.
        function = loaded.signatures[key]
        constant = convert_to_constants.convert_variables_to_constants_v2(function)
        results = constant(*(tf.constant(inputs[key][name]) for name in sorted(inputs[key])))
        names = sorted(function.structured_outputs)
        values = {name: value.numpy() for name, value in zip(names, results, strict=True)}
        model_runner.assert_equal({key: expected[key]}, {key: values})

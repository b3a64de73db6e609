"""Models of which MetaGraphs were edited as wholes, under TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.tf.device_names import is_device
from tests import model_runner
from tests.edits.in_tensorflow import SERVE
from tests.patches import MAIN, ModelFactory, read
from tests.tf.test_device_names import DEVICES, OTHERS

pytestmark = pytest.mark.tensorflow

ALL = "clear_devices: true strip_default_attrs: true prune: true"


def assert_runs_as_before(
    model: Path, text: str, gone: str = "", tags: tuple[str, ...] = SERVE, *, export: bool = True
) -> Path:
    """Asserts that what signatures return is the same to the bit, under all loaders.

    Args:
        model: The model.
        text: What becomes of it.
        gone: The signature that the patch deletes.
        tags: The tags of its MetaGraph.
        export: Whether it can be saved again.

    Returns:
        The patched model.
    """
    patched = model.with_name("patched")
    assert sigpb.patch(model, parse_text(text), output_dir=patched).status == "patched"
    inputs = model_runner.make_inputs(model, tags)
    inputs.pop(gone, None)
    for run in (model_runner.run_v1, model_runner.run_v2):
        expected = run(model, tags, inputs)
        assert not any(isinstance(values, str) for values in expected.values()), expected
        model_runner.assert_equal(expected, run(patched, tags, inputs))
    if export:
        saved = model_runner.resave(patched, tags, model.with_name("saved"))
        model_runner.assert_equal(expected, model_runner.run_v2(saved, SERVE, inputs))
    return patched


def test_a_tf2_model(fixture_model: ModelFactory) -> None:
    drop = 'signature { key: "other" drop: true }'
    patched = assert_runs_as_before(fixture_model("tf2_linear"), f"{drop} {ALL}", "other")
    assert "other" not in model_runner.signature_keys_v2(patched, SERVE)


def test_a_tf1_model(fixture_model: ModelFactory, tmp_path: Path) -> None:
    drop = 'signature { key: "classify" drop: true }'
    patched = assert_runs_as_before(fixture_model("tf1_shared"), f"{drop} {ALL}", "classify")
    assert saved_again(patched, tmp_path) == {"w": [10.0, 20.0, 30.0]}


def saved_again(model: Path, folder: Path) -> dict[str, Any]:
    """Initializes, restores, saves and restores a model with its saver; returns its variables."""
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta_graph = tf.compat.v1.saved_model.load(session, SERVE, str(model))
        saver = meta_graph.saver_def
        feed = {saver.filename_tensor_name: str(folder / "checkpoint")}
        session.run(saver.save_tensor_name, feed)
        session.run(saver.restore_op_name, feed)
    reader = tf.train.load_checkpoint(str(folder / "checkpoint"))
    shapes = reader.get_variable_to_shape_map()
    return {name: reader.get_tensor(name).tolist() for name in shapes}


def test_meta_graphs(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_two_graphs")
    tags = ("gpu", "serve")
    patched = assert_runs_as_before(
        model, 'tags { tag: "serve" } drop: true', tags=tags, export=False
    )
    with pytest.raises((RuntimeError, ValueError)):
        model_runner.load_v2(patched, SERVE)


def test_a_device(fixture_model: ModelFactory) -> None:
    assert_runs_as_before(fixture_model("tf1_sparse"), 'set_device: "/device:CPU:0"', export=False)


@pytest.mark.parametrize("name", ["tf1_shared", "tf1_eval", "tf2_image"])
def test_default_attributes_are_stripped_as_by_tensorflow(
    fixture_model: ModelFactory, name: str
) -> None:
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.framework import meta_graph

    model = fixture_model(name)
    saved_model = saved_model_pb2.SavedModel.FromString((model / MAIN).read_bytes())
    for graph in saved_model.meta_graphs:
        graph.meta_info_def.stripped_default_attrs = False
    (model / MAIN).write_bytes(saved_model.SerializeToString())
    sigpb.patch(model, parse_text("strip_default_attrs: true"), in_place=True)
    for graph in saved_model.meta_graphs:
        meta_graph.strip_graph_default_valued_attrs(graph)
    assert read(model).SerializeToString(deterministic=True) == type(read(model)).FromString(
        saved_model.SerializeToString()
    ).SerializeToString(deterministic=True)


def contexts(meta_graph: protos.MetaGraphDef) -> dict[str, int]:
    return {
        key: len(meta_graph.collection_def[key].bytes_list.value)
        for key in ("cond_context", "while_context")
        if key in meta_graph.collection_def
    }


def save_branches(folder: Path) -> Path:
    """Saves a model with branches and loops of TensorFlow 1, each signature with its own."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        v1.disable_control_flow_v2()
        x = v1.placeholder(tf.float32, [], name="x")
        scale = v1.get_variable("scale", initializer=3.0, use_resource=True)
        branch = v1.cond(x > 1.0, lambda: x * scale, lambda: x - 1.0)
        other = v1.cond(x > 2.0, lambda: x * 5.0, lambda: x - scale)
        loop = v1.while_loop(lambda i: i < 10.0, lambda i: i * scale, [x])
        session.run(v1.global_variables_initializer())
        ends = {"branch": branch, "other": other, "loop": loop}
        builder = v1.saved_model.Builder(str(folder))
        signatures = {
            key: v1.saved_model.predict_signature_def({"x": x}, {"y": y}) for key, y in ends.items()
        }
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
        v1.enable_control_flow_v2()
    return folder


@pytest.mark.parametrize("gone", ["other", "loop"])
def test_branches_and_loops(tmp_path: Path, gone: str) -> None:
    model = save_branches(tmp_path / "model")
    (before,) = read(model).meta_graphs
    drop = f'signature {{ key: "{gone}" drop: true }}'
    patched = assert_runs_as_before(model, f"{drop} prune: true", gone, export=False)
    (after,) = read(patched).meta_graphs
    assert contexts(before) == {"cond_context": 4, "while_context": 1}
    assert contexts(after) == (
        {"cond_context": 2, "while_context": 1} if gone == "other" else {"cond_context": 4}
    )


def test_devices_are_those_that_tensorflow_takes() -> None:
    import tensorflow as tf

    # Python takes some that the runtime in C++ refuses, and the other way round.
    def is_taken(device: str) -> bool:
        graph_def = tf.compat.v1.GraphDef()
        graph_def.node.add(name="a", op="NoOp", device=device)
        try:
            tf.DeviceSpec.from_string(device)
            with tf.Graph().as_default(), tf.compat.v1.Session() as session:
                tf.import_graph_def(graph_def, name="")
                session.graph.get_operation_by_name("a")._set_device_from_string(device)
                session.run("a")
        except ValueError:
            return False
        except tf.errors.InvalidArgumentError as error:
            return "Malformed" not in str(error)
        return True

    assert [name for name in DEVICES if not is_taken(name)] == []
    accepted = [name for name in OTHERS if is_taken(name)]
    assert not any(map(is_device, accepted))
    assert "/device:C-U:0" not in accepted

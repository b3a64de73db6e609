"""Graphs in files of their own, of which SavedModels are made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.model import SavedModel
from sigpb.tf.op_defs import tensorflow_op_def
from sigpb.verifying import verify
from sigpb.verifying.report import NotEquivalent, VerifyReport
from tests import model_runner
from tests.edits.in_tensorflow import SERVE
from tests.graphs.small_graphs import graph_def
from tests.patches import ModelFactory, only_graph, read
from tests.views import outline

FLOATS = 'attr { key: "T" value { type: DT_FLOAT } }'
SHAPED = """
    attr { key: "dtype" value { type: DT_FLOAT } }
    attr { key: "shape" value { shape { dim { size: -1 } dim { size: 2 } } } }
"""
TEN = """
    attr { key: "dtype" value { type: DT_FLOAT } }
    attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape {} float_val: 10 } } }
"""
GRAPH = "\n".join(
    line.replace("\n", " ")
    for line in (
        f"x = Placeholder() {' '.join(SHAPED.split())}",
        f"b/in = Placeholder() {' '.join(SHAPED.split())}",
        f"ten = Const() {' '.join(TEN.split())}",
        f"tenfold = Mul(x, ten) {FLOATS}",
        f"last/y = Sub(tenfold, b/in) {FLOATS}",
        f"alone = Identity(ten) {FLOATS}",
    )
)
# The keys sort otherwise than the tensors.
CREATE = """signature {
    key: "serving_default" create: true
    input { key: "z" from_tensor: "b/in" } input { key: "a" from_tensor: "x:0" }
    output { key: "y" from_tensor: "tenfold" } output { key: "d" from_tensor: "last/y" }
}"""


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    file = tmp_path / "frozen_graph.pb"
    file.write_bytes(graph_def(GRAPH, producer=440).SerializeToString())
    return file


@pytest.fixture
def checkpoint(tmp_path: Path, fixture_model: ModelFactory) -> Path:
    """What ``tf.compat.v1.train.Saver`` writes of the model tf1_eval."""
    model = fixture_model("tf1_eval")
    graph = only_graph(model)
    graph.signature_def.clear()
    del graph.meta_info_def.tags[:]
    file = tmp_path / "model.ckpt-7.meta"
    file.write_bytes(graph.SerializeToString())
    for part in (model / "variables").iterdir():
        shutil.copy(part, file.with_name(part.name.replace("variables", "model.ckpt-7")))
    return file


EVAL = """signature {
    key: "serving_default" create: true
    input { key: "z" from_tensor: "x" } input { key: "a" from_tensor: "y" }
    output { key: "o" from_tensor: "p" }
}"""


def made(file: Path, patch: str = CREATE) -> Path:
    output = file.with_name("made")
    sigpb.patch(file, parse_text(patch), output_dir=output)
    return output


def problems(attempt: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(sigpb.PatchError) as caught:
        attempt()
    return caught.value.problems


class TestFrozenGraph:
    def test_becomes_a_model(self, frozen: Path) -> None:
        before = frozen.read_bytes()
        model = made(frozen)
        saved_model = read(model)
        (graph,) = saved_model.meta_graphs
        assert saved_model.saved_model_schema_version == 1
        assert list(graph.meta_info_def.tags) == ["serve"]
        assert graph.meta_info_def.tensorflow_version == ""
        assert before == frozen.read_bytes()
        assert before in (model / "saved_model.pb").read_bytes()
        assert graph.graph_def == protos.GraphDef.FromString(before)
        assert outline(graph) == {"serving_default": "a, z -> d, y"}
        assert graph.signature_def["serving_default"].method_name == "tensorflow/serving/predict"
        assert not list(model.parent.glob(".sigpb*"))
        assert not (model / "variables").exists()

    def test_lists_the_ops(self, frozen: Path) -> None:
        ops = only_graph(made(frozen)).meta_info_def.stripped_op_list.op
        assert [op.name for op in ops] == ["Const", "Identity", "Mul", "Placeholder", "Sub"]
        assert all(op == tensorflow_op_def(op.name) for op in ops)

    def test_lists_the_ops_of_functions_that_are_called(self, frozen: Path) -> None:
        graph = graph_def(GRAPH)
        for name, op in (("used", "Tanh"), ("inner", "Relu"), ("unused", "Sigmoid")):
            function = graph.library.function.add()
            function.signature.name = name
            function.node_def.add(name="op", op=op)
        graph.library.function[0].node_def.add(name="call", op="inner")
        call = graph.node.add(name="call", op="PartitionedCall")
        call.attr["f"].func.name = "used"
        frozen.write_bytes(graph.SerializeToString())
        ops = [op.name for op in only_graph(made(frozen)).meta_info_def.stripped_op_list.op]
        assert {"Tanh", "Relu", "PartitionedCall"} <= set(ops)
        assert "Sigmoid" not in ops
        assert ops == sorted(ops)

    def test_as_text(self, frozen: Path) -> None:
        file = frozen.with_suffix(".pbtxt")
        file.write_text(text_format.MessageToString(graph_def(GRAPH, producer=440)))
        text = made(file).rename(file.with_name("text"))
        assert only_graph(text) == only_graph(made(frozen))

    def test_with_other_tags(self, frozen: Path) -> None:
        graph = only_graph(made(frozen, CREATE + 'set_tags { tag: "serve" tag: "gpu" }'))
        assert sorted(graph.meta_info_def.tags) == ["gpu", "serve"]

    def test_with_conversions(self, frozen: Path) -> None:
        text = CREATE.replace('"x:0" }', '"x:0" dtype: "uint8" }')
        inputs = only_graph(made(frozen, text)).signature_def["serving_default"].inputs
        assert inputs["a"].dtype == protos.DataType.Value("DT_UINT8")

    def test_plan(self, frozen: Path) -> None:
        plan = sigpb.plan(frozen, parse_text(CREATE))
        assert str(plan).splitlines()[0] == str(frozen)
        assert "'a' from tensor 'x:0' float32 [?,2]" in str(plan)
        result = sigpb.patch(frozen, parse_text(CREATE), dry_run=True)
        assert (result.plan, result.output) == (plan, frozen)

    def test_without_a_signature(self, frozen: Path) -> None:
        said = problems(lambda: made(frozen, ""))
        assert said == (
            "the model would have no signature; create one.",
            "placeholders: 'x:0' float32 [?,2], 'b/in:0' float32 [?,2]",
            "tensors that no node takes: 'last/y:0' float32 <unknown>",
            'a patch that creates a signature: signature { key: "serving_default" create: true '
            'input { key: "x" from_tensor: "x:0" } input { key: "b_in" from_tensor: "b/in:0" } '
            'output { key: "last_y" from_tensor: "last/y:0" } }',
        )
        assert not (frozen.parent / "made").exists()
        assert not list(frozen.parent.glob(".sigpb*"))
        # What is suggested is right.
        assert outline(only_graph(made(frozen, said[-1].partition(": ")[2])))

    def test_signature_that_there_is_none_of(self, frozen: Path) -> None:
        first, *advice = problems(lambda: made(frozen, 'signature { key: "a" rename_to: "b" }'))
        assert first.startswith("there is no signature 'a'")
        assert len(advice) == 3

    def test_graph_that_no_signature_could_be_made_of(self, frozen: Path) -> None:
        frozen.write_bytes(graph_def("done = NoOp()").SerializeToString())
        assert problems(lambda: made(frozen, "")) == (
            "the model would have no signature; create one.",
            "placeholders: none",
            "tensors that no node takes: none",
        )

    def test_wrong_tensor(self, frozen: Path) -> None:
        said = problems(lambda: made(frozen, CREATE.replace("x:0", "xx")))
        assert len(said) == 1
        assert "did you mean 'x'?" in said[0]

    @pytest.mark.parametrize("op", ["VarHandleOp", "VariableV2", "HashTableV2"])
    def test_state(self, frozen: Path, op: str) -> None:
        graph = graph_def(GRAPH)
        graph.node.add(name="held", op=op)
        frozen.write_bytes(graph.SerializeToString())
        (problem,) = problems(lambda: made(frozen))
        kind = "tables" if "Table" in op else "variables"
        assert problem.startswith(f"{frozen}: the graph has the {kind} 'held', ")

    def test_report_of_what_is_not_equivalent_names_the_file(
        self, frozen: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def different(model: SavedModel, *_: object) -> None:
            raise NotEquivalent(VerifyReport(model.directory, Path("new"), ("It differs.",), ()))

        monkeypatch.setattr(verify, "verify_changes", different)
        with pytest.raises(NotEquivalent) as caught:
            sigpb.patch(frozen, parse_text(CREATE), output_dir="new", verify=["v1"])
        assert caught.value.report.old == frozen

    def test_in_place(self, frozen: Path) -> None:
        with pytest.raises(sigpb.UsageError, match="name an output directory"):
            sigpb.patch(frozen, parse_text(CREATE), in_place=True)

    def test_saved_plan(self, frozen: Path) -> None:
        with pytest.raises(sigpb.UsageError, match="patch the graph at once"):
            sigpb.plan(frozen, parse_text(CREATE), out=frozen.with_name("plan.json"))

    def test_output_that_is_there(self, frozen: Path) -> None:
        made(frozen)
        with pytest.raises(sigpb.UsageError, match="is not empty"):
            made(frozen)

    def test_file_that_is_no_graph(self, frozen: Path, fixture_model: ModelFactory) -> None:
        other = frozen.with_name("model.pb")
        shutil.copy(fixture_model("tf1_shared") / "saved_model.pb", other)
        with pytest.raises(sigpb.ModelUnreadable, match="a SavedModel, but not named"):
            made(other)
        other.write_bytes(b"\x89HDF\r\n\x1a\n")
        with pytest.raises(sigpb.ModelUnreadable, match="HDF5"):
            made(other)

    def test_graph_under_the_name_of_a_model(self, frozen: Path) -> None:
        frozen.rename(frozen.with_name("saved_model.pb"))
        with pytest.raises(sigpb.ModelUnreadable, match="a graph without a SavedModel around it"):
            sigpb.plan(frozen.parent, parse_text(CREATE))


class TestCheckpoint:
    def test_becomes_a_model(self, checkpoint: Path) -> None:
        before = protos.MetaGraphDef.FromString(checkpoint.read_bytes())
        model = made(checkpoint, EVAL)
        graph = only_graph(model)
        assert list(graph.meta_info_def.tags) == ["serve"]
        assert graph.meta_info_def.tensorflow_version == before.meta_info_def.tensorflow_version
        for each in (graph, before):  # As protobuf 3.20 can compare what holds an Any.
            for other in ("meta_info_def", "signature_def"):
                each.ClearField(other)
        assert deterministic_bytes(graph) == deterministic_bytes(before)
        names = sorted(file.name for file in (model / "variables").iterdir())
        assert names == ["variables.data-00000-of-00001", "variables.index"]
        for name in names:
            copied = checkpoint.with_name(name.replace("variables", "model.ckpt-7"))
            file = model / "variables" / name
            assert file.read_bytes() == copied.read_bytes()
            assert not file.samefile(copied)
            assert file.stat().st_nlink == 1

    def test_tags_and_signatures_that_it_has_stay(self, checkpoint: Path) -> None:
        graph = protos.MetaGraphDef.FromString(checkpoint.read_bytes())
        graph.meta_info_def.tags.append("eval")
        graph.signature_def["old"].outputs["o"].name = "p:0"
        checkpoint.write_bytes(graph.SerializeToString())
        after = only_graph(made(checkpoint, ""))
        assert list(after.meta_info_def.tags) == ["eval"]
        assert list(after.signature_def) == ["old"]

    def test_what_it_is_saved_by_is_not_suggested(self, checkpoint: Path) -> None:
        saver = protos.MetaGraphDef.FromString(checkpoint.read_bytes()).saver_def
        said = problems(lambda: made(checkpoint, ""))
        assert saver.save_tensor_name not in "".join(said)
        assert "'examples:0' string [?]" in said[1]

    @pytest.mark.parametrize(
        ("gone", "reason"),
        [("index", "there is no such file"), ("data-00000-of-00001", "the checkpoint lacks")],
    )
    def test_files_that_are_missing(self, checkpoint: Path, gone: str, reason: str) -> None:
        checkpoint.with_name(f"model.ckpt-7.{gone}").unlink()
        (problem,) = problems(lambda: made(checkpoint, EVAL))
        assert problem.startswith(f"{checkpoint.with_suffix('.index')}: {reason}")

    def test_variables_without_a_saver(self, checkpoint: Path) -> None:
        graph = protos.MetaGraphDef.FromString(checkpoint.read_bytes())
        graph.ClearField("saver_def")
        checkpoint.write_bytes(graph.SerializeToString())
        (problem,) = problems(lambda: made(checkpoint, EVAL))
        assert "whose values it does not hold" in problem

    def test_checkpoint_of_another_graph(self, checkpoint: Path) -> None:
        graph = protos.MetaGraphDef.FromString(checkpoint.read_bytes())
        nodes = graph.graph_def.node
        (keys,) = (node for node in nodes if node.name == "save/RestoreV2/tensor_names")
        keys.attr["value"].tensor.string_val[0] = b"another"
        checkpoint.write_bytes(graph.SerializeToString())
        assert problems(lambda: sigpb.plan(checkpoint, parse_text(EVAL))) == (
            f"{checkpoint.with_suffix('.index')}: the checkpoint of another graph. The graph "
            "restores 'another', which the checkpoint does not have.",
        )

    def test_variable_that_is_not_restored(self, checkpoint: Path) -> None:
        graph = protos.MetaGraphDef.FromString(checkpoint.read_bytes())
        graph.saver_def.restore_op_name = "save/filename"
        checkpoint.write_bytes(graph.SerializeToString())
        assert problems(lambda: made(checkpoint, EVAL)) == (
            "signature 'serving_default': it reads the variables 'w', which the graph does not "
            "restore from its checkpoint; name a .meta file that was saved with all variables, or "
            "freeze the graph.",
        )
        assert made(checkpoint, EVAL.replace('"p"', '"x"'))

    def test_without_a_graph(self, checkpoint: Path) -> None:
        graph = protos.MetaGraphDef.FromString(checkpoint.read_bytes())
        graph.ClearField("graph_def")
        checkpoint.write_bytes(graph.SerializeToString())
        assert problems(lambda: made(checkpoint, EVAL)) == (f"{checkpoint}: it holds no graph.",)

    def test_plan_copies_no_variables(self, checkpoint: Path) -> None:
        checkpoint.with_name("model.ckpt-7.data-00000-of-00001").write_bytes(b"")
        assert not sigpb.plan(checkpoint, parse_text(EVAL)).is_empty


@pytest.mark.tensorflow
def test_runs_like_the_graph_in_a_session(frozen: Path, checkpoint: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    x, b = np.array([[1, 2], [3, 5]], "float32"), np.array([[7, 0.5], [0.25, 9]], "float32")
    model = made(frozen)
    with tf.Graph().as_default(), v1.Session() as session:
        tf.import_graph_def(v1.GraphDef.FromString(frozen.read_bytes()), name="")
        outputs = {"y": "tenfold:0", "d": "last/y:0"}
        wanted = {"serving_default": session.run(outputs, {"x:0": x, "b/in:0": b})}
    fed = {"serving_default": {"a": x, "z": b}}
    saved = model_runner.resave(model, SERVE, model.with_name("saved"))
    model_runner.assert_equal(wanted, model_runner.run_v1(model, SERVE, fed))
    for directory in (model, saved):
        model_runner.assert_equal(wanted, model_runner.run_v2(directory, SERVE, fed))
    model.rename(model.with_name("frozen"))

    model = made(checkpoint, EVAL)
    x, y = np.array([[1, 2, 3]], "float32"), np.array([[0.5, 0, 7]], "float32")
    with tf.Graph().as_default(), v1.Session() as session:
        saver = v1.train.import_meta_graph(str(checkpoint))
        saver.restore(session, str(checkpoint.with_suffix("")))
        wanted = {"serving_default": session.run({"o": "p:0"}, {"x:0": x, "y:0": y})}
    fed = {"serving_default": {"z": x, "a": y}}
    model_runner.assert_equal(wanted, model_runner.run_v1(model, SERVE, fed))
    model_runner.assert_equal(wanted, model_runner.run_v2(model, SERVE, fed))

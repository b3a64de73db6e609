"""MetaGraphs as wholes: dropped, without devices or default attributes, pruned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.compile import compile_patch
from sigpb.patching.patch_file import parse_text
from sigpb.patching.saved_plan import edit_texts
from sigpb.saved_model import fingerprint as fingerprints
from sigpb.saved_model.files import WARMUP_PATH
from sigpb.saved_model.tf_record import write_records
from sigpb.verifying.from_plan import mapping_of
from tests.patches import (
    MAIN,
    RECORD,
    ModelFactory,
    altered,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    contents,
    missed,
    only_graph,
    read,
    refusal,
)

DROP = 'tags { tag: "serve" } drop: true'
WITHOUT_OTHER = 'signature { key: "other" drop: true } prune: true'

BY_NAME = (
    "warning: clients cannot feed or fetch a removed node by its name any more; no signature, "
    "initializer or collection names these nodes."
)
FOR_GOOD = "for good; keep the model as it was, which --in_place does in a backup."


def plan_of(model: Path, text: str) -> list[str]:
    return [line.strip() for line in edit_texts(sigpb.plan(model, parse_text(text)))]


def functions_of(meta_graph: protos.MetaGraphDef) -> set[str]:
    return {each.signature.name for each in meta_graph.graph_def.library.function}


def assert_fingerprint_fits(model: Path) -> None:
    stored = protos.FingerprintDef.FromString((model / fingerprints.FILE_NAME).read_bytes())
    index = fingerprints.read_checkpoint_index(model)
    computed = fingerprints.compute(read(model), index)
    for each in (computed, stored):
        each.ClearField("uuid")
    assert stored == computed


def write_fingerprint(model: Path) -> None:
    index = fingerprints.read_checkpoint_index(model)
    made = fingerprints.compute(read(model), index)
    (model / fingerprints.FILE_NAME).write_bytes(made.SerializeToString())


class TestDrop:
    def test_all_else_stays(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        write_fingerprint(model)
        before = read(model)
        files = {name for name in contents(model) if name != MAIN}
        apply(model, DROP)
        del before.meta_graphs[0]
        assert read(model) == before
        assert {*contents(model)} - {MAIN, RECORD} == files
        assert_fingerprint_fits(model)

    def test_the_plan(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        size = read(model).meta_graphs[0].ByteSize()
        assert plan_of(model, DROP) == [
            "MetaGraph {serve}",
            f"MetaGraph {{serve}} dropped: {size:,} bytes",
        ]

    def test_of_a_text_proto(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs", as_text=True)
        result = sigpb.patch(model, parse_text(DROP), in_place=True)
        assert result.status == "patched"
        with sigpb.open(model) as opened:
            assert [graph.tags for graph in opened.meta_graphs] == [("gpu", "serve")]

    def test_again(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf1_two_graphs"), DROP)

    def test_the_last_one(self, fixture_model: ModelFactory) -> None:
        assert refusal(fixture_model("tf2_linear"), DROP) == (
            "MetaGraph {serve} is the last one, and nothing loads a SavedModel without a "
            "MetaGraph; remove the directory instead."
        )

    def test_verify_expects_what_is_left(self, fixture_model: ModelFactory) -> None:
        with sigpb.open(fixture_model("tf1_two_graphs")) as model:
            plan = compile_patch(model, parse_text(DROP))
            (mapping,) = mapping_of(model, plan).meta_graphs
        assert mapping.new_tags == ("gpu", "serve")
        assert all(signature.concerned for signature in mapping.signatures)

    def test_all_that_have_one_tag_set(self, fixture_model: ModelFactory) -> None:
        def same(graph: protos.MetaGraphDef) -> None:
            graph.meta_info_def.tags[:] = ["gpu", "serve"]

        model = altered(fixture_model("tf1_two_graphs"), same)
        assert "is the last one" in refusal(model, 'tags { tag: "gpu" tag: "serve" } drop: true')

    def test_requests_for_what_stays(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        log = protos.PredictionLog()
        request = log.predict_log.request
        request.model_spec.signature_name = "serving_default"
        for key in ("x", "b"):
            request.inputs[key].dtype = protos.DataType.Value("DT_FLOAT")
        (model / WARMUP_PATH).parent.mkdir()
        (model / WARMUP_PATH).write_bytes(write_records([log.SerializeToString()]))
        before = (model / WARMUP_PATH).read_bytes()
        apply(model, DROP)
        assert (model / WARMUP_PATH).read_bytes() == before

    def test_unknown_tags(self, fixture_model: ModelFactory) -> None:
        assert refusal(fixture_model("tf1_two_graphs"), 'tags { tag: "a" } drop: true') == (
            "no MetaGraph has the tag-set {a}; there are {serve}, {gpu, serve}."
        )

    def test_a_large_model_loses_the_hashes_of_it(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = fixture_model("tf1_two_graphs")
        write_fingerprint(model)
        monkeypatch.setattr(fingerprints, "COMPUTE_LIMIT", 0)
        before = protos.FingerprintDef.FromString((model / "fingerprint.pb").read_bytes())
        apply(model, DROP)
        after = protos.FingerprintDef.FromString((model / "fingerprint.pb").read_bytes())
        (left,) = read(model).meta_graphs
        assert after.signature_def_hash == fingerprints.signature_def_hash(left.signature_def)
        assert after.checkpoint_hash == before.checkpoint_hash
        assert (after.graph_def_program_hash, after.saved_object_graph_hash) == (0, 0)


class TestDevices:
    def test_cleared(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = only_graph(model)
        after = apply(model, "clear_devices: true")
        for body in (
            before.graph_def.node,
            *(f.node_def for f in before.graph_def.library.function),
        ):
            for node in body:
                node.device = ""
        assert after == before
        assert_fingerprint_fits(model)

    def test_set(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(model, 'tags { tag: "serve" } set_device: "/gpu:0"')
        first, second = read(model).meta_graphs
        assert {node.device for node in first.graph_def.node} == {"/gpu:0"}
        assert "/gpu:0" not in {node.device for node in second.graph_def.node}

    def test_the_plan(self, fixture_model: ModelFactory) -> None:
        model = altered(fixture_model("tf1_no_variables"), pin)
        assert plan_of(model, "clear_devices: true") == [
            "MetaGraph {}",
            "devices cleared: '/gpu:0' (5 nodes), '/job:a' (2 nodes)",
        ]
        assert plan_of(model, 'set_device: "/gpu:0"')[1:] == [
            "devices: none (1 node), '/job:a' (2 nodes) → '/gpu:0'",
            "warning: where there is no '/gpu:0', or an op has no kernel for it, sessions fail "
            "unless they are told to place nodes elsewhere (allow_soft_placement).",
        ]
        assert plan_of(model, 'set_device: "/cpu:0"')[2:] == []

    @pytest.mark.parametrize("text", ["clear_devices: true", 'set_device: "/device:CPU:0"'])
    def test_again(self, fixture_model: ModelFactory, text: str) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(model, text)
        (model / RECORD).unlink()
        assert_unchanged(model, text)

    def test_what_is_no_device(self, fixture_model: ModelFactory) -> None:
        assert refusal(fixture_model("tf2_linear"), 'set_device: "CPU:0"') == (
            "wrong set_device: 'CPU:0' is not the name of a device, such as '/device:CPU:0' or "
            "'/job:worker/replica:0/task:1/device:GPU:0'."
        )


def pin(meta_graph: protos.MetaGraphDef) -> None:
    for node in meta_graph.graph_def.node:
        node.device = {"a": "/job:a", "b": "/job:a", "y": ""}.get(node.name, "/gpu:0")


class TestStrip:
    def test_the_plan(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        assert plan_of(model, 'tags { tag: "serve" } strip_default_attrs: true')[1:] == [
            "default attributes stripped: 8 of 6 nodes; written by TensorFlow 2.21.0, GraphDef "
            "version 2474, to be read from version 0 on; oldest TensorFlow that knows all ops and "
            "attributes that are left: 2.15 (attribute 'debug_name' of op VarHandleOp in node 'w')"
            ", or 2.5, which ignores attributes that it does not know",
            "warning: only the names of ops and attributes were compared with what TensorFlow 1.15 "
            "and 2.0 to 2.21 know, not which dtypes and values they take.",
        ]

    def test_the_plan_for_ops_that_are_not_of_tensorflow(self, fixture_model: ModelFactory) -> None:
        def add(graph: protos.MetaGraphDef) -> None:
            graph.graph_def.node.add(name="mine", op="MyOp")

        model = altered(fixture_model("tf1_shared"), add)
        assert (
            "warning: TensorFlow 1.15 and 2.0 to 2.21 do not know these: op MyOp in node 'mine'."
            in plan_of(model, "strip_default_attrs: true")
        )

    def test_a_model_that_does_not_say_that_it_has_none(self, fixture_model: ModelFactory) -> None:
        model = altered(
            fixture_model("tf2_linear"),
            lambda graph: graph.meta_info_def.ClearField("stripped_default_attrs"),
        )
        after = apply(model, "strip_default_attrs: true")
        assert after.meta_info_def.stripped_default_attrs
        assert_fingerprint_fits(model)

    def test_again(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        apply(model, "strip_default_attrs: true")
        (model / RECORD).unlink()
        assert_unchanged(model, "strip_default_attrs: true")

    def test_a_model_that_has_none(self, fixture_model: ModelFactory) -> None:
        assert_unchanged(fixture_model("tf2_linear"), "strip_default_attrs: true")


class TestPrune:
    def test_what_only_a_dropped_signature_needed(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = only_graph(model)
        after = apply(model, WITHOUT_OTHER)
        gone = {node.name for node in before.graph_def.node}
        gone -= {node.name for node in after.graph_def.node}
        assert gone == {
            *("StatefulPartitionedCall", "other_x", "other_y"),
            *("c/Read/ReadVariableOp", "w/Read/ReadVariableOp"),
        }
        assert functions_of(before) - functions_of(after) == {
            "__inference_other_52",
            "__inference_signature_wrapper_other_63",
        }
        assert functions_of(after) < functions_of(before)
        assert len(before.object_graph_def.nodes) == len(after.object_graph_def.nodes)
        assert_fingerprint_fits(model)

    def test_the_plan(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        assert plan_of(model, WITHOUT_OTHER) == [
            "MetaGraph {serve}",
            "signature 'other': deleted",
            "pruned: 5 nodes, 2 functions, 1 object of the object graph; 3,717 bytes",
            missed("other"),
            BY_NAME,
        ]
        (graph,) = sigpb.plan(model, parse_text(WITHOUT_OTHER)).to_json()["meta_graphs"]
        assert json.loads(json.dumps(graph["edits"][1])) == {
            "edit": "Prune",
            "text": "pruned: 5 nodes, 2 functions, 1 object of the object graph; 3,717 bytes",
            "nodes": 5,
            "functions": 2,
            "objects": 1,
            "collected": 0,
            "ops": [],
            "size": 3717,
        }

    def test_bytes_are_those_that_the_file_loses(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        apply(model, 'signature { key: "classify" drop: true }')
        before = (model / MAIN).stat().st_size
        text = "pruned: 17 nodes, 6 ops; 2,601 bytes"
        assert plan_of(model, "prune: true")[1] == text
        apply(model, "prune: true")
        # Those that say how long the graph and the MetaGraph are need less room.
        assert before - (model / MAIN).stat().st_size == 2601

    def test_again(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_shared")
        apply(model, "prune: true")
        (model / RECORD).unlink()
        assert_unchanged(model, "prune: true")

    def test_a_large_model_loses_the_hash_of_its_graph(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = fixture_model("tf2_linear")
        monkeypatch.setattr(fingerprints, "COMPUTE_LIMIT", 0)
        after = apply(model, WITHOUT_OTHER)
        found = protos.FingerprintDef.FromString((model / fingerprints.FILE_NAME).read_bytes())
        expected = fingerprints.saved_object_graph_hash(after.object_graph_def)
        assert (found.graph_def_program_hash, found.saved_object_graph_hash) == (0, expected)

    def test_with_conversions_and_everything_else(self, fixture_model: ModelFactory) -> None:
        """Nodes that are added in the same patch count as if they had been there."""
        model = fixture_model("tf1_shared")
        after = apply(
            model,
            """
            signature { key: "classify" drop: true }
            signature { key: "serving_default" input { key: "x" dtype: "int32" } }
            clear_devices: true strip_default_attrs: true prune: true
            """,
        )
        nodes = {node.name: node for node in after.graph_def.node}
        assert (
            after.signature_def["serving_default"].inputs["x"].name == "sigpb/serving_default/x:0"
        )
        assert "sigpb/serving_default/x" in nodes
        assert not any(node.device for node in nodes.values())
        # The signature has copies of them behind the new input.
        assert not nodes.keys() & {"difference", "sum_1", "classes/LookupTableFindV2"}
        assert {"sigpb/serving_default/copy/sum_1", "outputs"} <= nodes.keys()

    def test_no_signature(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf1_no_variables"), 'signature { key: "default" drop: true } prune: true'
        ) == (
            "MetaGraph {} has no signature, so that pruning it would leave nothing to run; create "
            "a signature in the same patch, or select another MetaGraph with tags."
        )


class TestInvert:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (DROP, "MetaGraph {serve} is dropped"),
            ('tags { tag: "serve" } clear_devices: true', "devices of nodes are cleared"),
            ('tags { tag: "serve" } set_device: "/gpu:0"', "devices of nodes are set"),
            ('tags { tag: "serve" } prune: true', "nodes and functions are pruned"),
        ],
    )
    def test_is_refused(self, fixture_model: ModelFactory, text: str, expected: str) -> None:
        with pytest.raises(sigpb.PatchError) as caught:
            sigpb.invert(fixture_model("tf1_two_graphs"), parse_text(text))
        assert caught.value.problems == (f"{expected} {FOR_GOOD}",)

    def test_default_attributes(self, fixture_model: ModelFactory) -> None:
        with pytest.raises(sigpb.PatchError, match="which changes nothing where TensorFlow knows"):
            sigpb.invert(fixture_model("tf1_shared"), parse_text("strip_default_attrs: true"))

    def test_a_patch_that_finds_nothing_to_do(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        assert (
            sigpb.invert(model, parse_text("strip_default_attrs: true")) == protos.SavedModelPatch()
        )

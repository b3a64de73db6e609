from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

import sigpb
from sigpb import protos
from tests.cli.command_line import run
from tests.publishing.directories import snapshot

ModelFactory = Callable[..., Path]

FORMATS = ["table", "json", "textproto"]


def show_json(model: Path, *flags: str) -> Any:
    outcome = run("show", model, "--format=json", *flags)
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.json


def show_text_proto(model: Path, *flags: str) -> protos.SavedModel:
    outcome = run("show", model, "--format=textproto", *flags)
    assert (outcome.code, outcome.err) == (0, "")
    return text_format.Parse(outcome.out, protos.SavedModel())


def signatures(shown: Any) -> list[tuple[list[str], list[str]]]:
    """The tag-sets of what was shown as JSON, each with its signatures."""
    return [(graph["tags"], list(graph["signatures"])) for graph in shown["meta_graphs"]]


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_json(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    size = (model / "saved_model.pb").stat().st_size

    shown = show_json(model)

    assert shown.keys() == {"model", "file", "bytes", "fingerprint", "meta_graphs"}
    assert shown["model"] == str(model)
    assert (shown["file"], shown["bytes"]) == ("saved_model.pb", size)
    (graph,) = shown["meta_graphs"]
    assert graph.keys() == {
        *("tags", "object_graph", "tensorflow_version", "bytes", "signatures", "functions")
    }
    assert graph["functions"] == []
    assert (graph["tags"], graph["object_graph"]) == (["serve"], True)
    assert graph["tensorflow_version"].startswith("2.")
    assert size - 10 < graph["bytes"] < size
    assert graph["signatures"]["single"] == {
        "method_name": "tensorflow/serving/predict",
        "inputs": {
            "t": {
                "tensor": "single_t:0",
                "dtype": "float32",
                "shape": [None, 3],
                "encoding": "dense",
            }
        },
        "outputs": {
            "u": {
                "tensor": "StatefulPartitionedCall_2:0",
                "dtype": "float32",
                "shape": [None, 3],
                "encoding": "dense",
            }
        },
        "internal": False,
    }


def test_signatures_and_endpoints_are_sorted_and_internal_ones_marked(
    fixture_model: ModelFactory,
) -> None:
    (graph,) = show_json(fixture_model("tf2_linear"))["meta_graphs"]
    assert {key: part["internal"] for key, part in graph["signatures"].items()} == {
        "__saved_model_init_op": True,
        "other": False,
        "serving_default": False,
        "single": False,
    }
    assert [*graph["signatures"]] == sorted(graph["signatures"])
    assert [*graph["signatures"]["serving_default"]["inputs"]] == ["b", "x"]


def test_fingerprint(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    stored = protos.FingerprintDef.FromString((model / "fingerprint.pb").read_bytes())

    shown = show_json(model)["fingerprint"]

    assert shown["saved_model_checksum"] == f"{stored.saved_model_checksum:016x}"
    assert shown["checkpoint_hash"] == f"{stored.checkpoint_hash:016x}"
    assert (shown["uuid"], shown["producer"]) == (stored.uuid, stored.version.producer)
    assert "with a fingerprint" in run("show", model).out

    (model / "fingerprint.pb").unlink()
    assert show_json(model)["fingerprint"] is None
    assert "without a fingerprint" in run("show", model).out


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_fingerprint_is_no_reason_not_to_show(
    fixture_model: ModelFactory, form: str
) -> None:
    model = fixture_model("tf2_linear")
    (model / "fingerprint.pb").write_bytes(b"\xff\xff")
    outcome = run("show", model, f"--format={form}")
    assert (outcome.code, outcome.err) == (0, "")
    assert "serving_default" in outcome.out


def test_encodings(fixture_model: ModelFactory) -> None:
    (graph,) = show_json(fixture_model("tf1_sparse"))["meta_graphs"]
    assert graph["object_graph"] is False
    assert graph["signatures"]["serving_default"]["inputs"]["s"] == {
        "tensor": None,
        "dtype": "float32",
        "shape": [None, 4],
        "encoding": "coo_sparse",
        "components": ["s/values:0", "s/indices:0", "s/shape:0"],
    }

    (graph,) = show_json(fixture_model("tf1_composite"))["meta_graphs"]
    ragged = graph["signatures"]["serving_default"]["inputs"]["r"]
    assert (ragged["tensor"], ragged["encoding"]) == (None, "composite")
    assert len(ragged["components"]) == 2


def test_defaults(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_shared")
    (graph,) = show_json(model)["meta_graphs"]
    inputs = graph["signatures"]["serving_default"]["inputs"]
    assert inputs["scale"]["default"] == {
        "dtype": "float32",
        "shape": [],
        "values": [10.0],
        "bytes": 0,
    }
    assert "default" not in inputs["x"]
    assert "scale:0 (default [10.0])" in run("show", model).out

    model = fixture_model("tf2_defaults")
    (graph,) = show_json(model)["meta_graphs"]
    inputs = graph["signatures"]["serving_default"]["inputs"]
    assert (inputs["scale"]["default"]["values"], inputs["scale"]["default"]["bytes"]) == ([], 12)
    assert "(default 12 bytes)" in run("show", model).out


def test_unknown_and_scalar_shapes(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    file = model / "saved_model.pb"
    saved_model = protos.SavedModel.FromString(file.read_bytes())
    signature = saved_model.meta_graphs[0].signature_def["default"]
    signature.inputs["a"].tensor_shape.Clear()
    signature.inputs["a"].tensor_shape.unknown_rank = True
    signature.inputs["b"].tensor_shape.Clear()
    file.write_bytes(saved_model.SerializeToString(deterministic=True))

    (graph,) = show_json(model)["meta_graphs"]
    assert graph["signatures"]["default"]["inputs"]["a"]["shape"] is None
    assert graph["signatures"]["default"]["inputs"]["b"]["shape"] == []

    table = rows(run("show", model).out)
    assert ["input", "a", "float32", "<unknown>", "a:0"] in table
    assert ["input", "b", "float32", "[]", "b:0"] in table


def test_table(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_stateful")

    outcome = run("show", model)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"{model}: saved_model.pb, ")
    assert "\nMetaGraph {serve}: TF2, with an object graph, written by TensorFlow 2." in outcome.out
    assert "\n  '__saved_model_init_op': TensorFlow's own\n" in outcome.out
    assert "\n  signature 'add', method 'tensorflow/serving/predict'\n" in outcome.out
    assert ["input", "delta", "int64", "[]", "add_delta:0"] in rows(outcome.out)
    assert ["output", "before", "int64", "[]", "StatefulPartitionedCall:1"] in rows(outcome.out)
    assert "method 'tensorflow/serving/predict'\n    no inputs, no outputs\n" in outcome.out


def test_table_is_the_default(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    assert run("show", model) == run("show", model, "--format=table")


@pytest.mark.parametrize(
    "name", ["tf2_linear", "tf1_sparse", "tf1_composite", "tf1_two_graphs", "tf1_no_variables"]
)
def test_text_proto_holds_the_signature_defs_themselves(
    fixture_model: ModelFactory, name: str
) -> None:
    model = fixture_model(name)
    stored = protos.SavedModel.FromString((model / "saved_model.pb").read_bytes())

    shown = show_text_proto(model)

    assert len(shown.meta_graphs) == len(stored.meta_graphs)
    for graph, expected in zip(shown.meta_graphs, stored.meta_graphs, strict=True):
        assert sorted(graph.meta_info_def.tags) == sorted(expected.meta_info_def.tags)
        assert dict(graph.signature_def) == dict(expected.signature_def)
        assert not graph.HasField("graph_def")


class TestSelection:
    BOTH = [(["serve"], ["serving_default"]), (["gpu", "serve"], ["gpu_only", "serving_default"])]

    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            ([], BOTH),
            (["--tags=serve"], BOTH[:1]),
            (["--tags=serve,gpu"], BOTH[1:]),
            (["--tags=gpu, serve"], BOTH[1:]),
            (["--signature=gpu_only"], [(["serve"], []), (["gpu", "serve"], ["gpu_only"])]),
            (["--signature=gpu_only", "--tags=serve,gpu"], [(["gpu", "serve"], ["gpu_only"])]),
        ],
    )
    def test_by_tags_and_signature(
        self, fixture_model: ModelFactory, flags: list[str], expected: Any
    ) -> None:
        model = fixture_model("tf1_two_graphs")
        assert signatures(show_json(model, *flags)) == expected

        shown = show_text_proto(model, *flags)
        assert expected == [
            (sorted(graph.meta_info_def.tags), sorted(graph.signature_def))
            for graph in shown.meta_graphs
        ]

        table = run("show", model, *flags).out
        assert table.count("MetaGraph {") == len(expected)
        assert table.count("  signature '") == sum(len(keys) for _, keys in expected)

    def test_by_no_tags(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_no_variables")
        assert signatures(show_json(model, "--tags=")) == [([], ["default"])]
        assert "MetaGraph {}: TF1" in run("show", model, "--tags=").out

    @pytest.mark.parametrize("form", FORMATS)
    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            (["--tags="], "No MetaGraph has the tag-set {}; there are {serve}, {gpu, serve}."),
            (["--tags=x"], "No MetaGraph has the tag-set {x}; there are {serve}, {gpu, serve}."),
            (
                ["--signature=gpu_onyl"],
                "There is no signature 'gpu_onyl'; did you mean 'gpu_only'? "
                "There are 'gpu_only', 'serving_default'.",
            ),
            (
                ["--signature="],
                "There is no signature ''; there are 'gpu_only', 'serving_default'.",
            ),
            (
                ["--tags=serve", "--signature=gpu_only"],
                "There is no signature 'gpu_only'; there are 'serving_default'.",
            ),
        ],
    )
    def test_of_nothing(
        self, fixture_model: ModelFactory, flags: list[str], said: str, form: str
    ) -> None:
        outcome = run("show", fixture_model("tf1_two_graphs"), *flags, f"--format={form}")
        assert (outcome.code, outcome.out, outcome.err) == (2, "", f"sigpb: {said}\n")


def test_keys_are_no_markup(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    changed = ("--rename_input=a=[bold]x[/bold]", "--method_name=[red]m", "--set_tags=[red]")
    patched = run("patch", model, "--in_place", "--signature=default", *changed)
    assert patched.code == 0

    table = run("show", model).out

    assert "MetaGraph {[red]}: TF1" in table
    assert "  signature 'default', method '[red]m'" in table
    assert ["input", "[bold]x[/bold]", "float32", "[?,3]", "a:0"] in rows(table)


def test_text_and_binary_models_show_the_same(fixture_model: ModelFactory) -> None:
    binary, text = fixture_model("tf2_many"), fixture_model("tf2_many", as_text=True)
    assert show_json(text)["meta_graphs"] == show_json(binary)["meta_graphs"]
    assert show_json(text)["file"] == "saved_model.pbtxt"


def test_the_proto_may_be_named_instead_of_its_directory(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_sparse")
    assert run("show", model / "saved_model.pb") == run("show", model)


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_written(fixture_model: ModelFactory, form: str) -> None:
    model = fixture_model("tf2_warmup")
    before = snapshot(model)
    assert run("show", model, f"--format={form}").code == 0
    assert snapshot(model) == before


class TestHistory:
    def test_of_a_model_that_was_never_patched(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        outcome = run("show", model, "--history")
        assert (outcome.code, outcome.out) == (0, f"{model}: no patch is recorded\n")

    def test_names_the_patches_and_what_they_were_applied_to(
        self, fixture_model: ModelFactory, tmp_path: Path
    ) -> None:
        model, patch = fixture_model("tf2_linear"), tmp_path / "p.textproto"
        before = hashlib.sha256((model / "saved_model.pb").read_bytes()).hexdigest()
        patch.write_text('id: "a-1" reason: "why" signature { key: "other" rename_to: "second" }')
        run("patch", model, "--in_place", f"--patch={patch}")
        after = hashlib.sha256((model / "saved_model.pb").read_bytes()).hexdigest()

        lines = run("show", model, "--history").out.splitlines()
        (record,) = json.loads(run("show", model, "--history", "--format=json").out)

        assert lines[0].endswith(f"  a-1  why  sigpb {sigpb.__version__}")
        assert lines[1:] == [f"    input sha256:{before}", f"    output sha256:{after}"]
        assert (record["input_digest"], record["output_digest"]) == (before, after)

    def test_is_left_out_on_request(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        run("patch", model, "--in_place", "--no_history", "--rename_input=x=image")
        assert "no patch is recorded" in run("show", model, "--history").out

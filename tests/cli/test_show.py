from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

import sigpb
from sigpb import protos
from sigpb.inspect.unsigned import how_to_sign
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Message
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
        *(
            "grafts",
            "tags",
            "object_graph",
            "tensorflow_version",
            "bytes",
            "signatures",
            "functions",
            "unsigned",
        )
    }
    assert (graph["functions"], graph["unsigned"]) == ([], None)
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


def without_signatures(model: Path) -> Path:
    file = model / "saved_model.pb"
    saved_model = protos.SavedModel.FromString(file.read_bytes())
    for graph in saved_model.meta_graphs:
        graph.ClearField("signature_def")
    file.write_bytes(saved_model.SerializeToString())
    return model


class TestWithoutSignatures:
    """What is shown of a model without signatures, and that the command shown gives it one."""

    def run_command(self, shown: Any, monkeypatch: pytest.MonkeyPatch, to: Path) -> Any:
        monkeypatch.chdir(to)
        sigpb_, *arguments = shlex.split(shown["meta_graphs"][0]["unsigned"]["command"])
        assert sigpb_ == "sigpb"
        assert run(*arguments).code == 0
        return show_json(Path("with_signature"))["meta_graphs"]

    def test_of_functions(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        model = fixture_model("tf2_functions")
        shown = show_json(model)
        command = f"sigpb patch {model} --output_dir=with_signature"
        command += " --signature_from=serving_default=predict"
        unsigned = {"command": command, "placeholders": [], "results": []}
        assert shown["meta_graphs"][0]["unsigned"] == unsigned
        text = run("show", model).out
        assert "\n\n  no signatures\n\n  functions that --signature_from makes" in text
        assert text.endswith(f"\n\n  to make a signature: {command}\n")

        (graph,) = self.run_command(shown, monkeypatch, tmp_path)
        assert [*graph["signatures"]["serving_default"]["inputs"]] == ["words", "zz"]
        assert graph["unsigned"] is None

    def test_of_a_graph(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        model = without_signatures(fixture_model("tf1_two_graphs"))
        shown = show_json(model)
        flags = "--create_signature=serving_default --input_from=x=x:0 --input_from=b=b:0 "
        command = f"sigpb patch {model} --output_dir=with_signature --tags=serve {flags}"
        unsigned = shown["meta_graphs"][0]["unsigned"]
        assert unsigned["command"] == f"{command}--add_output=y=y:0"
        assert unsigned["results"] == [{"tensor": "y:0", "dtype": "float32", "shape": [None, 3]}]
        assert "--tags=gpu,serve" in shown["meta_graphs"][1]["unsigned"]["command"]
        assert "  no signatures\n    placeholders: 'x:0' float32 [?,3], " in run("show", model).out

        serve, other = self.run_command(shown, monkeypatch, tmp_path)
        assert [*serve["signatures"]["serving_default"]["outputs"]] == ["y"]
        assert other["signatures"] == {}

    def test_of_what_none_can_be_made_of(self, fixture_model: ModelFactory) -> None:
        model = without_signatures(fixture_model("tf2_linear"))
        assert show_json(model)["meta_graphs"][0]["unsigned"]["command"] is None
        assert "to make a signature" not in run("show", model).out

    def test_of_a_damaged_graph(self, fixture_model: ModelFactory) -> None:
        model = without_signatures(fixture_model("tf1_no_variables"))
        file = model / "saved_model.pb"
        file.write_bytes(file.read_bytes().replace(b"Placeholder", b"\xff" * 11))
        (graph,) = show_json(model)["meta_graphs"]
        assert graph["unsigned"] is None
        assert "  no signatures\n" in run("show", model).out

    def test_functions_that_are_not_for_training_come_first(self) -> None:
        functions: list[Any] = [
            {"function": "call.f_1", "fixed": ["training=True"], "problem": None},
            {"function": "call.f_2", "fixed": ["training=False"], "problem": None},
            {"function": "predict", "fixed": [], "problem": "it returns nothing"},
            {"function": "other", "fixed": [], "problem": None},
        ]
        graph = MetaGraph(Message.root(b""))
        found = how_to_sign(Path("m"), graph, functions, is_only=True)
        assert found is not None
        assert found["command"].endswith("=call.f_2")

    def test_only_what_was_asked_for_is_shown(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_functions")
        (graph,) = show_json(model, "--signature=__saved_model_init_op")["meta_graphs"]
        assert graph["unsigned"] is None


class TestModelsBelow:
    @pytest.fixture
    def repository(self, fixture_model: ModelFactory, tmp_path: Path) -> Path:
        root = tmp_path / "a repository"
        for place, name in {
            "b/1": "tf2_many",
            "b/2": "tf1_two_graphs",
            "a": "tf2_functions",
        }.items():
            shutil.copytree(fixture_model(name), root / place)
        (root / "c").mkdir()
        (root / "c" / "saved_model.pb").write_bytes(b"\x12\x05")
        (root / ".sigpb-tmp-x").mkdir()
        (root / ".sigpb-tmp-x" / "saved_model.pb").touch()
        return root

    def test_are_listed(self, repository: Path) -> None:
        outcome = run("show", repository)
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out.splitlines() == [
            f"{repository}: not a SavedModel. Models below it: 4",
            "",
            "  a    {serve} no signatures",
            "  b/1  {serve} 'serving_default'",
            "  b/2  {serve} 'serving_default'; {gpu, serve} 'gpu_only', 'serving_default'",
            "  c    cannot be read; 'sigpb show' of it says why",
            "",
            f"To look at one: sigpb show '{repository}/b/2'",
            f"To patch them: sigpb batch '{repository}' --patch=FILE --in_place --dry_run",
        ]

    def test_as_json(self, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shown = show_json(repository)
        assert (shown["more"], shown["complete"]) == (0, True)
        assert shown["models"][0] == {
            "model": str(repository / "a"),
            "meta_graphs": [{"tags": ["serve"], "signatures": []}],
            "problem": None,
        }
        assert "claims 5 bytes" in shown["models"][3]["problem"]

        monkeypatch.setattr("sigpb.inspect.model_list._MOST_MODELS", 1)
        assert (len(show_json(repository)["models"]), show_json(repository)["more"]) == (1, 3)
        assert "\n  and 3 more\n" in run("show", repository).out
        monkeypatch.setattr("sigpb.inspect.model_list._MOST_DIRECTORIES", 4)
        shown = show_json(repository)
        assert (len(shown["models"]), shown["more"], shown["complete"]) == (1, 1, False)
        assert "Models below it: at least 2\n" in run("show", repository).out

    def test_are_not_what_flags_ask_for(self, repository: Path) -> None:
        for flag in ("--history", "--signature=a", "--tags=serve", "--format=textproto"):
            outcome = run("show", repository, flag)
            assert (outcome.code, outcome.out) == (3, "")
            assert "It holds models in: a, b/1, b/2, c. Name one of these" in outcome.err

    def test_none(self, tmp_path: Path) -> None:
        outcome = run("show", tmp_path)
        assert (outcome.code, outcome.err) == (3, f"sigpb: {tmp_path}: holds no saved_model.pb.\n")


class TestFlagsOfSavedModelCli:
    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            ("", ""),
            ("--all", "--all"),
            ("--tag_set serve", "--tags=serve"),
            ("--tag_set serve,gpu", "--tags=gpu,serve"),
            ("--tag_set serve --signature_def serving_default", "--signature=serving_default"),
        ],
    )
    def test_mean_the_same(self, fixture_model: ModelFactory, theirs: str, ours: str) -> None:
        model = fixture_model("tf1_two_graphs")
        if "signature_def" in theirs:
            ours += " --tags=serve"
        assert run("show", "--dir", model, *theirs.split()) == run("show", model, *ours.split())

    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            ("--dir=d d", "--dir names the model, and so does 'd'. Give one."),
            ("--dir=", "flag --dir=: the path is empty."),
            ("d --tag_set=a --tags=a", "--tag_set is the same as --tags. Give one of them."),
            ("d --signature_def=a --signature=a", "--signature_def is the same as --signature."),
            ("d --all --tag_set=a", "--all shows everything. Leave it out, or --tag_set."),
            ("d --all --signature=a", "--all shows everything. Leave it out, or --signature."),
        ],
    )
    def test_are_refused_beside_their_twins(self, flags: str, said: str) -> None:
        outcome = run("show", *flags.split())
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith(f"sigpb: {said}")


class TestHistory:
    def test_of_a_model_that_was_never_patched(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        outcome = run("show", model, "--history")
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out == f"{model}: no patch by sigpb is recorded in it\n"
        assert run("show", model, "--history", "--format=json").json == []

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

        assert lines == [
            f"{model}: 1 patch",
            "",
            f"1. {record['time']}  a-1  by sigpb {sigpb.__version__}",
            "   reason: why",
            "   MetaGraph {serve}",
            "     signature 'other' → 'second'",
            f"   before: sha256:{before}",
            f"   after:  sha256:{after}",
            "",
            "saved_model.pb is as the last patch left it.",
        ]
        edits = ["signature 'other' → 'second'"]
        assert record["changes"] == [{"tags": ["serve"], "edits": edits}]
        assert (record["input_digest"], record["output_digest"]) == (before, after)

    def test_is_left_out_on_request(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        run("patch", model, "--in_place", "--no_history", "--rename_input=x=image")
        assert "no patch by sigpb is recorded in it" in run("show", model, "--history").out

    def test_tells_of_what_others_changed(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        file = model / "saved_model.pb"
        between = "In between, something else changed the proto."
        since = "Since then, saved_model.pb was changed by something else."
        for new in ("a", "b"):
            said = run("patch", model, "--in_place", f"--rename_signature=single={new}")
            assert said.code == 0
            file.write_bytes(file.read_bytes().replace(b"tensorflow/serving/predict", b"x" * 26))
            run("patch", model, "--in_place", "--rename_signature", f"{new}=single", "--no_history")
        lines = run("show", model, "--history").out.splitlines()
        assert (lines[0], lines[-1]) == (f"{model}: 2 patches, the last one last", since)
        assert (lines.count(between), lines.index(between)) == (1, 8)

    @pytest.mark.parametrize(
        "record",
        [
            {},
            {"changes": 3, "time": 4, "reason": ["a"]},
            {"changes": [1, {"tags": None, "edits": None}], "output_digest": ["x"]},
            {"patch_id": "a\nb", "sigpb": {}},
        ],
    )
    def test_of_a_damaged_record(self, fixture_model: ModelFactory, record: Any) -> None:
        model = fixture_model("tf1_no_variables")
        (model / "sigpb.history.jsonl").write_text(json.dumps(record) + "\nno json\n")
        outcome = run("show", model, "--history")
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out.startswith(f"{model}: 1 patch\n\n1. ")

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sigpb import protos
from tests.cli.command_line import run
from tests.inspect.graph.small_graphs import add, graph, placeholder, relu
from tests.publishing.directories import snapshot

ModelFactory = Callable[..., Path]

FORMATS = ["tree", "dot", "mermaid", "html", "json"]  # SVG needs Graphviz.


def graph_json(*arguments: str | Path) -> Any:
    outcome = run("graph", *arguments, "--format=json")
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.json


def kept(shown: Any, *kinds: str) -> list[str]:
    return [node["label"] for node in shown["nodes"] if node["kind"] in kinds]


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """A GraphDef: ``one`` is made of x and y, ``two`` of y and z."""
    model = graph(
        placeholder("x", (-1, 3)), placeholder("y"), placeholder("z"),
        relu("middle", "y"), add("one", "x", "middle"), add("two", "middle", "z"),
    )  # fmt: skip
    file = tmp_path / "frozen_graph.pb"
    file.write_bytes(model.SerializeToString())
    return file


def test_tree(fixture_model: ModelFactory) -> None:
    outcome = run("graph", fixture_model("tf2_linear"), "--signature=single")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "'single' of {serve}\n"
        "\n"
        "u  output  StatefulPartitionedCall_2:0  float32 [?,3]  depends on t\n"
        "Identity  float32 [?,3]\n"
        "Identity  float32 [?,3]\n"
        "add  AddV2  float32 [?,3]\n"
        "├─ mul  Mul  float32 [?,3]\n"
        "│  ├─ x  constant  float32 []\n"
        "│  └─ t  input  single_t:0  float32 [?,3]\n"
        "└─ add/ReadVariableOp  float32 [3]\n"
        "   └─ c  variable  float32 [3]\n"
    )


def test_shared_parts_are_written_once(frozen: Path) -> None:
    lines = run("graph", frozen).out.splitlines()
    assert lines[2:] == [
        "one  output  one:0  depends on x, y",
        "one  AddV2  float32 <unknown>",
        "├─ x  input  x:0  float32 [?,3]",
        "middle  Relu  float32 <unknown>  (1)",
        "└─ y  input  y:0  float32 <unknown>",
        "",
        "two  output  two:0  depends on y, z",
        "two  AddV2  float32 <unknown>",
        "├─ middle  Relu  float32 <unknown>  see (1)",
        "└─ z  input  z:0  float32 <unknown>",
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_names_inputs_and_outputs(fixture_model: ModelFactory, form: str) -> None:
    outcome = run("graph", fixture_model("tf2_many"), f"--format={form}")
    assert (outcome.code, outcome.err) == (0, "")
    shown = graph_json(fixture_model("tf2_many"))
    for key in kept(shown, "input", "output"):
        assert key in outcome.out


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_written(fixture_model: ModelFactory, form: str) -> None:
    model = fixture_model("tf2_defaults")
    before = snapshot(model)
    assert run("graph", model, f"--format={form}").code == 0
    assert snapshot(model) == before


@pytest.mark.parametrize("form", FORMATS)
def test_output_is_a_file(fixture_model: ModelFactory, tmp_path: Path, form: str) -> None:
    model, file = fixture_model("tf1_interior"), tmp_path / "out"
    key = "--signature=tail"
    printed = run("graph", model, key, f"--format={form}")
    outcome = run("graph", model, key, f"--format={form}", f"--output={file}")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert file.read_text() == printed.out


@pytest.mark.parametrize(
    ("suffix", "form"),
    [
        (".dot", "dot"),
        (".gv", "dot"),
        (".mmd", "mermaid"),
        (".HTML", "html"),
        (".json", "json"),
        (".txt", "tree"),
    ],
)
def test_the_suffix_of_the_output_is_the_format(
    fixture_model: ModelFactory, tmp_path: Path, suffix: str, form: str
) -> None:
    model, file = fixture_model("tf2_many"), tmp_path / f"out{suffix}"
    assert run("graph", model, f"--output={file}").code == 0
    assert file.read_text() == run("graph", model, f"--format={form}").out
    # Both may be given, as long as they do not contradict each other.
    assert run("graph", model, f"--output={file}", f"--format={form}").code == 0


def test_svg_is_refused_without_graphviz(
    fixture_model: ModelFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "out.svg"
    outcome = run("graph", fixture_model("tf2_many"), "--format=svg", f"--output={file}")
    assert (outcome.code, outcome.out, file.exists()) == (4, "", False)
    assert "apt-get install graphviz" in outcome.err


def test_output_is_not_the_model(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_many")
    before = snapshot(model)
    outcome = run("graph", model, f"--output={model / 'saved_model.pb'}")
    assert (outcome.code, snapshot(model)) == (2, before)
    assert outcome.err.endswith("is the file to be looked at; name another one to write.\n")


def test_output_that_cannot_be_written(fixture_model: ModelFactory, tmp_path: Path) -> None:
    outcome = run("graph", fixture_model("tf2_many"), f"--output={tmp_path / 'no' / 'file'}")
    assert (outcome.code, outcome.out) == (4, "")


def test_from_and_to(frozen: Path) -> None:
    assert kept(graph_json(frozen), "input", "output") == ["x", "y", "z", "one", "two"]
    assert kept(graph_json(frozen, "--to=one:0"), "op", "output") == ["middle", "one", "one:0"]
    assert kept(graph_json(frozen, "--from=z"), "op") == ["two"]
    shown = graph_json(frozen, "--from=middle", "--to=two")
    assert kept(shown, "op") == ["two"]
    assert [shown["nodes"][n]["label"] for n in shown["outputs"][0]["inputs"]] == ["middle:0"]


def test_from_and_to_are_keys_of_the_signature_first(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    shown = graph_json(model, "--signature=serving_default", "--from=x", "--to=s")
    assert shown["title"] == "'serving_default' of {serve}, from 'x', to 's'"
    assert kept(shown, "output") == ["s"]
    assert kept(shown, "variable", "constant") == []


def test_the_answer_may_be_no(frozen: Path) -> None:
    outcome = run("graph", frozen, "--from=x", "--to=two")
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out == "frozen_graph.pb, from 'x', to 'two': nothing there depends on it.\n"


def test_a_no_is_json_too(frozen: Path) -> None:
    outcome = run("graph", frozen, "--from=x", "--to=two", "--format=json")
    assert (outcome.code, outcome.err) == (1, "")
    assert [each["inputs"] for each in outcome.json["outputs"]] == [[]]
    assert kept(outcome.json, "op") == []


def test_depth(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    folded = run("graph", model, "--signature=single", "--depth=0").out
    assert "StatefulPartitionedCall_2  StatefulPartitionedCall  3 nodes" in folded
    assert "\n3 nodes are folded; --depth=N opens N levels" in folded
    assert "mul" not in folded
    whole = run("graph", model, "--signature=single", "--depth=9").out
    assert "mul  Mul" in whole
    assert "folded" not in whole


def test_inputs_that_nothing_depends_on_are_named(frozen: Path) -> None:
    text = run("graph", frozen, "--to=two").out
    assert text.endswith("\nx  input  x:0  float32 [?,3]  no output depends on it\n")


def test_what_sigpb_added_is_marked(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    patched = run("patch", model, "--in_place", "--signature=default", "--input_dtype=a=float64")
    assert patched.code == 0, patched.err

    shown = graph_json(model)
    spliced = [node for node in shown["nodes"] if node["spliced"]]
    assert {node["op"] for node in spliced} >= {"Cast"}
    assert all(node["name"].startswith("sigpb/") for node in spliced)
    assert "added by sigpb" in run("graph", model).out
    dot = run("graph", model, "--format=dot").out
    assert dot.count("#d02090") == len(spliced)
    assert " spliced_\n" in run("graph", model, "--format=mermaid").out


def test_what_sigpb_added_beside_a_call_is_marked(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    flags = ("--signature=single", "--input_dtype=t=float64")
    assert run("patch", model, "--in_place", *flags).code == 0
    shown = graph_json(model, "--signature=single")
    spliced = [node for node in shown["nodes"] if node["spliced"]]
    assert "Cast" in {node["op"] for node in spliced}
    assert not any(node["op"] == "AddV2" for node in spliced)


class TestSelection:
    def test_the_only_signature_need_not_be_named(self, fixture_model: ModelFactory) -> None:
        assert run("graph", fixture_model("tf2_many")).code == 0

    @pytest.mark.parametrize(
        ("model", "flags", "said"),
        [
            (
                "tf2_linear",
                ["--output=a.svg", "--format=dot"],
                "--format=dot contradicts the suffix of --output=a.svg, which means --format=svg. "
                "Leave out --format, or name another file.",
            ),
            (
                "tf2_linear",
                ["--output=a.PNG"],
                "--output=a.PNG: this is no format of sigpb graph. Write an .svg or .html file, or "
                "a .dot file, of which Graphviz makes others (dot -Tpng).",
            ),
            (
                "tf2_linear",
                ["--signature=singel"],
                "There is no signature 'singel'; did you mean 'single'? There are 'other', "
                "'serving_default', 'single'.",
            ),
            (
                "tf1_two_graphs",
                ["--signature=serving_default"],
                "Which MetaGraph? Name one with --tags: there are {serve}, {gpu, serve}.",
            ),
            (
                "tf1_two_graphs",
                ["--tags=x"],
                "No MetaGraph has the tag-set {x}; there are {serve}, {gpu, serve}.",
            ),
            (
                "tf2_linear",
                ["--signature=single", "--from=T"],
                "--from=T: the graph has neither an input of this key nor a tensor of this name; "
                "did you mean 't'? There are 't'.",
            ),
        ],
    )
    def test_refusals(
        self, fixture_model: ModelFactory, model: str, flags: list[str], said: str
    ) -> None:
        outcome = run("graph", fixture_model(model), *flags)
        assert (outcome.code, outcome.out, outcome.err) == (2, "", f"sigpb: {said}\n")

    def test_serving_default_need_not_be_named(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        assert graph_json(model) == graph_json(model, "--signature=serving_default")

    def test_of_several_others_one_is_named(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        flags = ("--in_place", "--rename_signature=serving_default=main")
        assert run("patch", model, *flags).code == 0
        outcome = run("graph", model)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err == (
            "sigpb: Which signature? Name one with --signature: there are 'main', 'other', "
            "'single'.\n"
        )

    def test_by_tags(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        shown = graph_json(model, "--tags=serve,gpu", "--signature=gpu_only")
        assert shown["title"] == "'gpu_only' of {gpu, serve}"
        # Only one of the MetaGraphs has it.
        assert graph_json(model, "--signature=gpu_only") == shown

    def test_a_negative_depth(self, fixture_model: ModelFactory) -> None:
        assert run("graph", fixture_model("tf2_many"), "--depth=-1").code == 2


class TestFiles:
    def test_a_meta_graph_def(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model = fixture_model("tf2_many")
        saved_model = protos.SavedModel.FromString((model / "saved_model.pb").read_bytes())
        file = tmp_path / "model.ckpt.meta"
        file.write_bytes(saved_model.meta_graphs[0].SerializeToString(deterministic=True))
        assert graph_json(file) == graph_json(model)

    def test_a_text_proto(self, fixture_model: ModelFactory) -> None:
        text = fixture_model("tf2_many", as_text=True)
        assert graph_json(text) == graph_json(fixture_model("tf2_many"))

    def test_a_model_without_signatures(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_no_variables")
        file = model / "saved_model.pb"
        saved_model = protos.SavedModel.FromString(file.read_bytes())
        saved_model.meta_graphs[0].signature_def.clear()
        file.write_bytes(saved_model.SerializeToString())
        assert kept(graph_json(model), "input") == ["a", "b"]

    def test_an_empty_graph(self, tmp_path: Path) -> None:
        file = tmp_path / "graph.pb"
        file.write_bytes(b"\x22\x02\x08\x1a")  # versions { producer: 26 }
        for form in FORMATS:
            assert run("graph", file, f"--format={form}").code == 0


def test_sparse_inputs_are_drawn_as_their_parts(fixture_model: ModelFactory) -> None:
    shown = graph_json(fixture_model("tf1_sparse"), "--signature=serving_default")
    assert {"s (values)", "s (indices)", "s (dense_shape)"} <= set(kept(shown, "input"))


@pytest.mark.parametrize("cut", range(5, 100, 10))
@pytest.mark.parametrize("form", ["tree", "html"])
def test_truncated_models(fixture_model: ModelFactory, form: str, cut: int) -> None:
    file = fixture_model("tf2_linear") / "saved_model.pb"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * cut // 100])
    assert run("graph", file, "--signature=other", f"--format={form}").code in (2, 3)


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bits(fixture_model: ModelFactory, seed: int) -> None:
    import random

    generator = random.Random(seed)
    file = fixture_model("tf2_linear") / "saved_model.pb"
    data = bytearray(file.read_bytes())
    for _ in range(20):
        data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    file.write_bytes(data)
    outcome = run("graph", file, "--signature=other", "--depth=9", "--format=json")
    assert outcome.code in (0, 2, 3)
    if outcome.code == 0:
        json.loads(outcome.out)


def test_the_pages_are_installed_with_the_package() -> None:
    repository = Path(__file__).resolve().parents[2]
    project = (repository / "pyproject.toml").read_text()
    (globs,) = re.findall(r"^sigpb = (\[.*\])$", project, re.MULTILINE)
    package = repository / "sigpb"
    packaged = {path for glob in json.loads(globs) for path in package.glob(glob)}
    for folder in ("graph/graph_page", "treemap_page"):
        assert set((package / "inspect" / folder).iterdir()) <= packaged

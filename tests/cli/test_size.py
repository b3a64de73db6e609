from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.inspect.size import GROUPINGS
from sigpb.saved_model.files import MAX_PROTO_SIZE
from tests.cli.command_line import run
from tests.linting.test_memory import add_constant
from tests.publishing.directories import snapshot

ModelFactory = Callable[..., Path]


@pytest.fixture
def graph_file(tmp_path: Path) -> Path:
    graph = protos.GraphDef()
    graph.node.add(name="a/b/c", op="Neg")
    graph.node.add(name="d", op="Add")
    constant = graph.node.add(name="e", op="Const")
    constant.attr["value"].tensor.dtype = 1
    file = tmp_path / "graph.pb"
    file.write_bytes(graph.SerializeToString())
    return file


def test_table(graph_file: Path) -> None:
    outcome = run("size", graph_file, "--by=op")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        f"{graph_file}: 51 bytes, 0.0% of the 2,147,483,647 that protobuf allows (2 GiB); "
        "2,147,483,596 are left.",
        "",
        "          bytes      %      count  op",
        "             27   52.9          1  Const",
        "             14   27.5          1  Neg",
        "             10   19.6          1  Add",
        "             51  100.0             in all",
        "",
        "The largest constants:",
        '             27  float32 []                node["e"]',
    ]


def test_limit_and_depth(graph_file: Path) -> None:
    out = run("size", graph_file, "--by=scope", "--depth=2", "--limit=1").out
    assert "             37   72.5          2  (no scope)\n" in out
    assert "             14   27.5          1  others, see --limit\n" in out
    assert "  a/b\n" in run("size", graph_file, "--by=scope", "--depth=2").out


@pytest.mark.parametrize("by", GROUPINGS)
def test_json_adds_up(fixture_model: ModelFactory, by: str) -> None:
    model = fixture_model("tf2_many")
    file = model / "saved_model.pb"
    found = run("size", model, f"--by={by}", "--limit=3", "--format=json").json
    assert found["file"] == str(file)
    assert (found["by"], found["text"]) == (by, False)
    assert found["bytes"] == file.stat().st_size == MAX_PROTO_SIZE - found["left"]
    rows = sum(row["bytes"] for row in found["rows"])
    assert rows + found["others"]["bytes"] == found["bytes"]
    assert found["constants"][0].keys() == {"path", "dtype", "shape", "bytes"}


def test_text_is_measured_as_what_it_amounts_to(fixture_model: ModelFactory) -> None:
    binary, text = fixture_model("tf1_shared"), fixture_model("tf1_shared", as_text=True)
    found = run("size", text, "--format=json").json
    assert found["text"] is True
    assert found["bytes"] == (binary / "saved_model.pb").stat().st_size
    assert "as a binary proto, which these numbers are about" in run("size", text).out


@pytest.mark.parametrize("form", ["table", "json", "html"])
def test_output_is_what_is_printed_otherwise(
    fixture_model: ModelFactory, tmp_path: Path, form: str
) -> None:
    model, output = fixture_model("tf2_linear"), tmp_path / "report"
    printed = run("size", model, f"--format={form}")
    before = snapshot(model)

    outcome = run("size", model, f"--format={form}", f"--output={output}")

    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert output.read_text(encoding="utf-8") == printed.out
    assert snapshot(model) == before


@pytest.mark.parametrize(
    ("suffix", "form"), [(".html", "html"), (".JSON", "json"), (".txt", "table")]
)
def test_the_suffix_of_the_output_is_the_format(
    graph_file: Path, tmp_path: Path, suffix: str, form: str
) -> None:
    output = tmp_path / f"report{suffix}"
    assert run("size", graph_file, f"--output={output}").code == 0
    assert output.read_text() == run("size", graph_file, f"--format={form}").out


def test_a_suffix_that_contradicts_the_format_is_refused(graph_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    outcome = run("size", graph_file, f"--output={output}", "--format=json")
    assert (outcome.code, output.exists()) == (2, False)
    assert "contradicts the suffix of --output" in outcome.err


def test_output_is_not_the_model(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    before = snapshot(model)
    outcome = run("size", model, f"--output={model}/../{model.name}/saved_model.pb")
    assert outcome.code == 2
    assert "is the file to be looked at; name another one to write" in outcome.err
    assert snapshot(model) == before


def test_output_that_cannot_be_written(fixture_model: ModelFactory, tmp_path: Path) -> None:
    outcome = run("size", fixture_model("tf2_linear"), f"--output={tmp_path}/no/such/report")
    assert outcome.code == 4


@pytest.mark.parametrize("flag", ["--by=nothing", "--limit=-1", "--depth=0", "--format=svg"])
def test_wrong_flags(fixture_model: ModelFactory, flag: str) -> None:
    assert run("size", fixture_model("tf2_linear"), flag).code == 2


def test_beyond_the_limit(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    add_constant(model, MAX_PROTO_SIZE)  # which takes no space on the disk
    beyond = (model / "saved_model.pb").stat().st_size - MAX_PROTO_SIZE

    outcome = run("size", model)

    assert outcome.code == 0
    assert f"{beyond:,} more than the 2,147,483,647 that protobuf allows (2 GiB): " in outcome.out
    assert run("size", model, "--format=json").json["left"] == -beyond

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from tests.cli.command_line import run
from tests.publishing.directories import snapshot

ModelFactory = Callable[..., Path]


def cut_off(model: Path, by: int) -> Path:
    file = model / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:-by])
    return model


def test_a_whole_model_is_written_as_it_is(fixture_model: ModelFactory, tmp_path: Path) -> None:
    model, out = fixture_model("tf2_linear"), tmp_path / "out"
    size = (model / "saved_model.pb").stat().st_size

    outcome = run("salvage", model, out)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        f"{model}/saved_model.pb: {size:,} bytes, read as SavedModel",
        "nothing was lost",
        f"salvaged: {out}/saved_model.pb, {size:,} bytes; variables and assets are still with the "
        "original",
    ]
    assert (out / "saved_model.pb").read_bytes() == (model / "saved_model.pb").read_bytes()
    assert [path.name for path in out.iterdir()] == ["saved_model.pb"]


def test_a_damaged_model_becomes_a_valid_one(fixture_model: ModelFactory, tmp_path: Path) -> None:
    model, out = cut_off(fixture_model("tf2_linear"), 100), tmp_path / "out"
    before = snapshot(model)

    outcome = run("salvage", model, out)

    assert (outcome.code, outcome.err) == (0, "")
    assert "\nlost: meta_graphs[0].object_graph_def (bytes " in outcome.out
    assert "\nkept: meta_graphs[0].signature_def: all 4 that were found\n" in outcome.out
    protos.SavedModel.FromString((out / "saved_model.pb").read_bytes())
    shown, original = run("show", out), run("show", fixture_model("tf2_linear"))
    assert shown.code == 0
    assert shown.out.partition("\n  signature")[2] == original.out.partition("\n  signature")[2]
    assert snapshot(model) == before


def test_json(fixture_model: ModelFactory, tmp_path: Path) -> None:
    model, out = cut_off(fixture_model("tf2_linear"), 100), tmp_path / "out"

    outcome = run("salvage", model, out, "--format=json")

    assert (outcome.code, outcome.err) == (0, "")
    told = outcome.json
    assert told.keys() == {
        *("file", "bytes", "message", "written", "bytes_written", "lost", "lost_besides", "kept"),
        "not_found",
    }
    written = out / "saved_model.pb"
    assert (told["message"], told["written"]) == ("SavedModel", str(written))
    assert told["bytes_written"] == written.stat().st_size
    assert told["kept"]["meta_graphs[0].signature_def"] == {"kept": 4, "found": 4}
    assert [each["what"] for each in told["lost"]] == [
        "meta_graphs[0]",
        "meta_graphs[0].object_graph_def",
    ]


def test_any_other_file_becomes_a_file(fixture_model: ModelFactory, tmp_path: Path) -> None:
    file = fixture_model("tf2_linear") / "saved_model.pb"
    graph = protos.SavedModel.FromString(file.read_bytes()).meta_graphs[0].graph_def
    broken, out = tmp_path / "frozen.pb", tmp_path / "new" / "fixed.pb"
    broken.write_bytes(graph.SerializeToString()[:-50])

    outcome = run("salvage", broken, out)

    assert (outcome.code, outcome.err) == (0, "")
    assert "original" not in outcome.out
    assert list(protos.GraphDef.FromString(out.read_bytes()).node) == list(graph.node)


class TestRefusals:
    def refused(self, tmp_path: Path, code: int, *arguments: str | Path) -> str:
        before = snapshot(tmp_path)
        outcome = run("salvage", *arguments)
        assert (outcome.code, outcome.out) == (code, "")
        assert snapshot(tmp_path) == before
        return outcome.err

    def test_nothing_is_overwritten(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model = cut_off(fixture_model("tf2_linear"), 100)
        graph = tmp_path / "graph.pb"
        graph.write_bytes(b"\x0a\x03\x0a\x01a" * 3)
        said = self.refused(tmp_path, 2, model, model)
        assert "is the model itself" in said
        assert "lies inside the model" in self.refused(tmp_path, 2, model, model / "new")
        assert "is a file" in self.refused(tmp_path, 2, model, graph)
        assert "is not empty" in self.refused(tmp_path, 2, model, fixture_model("tf2_many"))
        assert "exists" in self.refused(tmp_path, 2, graph, graph)

    def test_nothing_can_be_saved(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model = fixture_model("tf2_linear")
        file = model / "saved_model.pb"
        for content, said in [
            (file.read_bytes()[:8], "nothing can be saved: there is no whole field of a MetaGraph"),
            (b"\xff" * 100, "nothing can be saved: there is no whole field of a MetaGraph"),
            (b"", "the file is empty"),
        ]:
            file.write_bytes(content)
            assert f"{file}: {said}" in self.refused(tmp_path, 3, model, tmp_path / "out")

    def test_what_is_no_graph(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        text = fixture_model("tf2_linear", as_text=True)
        other = tmp_path / "random"
        other.write_bytes(b"\xff" * 100)
        out = tmp_path / "out"
        assert "the binary form of a text proto" in self.refused(tmp_path, 3, text, out)
        assert "neither a SavedModel" in self.refused(tmp_path, 3, other, out)
        said = self.refused(tmp_path, 3, text / "fingerprint.pb", out)
        assert "holds a FingerprintDef" in said
        assert "no such directory" in self.refused(tmp_path, 3, tmp_path / "missing", out)

    @pytest.mark.parametrize("arguments", [[], ["a"], ["a", "b", "c"]])
    def test_other_numbers_of_arguments(self, tmp_path: Path, arguments: list[str]) -> None:
        assert "Usage: sigpb salvage BROKEN OUT" in self.refused(tmp_path, 2, *arguments)

"""A batch puts the adapter into its models that it began with, which is read once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.batch.job import Job, Outcome, Task
from sigpb.batch.patch_model import EQUAL_MODELS, patch_model
from sigpb.batch.prepare import checked
from sigpb.composing import extract
from sigpb.composing.part import Part
from sigpb.errors import PatchError
from sigpb.patching.patch_file import parse_text
from tests.patches import MAIN, ModelFactory, altered, contents, only_graph

from .repositories import without_history


@pytest.fixture
def adapter(fixture_model: ModelFactory) -> Path:
    return fixture_model("tokenize")


@pytest.fixture
def models(fixture_model: ModelFactory, tmp_path: Path) -> list[Path]:
    """Two models that are equal, and one that is not."""
    source = fixture_model("reviews")
    found = [Path(shutil.copytree(source, tmp_path / name / "1")) for name in "abc"]
    altered(found[2], lambda graph: setattr(graph.meta_info_def, "tensorflow_git_version", "x"))
    return found


def job(adapter: Path) -> Job:
    text = f'signature {{ key: "serving_default" before {{ model: "{adapter}" }} }}'
    patch = checked(parse_text(text))
    return Job("batch", patch.SerializeToString(deterministic=True), "output_root")


def copied(wanted: Job, model: Path) -> Outcome:
    return patch_model(wanted, Task(str(model), "name", str(model.with_name("2"))))


def test_it_is_read_once(
    models: list[Path], adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Part] = []
    extracted = extract.extracted

    def noted(part: Part, signatures: list[str]) -> Part:
        read.append(part)
        return extracted(part, signatures)

    monkeypatch.setattr(extract, "extracted", noted)
    wanted = job(adapter)
    for model in models:
        assert copied(wanted, model).outcome == "patched"
        made = model.with_name("2")
        assert list(only_graph(made).signature_def["serving_default"].inputs) == ["text"]
        assert (made / "assets" / "vocabulary.txt").exists()
    assert len(read) == 1
    equal, other = (without_history(model.with_name("2")) for model in models[1:])
    assert without_history(models[0].with_name("2")) == equal
    assert {name for name in equal if equal[name] != other[name]} == {MAIN, "fingerprint.pb"}


def test_assets_of_the_model_count(models: list[Path], adapter: Path) -> None:
    EQUAL_MODELS.clear()
    wanted = job(adapter)
    assert copied(wanted, models[0]).outcome == "patched"
    (models[1] / "assets").mkdir()
    (models[1] / "assets" / "vocabulary.txt").write_text("another one\n")
    assert copied(wanted, models[1]).outcome == "patched"
    made = contents(models[1].with_name("2"))
    assert made["assets/vocabulary.txt"] == b"another one\n"
    assert (adapter / "assets" / "vocabulary.txt").read_bytes() in made.values()


def test_one_that_changes_meanwhile_is_another_one(models: list[Path], adapter: Path) -> None:
    wanted = job(adapter)
    assert copied(wanted, models[0]).outcome == "patched"
    with (adapter / "assets" / "vocabulary.txt").open("a") as file:
        file.write("new\n")
    outcome = copied(wanted, models[1])
    assert outcome.outcome == "refused"
    assert "is another one than the patch or plan states" in outcome.reason
    assert not models[1].with_name("2").exists()


def test_a_batch_does_not_begin_without_it(tmp_path: Path) -> None:
    text = f'signature {{ key: "s" after {{ model: "{tmp_path}/none" }} }}'
    with pytest.raises(PatchError, match="cannot be read"):
        checked(parse_text(text))
    assert checked(protos.SavedModelPatch()) == protos.SavedModelPatch()

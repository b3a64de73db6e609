from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.batch import patch_model as module
from sigpb.batch.job import Job, Outcome, Task
from sigpb.batch.patch_model import EQUAL_MODELS, patch_model
from sigpb.patching.compile import plan_patch
from sigpb.patching.plan import Plan
from sigpb.saved_model import fingerprint, history
from sigpb.saved_model.files import CHECKPOINT_INDEX, WARMUP_PATH
from sigpb.saved_model.model import SavedModel
from tests.patches import contents

from .repositories import RENAME, ModelFactory, job, without_history


@pytest.fixture
def models(fixture_model: ModelFactory, tmp_path: Path) -> list[Path]:
    """Two models that are equal."""
    source = fixture_model("tf2_warmup")
    old = protos.FingerprintDef(uuid="1")
    (source / fingerprint.FILE_NAME).write_bytes(old.SerializeToString())
    return [Path(shutil.copytree(source, tmp_path / name / "1")) for name in ("a", "b")]


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The models that were planned."""
    found: list[Path] = []

    def noted(model: SavedModel, patch: protos.SavedModelPatch) -> Plan:
        found.append(model.directory)
        return plan_patch(model, patch)

    monkeypatch.setattr(module, "plan_patch", noted)
    return found


def copied(wanted: Job, model: Path) -> Outcome:
    return patch_model(wanted, Task(str(model), "name", str(model.with_name("2"))))


def alone(wanted: Job, model: Path) -> dict[str, bytes]:
    """What a job makes of a model if nothing is known of another one."""
    EQUAL_MODELS.clear()
    output = model.with_name("3")
    assert patch_model(wanted, Task(str(model), "name", str(output))).outcome == "patched"
    return without_history(output)


def test_equal_models_are_planned_once(models: list[Path], planned: list[Path]) -> None:
    wanted = job(mode="output_root")
    first, second = (copied(wanted, model) for model in models)
    assert planned == models[:1]

    assert (first.outcome, second.outcome) == ("patched", "patched")
    for attribute in ("input_digest", "output_digest", "output_bytes", "files", "notes"):
        assert getattr(first, attribute) == getattr(second, attribute)
    assert second.output == str(models[1].with_name("2"))
    made = [model.with_name("2") for model in models]
    assert without_history(made[0]) == without_history(made[1]) == alone(wanted, models[1])


def test_each_record_says_when(models: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for now, model in zip(("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), models, strict=True):
        monkeypatch.setattr(history, "_now", lambda now=now: now)
        copied(job(mode="output_root"), model)
    records = [history.records(model.with_name("2")) for model in models]
    assert [[each.pop("time") for each in lines] for lines in records] == [
        ["2026-01-01T00:00:00Z"],
        ["2027-01-01T00:00:00Z"],
    ]
    assert records[0] == records[1]


def test_earlier_records_stay_as_they_are(models: list[Path]) -> None:
    damaged = b'{"time": "then"}\nnot JSON\n'
    for model in models:
        (model / history.FILE_NAME).write_bytes(damaged)
        copied(job(mode="output_root"), model)
    lines = [(model.with_name("2") / history.FILE_NAME).read_bytes() for model in models]
    assert all(each.startswith(damaged) and each.count(b"\n") == 3 for each in lines)
    assert [json.loads(each.splitlines()[-1])["patch_id"] for each in lines] == ["", ""]


def flip_last_byte(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def new_uuid(file: Path) -> None:
    changed = fingerprint.read(file)
    changed.uuid = "7"
    file.write_bytes(changed.SerializeToString())


def drop(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (fingerprint.FILE_NAME, new_uuid),
        (fingerprint.FILE_NAME, drop),
        (CHECKPOINT_INDEX, flip_last_byte),
        (WARMUP_PATH, drop),
    ],
)
def test_models_that_differ_in_what_a_patch_reads(
    models: list[Path], planned: list[Path], name: str, change: Callable[[Path], None]
) -> None:
    change(models[1] / name)
    wanted = job(mode="output_root")
    for model in models:
        copied(wanted, model)
    assert planned == models
    assert without_history(models[1].with_name("2")) == alone(wanted, models[1])
    assert without_history(models[0].with_name("2")) != without_history(models[1].with_name("2"))


@pytest.mark.parametrize(
    "other",
    [
        {"patch": 'signature { key: "serving_default" input { key: "x" rename_to: "y" } }'},
        {"fingerprint": "drop"},
        {"warmup": "drop"},
        {"history": False},
    ],
)
def test_jobs_that_differ(
    models: list[Path], planned: list[Path], other: dict[str, object]
) -> None:
    copied(job(mode="output_root"), models[0])
    copied(job(mode="output_root", **other), models[1])  # type: ignore[arg-type]
    assert planned == models
    first, second = (contents(model.with_name("2")) for model in models)
    assert first.keys() != second.keys() or first["saved_model.pb"] != second["saved_model.pb"]


def test_a_refusal_is_found_again(models: list[Path], planned: list[Path]) -> None:
    missing = RENAME.replace('"x"', '"absent"')
    outcomes = [copied(job(missing, mode="output_root"), model) for model in models]
    assert [each.outcome for each in outcomes] == ["refused", "refused"]
    assert planned == models


def test_the_variables_of_each_are_its_own(models: list[Path]) -> None:
    (data,) = (models[1] / "variables").glob("*.data-*")
    flip_last_byte(data)
    for model in models:
        copied(job(mode="output_root"), model)
        copy = model.with_name("2") / "variables" / data.name
        assert copy.read_bytes() == (model / "variables" / data.name).read_bytes()


def test_in_place(models: list[Path], planned: list[Path]) -> None:
    for model in models:
        assert patch_model(job(), Task(str(model), "name")).outcome == "patched"
    assert planned == models[:1]
    assert without_history(models[0]) == without_history(models[1])


def test_only_the_last_few_are_remembered(
    models: list[Path], planned: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sigpb.batch.equal_models._REMEMBERED", 1)
    dry = job(mode="output_root", dry_run=True)
    new_uuid(models[1] / fingerprint.FILE_NAME)
    for model in (models[0], models[0], models[1], models[0]):
        copied(dry, model)
    assert planned == [models[0], models[1], models[0]]


def test_shards_are_those_of_each_model(
    fixture_model: ModelFactory, planned: list[Path], tmp_path: Path
) -> None:
    adapter = fixture_model("calibrate")
    patch = f'signature {{ key: "serving_default" after {{ model: "{adapter}" }} }}'
    wanted = job(patch, mode="output_root", hardlink=True)
    source = fixture_model("reviews")
    models = [Path(shutil.copytree(source, tmp_path / name / "1")) for name in ("a", "b")]
    for model in models:
        assert copied(wanted, model).outcome == "patched"
        old, *new = sorted(
            file
            for at in ("1", "2")
            for file in (model.with_name(at) / "variables").glob("*.data*")
        )
        assert new[0].samefile(old)
        assert new[1].samefile(next((adapter / "variables").glob("*.data*")))
    assert planned == models[:1]


def test_labels_are_those_of_each_model(fixture_model: ModelFactory, tmp_path: Path) -> None:
    step = "step: \"labels('assets/labels.txt')\""
    patch = f'signature {{ key: "serving_default" output {{ key: "label" {step} }} }}'
    wanted = job(patch, mode="output_root")
    for name in ("cat", "cow"):
        model = Path(shutil.copytree(fixture_model("tf2_image"), tmp_path / name / "1"))
        (model / "assets").mkdir()
        (model / "assets" / "labels.txt").write_text(f"{name} 0\n{name} 1\n{name} 2\n")
        assert copied(wanted, model).outcome == "patched"
        proto = (model.with_name("2") / "saved_model.pb").read_bytes()
        assert proto.count(f"{name} 2".encode()) == 2  # In the graph and in the function.

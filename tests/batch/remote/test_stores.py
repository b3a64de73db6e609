"""Batches on repositories in stores, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.batch.repositories import NAMES, RENAME, is_patched, versions
from tests.cli.command_line import Outcome, run
from tests.patches import contents as files_of

from .servers import Server
from .stores import contents, own_objects, upload, without_history

pytestmark = pytest.mark.stores


@pytest.fixture(params=["memory", "s3", "gcs"])
def url(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory."""
    directory = tmp_path / "home"
    directory.mkdir()
    (directory / "patch.txtpb").write_text(RENAME)
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def root(url: str, model: Path) -> str:
    return upload(model, url, *versions(NAMES))


@pytest.fixture
def patched(model: Path, tmp_path: Path) -> dict[str, bytes]:
    """The files of a model that was patched on this machine, without its record."""
    import shutil

    copy = tmp_path / "local" / "1"
    shutil.copytree(model, copy)
    assert run("batch", copy.parent, "--patch=patch.txtpb", "--in_place").code == 0
    assert is_patched(copy)
    return {
        name: data
        for name, data in files_of(copy).items()
        if not name.startswith(".sigpb-") and not name.startswith("sigpb.")
    }


def batch(root: str, *flags: str, mode: str = "--in_place") -> Outcome:
    return run("batch", root, "--patch=patch.txtpb", mode, "--jobs=1", *flags)


def outcomes(outcome: Outcome) -> dict[str, int]:
    assert outcome.err == ""
    return {name: count for name, count in outcome.json["outcomes"].items() if count}


class TestModes:
    def test_in_place(self, root: str, model: Path, patched: dict[str, bytes], home: Path) -> None:
        assert patched["fingerprint.pb"] != files_of(model)["fingerprint.pb"]

        assert outcomes(batch(root, "--format=json")) == {"patched": 3}

        for name in NAMES:
            assert without_history(f"{root}/{name}/1") == patched
        assert (home / "sigpb.batch.0001.jsonl").exists()
        assert outcomes(batch(root, "--format=json")) == {"unchanged": 3}

        rolled_back = run("rollback", "sigpb.batch.0001.jsonl")
        assert (rolled_back.code, rolled_back.err) == (0, "")
        for name in NAMES:
            assert contents(f"{root}/{name}/1") == files_of(model)
        assert own_objects(root) == []

    def test_new_version(self, root: str, model: Path, patched: dict[str, bytes]) -> None:
        before = contents(root)
        upload(model, root, "b/7")

        assert outcomes(batch(root, "--format=json", mode="--new_version")) == {
            "patched": 3,
            "skipped": 1,
        }

        for made in ("a/2", "b/8", "c/2"):
            assert without_history(f"{root}/{made}") == patched
        again = batch(root, "--format=json", "--versions=all", mode="--new_version")
        assert outcomes(again) == {"unchanged": 7}
        assert run("rollback", "sigpb.batch.0001.jsonl").code == 0
        assert {n: d for n, d in contents(root).items() if not n.startswith("b/7/")} == before

    def test_output_root(self, root: str, patched: dict[str, bytes]) -> None:
        before, output = contents(root), f"{root}-patched"

        first = batch(root, "--format=json", mode=f"--output_root={output}")
        second = batch(root, "--format=json", mode=f"--output_root={output}")

        assert (outcomes(first), outcomes(second)) == ({"patched": 3}, {"unchanged": 3})
        for name in NAMES:
            assert without_history(f"{output}/{name}/1") == patched
        assert contents(root) == before
        assert own_objects(output) == []

    def test_plan(self, root: str, model: Path, patched: dict[str, bytes]) -> None:
        before = contents(root)
        assert batch(root, "--dry_run", "--plan=plan.jsonl").code == 0
        assert contents(root) == before
        (model / "saved_model.pb").write_bytes(
            (model / "saved_model.pb").read_bytes() + b"\x08\x01"
        )
        upload(model, root, "b/1")

        done = run("batch", "--apply_plan=plan.jsonl", "--report=report.jsonl")

        assert done.code == 1
        records = {
            r["model"]: r for r in map(json.loads, Path("report.jsonl").read_text().splitlines())
        }
        assert without_history(f"{root}/a/1") == patched
        refused = records[f"{root}/b/1"]
        assert refused["outcome"] == "refused"
        assert refused["reason"].startswith(f"{root}/b/1: saved_model.pb changed since the plan")


def test_variables_stay_where_they_are(
    s3: str, s3_store: Server, model: Path, patched: dict[str, bytes]
) -> None:
    root, requests = upload(model, s3, *versions(NAMES)), s3_store.requests
    requests.reset()

    assert batch(root, mode="--new_version").code == 0
    assert batch(root, "--versions=1").code == 0

    read = {path.rpartition("/1/")[2] for method, path in requests.seen if method == "GET"}
    assert {name for name in read if name.startswith("variables/")} == {"variables/variables.index"}
    assert not any("variables" in path for method, path in requests.seen if method == "POST")
    assert without_history(f"{root}/a/2") == patched


def test_whole_model_is_fetched_to_be_verified(
    memory: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sigpb.verifying import verify

    seen: list[set[str]] = []
    monkeypatch.setattr(
        verify,
        "verify_changes",
        lambda model, *rest: seen.append(set(files_of(model.directory))),
    )
    root = upload(model, memory, "a/1", "b/1")

    assert batch(root, "--verify").code == 0
    assert seen == [set(files_of(model))] * 2
    seen.clear()
    assert batch(root, "--verify").code == 0  # There is nothing to do.
    assert seen == []


@pytest.mark.tensorflow
def test_tensorflow_runs_what_is_fetched(memory: str, model: Path) -> None:
    root = upload(model, memory, *versions(["a"]))

    outcome = batch(root, "--verify")

    assert outcome.code == 0, outcome.out
    assert f"patched    {root}/a/1" in outcome.out

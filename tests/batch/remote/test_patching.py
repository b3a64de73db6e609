"""Patching one model that is, or is to be, in a store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb.batch.job import Task
from sigpb.batch.patch_model import patch_model
from sigpb.batch.place import place_of
from sigpb.errors import EnvironmentFailure, PatchError, UsageError
from sigpb.patching.patch_file import parse_text
from sigpb.remote import store as stores
from sigpb.verifying.report import NotEquivalent, VerifyReport
from tests.batch.repositories import HISTORY, RENAME, ModelFactory, job
from tests.cli.command_line import run
from tests.patches import contents as files_of

from .proxy import FAULTS, failing_from
from .servers import Server
from .stores import contents, each_store, fs, own_objects, upload, without_history

pytestmark = pytest.mark.stores

PATCH = parse_text(RENAME)
VARIABLES = "variables/variables.data-00000-of-00001"


@pytest.fixture(autouse=True)
def temporary(temporary: Path) -> Iterator[Path]:
    """The directory of temporary files, which is empty afterwards."""
    yield temporary
    assert list(temporary.iterdir()) == []


@pytest.fixture
def patched(model: Path, tmp_path: Path) -> dict[str, bytes]:
    """The files of the model, patched on this machine, without its record."""
    sigpb.patch(model, PATCH, output_dir=tmp_path / "expected")
    found = files_of(tmp_path / "expected")
    del found[HISTORY]
    return found


def local_without_history(model: Path) -> dict[str, bytes]:
    return {name: data for name, data in files_of(model).items() if name != HISTORY}


@each_store
def test_in_place(server: Server, model: Path, patched: dict[str, bytes]) -> None:
    url = f"{upload(model, server.url, 'a/1')}/a/1"
    before = contents(url)
    assert sigpb.patch(url, PATCH, dry_run=True).output == url
    assert contents(url) == before
    server.requests.reset()

    result = sigpb.patch(url, PATCH, in_place=True)

    assert not [path for _, path in server.requests.seen if ".data-" in path]
    assert (result.status, result.plan.model, result.output) == ("patched", url, url)
    assert result.backup == f"{url}/.sigpb-backup-0001"
    assert without_history(url) == patched
    changed = {"saved_model.pb", "fingerprint.pb", "assets.extra/tf_serving_warmup_requests"}
    assert contents(str(result.backup)) == {name: before[name] for name in changed}
    assert sigpb.patch(url, PATCH, in_place=True).status == "unchanged"
    assert {name.partition("/")[0] for name in own_objects(url)} == {".sigpb-backup-0001"}


def test_in_place_without_a_backup(memory: str, model: Path, patched: dict[str, bytes]) -> None:
    url = f"{upload(model, memory, 'a/1')}/a/1"
    outcome = run("patch", url, "--rename_input=x=image", "--in_place", "--nobackup")
    assert outcome.out.endswith(f"patched: {url}\n")
    assert without_history(url) == patched
    assert own_objects(url) == []


@pytest.mark.parametrize("server", ["memory", "gcs"], indirect=True)
def test_to_another_place_of_the_store(
    server: Server, model: Path, patched: dict[str, bytes]
) -> None:
    root = upload(model, server.url, "a/1")
    fs(root).pipe_file(f"{root}/a/1/.sigpb-backup-0001/saved_model.pb", b"old")
    before = contents(root)
    server.requests.reset()

    outcome = run("patch", f"{root}/a/1", "--rename_input=x=image", f"--output_dir={root}/a/2")

    read = {"GET", "cat_file", "get_file"}
    assert not [p for method, p in server.requests.seen if method in read and ".data-" in p]
    assert outcome.code == 0, outcome
    assert outcome.out.endswith(f"patched: {root}/a/2\n")
    assert without_history(f"{root}/a/2") == patched
    assert own_objects(f"{root}/a/2") == []
    assert {n: d for n, d in contents(root).items() if not n.startswith("a/2/")} == before


def test_between_this_machine_and_a_store(
    memory: str, model: Path, patched: dict[str, bytes], tmp_path: Path
) -> None:
    mine = files_of(model)
    made = sigpb.patch(model, PATCH, output_dir=f"{memory}/up/1")
    assert (made.plan.model, made.output) == (model, f"{memory}/up/1")
    assert without_history(f"{memory}/up/1") == patched
    assert files_of(model) == mine
    assert own_objects(memory) == []

    url = f"{upload(model, memory, 'a/1')}/a/1"
    fetched = sigpb.patch(url, PATCH, output_dir=tmp_path / "down")
    assert (fetched.plan.model, fetched.output) == (url, tmp_path / "down")
    assert local_without_history(tmp_path / "down") == patched
    assert fetched.notes[-1].startswith(f"fetched {url}: {len(mine)} files, ")
    assert contents(url) == mine


def test_links_to_directories_are_not_left_out(memory: str, model: Path) -> None:
    (model / "variables").rename(model / "v1")
    (model / "variables").symlink_to("v1")
    with pytest.raises(EnvironmentFailure, match="variables is a link to a directory"):
        sigpb.patch(model, PATCH, output_dir=f"{memory}/up/1")
    assert contents(memory) == {}


def test_between_two_stores(memory: str, s3: str, model: Path, patched: dict[str, bytes]) -> None:
    url = f"{upload(model, s3, 'a/1')}/a/1"
    sigpb.patch(url, PATCH, output_dir=f"{memory}/copy")
    assert without_history(f"{memory}/copy") == patched


def test_files_that_a_patch_removes(memory: str, model: Path) -> None:
    root = upload(model, memory, "a/1")
    options: Any = {"fingerprint": "drop", "warmup": "drop"}
    sigpb.patch(f"{root}/a/1", PATCH, output_dir=f"{root}/a/2", **options)
    sigpb.patch(f"{root}/a/1", PATCH, in_place=True, **options)
    for version in (1, 2):
        assert without_history(f"{root}/a/{version}").keys() == {
            "saved_model.pb",
            "variables/variables.index",
            VARIABLES,
        }


def test_graph_of_a_store(memory: str, fixture_model: ModelFactory, tmp_path: Path) -> None:
    text = run("dump", fixture_model("tf1_no_variables"), "graph_def", "--full").out
    (tmp_path / "graph.pbtxt").write_text(text.partition("\n")[2])
    fs(memory).pipe_file(f"{memory}/graph.pbtxt", (tmp_path / "graph.pbtxt").read_bytes())
    (tmp_path / "patch.txtpb").write_text(
        run("show", f"{memory}/graph.pbtxt", "--format=json").json["patch"]
    )

    outcome = run(
        *("patch", f"{memory}/graph.pbtxt", f"--patch={tmp_path / 'patch.txtpb'}"),
        f"--output_dir={memory}/made/1",
    )

    assert outcome.code == 0, outcome
    assert outcome.out.startswith(f"{memory}/graph.pbtxt\n")
    assert run("show", f"{memory}/made/1", "--format=json").json["model"] == f"{memory}/made/1"


class TestPlans:
    def test_plan_and_apply(self, memory: str, model: Path, tmp_path: Path) -> None:
        root, file = upload(model, memory, "a/1", "b/1"), tmp_path / "plan.json"
        plan = sigpb.plan(f"{root}/a/1", PATCH, out=file)
        assert plan.model == f"{root}/a/1"
        assert json.loads(file.read_text())["model"] == f"{root}/a/1"

        assert run("apply", file, "--in_place").out.endswith(".sigpb-backup-0001\n")
        assert b"image" in contents(f"{root}/a/1")["saved_model.pb"]
        assert run("apply", file, f"{root}/b/1", f"--output_dir={root}/b/2").code == 0
        assert b"image" in contents(f"{root}/b/2")["saved_model.pb"]
        changed = run("apply", file, "--in_place")
        assert changed.code == 2
        assert f"{root}/a/1: assets.extra/" in changed.err

    def test_invert_and_infer(self, memory: str, model: Path) -> None:
        root = upload(model, memory, "a/1")
        inverse = sigpb.invert(f"{root}/a/1", PATCH)
        sigpb.patch(f"{root}/a/1", PATCH, output_dir=f"{root}/a/2")
        assert run("infer", f"{root}/a/1", f"{root}/a/2").out.count("rename_to") == 1
        assert sigpb.infer(f"{root}/a/2", model).signature[0].input == inverse.signature[0].input


class TestRefused:
    def test_nothing_is_written(self, memory: str, model: Path, tmp_path: Path) -> None:
        root = upload(model, memory, "a/1", "a/2")
        before = contents(root)
        url = f"{root}/a/1"
        for output, said in (
            (f"{root}/a/2", "is not empty"),
            (f"{url}/saved_model.pb", "lie one inside the other"),
            (url, "lie one inside the other"),
            (f"{url}/inner", "lie one inside the other"),
            (f"{root}/a", "lie one inside the other"),
            (f"{root}/a/2/saved_model.pb", "is not empty"),
        ):
            with pytest.raises(UsageError, match=said):
                sigpb.patch(url, PATCH, output_dir=output)
        with pytest.raises(UsageError, match="stores have no links"):
            sigpb.patch(url, PATCH, output_dir=tmp_path / "new", hardlink=True)
        wrong = parse_text(RENAME.replace('"x"', '"q"'))
        for options in ({"in_place": True}, {"output_dir": f"{root}/new"}):
            with pytest.raises(PatchError, match="no input 'q'"):
                sigpb.patch(url, wrong, **options)
        assert contents(root) == before

    def test_a_model_that_is_at_work(self, memory: str, model: Path) -> None:
        url = f"{upload(model, memory, 'a/1')}/a/1"
        fs(url).pipe_file(f"{memory}/.sigpb-batch-lock", b'{"batch": "b", "host": "h", "pid": 1}')
        with pytest.raises(EnvironmentFailure, match="at work there"):
            sigpb.patch(url, PATCH, in_place=True)
        assert without_history(url) == files_of(model)

    def test_a_model_at_which_a_patch_was_killed(self, memory: str, model: Path) -> None:
        url = f"{upload(model, memory, 'a/1')}/a/1"
        holder = {"batch": "patch-1", "host": "h", "pid": 1, "time": "noon"}
        fs(url).pipe_file(f"{url}/.sigpb-batch-lock", json.dumps(holder).encode())
        said = r"a patch in place is at work there: begun on h \(process 1\) at noon"
        with pytest.raises(EnvironmentFailure, match=said):
            sigpb.patch(url, PATCH, in_place=True)


def test_a_model_that_changes_meanwhile(
    memory: str, memory_store: Server, model: Path, tmp_path: Path
) -> None:
    root = upload(model, memory, "a/1")
    for options in ({"in_place": True}, {"output_dir": f"{root}/a/2"}):

        def change() -> None:
            if any(method in ("cp_file", "put_file") for method, _ in memory_store.requests.seen):
                files = fs(root)
                files.store[f"/{root.partition('://')[2]}/a/1/saved_model.pb"].write(b"\x08\x01")

        memory_store.requests.reset(watch=change)
        with pytest.raises(EnvironmentFailure, match="was changed, replaced or removed"):
            sigpb.patch(f"{root}/a/1", PATCH, **options)
        memory_store.requests.reset()
        assert own_objects(root) == []
        assert not contents(f"{root}/a/2")


@pytest.mark.parametrize("where", ["in place", "copy", "up"])
def test_whatever_request_fails(
    where: str,
    memory: str,
    memory_store: Server,
    model: Path,
    patched: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stores, "_WAITS", ())
    old = files_of(model)
    for number in range(1, 200, 2):
        memory_store.requests.reset()
        root = upload(model, memory, "a/1")
        memory_store.requests.reset(failing_from(number, FAULTS[number // 2 % len(FAULTS)], False))
        options: Any = {"output_dir": f"{root}/a/2"}
        if where == "in place":
            options = {"in_place": True, "backup": False}
        try:
            sigpb.patch(model if where == "up" else f"{root}/a/1", PATCH, **options)
        except EnvironmentFailure as error:
            failed = "is changed as intended" not in str(error)
        else:
            failed = False
        is_over = len(memory_store.requests.seen) < number
        memory_store.requests.reset()
        found = without_history(f"{root}/a/1")
        copy = without_history(f"{root}/a/2")
        left = [name for name in (*found, *copy) if name.startswith(".sigpb-")]
        if where == "in place":
            assert {n: d for n, d in found.items() if n not in left} == (old if failed else patched)
        else:
            assert found == old
            assert copy in ({}, patched) if failed else copy == patched
        memory_store.write({})
        if is_over:
            break
    assert is_over
    assert not failed


def with_labels(model: Path, name: str) -> Path:
    copy = Path(shutil.copytree(model, model.with_name(name)))
    (copy / "assets").mkdir()
    (copy / "assets" / "labels.txt").write_text(f"{name} 0\n{name} 1\n{name} 2\n")
    return copy


class TestLabels:
    PATCH = (
        'signature { key: "serving_default" output { key: "label" '
        "step: \"labels('assets/labels.txt')\" } }"
    )

    @pytest.mark.parametrize("way", ["patch", "batch"])
    def test_files_of_labels_are_those_of_each_model(
        self, way: str, memory: str, fixture_model: ModelFactory, tmp_path: Path
    ) -> None:
        for name in ("cat", "cow"):
            upload(with_labels(fixture_model("tf2_image"), name), memory, f"{name}/1")
        (tmp_path / "patch.txtpb").write_text(self.PATCH)
        flags = (f"--patch={tmp_path / 'patch.txtpb'}", "--in_place")
        if way == "batch":
            assert run("batch", memory, *flags, f"--journal={tmp_path / 'j.jsonl'}").code == 0
        for name in ("cat", "cow"):
            url = f"{memory}/{name}/1"
            assert way == "batch" or run("patch", url, *flags).code == 0
            assert contents(url)["saved_model.pb"].count(f"{name} 2".encode()) == 2

    def test_missing_file(self, memory: str, fixture_model: ModelFactory, tmp_path: Path) -> None:
        url = f"{upload(with_labels(fixture_model('tf2_image'), 'cat'), memory, 'a/1')}/a/1"
        patch = parse_text(self.PATCH.replace("labels.txt", "label.txt"))
        with pytest.raises(PatchError, match=r"did you mean 'assets/labels\.txt'"):
            sigpb.patch(url, patch, dry_run=True)
        (tmp_path / "patch.txtpb").write_text(self.PATCH.replace("labels.txt", "label.txt"))
        outcome = run(
            *("batch", memory, f"--patch={tmp_path / 'patch.txtpb'}", "--in_place"),
            f"--journal={tmp_path / 'j.jsonl'}",
        )
        assert "did you mean 'assets/labels.txt'" in outcome.out


def test_what_is_run_is_fetched_whole(
    memory: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = upload(model, memory, "a/1")
    url, files = f"{root}/a/1", files_of(model)
    told = f"fetched {url}: {len(files)} files, {sum(map(len, files.values())):,} bytes"
    confinement: Any = None

    def run_all(before: Any, after: Any, mapping: Any, options: Any) -> VerifyReport:
        for each in (before, after):
            assert (each.directory / VARIABLES).read_bytes() == files[VARIABLES]
        return VerifyReport(before.directory, after.directory, (), (), confinement)

    monkeypatch.setattr("sigpb.verifying.verify.verify", run_all)
    monkeypatch.setattr(VerifyReport, "verdict", "equivalent")

    result = sigpb.patch(url, PATCH, output_dir=f"{root}/a/2", verify=["v1"])
    assert result.verification == VerifyReport(url, f"{root}/a/2", (), (), None, (told,))
    assert result.verification.to_json()["notes"] == [told]
    outcome = run("verify", url, f"{root}/a/2")
    assert outcome.code == 0, outcome
    assert outcome.out.startswith(f"{url} → {root}/a/2\n  {told}\n  fetched {root}/a/2: ")

    monkeypatch.setattr(VerifyReport, "verdict", "different")
    with pytest.raises(NotEquivalent, match=f"{url} → {url}\n  {told}"):
        sigpb.patch(url, PATCH, in_place=True, verify=["v1"])
    assert contents(url) == files


@pytest.mark.parametrize("where", ["here", "in a store"])
def test_labels_of_a_model_that_a_killed_run_was_at(
    where: str, memory: str, fixture_model: ModelFactory
) -> None:
    model = with_labels(fixture_model("tf2_image"), "cat")
    wanted = job(TestLabels.PATCH)
    place = place_of(str(model) if where == "here" else f"{upload(model, memory, 'a/1')}/a/1")
    task = Task(place.path, "1", interrupted=True)
    assert patch_model(wanted, task).outcome == "patched"
    again = patch_model(wanted, task)
    assert (again.outcome, again.reason) == ("patched", ""), again


class TestUndo:
    def test_from_a_backup(self, memory: str, model: Path) -> None:
        url = f"{upload(model, memory, 'a/1')}/a/1"
        before = contents(url)
        sigpb.patch(url, PATCH, in_place=True)
        patched = contents(url)

        would = run("undo", url, "--dry_run")
        assert would.code == 0, would
        assert "would be undone, from .sigpb-backup-0001" in would.out
        assert contents(url) == patched
        result = sigpb.undo(url)
        assert (result.model, result.backup) == (url, f"{url}/.sigpb-backup-0001")

        assert contents(url) == before
        assert sigpb.undo(url).status == "unchanged"

    def test_older_backups_stay(self, memory: str, model: Path) -> None:
        url = f"{upload(model, memory, 'a/1')}/a/1"
        states = []
        for text in (RENAME, RENAME.replace('"x"', '"b"').replace("image", "other")):
            states.append(contents(url))
            sigpb.patch(url, parse_text(text), in_place=True)
        for state in reversed(states):
            sigpb.undo(url)
            assert contents(url) == state

    @pytest.mark.parametrize("dtype", ["", ' dtype: "float64"'])
    def test_without_a_backup(self, memory: str, model: Path, dtype: str) -> None:
        url = f"{upload(model, memory, 'a/1')}/a/1"
        before = contents(url)
        text = RENAME.replace('rename_to: "image"', f'rename_to: "image"{dtype}')
        sigpb.patch(url, parse_text(text), in_place=True, backup=False)
        outcome = run("undo", url)
        assert (outcome.code, outcome.err) == (0, "")
        assert f"{url}\n  MetaGraph {{serve}}\n    signature 'serving_default': i" in outcome.out
        assert f"undone: {url}\n" in outcome.out
        assert contents(url)["saved_model.pb"] == before["saved_model.pb"]
        assert own_objects(url) == []

    def test_refused(self, memory: str, model: Path) -> None:
        url = f"{upload(model, memory, 'a/1')}/a/1"
        sigpb.patch(url, PATCH, in_place=True)
        fs(url).pipe_file(f"{url}/saved_model.pb", (model / "saved_model.pb").read_bytes())
        before = contents(url)
        with pytest.raises(PatchError, match=f"{url}/saved_model.pb is not as the last"):
            sigpb.undo(url)
        assert contents(url) == before

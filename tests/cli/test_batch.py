from __future__ import annotations

import csv
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sigpb.batch import locks
from sigpb.batch import run as runs
from sigpb.batch.job import Job, Task
from sigpb.batch.job import Outcome as ModelOutcome
from sigpb.batch.patch_model import patch_model
from sigpb.errors import EnvironmentFailure
from tests.batch.repositories import (
    NAMES,
    RENAME,
    ModelFactory,
    is_patched,
    leftovers,
    repository,
    versions,
)
from tests.batch.test_killed_batch import start
from tests.cli.command_line import Outcome, run, run_process
from tests.patches import contents

JOURNAL = "sigpb.batch.0001.jsonl"


def batch(root: Path, patch: Path, *flags: str | Path, mode: str = "--in_place") -> Outcome:
    return run("batch", root, f"--patch={patch}", mode, *flags)


def outcomes(outcome: Outcome) -> dict[str, int]:
    return {name: count for name, count in outcome.json["outcomes"].items() if count}


def patched(root: Path) -> list[str]:
    return sorted(
        str(file.parent.relative_to(root))
        for file in root.rglob("saved_model.pb")
        if ".sigpb-" not in str(file) and is_patched(file.parent)
    )


def report(file: Path) -> dict[str, dict[str, Any]]:
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert len({record["model"] for record in records}) == len(records)
    return {record["model"]: record for record in records}


class TestModes:
    def test_in_place(self, root: Path, patch: Path) -> None:
        outcome = batch(root, patch)

        assert (outcome.code, outcome.err) == (0, "")
        lines = outcome.out.splitlines()
        assert lines[:3] == [f"patched    {root}/{name}/1" for name in NAMES]
        assert lines[3:9] == [
            "patched    3",
            "unchanged  0",
            "skipped    0",
            "refused    0",
            "failed     0",
            f"journal: {root / JOURNAL}",
        ]
        assert patched(root) == ["a/1", "b/1", "c/1"]
        assert leftovers(root) == []

    def test_new_version(self, root: Path, model: Path, patch: Path) -> None:
        repository(model, root, "a/9", "b/0003", "c/x")
        (root / "b" / "5").mkdir()

        assert batch(root, patch, mode="--new_version").code == 1  # c/x has no next version.

        assert patched(root) == ["a/10", "b/0006", "c/2"]

    def test_new_version_again(self, root: Path, patch: Path) -> None:
        batch(root, patch, mode="--new_version")
        again = batch(root, patch, "--format=json", mode="--new_version")
        every = batch(root, patch, "--format=json", "--versions=all", mode="--new_version")

        assert outcomes(again) == {"unchanged": 3, "skipped": 3}
        assert outcomes(every) == {"unchanged": 6}
        assert patched(root) == ["a/2", "b/2", "c/2"]

    def test_output_root(self, root: Path, patch: Path, tmp_path: Path) -> None:
        before, output = contents(root), tmp_path / "out"

        first = batch(root, patch, "--format=json", mode=f"--output_root={output}")
        second = batch(root, patch, "--format=json", mode=f"--output_root={output}")

        assert (outcomes(first), outcomes(second)) == ({"patched": 3}, {"unchanged": 3})
        assert patched(output) == ["a/1", "b/1", "c/1"]
        assert contents(root) == before
        assert (output / JOURNAL).exists()

    def test_one_model(self, root: Path, patch: Path) -> None:
        assert batch(root / "a" / "1", patch, mode="--new_version").code == 0
        assert patched(root) == ["a/2"]
        assert (root / "a" / JOURNAL).exists()
        assert run("batch", root / "a" / "1", "--resume").code == 0

    def test_output_root_in_the_repository(self, root: Path, patch: Path) -> None:
        outcome = batch(root, patch, mode=f"--output_root={root}/out")
        assert outcome.code == 2
        assert outcome.err == f"sigpb: The output root {root}/out lies in {root}.\n"


class TestSelection:
    def test_flags(self, root: Path, model: Path, patch: Path, tmp_path: Path) -> None:
        repository(model, root, "a/2", "b/2")
        file = tmp_path / "report.jsonl"

        outcome = batch(
            root, patch, "--exclude=c*", f"--report={file}", "--has_input=b:float32:?,3"
        )

        assert outcome.code == 0
        assert patched(root) == ["a/2", "b/2"]
        assert {model: each["reason"] for model, each in report(file).items()} == {
            f"{root}/a/1": "not a version that is chosen: versions=latest:1",
            f"{root}/a/2": "",
            f"{root}/b/1": "not a version that is chosen: versions=latest:1",
            f"{root}/b/2": "",
            f"{root}/c/1": "its path is excluded",
        }

    @pytest.mark.parametrize(
        ("flag", "count"),
        [
            ("--include=a/*", 1),
            ("--has_signature=other", 3),
            ('--has_input="x":int32', 0),
            ("--method=tensorflow/serving/predict", 3),
            ("--tags=serve", 3),
            ("--tags=", 0),
            ("--tensorflow_version=<2", 0),
        ],
    )
    def test_each(self, root: Path, patch: Path, flag: str, count: int) -> None:
        outcome = batch(root, patch, flag, "--format=json")
        expected = {"patched": count, "skipped": 3 - count}
        assert outcomes(outcome) == {name: number for name, number in expected.items() if number}

    def test_a_version_that_is_not_there_is_told(
        self, root: Path, model: Path, patch: Path
    ) -> None:
        repository(model, root, "a/2")
        outcome = batch(root, patch, "--versions=2", "--format=json")
        assert outcome.code == 1
        assert {each["model"]: each["reason"] for each in outcome.json["models"]} == {
            f"{root}/b/2": "there is no version 2; there are 1.",
            f"{root}/c/2": "there is no version 2; there are 1.",
            **dict.fromkeys(
                (f"{root}/{name}/1" for name in NAMES), "not a version that is chosen: versions=2"
            ),
            f"{root}/a/2": "",
        }
        assert patched(root) == ["a/2"]

    def test_in_the_patch(self, root: Path, patch: Path) -> None:
        patch.write_text(RENAME + ' only { include: "a/*" include: "b/*" }')
        batch(root, patch, "--exclude=b/1")
        assert patched(root) == ["a/1"]

    def test_list(self, root: Path, patch: Path, tmp_path: Path) -> None:
        listed = tmp_path / "list"
        listed.write_text(f"{root}/a/1\n{root}/c\n")
        outcome = run("batch", f"--models_list={listed}", f"--patch={patch}", "--in_place")
        assert (outcome.code, patched(root)) == (0, ["a/1", "c/1"])
        assert (tmp_path / JOURNAL).exists()

    def test_configuration(self, root: Path, model: Path, patch: Path, tmp_path: Path) -> None:
        repository(model, root, "a/2", "b/2", "b/3")
        config = tmp_path / "models.config"
        policy = "model_version_policy { specific { versions: 1 versions: 3 } }"
        config.write_text(
            f'model_config_list {{ config {{ name: "a" base_path: "{root}/a" }} '
            f'config {{ name: "b" base_path: "{root}/b" {policy} }} '
            'config { name: "c" } config { base_path: "/other" model_platform: "xgboost" } }'
        )
        flags = (f"--models_config={config}", f"--patch={patch}", "--in_place", "--format=json")
        outcome = run("batch", *flags)
        assert [each["reason"] for each in outcome.json["models"] if each["reason"]] == [
            "its platform is 'xgboost'",
            "not a version that is chosen: versions=latest:1",
            "not a version that is chosen: versions=1,3",
            "the configuration states no base_path for it",
        ]
        assert patched(root) == ["a/2", "b/1", "b/3"]

    def test_list_of_models_that_are_not_there(
        self, root: Path, patch: Path, tmp_path: Path
    ) -> None:
        (root / "empty").mkdir()
        listed = tmp_path / "list"
        listed.write_text(f"{root}/a/1\n{root}/empty\n{root}/nowhere\n{root}/a\n")
        flags = (f"--models_list={listed}", f"--patch={patch}", "--in_place", "--dry_run")

        as_text, as_json = run("batch", *flags), run("batch", *flags, "--format=json")

        assert as_text.code == as_json.code == 1
        assert as_text.out.splitlines()[:3] == [
            f"would be patched  {root}/a/1",
            f"failed            {root}/empty: there is no model in it.",
            f"failed            {root}/nowhere: {root}/nowhere: No such file or directory.",
        ]
        assert {each["model"]: each["reason"] for each in as_json.json["models"]} == {
            f"{root}/a/1": "",
            f"{root}/empty": "there is no model in it.",
            f"{root}/nowhere": f"{root}/nowhere: No such file or directory.",
        }

    def test_a_model_that_is_refused_before_any_is_patched_has_a_line(
        self, root: Path, model: Path, patch: Path
    ) -> None:
        repository(model, root, "b/x")
        outcome = batch(root, patch, "--dry_run", mode="--new_version")
        reason = "its directory's name is not a version number, so there is no next version."
        assert outcome.code == 1
        assert f"refused           {root}/b/x: {reason}" in outcome.out.splitlines()

    def test_it_is_said_why_models_are_skipped(self, root: Path, model: Path, patch: Path) -> None:
        repository(model, root, "a/2", "b/2")
        outcome = batch(root, patch, "--has_input=other", "--exclude=c/*")
        assert (outcome.code, outcome.out.splitlines()[:5]) == (
            0,
            [
                "2 skipped: not a version that is chosen: versions=latest:1",
                "2 skipped: it has no input 'other'",
                "1 skipped: its path is excluded",
                "patched    0",
                "unchanged  0",
            ],
        )

    def test_a_pattern_that_matches_nothing_is_refused(self, root: Path, patch: Path) -> None:
        outcome = batch(root, patch, "--include=a/*", "--include=mnist/*")
        assert (outcome.code, outcome.err) == (
            2,
            "sigpb: No model's path matches 'mnist/*'. There are a/1, b/1, c/1.\n",
        )
        assert patched(root) == []

    def test_a_configuration_of_a_container(
        self, root: Path, model: Path, patch: Path, tmp_path: Path
    ) -> None:
        repository(model, root / "far", "d/1")
        config = tmp_path / "models.config"
        config.write_text(
            "model_config_list { "
            + " ".join(f'config {{ base_path: "/models/{name}" }}' for name in ("a", "b/", "far/d"))
            + f' config {{ base_path: "{root}/c" }} }}'
        )
        places = (f"--map=/models={root}", f"--map=/models/far/={root}/far")
        flags = (f"--models_config={config}", f"--patch={patch}", "--in_place", "--dry_run")

        outcome = run("batch", *flags, *places, "--format=json")

        assert {each["model"]: each["outcome"] for each in outcome.json["models"]} == dict.fromkeys(
            (f"{root}/{name}/1" for name in ("a", "b", "c", "far/d")), "patched"
        )
        for wrong, message in (
            (["--map=/model=x"], "no base path in {} lies in /model. There are '/models/a', "),
            (["--map=/models"], "--map=/models: expected a key and a value joined by '='"),
            (["--map=/models="], "--map=/models=: expected PATH=DIR, and each PATH once."),
            ([f"--map=/models={root}", "--map=/models/=x"], "expected PATH=DIR, and each PATH"),
        ):
            refused = run("batch", *flags, *wrong)
            assert refused.code == 2
            assert message.format(config) in refused.err
        config.write_text('model_config_list { config { base_path: "/models/a" } }')
        assert run("batch", *flags).err == (
            f"sigpb: {config}: none of the base paths is on this machine: '/models/a'. If they are "
            "paths in a container, add --map=/models=DIR: what is /models there is DIR here.\n"
        )


class TestEditFlags:
    def test_they_are_those_of_patch(self, root: Path, patch: Path, tmp_path: Path) -> None:
        patch.write_text('signature { key: "serving_default" method_name: "ours" }')
        shutil.copytree(root / "b", tmp_path / "b")
        edits = (f"--patch={patch}", "--rename_input=x=image", "--input_dtype=x=uint8")

        outcome = run("batch", root, *edits, "--in_place", "--format=json")

        assert (outcome.code, outcomes(outcome)) == (0, {"patched": 3})
        run("patch", tmp_path / "b" / "1", *edits, "--in_place")
        main = "saved_model.pb"
        assert (root / "b/1" / main).read_bytes() == (tmp_path / "b/1" / main).read_bytes()

    def test_tags_say_which_meta_graph_of_a_model(
        self, root: Path, fixture_model: ModelFactory, tmp_path: Path
    ) -> None:
        several = repository(fixture_model("tf1_two_graphs"), tmp_path / "several", "a/1")
        flags = ("batch", several, root, "--in_place", "--dry_run", "--method_name=ours")

        every, one = (run(*flags, *more, "--format=json") for more in ([], ["--tags=serve,gpu"]))

        assert outcomes(every) == {"patched": 4}
        assert outcomes(one) == {"patched": 1, "skipped": 3}
        edits = {each["model"]: each["edits"] for each in one.json["models"]}[f"{several}/a/1"]
        assert [line for line in edits if "MetaGraph" in line] == ["  MetaGraph {gpu, serve}"]

    def test_a_plan_is_carried_out_as_it_is(self, root: Path, patch: Path, tmp_path: Path) -> None:
        plan = tmp_path / "plan.jsonl"
        batch(root, patch, "--dry_run", f"--plan={plan}")
        for more in ("--rename_input=x=y", "--include=a/*", f"--patch={patch}"):
            outcome = run("batch", f"--apply_plan={plan}", more)
            assert outcome.code == 2
            assert outcome.err.startswith("sigpb: --apply_plan carries out what the plan says.")
        assert patched(root) == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (["--in_place"], "State what to do: --patch=FILE, or flags of 'sigpb patch' such as"),
            (["--in_place", "--tags=serve"], "State what to do: --patch=FILE, or flags"),
            (["--patch={patch}", "--in_place", "--map=/models=."], "--map goes with --models_conf"),
            (["--patch={patch}"], "Give one of --in_place, --new_version and --output_root=DIR"),
            (["--patch={patch}", "--in_place", "--new_version"], "Give one of"),
            (["--patch={patch}", "--in_place", "--plan=x"], "--plan goes with --dry_run"),
            (["--patch={patch}", "--in_place", "--versions=new"], "only: versions: 'new'"),
            (["--patch={patch}", "--in_place", "--report=x"], "has to end in .jsonl or .csv"),
            (["--patch={patch}", "--in_place", "--jobs=0"], "flag --jobs=0"),
            (["--in_place", "--model_timeout=nan"], "a finite number is expected"),
            (["--in_place", "--model_timeout=1e300"], "flag --model_timeout=1e300: "),
            (["--in_place", "--model_timeout=0"], "flag --model_timeout=0: "),
            (["--patch={patch}", "--in_place", "{patch}"], "this is a file, and no SavedModel."),
            (["--resume"], "There is no journal in"),
        ],
    )
    def test_flags(self, root: Path, patch: Path, flags: list[str], message: str) -> None:
        outcome = run("batch", root, *(flag.format(patch=patch) for flag in flags))
        assert outcome.code == 2
        assert message in outcome.err
        assert patched(root) == []

    def test_runner_without_beam(
        self, root: Path, patch: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "apache_beam", None)
        for name in ("beam", "pipeline"):
            monkeypatch.delitem(sys.modules, f"sigpb.batch.{name}", raising=False)
        outcome = batch(root, patch, "--runner=DirectRunner", "--", "--temp_location=x")
        assert (outcome.code, outcome.err) == (
            2,
            "sigpb: --runner=DirectRunner needs Apache Beam: pip install apache-beam.\n",
        )
        assert patched(root) == []

    def test_options_without_runner(self, root: Path, patch: Path) -> None:
        outcome = batch(root, patch, "--", "--temp_location=x")
        assert outcome.code == 2
        assert outcome.err.startswith("sigpb: --temp_location=x: there is no such directory. ")

    def test_no_models(self, tmp_path: Path, patch: Path) -> None:
        (tmp_path / "empty").mkdir()
        outcome = batch(tmp_path / "empty", patch)
        assert (outcome.code, outcome.err) == (
            2,
            f"sigpb: There is no model in {tmp_path}/empty.\n",
        )

    def test_no_root(self, tmp_path: Path, patch: Path) -> None:
        assert run("batch", f"--patch={patch}", "--in_place").code == 2


class TestFaults:
    def test_a_model_that_takes_too_long(self, root: Path, patch: Path) -> None:
        shutil.rmtree(root / "b")
        shutil.rmtree(root / "c")

        outcome = batch(root, patch, "--model_timeout=0.001", "--format=json")

        assert (outcome.code, outcomes(outcome)) == (1, {"failed": 1})
        [model] = outcome.json["models"]
        assert model["reason"] == "it took longer than 0.001 seconds (--model_timeout)."
        assert outcomes(batch(root, patch, "--model_timeout=600", "--format=json")) == {
            "patched": 1
        }

    def test_a_bad_model_neither_stops_nor_harms_another(
        self, root: Path, model: Path, patch: Path, tmp_path: Path, fixture_model: ModelFactory
    ) -> None:
        repository(model, root, "broken/1", "empty/1", "mixed/1")
        (root / "broken/1/saved_model.pb").write_bytes(b"\x0a\xff\xff")
        (root / "empty/1/saved_model.pb").write_bytes(b"")
        (root / "mixed/1/saved_model.pbtxt").touch()
        repository(fixture_model("tf1_no_variables"), root, "other/1")
        (root / "loop").symlink_to(root)
        file = tmp_path / "report.jsonl"

        outcome = batch(root, patch, f"--report={file}", "--format=json")

        assert outcome.code == 1
        assert outcomes(outcome) == {"patched": 3, "refused": 1, "failed": 3}
        assert patched(root) == ["a/1", "b/1", "c/1"]
        records = report(file)
        assert "there is no signature" in records[f"{root}/other/1"]["reason"]
        assert "the file is empty" in records[f"{root}/empty/1"]["reason"]
        assert "holds both" in records[f"{root}/mixed/1"]["reason"]

    @pytest.mark.parametrize("mode", ["--in_place", "--new_version"])
    def test_nothing_outside_of_the_repository_is_written_to(
        self, root: Path, model: Path, patch: Path, tmp_path: Path, mode: str
    ) -> None:
        elsewhere = repository(model, tmp_path / "elsewhere", "1")
        (root / "link").symlink_to(elsewhere)
        before = contents(elsewhere)

        outcome = batch(root, patch, mode=mode)

        (refused,) = (line for line in outcome.out.splitlines() if "link/1" in line)
        assert f"{root}/link/1: a link leads out of the repository, to {elsewhere}/" in refused
        assert contents(elsewhere) == before

    @pytest.mark.parametrize("mode", ["--in_place", "--new_version"])
    def test_disk_that_is_full(self, root: Path, patch: Path, mode: str) -> None:
        before = contents(root)

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

        outcome = run_process(
            "batch", root, f"--patch={patch}", mode, "--format=json", preexec_fn=limit
        )

        assert outcome.code == 1
        assert outcomes(outcome) == {"failed": 3}
        (root / JOURNAL).unlink()
        assert contents(root) == before

    def test_journal_that_cannot_be_written(self, root: Path, patch: Path) -> None:
        outcome = batch(root, patch, "--journal=/dev/null/journal")
        assert outcome.code == 4
        assert "Could not write /dev/null/journal" in outcome.err
        assert patched(root) == []

    @pytest.mark.parametrize("nested", ["", "a"])
    def test_another_batch(
        self, root: Path, patch: Path, nested: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(locks, "_PATIENCE", 0.0)
        directory = os.open(root, os.O_RDONLY)
        fcntl.flock(directory, fcntl.LOCK_EX)
        try:
            outcome = batch(root / nested, patch)
        finally:
            os.close(directory)
        assert outcome.code == 4
        assert f"Another batch is at work in {root}." in outcome.err
        assert patched(root) == []


class TestResume:
    @pytest.mark.parametrize(
        ("work", "jobs", "number"),
        [
            ("patch_slowly", 2, signal.SIGINT),
            ("patch_on_a_disk_that_hangs", 2, signal.SIGTERM),
        ],
    )
    def test_interrupted(
        self, model: Path, tmp_path: Path, patch: Path, work: str, jobs: int, number: int
    ) -> None:
        root = repository(model, tmp_path / "r", *versions(f"m{n:02}" for n in range(40)))
        before = contents(root)
        journal = root / JOURNAL
        slow = "from sigpb.batch import run; from tests.batch import work\n"
        slow += f"run.patch_model = work.{work}"
        flags = (f"--patch={patch}", "--in_place", f"--jobs={jobs}")
        process = start("batch", root, *flags, before=slow, stdout=subprocess.PIPE)
        while not list(root.glob("*/1/.sigpb-backup-*")):
            time.sleep(0.01)
        begun = time.monotonic()
        os.killpg(process.pid, number)
        out = process.communicate()[0].decode()

        assert time.monotonic() - begun < 6  # Mostly 1.1, on two processors that do nothing else.
        assert process.returncode == 1
        assert "stopped: it was interrupted" in out
        assert f"resume: sigpb batch --journal={journal} --resume" in out.splitlines()
        assert b'"step": "stop"' in journal.read_bytes()
        run("patch", model, f"--patch={patch}", "--in_place")
        whole = {before["m00/1/saved_model.pb"], (model / "saved_model.pb").read_bytes()}
        assert {file.read_bytes() for file in root.glob("*/1/saved_model.pb")} <= whole
        refused = batch(root, patch)
        assert refused.code == 2
        assert "was not finished. Go on with it (--resume)" in refused.err

        outcome = run("batch", f"--journal={journal}", "--resume", "--format=json")

        assert outcomes(outcome) == {"patched": 40}
        assert (len(patched(root)), leftovers(root)) == (40, [])
        assert outcome.json["resume"] is None
        assert run("rollback", journal).code == 0
        journal.unlink()
        assert contents(root) == before

    def test_it_goes_on_with_the_same_flags_and_with_no_others(
        self, root: Path, patch: Path
    ) -> None:
        flags = ("batch", root, "--in_place", "--include=a/*", "--include=b/*")
        assert run(*flags, "--rename_input=x=image").code == 0
        assert run(*flags, "--rename_input=x=image", "--resume").code == 0
        assert run("batch", root, "--resume").code == 0
        for other in (["--rename_input=x=picture"], ["--rename_input=x=image", "--exclude=b/1"]):
            outcome = run(*flags, *other, "--resume")
            assert (outcome.code, outcome.err) == (
                2,
                f"sigpb: {root / JOURNAL}: the batch has another patch, or selects other models, "
                "than the flags say. To go on with it, leave out the flags for these. To begin "
                "another batch, leave out --resume.\n",
            )

    def test_what_failed_is_tried_again(self, root: Path, patch: Path, tmp_path: Path) -> None:
        main = root / "b/1/saved_model.pb"
        good = main.read_bytes()
        main.write_bytes(b"")
        assert batch(root, patch, "--max_failures=0").code == 1
        main.write_bytes(good)
        file = tmp_path / "report.jsonl"

        outcome = run("batch", f"--journal={root / JOURNAL}", "--resume", f"--report={file}")

        assert outcome.code == 0
        assert {each["outcome"] for each in report(file).values()} == {"patched"}
        assert len(report(file)) == 3

    def test_what_is_finished(self, root: Path, patch: Path) -> None:
        batch(root, patch)
        assert outcomes(run("batch", root, "--resume", "--format=json")) == {"patched": 3}

    def test_max_failures(self, root: Path, patch: Path) -> None:
        for name in NAMES:
            (root / name / "1" / "saved_model.pb").write_bytes(b"")
        summary = batch(root, patch, "--max_failures=1", "--format=json").json
        assert summary["stopped"] == "2 models failed"


class TestRollback:
    def test_all(self, root: Path, patch: Path) -> None:
        before = contents(root)
        batch(root, patch)

        outcome, again = run("rollback", root / JOURNAL), run("rollback", root / JOURNAL)

        assert (outcome.code, outcome.out.splitlines()[-1]) == (0, "3 rolled back")
        assert (again.code, again.out) == (0, "there is nothing to undo\n")
        assert run("batch", root, "--resume").code == 2
        (root / JOURNAL).unlink()
        assert contents(root) == before

    @pytest.mark.parametrize("mode", ["--new_version", "--output_root={}/out"])
    def test_copies(self, root: Path, patch: Path, mode: str, tmp_path: Path) -> None:
        before = contents(root)
        batch(root, patch, f"--journal={tmp_path}/journal", mode=mode.format(tmp_path))
        outcome = run("rollback", tmp_path / "journal")
        assert (outcome.code, outcome.out.count(" is removed\n")) == (0, 3)
        assert contents(root) == before
        assert not list((tmp_path / "out").rglob("saved_model.pb"))

    def test_a_part(self, root: Path, patch: Path) -> None:
        batch(root, patch)
        outcome = run("rollback", root / JOURNAL, "--only=[ab]/*", "--format=json")
        assert [each["outcome"] for each in outcome.json["models"]] == ["rolled_back"] * 2
        assert patched(root) == ["c/1"]

    def test_dry_run_and_the_name_of_a_model(
        self, root: Path, patch: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch(root, patch)
        before = contents(root)

        outcome = run("rollback", root / JOURNAL, "--dry_run")

        assert outcome.out.splitlines() == [
            f"would be rolled back  {root}/a/1",
            f"would be rolled back  {root}/b/1",
            f"would be rolled back  {root}/c/1",
            "3 would be rolled back",
        ]
        assert contents(root) == before
        shutil.rmtree(next((root / "b" / "1").glob(".sigpb-backup-*")))
        (root / "a" / "1" / "saved_model.pb").unlink()
        lines = run("rollback", root / JOURNAL, "--dry_run").out.splitlines()
        assert [line.split()[0] for line in lines[:3]] == ["refused", "failed", "would"]
        with monkeypatch.context() as inside:
            inside.chdir(root.parent)
            as_printed = run("rollback", root / JOURNAL, f"--only={root.name}/c/1", "--dry_run")
        assert as_printed.out.splitlines()[-1] == "1 would be rolled back"
        assert run("rollback", root / JOURNAL, "--only=c").out.splitlines() == [
            f"rolled back  {root}/c/1",
            "1 rolled back",
        ]
        assert patched(root) == ["b/1"]
        outcome = run("rollback", root / JOURNAL, "--only=d")
        assert (outcome.code, outcome.err) == (
            2,
            "sigpb: No model of the batch is 'd'; there are 'a/1', 'b/1', 'c/1'.\n",
        )

    @pytest.mark.parametrize("mode", ["--in_place", "--new_version"])
    def test_dry_run_after_a_killed_batch(self, root: Path, patch: Path, mode: str) -> None:
        batch(root, patch, mode=mode)
        lines = (root / JOURNAL).read_text().splitlines(keepends=True)
        (root / JOURNAL).write_text("".join(line for line in lines if '"end"' not in line))
        shutil.rmtree(root / "a" / ("1" if mode == "--in_place" else "2"))
        before = contents(root)

        told = run("rollback", root / JOURNAL, "--dry_run", "--format=json").json["models"]

        assert [each["outcome"] for each in told] == ["unchanged", "rolled_back", "rolled_back"]
        assert told[1]["reason"] == "if what is there is what a killed run left"
        assert contents(root) == before

    def test_changed_since(self, root: Path, patch: Path, tmp_path: Path) -> None:
        batch(root, patch)
        other = tmp_path / "other.txtpb"
        other.write_text('signature { key: "other" drop: true }')
        run("patch", root / "b/1", f"--patch={other}", "--in_place")

        outcome = run("rollback", root / JOURNAL)

        assert outcome.code == 1
        assert f"refused      {root}/b/1: {root}/b/1 was changed after the batch." in outcome.out
        assert patched(root) == ["b/1"]

    @pytest.mark.parametrize("mode", ["--in_place", "--new_version"])
    def test_a_journal_that_names_what_lies_elsewhere(
        self, root: Path, model: Path, patch: Path, mode: str, tmp_path: Path
    ) -> None:
        batch(root, patch, mode=mode)
        victim = tmp_path / "victim"
        shutil.copytree(root / "a" / ("1" if mode == "--in_place" else "2"), victim)
        (root / "link").symlink_to(tmp_path)
        before = contents(victim)
        changed = f"{root}/a/{1 if mode == '--in_place' else 2}"
        journal = (root / JOURNAL).read_text()
        for path in (victim, root / "link" / "victim", root / ".." / "victim"):
            (root / JOURNAL).write_text(journal.replace(f'"{changed}"', f'"{path}"'))

            outcome = run("rollback", root / JOURNAL)

            assert outcome.code == 1
            assert f"{path} is not in a directory that the batch worked in: {root}" in outcome.out
            assert contents(victim) == before

    def test_a_copy_that_holds_something_else_stays(self, root: Path, patch: Path) -> None:
        batch(root, patch, mode="--new_version")
        (root / "a" / "2" / "assets.extra").mkdir()
        (root / "a" / "2" / "assets.extra" / "notes").write_text("Ours.")
        (root / "b" / "2" / "variables" / "variables.index").write_bytes(b"another")
        start = json.loads((root / JOURNAL).read_text().splitlines()[0])
        (root / "c" / "2" / f".sigpb-backup-{start['job']['id']}").mkdir()

        outcome = run("rollback", root / JOURNAL)

        assert outcome.out.count("was changed after the batch. It stays as it is.") == 3
        assert patched(root) == ["a/2", "b/2", "c/2"]

    def test_no_journal(self, patch: Path) -> None:
        outcome = run("rollback", patch)
        assert (outcome.code, outcome.err) == (2, f"sigpb: {patch}: not the journal of a batch.\n")


class TestPlan:
    def test_dry_run_and_apply(self, root: Path, patch: Path, tmp_path: Path) -> None:
        before, plan = contents(root), tmp_path / "plan.jsonl"

        dry = batch(root, patch, "--dry_run", f"--plan={plan}", mode="--new_version")

        assert dry.code == 0
        assert dry.out.splitlines()[:6] == [
            *(f"would be patched  {root}/{name}/1 → {root}/{name}/2" for name in NAMES),
            "3 models:",
            "  MetaGraph {serve}",
            "    signature 'serving_default': input 'x' → 'image'",
        ]
        assert "would be patched  3" in dry.out.splitlines()
        assert contents(root) == before
        (root / "b/1/fingerprint.pb").unlink()
        outcome = run("batch", f"--apply_plan={plan}", "--format=json")
        assert (outcome.code, outcomes(outcome)) == (1, {"patched": 2, "refused": 1})
        assert patched(root) == ["a/2", "c/2"]

    def test_damaged(self, root: Path, patch: Path, tmp_path: Path) -> None:
        plan = tmp_path / "plan.jsonl"
        batch(root, patch, "--dry_run", f"--plan={plan}")
        lines = plan.read_text().splitlines(keepends=True)
        first, second = (json.loads(line) for line in lines[:2])
        for damaged in (
            *(lines[:-1], lines[1:], [lines[0], *lines[2:]], []),
            [json.dumps(first | {"directories": "/"}) + "\n", *lines[1:]],
            [json.dumps(first | {"directories": ["a\0b"]}) + "\n", *lines[1:]],
            [lines[0], json.dumps(second | {"digests": "x"}) + "\n", *lines[2:]],
            [lines[0], json.dumps(second | {"model": "\ud800"}) + "\n", *lines[2:]],
        ):
            plan.write_text("".join(damaged))
            outcome = run("batch", f"--apply_plan={plan}")
            assert outcome.code == 2, damaged
        assert patched(root) == []


class TestCanary:
    @pytest.fixture
    def verified(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
        """Has models patched in this process, and says what TensorFlow finds."""
        seen: list[str] = []

        def find(problem: str) -> list[str]:
            class InThisProcess:
                def __init__(self, work: Any, **options: Any) -> None:
                    self._job: Job = work.args[0]

                def __enter__(self) -> InThisProcess:
                    return self

                def __exit__(self, *error: object) -> None:
                    pass

                def stop(self, grace: float = 0.0) -> None:
                    pass

                def run(self, tasks: Any) -> Any:
                    return (self._do(task) for task in tasks)

                def _do(self, task: Task) -> ModelOutcome:
                    return patch_model(self._job, task)

            def verify(model: Any, plan: Any, changes: Any, options: Any, output: Path) -> None:
                seen.append(f"{output.parent.name} {','.join(options.loaders)}")
                if problem == "Ctrl-C":
                    os.kill(os.getpid(), signal.SIGINT)
                elif problem:
                    raise EnvironmentFailure(problem)

            monkeypatch.setattr(runs, "Pool", InThisProcess)
            monkeypatch.setattr("sigpb.verifying.verify.verify_changes", verify)
            monkeypatch.setattr("sigpb.verifying.process.require_tensorflow", lambda: None)
            return seen

        return find

    def test_no_answer_is_no(
        self, root: Path, patch: Path, verified: Callable[[str], list[str]]
    ) -> None:
        seen = verified("")
        summary = batch(root, patch, "--canary=1", "--format=json").json
        assert (summary["left"], summary["stopped"]) == (2, "only the first models were wanted")
        assert (seen, patched(root)) == (["a v1,v2"], ["a/1"])

        assert run("batch", root, "--resume").code == 0  # Which is an answer.
        assert (seen, len(patched(root))) == (["a v1,v2"], 3)

    def test_yes(self, root: Path, patch: Path, verified: Callable[[str], list[str]]) -> None:
        seen = verified("")
        assert batch(root, patch, "--canary=2", "--yes").code == 0
        assert (seen, len(patched(root))) == (["a v1,v2", "b v1,v2"], 3)

    def test_others_are_patched_elsewhere(
        self,
        root: Path,
        patch: Path,
        verified: Callable[[str], list[str]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        seen, others = verified(""), []

        def elsewhere(job: Job, tasks: Iterable[Task]) -> Iterator[ModelOutcome]:
            for task in tasks:
                others.append(task.name)
                yield patch_model(job, task)

        monkeypatch.setattr("sigpb.cli.batch_flags.elsewhere", lambda options, values: elsewhere)
        assert batch(root, patch, "--canary=1", "--yes", "--runner=AnyRunner").code == 0
        assert (seen, others) == (["a v1,v2"], ["b/1", "c/1"])

    def test_models_that_were_tried_in_part_are_tried_again(
        self, root: Path, patch: Path, verified: Callable[[str], list[str]]
    ) -> None:
        verified("Ctrl-C")
        summary = batch(root, patch, "--canary=2", "--yes", "--format=json").json
        assert (summary["left"], summary["stopped"]) == (1, "it was interrupted")
        assert b'"step": "canary"' not in (root / JOURNAL).read_bytes()

        assert verified("") == ["a v1,v2", "b v1,v2"]
        assert run("batch", root, "--resume", "--yes").code == 0
        assert verified("") == ["a v1,v2", "b v1,v2", "c v1,v2"]

    def test_without_tensorflow_nothing_is_begun(
        self, root: Path, patch: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "tensorflow", None)
        before = contents(root)
        for flags in (["--canary=1"], ["--verify"], ["--verify", "--dry_run"]):
            outcome = batch(root, patch, *flags)
            assert outcome.code == 4
            assert outcome.err.startswith("sigpb: TensorFlow (tensorflow) is not installed for ")
        assert contents(root) == before

    def test_without_tensorflow_it_does_not_go_on(
        self,
        root: Path,
        patch: Path,
        verified: Callable[[str], list[str]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        verified("TensorFlow crashed.")
        batch(root, patch, "--canary=1")
        monkeypatch.undo()
        monkeypatch.setitem(sys.modules, "tensorflow", None)
        before = contents(root)
        assert run("batch", root, "--resume").code == 4
        assert contents(root) == before

    def test_nothing_to_patch(
        self, root: Path, patch: Path, verified: Callable[[str], list[str]]
    ) -> None:
        verified("")
        batch(root, patch, "--canary=3", "--yes")
        again = batch(root, patch, "--canary=1", "--format=json")
        assert (again.code, outcomes(again), again.json["left"]) == (0, {"unchanged": 3}, 0)

    def test_failure(self, root: Path, patch: Path, verified: Callable[[str], list[str]]) -> None:
        seen = verified("TensorFlow crashed.")
        outcome = batch(root, patch, "--canary=1", "--yes")
        assert outcome.code == 1
        assert "stopped: one of the first models failed" in outcome.out
        assert (seen, patched(root)) == (["a v1,v2"], [])

        run("batch", root, "--resume")
        assert len(seen) == 2
        assert patched(root) == []


def test_report_as_csv(root: Path, patch: Path, tmp_path: Path) -> None:
    batch(root, patch, f"--report={tmp_path}/report.csv")
    with (tmp_path / "report.csv").open(newline="") as file:
        records = list(csv.DictReader(file))
    assert sorted(record["model"] for record in records) == [f"{root}/{name}/1" for name in NAMES]
    for record in records:
        assert record["outcome"] == "patched"
        assert len(record["output_digest"]) == 64
        assert int(record["output_bytes"]) > 0
        assert float(record["seconds"]) > 0

"""Apache Beam patches models as the processes of this machine do, and may do so several times."""

from __future__ import annotations

import json
import pickle
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sigpb.batch.job import Job, Mode, Outcome, Task
from sigpb.batch.patch_model import patch_model
from sigpb.batch.prepare import prepare
from sigpb.batch.run import Limits, Run
from sigpb.batch.selection import Root
from sigpb.errors import PatchError, UsageError
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model import history

from .repositories import (
    RENAME,
    ModelFactory,
    is_patched,
    leftovers,
    repository,
    versions,
    without_history,
)

beam = pytest.importorskip("apache_beam", reason="needs the extra beam")

from apache_beam.internal import pickler  # noqa: E402
from apache_beam.options.pipeline_options import PipelineOptions  # noqa: E402

from sigpb.batch import beam as sigpb_beam  # noqa: E402
from sigpb.batch.beam import PatchSavedModels  # noqa: E402

# `FnApiRunner` is what `DirectRunner` comes to where there is no Prism, which that one looks for in
# the network. The other one does what fails four times.
IN_MEMORY = ["--runner=FnApiRunner"]
IN_THREADS = [*IN_MEMORY, "--direct_num_workers=2", "--direct_running_mode=multi_threading"]
IN_PROCESSES = [*IN_MEMORY, "--direct_num_workers=2", "--direct_running_mode=multi_processing"]
RETRYING = ["--runner=BundleBasedDirectRunner"]

PATCH = parse_text(RENAME + ' only { exclude: "excluded/*" tensorflow_version: ">=2" }')
MODES: tuple[Mode, ...] = ("in_place", "new_version", "output_root")

each_mode = pytest.mark.parametrize("mode", MODES)


# Is called what Beam calls its own, which takes Dask.
DaskRunner = type("DaskRunner", (beam.runners.PipelineRunner,), {})


class Place:
    """A repository with models that end in all ways, and what is made of it."""

    def __init__(self, fixture_model: ModelFactory, directory: Path) -> None:
        self.root, self.output, self._kept = (directory / name for name in ("r", "out", "kept"))
        model = fixture_model("tf2_warmup")
        repository(model, self._kept, "a/1", "a/2", "b/003", "b/x", "done/1", "excluded/1")
        repository(model, self._kept, "broken/1", "empty/1", "mixed/1", "absent/1")
        (self._kept / "broken/1/saved_model.pb").write_bytes(b"\x0a\xff\xff")
        (self._kept / "empty/1/saved_model.pb").write_bytes(b"")
        (self._kept / "mixed/1/saved_model.pbtxt").touch()
        repository(fixture_model("tf1_no_variables"), self._kept, "old/1")
        job = Job("first", parse_text(RENAME).SerializeToString(), "in_place")
        assert patch_model(job, Task(f"{self._kept}/done/1", "done/1")).outcome == "patched"
        absent = 'signature { key: "serving_default" drop: true }'
        job = Job("first", parse_text(absent).SerializeToString(), "in_place")
        assert patch_model(job, Task(f"{self._kept}/absent/1", "absent/1")).outcome == "patched"
        self.create()

    def create(self) -> None:
        for path in (self.root, self.output):
            shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self._kept, self.root)

    def output_root(self, mode: Mode) -> Path | None:
        return self.output if mode == "output_root" else None

    def files(self) -> dict[str, bytes]:
        """All files, without records, in which times are, and backups."""
        assert leftovers(self.root) == []
        return {
            f"{model.parent}: {name}": data
            for top in (self.root, self.output)
            for model in top.rglob("saved_model.pb")
            if ".sigpb-backup-" not in str(model)
            for name, data in without_history(model.parent).items()
        }


@pytest.fixture
def place(fixture_model: ModelFactory, tmp_path: Path) -> Place:
    return Place(fixture_model, tmp_path)


def without_time(outcomes: Iterable[Outcome]) -> dict[str, Outcome]:
    listed = [replace(outcome, seconds=0) for outcome in outcomes]
    by_model = {outcome.model: outcome for outcome in listed}
    assert len(by_model) == len(listed)
    return by_model


def by_this_machine(place: Place, mode: Mode) -> dict[str, Outcome]:
    output_root = place.output_root(mode)
    root = None if output_root is None else str(output_root)
    prepared = prepare([Root(str(place.root))], PATCH.only, mode, output_root=root)
    job = Job("local", PATCH.SerializeToString(), mode)
    run = Run(job, prepared.tasks, Limits(jobs=1))
    return without_time([*prepared.passed_over, *run.outcomes()])


def piped(
    transform: Any, options: list[str], models: Iterable[Path | str] | None = None
) -> tuple[dict[str, Outcome], Counter[str]]:
    """Runs a pipeline; returns what comes out, and what is counted."""
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        pipeline = beam.Pipeline(options=PipelineOptions(options))
        start = pipeline if models is None else pipeline | beam.Create(list(map(str, models)))
        lines = start | transform | "Dump" >> beam.Map(json.dumps)
        _ = lines | beam.io.WriteToText(f"{directory}/lines")
        result = pipeline.run()
        result.wait_until_finish()
        records = [
            json.loads(line)
            for file in Path(directory).iterdir()
            for line in file.read_text().splitlines()
        ]
    # Lists, and numbers and text, as those who write them to a table expect.
    assert all(isinstance(record[name], list) for record in records for name in ("files", "notes"))
    counters = result.metrics().query(beam.metrics.MetricsFilter().with_namespace("sigpb"))
    counted = {each.key.metric.name: each.committed for each in counters["counters"]}
    return without_time(map(Outcome.from_json, records)), Counter(counted)


def by_beam(place: Place, mode: Mode, options: list[str]) -> dict[str, Outcome]:
    output = place.output_root(mode)
    transform = PatchSavedModels(
        PATCH, mode, roots=[str(place.root)], output_root=str(output) if output else None
    )
    outcomes, counts = piped(transform, options)
    verdicts = Counter(outcome.outcome for outcome in outcomes.values())
    # This runner counts what was done in vain, too.
    assert counts == verdicts or (options == RETRYING and counts >= verdicts)
    return outcomes


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        *((mode, IN_MEMORY) for mode in MODES),
        ("new_version", IN_THREADS),
        ("in_place", IN_PROCESSES),
        ("new_version", RETRYING),
    ],
)
def test_the_same_as_on_this_machine(place: Place, mode: Mode, options: list[str]) -> None:
    expected, before = by_this_machine(place, mode), place.files()
    place.create()

    assert by_beam(place, mode, options) == expected
    assert place.files() == before

    verdicts = Counter(outcome.outcome for outcome in expected.values())
    assert set(verdicts) == {"patched", "unchanged", "skipped", "refused", "failed"}
    assert by_beam(place, mode, IN_MEMORY) == by_this_machine(place, mode)  # Once more.


@each_mode
def test_done_again_after_a_worker_died(
    place: Place, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, before = by_this_machine(place, mode), place.files()
    place.create()
    tries: Counter[str] = Counter()
    dead: list[str] = []

    def patch_and_die(job: Job, task: Task) -> Outcome:
        outcome = patch_model(job, task)
        tries[task.model] += 1
        if outcome.outcome == "patched" and tries[task.model] == 1 and len(dead) < 3:
            dead.append(task.model)
            raise RuntimeError("The worker died after it had published the model.")
        return outcome

    monkeypatch.setattr(sigpb_beam, "patch_model", patch_and_die)
    outcomes = by_beam(place, mode, RETRYING)

    assert outcomes == expected
    assert place.files() == before
    assert len(dead) > 1
    assert all(tries[model] > 1 for model in dead)
    for model in dead:
        assert outcomes[model].outcome == "patched"
        assert len(history.records(Path(outcomes[model].output or ""))) == 1


def test_named_models_get_different_versions(fixture_model: ModelFactory, tmp_path: Path) -> None:
    root = repository(fixture_model("tf2_linear"), tmp_path / "r", "a/1", "a/2", "b/7", "b/x")
    with (root / "a/2/saved_model.pb").open("ab") as file:
        file.write(b"\x7a\x00")  # Not the same model as a/1.
    named = [root / name for name in ("a/2", "a/1", "b/7", "b/x", "a/1", "a", "gone/1")]

    outcomes, _ = piped(PatchSavedModels(parse_text(RENAME), "new_version"), IN_MEMORY, named)

    made = {model: (each.outcome, each.output) for model, each in outcomes.items()}
    assert made == {
        f"{root}/a/1": ("patched", f"{root}/a/3"),
        f"{root}/a/2": ("patched", f"{root}/a/4"),
        f"{root}/b/7": ("patched", f"{root}/b/8"),
        f"{root}/b/x": ("refused", None),
        f"{root}/a": ("failed", None),
        f"{root}/gone/1": ("failed", None),
    }
    assert outcomes[f"{root}/a"].reason.startswith(
        f"{root}/a: holds no saved_model.pb. It holds models in: 1, 2. Name one of these"
    )
    assert all(is_patched(root / name) for name in ("a/3", "a/4", "b/8"))


def test_named_models_in_place(fixture_model: ModelFactory, tmp_path: Path) -> None:
    root = repository(fixture_model("tf2_linear"), tmp_path / "r", "a/1", "b/1")
    transform = PatchSavedModels(parse_text(RENAME), "in_place", batch_id="monday")
    assert piped(transform, IN_MEMORY, [root / "a/1"])[1] == {"patched": 1}
    assert (is_patched(root / "a/1"), is_patched(root / "b/1")) == (True, False)
    assert (root / "a/1/.sigpb-backup-monday").is_dir()

    again = PatchSavedModels(parse_text(RENAME), "in_place", batch_id="monday")
    assert piped(again, IN_MEMORY, [root / "a/1"])[1] == {"patched": 1}
    other = PatchSavedModels(parse_text(RENAME), "in_place")
    assert piped(other, IN_MEMORY, [root / "a/1"])[1] == {"unchanged": 1}


def test_models_in_a_store(fixture_model: ModelFactory) -> None:
    fsspec = pytest.importorskip("fsspec", reason="fsspec, of the extra 'remote', is missing")
    files = fsspec.filesystem("memory")
    files.put(str(fixture_model("tf2_linear")), "/models/a/1", recursive=True)
    named = ["memory://models/a/1", "memory://models/a", "memory://models/gone/1"]

    outcomes, _ = piped(PatchSavedModels(parse_text(RENAME), "new_version"), IN_MEMORY, named)

    assert {model: each.outcome for model, each in outcomes.items()} == {
        "memory://models/a/1": "patched",
        "memory://models/a": "failed",
        "memory://models/gone/1": "failed",
    }
    assert files.exists("/models/a/2/saved_model.pb")


@pytest.mark.parametrize("module", [pickle, pickler])
def test_everything_can_be_pickled(place: Place, module: Any) -> None:
    transform = PatchSavedModels(PATCH, "in_place", roots=[str(place.root)])
    copied = module.loads(module.dumps(transform))
    expected = by_this_machine(place, "in_place")
    place.create()

    assert piped(copied, IN_MEMORY)[0] == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PatchSavedModels(PATCH, "output_root"), "go together"),
        (lambda: PatchSavedModels(PATCH, "in_place", roots=["r"], output_root="o"), "go together"),
        (lambda: PatchSavedModels(PATCH, "output_root", output_root="o"), "name the roots"),
        (lambda: beam.Pipeline() | PatchSavedModels(PATCH, "in_place"), "either models or roots"),
        (
            lambda: beam.Pipeline(DaskRunner()) | PatchSavedModels(PATCH, "in_place", roots=["r"]),
            "models would be left out. Use 'sigpb batch --runner=DaskRunner'",
        ),
    ],
)
def test_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_patch_that_is_wrong_whatever_the_model() -> None:
    with pytest.raises(PatchError, match="versions"):
        PatchSavedModels(parse_text('only { versions: "new" }'), "in_place")


def test_all_is_settled_before_the_first_model_is_patched(
    fixture_model: ModelFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = versions(map(str, range(20)))
    root = repository(fixture_model("tf2_linear"), tmp_path / "r", *names)
    steps: list[str] = []

    def noted(step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            steps.append(step)
            return function(*arguments)

        return call

    monkeypatch.setattr(sigpb_beam, "repeatable", noted("settle", sigpb_beam.repeatable))
    monkeypatch.setattr(sigpb_beam, "patch_model", noted("patch", patch_model))
    monkeypatch.setattr(sigpb_beam, "_ROUNDS", 1)

    for models, roots in ((None, [str(root)]), ([root / name for name in names], None)):
        steps.clear()
        piped(PatchSavedModels(PATCH, "new_version", roots=roots), IN_MEMORY, models)
        assert steps == ["settle"] * 20 + ["patch"] * 20

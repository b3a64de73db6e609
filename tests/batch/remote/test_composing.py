"""Models in a store whose checkpoint and assets change too, whatever request fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

import sigpb
from sigpb.batch.job import Task
from sigpb.batch.patch_model import patch_model
from sigpb.batch.rollback import roll_back
from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.publishing.changes import BACKUP_PREFIX, Changes, SplicedFile, WholeFile
from sigpb.publishing.publish import FileState, put_backup_back
from sigpb.publishing.publish import publish_in_place as publish_here
from sigpb.remote import publish
from sigpb.remote import work_copy as module
from sigpb.remote.model import FetchedModel, fetched
from sigpb.remote.store import store_of
from sigpb.remote.work_copy import work_copy
from sigpb.saved_model import history
from sigpb.saved_model.files import BINARY_NAME, CHECKPOINT_INDEX
from sigpb.wire.edits import SourceRange
from tests.batch.repositories import ModelFactory, job
from tests.patches import contents as files_of
from tests.publishing.composed import (
    CHANGED,
    NEW,
    OLD,
    Files,
    changes_of,
    index_of,
    loads_as_before,
    shard,
    write_adapter,
)

from .proxy import FAULTS, failing_from
from .servers import Server
from .stores import contents, upload

pytestmark = [
    pytest.mark.stores,
    pytest.mark.parametrize("server", ["memory"], indirect=True),
    pytest.mark.usefixtures("impatient"),
]

MOVES = {"cp_file", "rm_file"}
WRITES = {"put_file", "pipe_file", *MOVES}
CHANGED_BY_ADAPTERS = {
    BINARY_NAME,
    CHECKPOINT_INDEX,
    "assets/vocabulary.txt",
    *(shard(number, 3) for number in range(3)),
}

_Run = Callable[[], None]


@pytest.fixture(autouse=True)
def no_small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has all shards be as large ones, which are not fetched."""
    monkeypatch.setattr(history, "STATE_LIMIT", 0)
    monkeypatch.setattr(module, "STATE_LIMIT", 0)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    write_adapter(tmp_path / "adapter")
    return tmp_path / "adapter"


@pytest.fixture
def url(server: Server) -> str:
    return f"{server.url}/m/1"


@pytest.fixture
def patch(url: str, adapter: Path) -> _Run:
    """Patches the model in place."""

    def run() -> None:
        with composing(url) as model:
            publish.publish_in_place(model, changes_of(model.directory, adapter), "batch")

    return run


@pytest.fixture
def take_back(url: str) -> _Run:
    """Puts the backup back, if there is one."""

    def run() -> None:
        store = store_of(url)
        if publish.has_backup(store, url, "batch"):
            publish.restore(store, url, "batch", CHANGED)

    return run


def composing(url: str) -> AbstractContextManager[FetchedModel]:
    return fetched(store_of(url), url, composed=True)


def state_of(files: Files) -> Files:
    """The objects of a store for the model."""
    return {f"models/m/1/{name}": data for name, data in files.items()}


def visible(state: Files) -> Files:
    """What loaders see of the model."""
    found = {name.removeprefix("models/m/1/"): data for name, data in state.items()}
    return {name: data for name, data in found.items() if ".sigpb-" not in name}


def watched(server: Server, run: _Run) -> list[Files]:
    """Runs something, and returns the states that the store was in, the last one last."""
    states: list[Files] = []
    server.requests.reset(watch=lambda: states.append(server.read()))
    try:
        run()
    finally:
        server.requests.reset()
    return [*states, server.read()]


def test_the_store_moves_shards(server: Server, url: str, patch: _Run) -> None:
    server.write(state_of(OLD))
    server.requests.reset()
    patch()
    assert {name for name, path in server.requests.seen if ".data-" in path} == MOVES
    assert visible(server.read()) == NEW
    kept = contents(f"{url}/{BACKUP_PREFIX}batch")
    assert {name: kept.get(name) for name in CHANGED & OLD.keys()} == {
        name: OLD[name] for name in CHANGED & OLD.keys()
    }


def test_loaders_find_all_that_the_old_or_the_new_proto_needs(
    server: Server, patch: _Run, take_back: _Run
) -> None:
    server.write(state_of(OLD))
    for run, end in ((patch, NEW), (take_back, OLD)):
        states = watched(server, run)
        assert {loads_as_before(visible(state)) for state in states} == {True, False}
        assert visible(states[-1]) == end
        for state in states:  # The process may be killed at any of them.
            server.write(state)
            assert all(
                loads_as_before(visible(each)) in (True, False)
                for each in watched(server, take_back)
            )
            if visible(server.read()) != NEW:
                assert visible(server.read()) == OLD
                patch()
                assert visible(server.read()) == NEW
        server.write(states[-1])


@pytest.mark.parametrize("lasts", [False, True])
def test_failing_requests(server: Server, patch: _Run, take_back: _Run, lasts: bool) -> None:
    server.write(state_of(OLD))
    server.requests.reset()
    patch()
    for at in range(1, len(server.requests.seen) + 1):
        server.write(state_of(OLD))
        server.requests.reset(failing_from(at, FAULTS[at % len(FAULTS)], lasts))
        with contextlib.suppress(EnvironmentFailure):
            patch()
        server.requests.reset()
        is_old = loads_as_before(visible(server.read()))
        assert lasts or visible(server.read()) == (OLD if is_old else NEW)
        take_back()
        assert visible(server.read()) == OLD


def test_a_copy(server: Server, url: str, adapter: Path) -> None:
    server.write(state_of(OLD))
    server.requests.reset()
    with composing(url) as model:
        publish.publish_copy(model, f"{server.url}/m/2", changes_of(model.directory, adapter), "b")
    assert {name for name, path in server.requests.seen if ".data-" in path} == {"cp_file"}
    assert contents(f"{server.url}/m/2") == NEW
    assert contents(url) == OLD


def test_one_model_through_a_copy_and_back(server: Server, url: str, adapter: Path) -> None:
    server.write(state_of(OLD))
    server.requests.reset()
    with work_copy(url, None, in_place=True, composed=True) as copy:
        here = copy.source.path
        state = FileState.of(here / BINARY_NAME)
        publish_here(here, changes_of(here, adapter), expected=state)
    assert visible(server.read()) == NEW
    with work_copy(url, None, in_place=True, composed=True, backups=True) as copy:
        here = copy.source.path
        (kept,) = here.glob(f"{BACKUP_PREFIX}*")
        put_backup_back(here, kept, CHANGED, expected=FileState.of(here / BINARY_NAME))
    assert {name for name, path in server.requests.seen if ".data-" in path} == MOVES
    assert contents(url) == OLD


def test_adapters(server: Server, fixture_model: ModelFactory) -> None:
    adapters = [fixture_model(name) for name in ("tokenize", "calibrate")]
    sides = zip(("before", "after"), adapters, strict=True)
    beside = " ".join(f'{side} {{ model: "{adapter}" }}' for side, adapter in sides)
    patch = f'signature {{ key: "serving_default" {beside} }}'
    model = fixture_model("reviews")
    url = f"{upload(model, server.url, 'm/1')}/m/1"
    before = contents(url)
    sigpb.patch(model, patch, in_place=True)
    here = {name: data for name, data in files_of(model).items() if name in CHANGED_BY_ADAPTERS}

    server.requests.reset()
    assert sigpb.patch(url, patch, in_place=True).status == "patched"
    assert {name: data for name, data in contents(url).items() if name in here} == here
    assert sigpb.undo(url).backup is not None
    assert {name for name, path in server.requests.seen if ".data-" in path} == {*MOVES, "cat_file"}
    assert contents(url) == before

    wanted, task = job(patch), Task(url, "m/1", None)
    done = patch_model(wanted, task)
    assert done.outcome == "patched", done.reason
    assert {name: data for name, data in contents(url).items() if name in here} == here
    server.requests.reset()
    again = replace(task, interrupted=True)
    assert patch_model(wanted, again).output_digest == done.output_digest
    assert not {name for name, _ in server.requests.seen} & WRITES
    store_of(url).remove(f"{url}/{shard(1, 3)}")
    assert patch_model(wanted, again).outcome == "patched"
    assert {name: data for name, data in contents(url).items() if name in here} == here
    assert roll_back(wanted, task, None, [server.url]).outcome == "rolled_back"
    assert contents(url) == before


def test_ranges_of_a_shard_are_fetched(server: Server, url: str, adapter: Path) -> None:
    server.write(state_of(OLD))
    with composing(url) as model:
        half = SplicedFile((SourceRange(0, 6),), model.directory / shard(0, 1))
        changes = {**changes_of(model.directory, adapter), shard(0, 2): half}
        publish.publish_in_place(model, changes, "batch")
    assert contents(url)[shard(0, 2)] == OLD[shard(0, 1)][:6]


def test_nothing_is_made_of_what_only_stands_for_a_shard(
    server: Server, url: str, adapter: Path
) -> None:
    server.write(state_of(OLD))

    def patch_copy() -> None:
        with work_copy(url, None, in_place=True, composed=True) as copy:
            here = copy.source.path
            half = SplicedFile((SourceRange(0, 6),), here / shard(0, 1))
            changes = {**changes_of(here, adapter), shard(0, 2): half}
            publish_here(here, changes, expected=FileState.of(here / BINARY_NAME))

    with pytest.raises(EnvironmentFailure, match="freeze: true"):
        patch_copy()
    assert contents(url) == OLD


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({shard(0, 1): b"other"}, EnvironmentFailure, f"{shard(0, 1)} is there already"),
        ({CHECKPOINT_INDEX: index_of([{"scale": b""}])}, UsageError, "one patch that takes out"),
    ],
)
def test_refused(
    server: Server, url: str, adapter: Path, more: Changes, error: type[Exception], message: str
) -> None:
    server.write(state_of(OLD))
    with composing(url) as model, pytest.raises(error, match=message):
        publish.publish_in_place(model, {**changes_of(model.directory, adapter), **more}, "batch")
    assert contents(url) == OLD


def test_a_shard_that_somebody_replaces_meanwhile(server: Server, url: str) -> None:
    server.write(state_of(OLD))
    with composing(url) as model:
        store_of(url).put(f"{url}/{shard(0, 1)}", b"others, longer")
        values = WholeFile(model.directory / shard(0, 1))
        changes: Changes = {BINARY_NAME: NEW[BINARY_NAME], "assets/values": values}
        with pytest.raises(EnvironmentFailure, match="changed, replaced"):
            publish.publish_in_place(model, changes, "batch")
    assert contents(url)[BINARY_NAME] == OLD[BINARY_NAME]

"""Whatever request a store fails at, or a process is killed at, models are old or new.

A process that is killed leaves the store as it is between two requests, so that one run shows all
states it may be killed in. The next run begins with each of these, and may be killed in its turn.

Each request of a first run fails, with the kinds of failures taking turns; so does every eleventh
of second runs, which begin in all states that the first one may be killed in. Of S3 it is a third
of these, of Google Cloud Storage a half, since their servers take their time, and second runs are
not killed. With SIGPB_EVERY_FAULT=1 in the environment every kind of failure is injected into each
request of a first run, each request of second runs fails, and all stores are treated alike.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sigpb.batch.job import Mode
from sigpb.remote import store as stores
from tests.patches import contents as files_of

from .interruptions import Act, Left, Place, timeless
from .proxy import EVERY, FAULTS, Fault, failing_from, faults_at
from .servers import Server
from .stores import each_store, fs

pytestmark = pytest.mark.stores

MODES: tuple[Mode, ...] = ("in_place", "new_version")
STEP = 11

each_mode = pytest.mark.parametrize("mode", MODES)
in_memory = pytest.mark.parametrize("server", ["memory"], indirect=True)
behind_http = pytest.mark.parametrize("server", ["s3", "gcs"], indirect=True)


@pytest.fixture(scope="session")
def proven() -> dict[tuple[str, Mode], set[object]]:
    """From where it is known that models can be patched, and taken back."""
    return {}


@pytest.fixture
def place(
    server: Server, model: Path, mode: Mode, proven: dict[tuple[str, Mode], set[object]]
) -> Place:
    place = Place.of(server, model, mode)
    place.proven = proven.setdefault((server.scheme, mode), place.proven)
    return place


@each_mode
@each_store
def test_killed(place: Place, record_property: Any) -> None:
    place.proven.clear()
    while_patched, _ = place.run(Left(place.old), place.patch)

    to_its_end = EVERY or place.server.pace == 1
    for state in while_patched:
        place.prove(Left(state), to_its_end)
    place.prove(Left(place.new, place.done), to_its_end)

    record_property("killed", f"{len(place.proven)} states")
    assert len(while_patched) > 7
    assert len(place.proven) > (20 if to_its_end else 7)


@pytest.mark.usefixtures("impatient")
@each_mode
@each_store
@pytest.mark.parametrize("act", ["patch", "go_on", "take_back"])
def test_failing_requests(place: Place, act: Act, record_property: Any) -> None:
    starts = [Left(place.old)]
    if act != "patch":
        starts = [Left(state) for state in place.run(starts[0], place.patch)[0]]
    if act == "take_back":
        starts.append(Left(place.new, place.done))
    points = [(start, at) for start in starts for at in range(1, place.count(start, act) + 1)]
    chosen = faults_at(points, (1 if act == "patch" else STEP) * place.server.pace)

    verdicts = Counter(
        failing(place, start, act, at, fault, lasts) for (start, at), fault, lasts in chosen
    )

    record_property("faults", f"{len(chosen)} at {len(points)} points: {dict(verdicts)}")
    assert verdicts["failed"] > 0.5 * len(chosen)  # Clients themselves make up for some.
    assert len(points) > 15


def failing(place: Place, start: Left, act: Act, at: int, fault: Fault, lasts: bool) -> str:
    """Has a request fail, or all from one on; returns what is said to have become of the model."""
    fails = failing_from(at, fault, lasts)
    (*_, last), verdict = place.run(start, functools.partial(place.act, act, start), fails)

    said = (at, fault, lasts, verdict.outcome, verdict.reason)
    assert not any(word in verdict.reason for word in ("secret", "AKIA", "hunter2")), said
    if verdict.outcome == "patched":
        # A marker, which says that a copy is incomplete as long as it has no proto, may be left.
        assert place.without_marker(last) == timeless(place.new), said
    elif verdict.outcome != "failed":
        assert last == place.old, said
    else:
        assert verdict.reason.startswith("Could not "), said
        if act == "patch" and not lasts:
            assert last == place.old, said
    place.prove(Left(last, start.done), to_its_end=False)
    return verdict.outcome


@behind_http
@each_mode
def test_clients_make_up_for_single_failures(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    sleep, seen = asyncio.sleep, place.server.requests.seen
    monkeypatch.setattr(asyncio, "sleep", lambda seconds, result=None: sleep(0, result))
    monkeypatch.setattr(stores, "_WAITS", (0,))

    for third, fault in itertools.product(range(3), FAULTS) if EVERY else enumerate(FAULTS):

        def fails(number: int, third: int = third, fault: Fault = fault) -> Fault | None:
            is_chosen = list(dict.fromkeys(seen)).index(seen[-1]) % 3 == third
            return fault if is_chosen and seen.count(seen[-1]) == 1 else None

        (*_, last), outcome = place.run(Left(place.old), place.patch, fails)

        assert outcome.outcome == "patched", outcome.reason
        assert timeless(last) == timeless(place.new)


@in_memory
@pytest.mark.parametrize("mode", ["in_place"])
def test_changed_by_somebody_else(place: Place) -> None:
    reasons = set()
    for state in place.run(Left(place.old), place.patch)[0]:
        theirs = {"models/m/1/saved_model.pb": b"\x12\x00"}
        place.server.write({**state, **theirs})
        outcome = place.go_on()
        assert outcome.outcome in ("failed", "refused")
        assert theirs.items() <= place.server.read().items()
        reasons.add(outcome.reason)
    assert any("was changed by somebody else" in reason for reason in reasons)


@each_mode
@in_memory
@pytest.mark.parametrize("operation", ["get_file", "cp_file"])
def test_changed_while_it_is_patched(
    place: Place, model: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    place.server.write(place.old)
    files = fs(place.server.url)
    original = getattr(files, operation)
    theirs = files_of(model)["saved_model.pb"] + b"\x08\x01"

    def change_then(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(files, operation, original)
        done = original(*arguments, **options)
        files.pipe_file(f"{place.task.model}/saved_model.pb", theirs)
        return done

    monkeypatch.setattr(files, operation, change_then)

    outcome = place.patch()

    assert outcome.outcome == "failed"
    assert "saved_model.pb was changed, replaced or removed since it was read" in outcome.reason
    assert place.server.read() == {**place.old, "models/m/1/saved_model.pb": theirs}

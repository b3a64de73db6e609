"""Runs on one model in a store, from any state, with any request failing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from sigpb.batch.job import Job, Mode, Outcome, Task
from sigpb.batch.patch_model import patch_model
from sigpb.batch.rollback import Undone, roll_back
from sigpb.publishing.changes import TEMPORARY_PREFIX
from sigpb.saved_model import history
from tests.batch.repositories import HISTORY, job
from tests.patches import contents as files_of

from .proxy import Fault
from .servers import Server, State

Act = Literal["patch", "go_on", "take_back"]
Verdict = TypeVar("Verdict")
Faults = Callable[[int], "Fault | None"]

_TIME = re.compile(rb'"time": "[^"]*"')


def no_fault(number: int) -> None:
    """Has all requests succeed."""


def timeless(state: State) -> frozenset[tuple[str, bytes]]:
    """The same for states that differ in nothing but times."""
    return frozenset(
        (name, _TIME.sub(b"", data) if name.endswith(HISTORY) else data)
        for name, data in state.items()
    )


@dataclass(frozen=True)
class Left:
    """What a run has left.

    Attributes:
        state: The store.
        done: What the journal says of the model; None if it says nothing yet.
    """

    state: State
    done: Outcome | None = None

    @property
    def key(self) -> object:
        """The same for what differs in nothing but times."""
        return timeless(self.state), self.done is None


@dataclass
class Place:
    """A model in a store, and where a patched copy of it goes.

    Attributes:
        server: The store.
        job: What is done.
        task: To which model.
        old: The store before that.
        new: The store after that.
        done: What that was.
        proven: From where it is known that the model can be patched, and taken back.
    """

    server: Server
    job: Job
    task: Task
    old: State
    new: State = field(default_factory=dict)
    done: Outcome | None = None
    proven: set[object] = field(default_factory=set)

    @classmethod
    def of(cls, server: Server, model: Path, mode: Mode) -> Place:
        url, number = f"{server.url}/m/1", "1" if mode == "in_place" else "2"
        task = Task(url, "m/1", None if mode == "in_place" else f"{server.url}/m/{number}")
        old = {f"models/m/1/{name}": data for name, data in files_of(model).items()}
        place = cls(server, job(mode=mode), task, old)
        server.write(old)
        place.done = place.patch()
        assert place.done.outcome == "patched", place.done.reason
        place.new = server.read()
        made, given = place.model(place.new, number), place.model(old, "1")
        assert made.keys() == given.keys() | {HISTORY}
        assert made["saved_model.pb"] != given["saved_model.pb"]
        assert len(history.records_in(made[HISTORY])) == 1
        return place

    def patch(self) -> Outcome:
        return patch_model(self.job, self.task)

    def go_on(self) -> Outcome:
        return patch_model(self.job, replace(self.task, interrupted=True))

    def take_back(self, done: Outcome | None) -> Undone:
        return roll_back(self.job, self.task, done, [self.server.url])

    def act(self, act: Act, start: Left) -> Outcome | Undone:
        """Does one of the three."""
        if act == "take_back":
            return self.take_back(start.done)
        return self.patch() if act == "patch" else self.go_on()

    def count(self, start: Left, act: Act) -> int:
        """Returns how many requests something takes."""
        self.server.write(start.state)
        self.server.requests.reset()
        self.act(act, start)
        return len(self.server.requests.seen)

    def run(
        self, start: Left, act: Callable[[], Verdict], fault: Faults = no_fault
    ) -> tuple[list[State], Verdict]:
        """Runs something; whoever loads the model meanwhile has to get the old or the new one.

        Returns:
            The states that the store was in, from the first to the last, and what was returned.
        """
        requests, states = self.server.requests, [start.state]

        def watch() -> None:
            if (now := self.server.read()) != states[-1]:
                states.append(now)

        self.server.write(start.state)
        requests.reset(fault, watch)
        try:
            verdict = act()
            watch()
        finally:
            requests.reset()
        for state in states:
            self._check(state)
        return states, verdict

    def prove(self, start: Left, to_its_end: bool) -> None:
        """Runs what goes on with a patch, and what takes it back, from a state.

        Args:
            start: The state.
            to_its_end: Whether to do so from every state, too, that these leave if they are killed
                in their turn, and so on.
        """
        to_do = [start]
        while to_do:
            start = to_do.pop()
            if start.key in self.proven:
                continue
            self.proven.add(start.key)
            states, undone = self.run(start, partial(self.take_back, start.done))
            assert undone.outcome in ("rolled_back", "unchanged"), undone.reason
            assert states[-1] == self.old
            following = [replace(start, state=state) for state in states]
            if start.done is None:
                states, outcome = self.run(start, self.go_on)
                assert outcome.outcome == "patched", outcome.reason
                assert timeless(states[-1]) == timeless(self.new)
                following += [Left(state) for state in states] + [Left(states[-1], outcome)]
            to_do += following if to_its_end else []

    def model(self, state: State, version: str) -> State:
        """A version of the model, as TensorFlow Serving sees it."""
        prefix = f"models/m/{version}/"
        inside = {name.removeprefix(prefix): d for name, d in state.items() if prefix in name}
        return {name: data for name, data in inside.items() if not name.startswith(".sigpb-")}

    def without_marker(self, state: State) -> frozenset[tuple[str, bytes]]:
        """A state in which a copy is complete, for comparisons."""
        left = f"models/m/2/{TEMPORARY_PREFIX}{self.job.id}"
        return timeless({name: data for name, data in state.items() if name != left})

    def _check(self, state: State) -> None:
        """Makes sure that who loads the model gets the old or the new one, whole."""
        first, old = self.model(state, "1"), self.model(self.old, "1")
        if self.task.output is not None:
            second, new = self.model(state, "2"), self.model(self.new, "2")
            assert first == old
            assert "saved_model.pb" not in second or timeless(second) == timeless(new)
            return
        # What describes the proto may be missing, but never describes another one.
        new = self.model(self.new, "1")
        which = new if first["saved_model.pb"] != old["saved_model.pb"] else old
        assert timeless(first) <= timeless(which)
        assert first.keys() >= {name for name in which if name.startswith("variables/")}

"""Runs of a signature under a loader, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sigpb.verifying.comparison import Arrays
from sigpb.verifying.loaders import failure_reason, lacks_op
from sigpb.verifying.mapping import Feeding


@dataclass(frozen=True)
class Failure:
    """Why a signature did not run.

    Attributes:
        reason: In words.
        always: Whether it would not run whatever it is fed.
    """

    reason: str
    always: bool = False


RunOutcome = Arrays | Failure
"""What a signature returned, or why it did not run."""


class Loader(Protocol):
    """A model under one of TensorFlow's loaders."""

    @property
    def name(self) -> str:
        """What the loader is called."""
        ...

    def opened(self, key: str, optimized: bool = True) -> Any:
        """Returns a context with what runs a signature, of a model in its initial state."""
        ...


class SessionLoader(Loader, Protocol):
    """A model in a session, where tensors that no signature returns can be fetched too."""

    def opened(
        self,
        key: str,
        optimized: bool = True,
        tensors: Mapping[str, str] | None = None,
        fed: Mapping[str, str] | None = None,
        feeding: Feeding | None = None,
    ) -> Any:
        """Returns a context with what runs a signature, or computes tensors from its inputs.

        Where there is no such signature, from tensors that are fed by their names.
        """
        ...


@dataclass(frozen=True)
class Round:
    """The values of one run.

    Attributes:
        batch_size: The number of rows; None if there is no choice.
        fed: What the new model is fed.
        fed_to_old: What the old model is fed, perhaps in several runs.
    """

    batch_size: int | None
    fed: Arrays
    fed_to_old: list[Arrays]


@dataclass(frozen=True)
class ModelRun:
    """What both models returned for the values of a round.

    Attributes:
        values: The round.
        before: What the old model returned.
        after: What the new model returned.
        added: What the tensors of added outputs are in the old model, by the keys of the outputs.
    """

    values: Round
    before: Sequence[RunOutcome]
    after: RunOutcome
    added: Sequence[RunOutcome] = ()

    @property
    def failure(self) -> Failure | None:
        """Why the old model did not run."""
        return failure_in(self.before)


def failure_in(parts: Sequence[RunOutcome]) -> Failure | None:
    """Returns the first failure of several runs."""
    return next((part for part in parts if isinstance(part, Failure)), None)


def returned_by(parts: Sequence[RunOutcome]) -> list[Arrays]:
    """Returns the results of several runs, without those that failed."""
    return [part for part in parts if not isinstance(part, Failure)]


def run_outcomes(opened: Any, rounds: Sequence[Sequence[Arrays]]) -> list[list[RunOutcome]]:
    """Runs a signature on one set of values after another.

    Args:
        opened: What `Loader.opened` returned: a freshly loaded model.
        rounds: The values.
    """
    try:
        with opened as run:
            return [[_outcome(run, values) for values in parts] for parts in rounds]
    except Exception as error:  # Whatever TensorFlow does not like about the model.
        failure = Failure(failure_reason(error), always=True)
        return [[failure] * len(parts) for parts in rounds]


def _outcome(run: Any, values: Arrays) -> RunOutcome:
    try:
        result: Arrays = run(values)
        return result
    except Exception as error:
        return Failure(failure_reason(error), lacks_op(error))

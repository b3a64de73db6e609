"""Patches a model, and looks for faults."""

from __future__ import annotations

import shutil
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sigpb
from sigpb import SavedModelPatch

from .case import Case, Check, Fault
from .oracle import CHECKS, SLOW_CHECKS
from .program import Program
from .shrink import Example

Patcher = Callable[..., Any]


@dataclass(frozen=True)
class Outcome:
    """What became of a patch.

    Attributes:
        status: ``patched``, ``unchanged``, ``refused`` or ``failed``.
        reason: Why it was refused.
        faults: What is wrong, each with the check that found it.
    """

    status: str
    reason: str = ""
    faults: tuple[tuple[Check | None, Fault], ...] = ()


def try_patch(
    before: Path,
    patch: SavedModelPatch,
    scratch: Path,
    program: Program | None,
    checks: Sequence[Check] = (*CHECKS, *SLOW_CHECKS),
    patcher: Patcher = sigpb.patch,
) -> tuple[Outcome, Path]:
    """Patches a model, and checks the result.

    Args:
        before: The model.
        patch: The patch.
        scratch: A directory for what is written.
        program: What built the model, if nothing has patched it since.
        checks: What to look at.
        patcher: What patches, as `sigpb.patch` does.

    Returns:
        What became of it, and the directory of the patched model.
    """
    after = Path(tempfile.mkdtemp(dir=scratch)) / "model"
    try:
        result = patcher(before, patch, output_dir=after)
    except sigpb.SigpbError as error:
        if error.exit_code == 2:
            return Outcome("refused", str(error)), after
        fault = Fault("patch", f"{type(error).__name__}: {error}")
        return Outcome("failed", faults=((None, fault),)), after
    except Exception as error:
        fault = _failure("patch", error)
        return Outcome("failed", faults=((None, fault),)), after
    if result.status == "unchanged":
        proto = "saved_model.pb"
        is_same = (before / proto).read_bytes() == (after / proto).read_bytes()
        other = ((None, Fault("unchanged", "the proto is another")),)
        return Outcome("unchanged", faults=() if is_same else other), after
    case = Case(before, after, patch, scratch, program)
    faults = tuple((check, fault) for check in checks for fault in _faults(check, case))
    return Outcome("patched", faults=faults), after


def _faults(check: Check, case: Case) -> list[Fault]:
    try:
        return list(check(case))
    except Exception as error:  # A model that cannot even be looked at, or a fault of the check.
        return [_failure(f"check {check.__name__}", error)]


def _failure(what: str, error: Exception) -> Fault:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).stem}.{last.name}"
    text = f"{type(error).__name__} in {where}: {error}"
    return Fault(what, text, {"traceback": traceback.format_exc()})


class Reproducer:
    """Builds examples, and remembers the last model built, for patches alone to be tried on."""

    def __init__(self, scratch: Path, check: Check | None, patcher: Patcher = sigpb.patch) -> None:
        """Begins with nothing built."""
        self._scratch, self._check, self._patcher = scratch, check, patcher
        self._built: tuple[Program, Path | None] | None = None

    def __call__(self, example: Example) -> list[Fault]:
        """Returns the faults that the last patch of an example shows, by the one check."""
        model = self._model(example.program)
        if model is None or not example.patches:
            return []
        work = Path(tempfile.mkdtemp(dir=self._scratch))
        try:
            for patch in example.patches[:-1]:
                after = Path(tempfile.mkdtemp(dir=work)) / "model"
                self._patcher(model, patch, output_dir=after)
                model = after
            outcome, _ = try_patch(
                model,
                example.patches[-1],
                work,
                example.program if len(example.patches) == 1 else None,
                [] if self._check is None else [self._check],
                self._patcher,
            )
            return [fault for _, fault in outcome.faults]
        except Exception:  # A smaller example need not make sense.
            return []
        finally:
            shutil.rmtree(work)

    def _model(self, program: Program) -> Path | None:
        if self._built is None or self._built[0] != program:
            path = Path(tempfile.mkdtemp(dir=self._scratch)) / "model"
            try:
                self._built = program, program.build(path)
            except Exception:  # A line was needed.
                self._built = program, None
        return self._built[1]

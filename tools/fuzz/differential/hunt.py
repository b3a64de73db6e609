"""Draws models and patches for as long as one likes, and keeps scripts of what it finds."""

from __future__ import annotations

import os
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

import sigpb
from sigpb import SavedModelPatch

from .case import Check, Fault
from .families import draw_program
from .oracle import CHECKS, SLOW_CHECKS
from .patches import draw_patch, edits_of
from .program import Program
from .script import script
from .shrink import Example, shrunk
from .trial_run import Outcome, Patcher, Reproducer, try_patch
from .views import read

# The same fault under the same edits is made small so often, in the hope that it is another.
_SCRIPTS_OF_A_KIND = 5

# The same fault under whatever edits: of values, of which there are many kinds, and of others.
_SHRINKS = {True: 60, False: 4}

# What finds one wrong value, each in its way: the first of them to do so speaks for the others.
_OF_VALUES = {"v1", "v2", "re-save", "infer", "invert", "added in v1", "added in v2", "unfed"}

Report = Callable[[str, Any], None]


class Hunt:
    """A run of the harness in one process.

    What happens is reported as it does: ``case`` with the script of what is tried next, ``count``
    with a key to count, ``found`` with the name, the title and the source of a script.
    """

    def __init__(
        self,
        seed: int,
        report: Report,
        families: Sequence[str] = (),
        patcher: Patcher = sigpb.patch,
        patches: int = 12,
        shrinking: float = 25.0,
    ) -> None:
        """Begins with nothing found.

        Args:
            seed: What decides about models and patches.
            report: Is told what happens.
            families: The families of models; none for all.
            patcher: What patches, as `sigpb.patch` does.
            patches: How many patches each model gets.
            shrinking: For how long a fault is made small, in seconds of computing.
        """
        self._patches, self._shrinking = patches, shrinking
        self._seed, self._report, self._families = seed, report, tuple(families)
        self._patcher = patcher
        self._shrinks: Counter[Any] = Counter()
        self._known: set[Any] = set()
        tf.get_logger().setLevel("ERROR")

    def round(self, number: int) -> None:
        """Builds the model of a number, and patches it in some ways."""
        chance = random.Random(f"{self._seed}/{number}")
        program = draw_program(chance, self._families)
        with tempfile.TemporaryDirectory(prefix="sigpb-fuzz-") as directory:
            scratch = Path(directory)
            self._report("case", ("build", _script_of(Example(program, ()))))
            try:
                model = program.build(scratch / "model")
            except Exception as error:  # The grammar allows more than TensorFlow does.
                self._report("count", ("model", f"not built: {str(error)[:60]!r}"))
                return
            self._report("count", ("model", program.family))
            models: list[tuple[Path, tuple[SavedModelPatch, ...]]] = [(model, ())]
            for _ in range(self._patches):
                before, patches = models[0] if chance.random() < 0.7 else chance.choice(models)
                patch = draw_patch(chance, read(before), program.named)
                is_slow = chance.random() < 0.25
                example = Example(program, (*patches, patch))
                after = self._try(example, before, scratch, slow=is_slow)
                if after is not None:
                    models.append((after, example.patches))

    def _try(self, example: Example, before: Path, scratch: Path, *, slow: bool) -> Path | None:
        """Tries the last patch of an example, and returns the model if nothing is wrong with it."""
        checks: tuple[Check, ...] = (*CHECKS, *SLOW_CHECKS) if slow else CHECKS
        self._report("case", ("check", _script_of(example)))
        started = time.monotonic()
        is_first = len(example.patches) == 1
        outcome, after = try_patch(
            before,
            example.patches[-1],
            scratch,
            example.program if is_first else None,
            checks,
            self._patcher,
        )
        self._report("seconds", time.monotonic() - started)
        self._count(outcome, example)
        seen = set()
        for check, fault in outcome.faults:
            group = "values" if fault.check in _OF_VALUES else fault.kind
            if group not in seen:
                seen.add(group)
                self._keep(example, check, fault, scratch)
        return after if outcome.status == "patched" and not outcome.faults else None

    def _count(self, outcome: Outcome, example: Example) -> None:
        self._report("count", ("patch", outcome.status))
        if outcome.status == "refused":
            for reason in outcome.reason.splitlines():
                self._report("count", ("refused", Fault("", reason).kind[2:92]))
        elif outcome.status == "patched":
            for edit in edits_of(example.patches[-1]):
                self._report("count", ("accepted", edit))
        for _, fault in outcome.faults:
            self._report("count", ("fault", fault.kind))

    def _keep(self, example: Example, check: Check | None, fault: Fault, scratch: Path) -> None:
        """Makes a fault small, and reports it if it is new."""
        edits = edits_of(example.patches[-1])
        rough = (fault.kind, edits)
        by_kind = ("kind", fault.kind)
        if (
            self._shrinks[rough] >= 1
            or self._shrinks[by_kind] >= _SHRINKS[fault.check in _OF_VALUES]
        ):
            return
        self._shrinks[rough] += 1
        self._shrinks[by_kind] += 1
        work = Path(tempfile.mkdtemp(dir=scratch))
        reproducer = Reproducer(work, check, self._patcher)

        def faults_of(candidate: Example) -> list[Fault]:
            self._report("case", ("shrink", _script_of(candidate)))
            return reproducer(candidate)

        small, fault = shrunk(example, fault, faults_of, self._shrinking)
        shutil.rmtree(work)
        edits = edits_of(small.patches[-1])
        exact = (fault.kind, edits, small.program.family, _computations(small.program))
        if exact in self._known or self._shrinks["small", fault.kind, edits] >= _SCRIPTS_OF_A_KIND:
            return
        self._known.add(exact)
        self._shrinks["small", fault.kind, edits] += 1
        name = re.sub(r"[^A-Za-z0-9]+", "-", f"{fault.check} {' '.join(edits)}")[:70].strip("-")
        title = f"{fault.check}: {fault.what}\n\nAfter {len(small.patches)} patch(es): {edits}"
        tags = tuple(small.patches[-1].tags.tag) or ("serve",)
        source = script(small.program, small.patches, fault, title, tags)
        self._report("found", (name, title, source))


def _script_of(example: Example) -> str:
    return script(example.program, example.patches, None, "ends the process, or hangs")


def _computations(program: Program) -> str:
    """Returns what a model computes, whatever its variables are called."""
    statements = [line.text for line in program.lines if line.target]
    return re.sub(r"\b[a-z]\d*_?[a-z]?\d+\b|'[^']*'|\"[^\"]*\"", "_", "\n".join(statements))

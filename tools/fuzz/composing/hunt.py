"""Composes random models for as long as one likes, and keeps what shows a fault."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tools.fuzz.command_line import Failure
from tools.fuzz.differential.case import Fault
from tools.fuzz.differential.families import draw_program
from tools.fuzz.differential.program import Program
from tools.fuzz.differential.views import Endpoint, Shape, read

from .checks import faults
from .example import Example, Link, compose, wanted_of
from .fresh import Failed, fresh
from .loaders import LOADERS
from .reference import DoNotFit

# Models that are built before they are composed in all the ways that fit.
_MODELS = 5
_TRIALS = 12


class Hunt:
    """A run of the harness."""

    def __init__(self, seed: int, output: Path, families: Sequence[str] = ()) -> None:
        """Begins with nothing found.

        Args:
            seed: What decides about models and how they are composed.
            output: Where what shows a fault is written.
            families: The families of models; none for all.
        """
        self._seed, self._output, self._families = seed, output, tuple(families)
        self.counts: Counter[tuple[str, str]] = Counter()
        self._kinds: Counter[str] = Counter()

    def round(self, number: int) -> None:
        """Builds some models, and composes them in some ways."""
        chance = random.Random(f"{self._seed}/composing/{number}")
        with tempfile.TemporaryDirectory(prefix="sigpb-fuzz-") as directory:
            scratch = Path(directory)
            models: dict[Program, Path] = {}
            for index in range(_MODELS):
                program = draw_program(chance, self._families)
                model = _built(program, scratch / f"model{index}")
                if model and len(read(model)) == 1 and read(model)[0].signatures:
                    models[program] = model
            for _ in range(_TRIALS):
                example = _drawn(chance, models)
                if example is None:
                    continue
                self.counts["tried", example.kind] += 1
                found = list(self._faults(example, models, scratch))
                if found:
                    self._keep(example, found[0], {**models}, scratch)

    def _faults(
        self, example: Example, models: Mapping[Program, Path], scratch: Path, check: str = ""
    ) -> Iterator[Fault]:
        """Composes an example and says what is wrong with the result.

        Args:
            example: What is composed.
            models: The models that programs have built.
            scratch: A directory for what is written.
            check: What is looked at, if it is not everything: the name of a fault's check.
        """
        work = Path(tempfile.mkdtemp(dir=scratch))
        output = work / "composed"
        paths = [models[program] for program in example.programs]
        misfit = ""
        try:
            wanted = wanted_of(example, paths)
            for one in wanted.values():
                one.chain()
        except DoNotFit as error:
            misfit = str(error)
        except (KeyError, StopIteration):  # A smaller program lacks the signature.
            return
        try:
            reason = compose(example, paths, wanted, output)
        except Failure as failure:
            yield Fault(example.kind, str(failure))
            return
        except Exception as error:
            yield Fault(example.kind, f"{type(error).__name__}: {error}")
            return
        if not check:
            status = f"refused: {Fault('', reason).kind[2:122]}" if reason else "done"
            self.counts[example.kind, status] += 1
        if misfit and not reason:
            yield Fault(example.kind, f"is not refused, although {misfit}")
        elif not reason:
            which = _loaders(example, check)
            yield from faults(output, wanted, work, which=which)
        shutil.rmtree(work)

    def _keep(
        self, example: Example, fault: Fault, models: dict[Program, Path], scratch: Path
    ) -> None:
        """Makes an example small, and writes it down."""
        self.counts["fault", fault.kind] += 1
        self._kinds[fault.kind] += 1
        if self._kinds[fault.kind] > 2:
            return
        end = time.monotonic() + 60
        is_smaller = True
        while is_smaller and time.monotonic() < end:
            is_smaller = False
            for one in example.smaller():
                if time.monotonic() > end:
                    break
                for program in one.programs:
                    if program not in models:
                        path = Path(tempfile.mkdtemp(dir=scratch)) / "model"
                        models[program] = _built(program, path) or path
                if not all(models[program].exists() for program in one.programs):
                    continue
                same = [
                    other
                    for other in self._faults(one, models, scratch, fault.check)
                    if other.kind == fault.kind
                ]
                if same:
                    example, fault, is_smaller = one, same[0], True
                    break
        file = self._output / f"{len(list(self._output.iterdir())):03d}.txt"
        file.write_text(f"{fault.check}: {fault.what}\n{fault.evidence}\n\n{example}")
        print(f"{file}: {fault.check}: {fault.what[:300]}", flush=True)


def hunt(seconds: float, seed: int, output: Path, families: Sequence[str], models: int) -> int:
    """Composes until the time is over, and returns the exit code.

    Args:
        seconds: For how long.
        seed: What decides about models and how they are composed.
        output: The directory for what shows a fault.
        families: The families of models; none for all.
        models: How many models are built at the most.
    """
    output.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    one = Hunt(seed, output, families)
    number = 0
    while time.monotonic() < end and number * _MODELS < models:
        one.round(number)
        number += 1
    for (what, name), count in sorted(one.counts.items()):
        print(f"{what:7} {count:6,}  {name}")
    return int(any(what == "fault" for what, _ in one.counts))


def _loaders(example: Example, check: str) -> Sequence[str]:
    """Returns the loaders to run an example under, those that save again for every third one."""
    if check:
        return [check] if check in LOADERS else []
    return LOADERS if len(example.programs[0].lines) % 3 == 0 else LOADERS[:2]


def _built(program: Program, path: Path) -> Path | None:
    try:
        return fresh(program.build, path)
    except Failed:  # The grammar allows more than TensorFlow does.
        return None


def _drawn(chance: random.Random, models: Mapping[Program, Path]) -> Example | None:
    """Draws a way to compose some of the models; None if nothing fits."""
    programs = list(models)
    if not programs:
        return None
    kind = chance.choice(("graft", "graft", "graft", "merge", "split"))
    if kind == "merge":
        return Example(tuple(chance.sample(programs, min(len(programs), 2))), kind)
    program = chance.choice(programs)
    key = chance.choice(sorted(read(models[program])[0].signatures))
    if kind == "split":
        return Example((program,), kind, key)
    example = Example((program,), kind, key)
    for _ in range(chance.choice((1, 1, 2, 3))):
        example = _with_adapter(chance, example, models)
    return example if example.before or example.after else None


def _with_adapter(
    chance: random.Random, example: Example, models: Mapping[Program, Path]
) -> Example:
    """Returns an example with one more adapter that fits, if one is found."""
    paths = [models[program] for program in example.programs]
    try:
        whole = wanted_of(example, paths)[example.key].chain()
    except DoNotFit:
        return example
    for program in chance.sample(list(models), len(models)):
        graph = read(models[program])[0]
        for key in chance.sample(sorted(graph.signatures), len(graph.signatures)):
            signature = graph.signatures[key]
            is_before = chance.random() < 0.5
            first, second = (signature, whole) if is_before else (whole, signature)
            pairs = _fitting(chance, first.outputs, second.inputs)
            if not pairs or (not is_before and len(pairs) < len(signature.inputs)):
                continue
            link = Link(len(example.programs), key, pairs, chance.random() < 0.25)
            programs = (*example.programs, program)
            if is_before:
                return replace(example, programs=programs, before=(link, *example.before))
            return replace(example, programs=programs, after=(*example.after, link))
    return example


def _fitting(
    chance: random.Random, outputs: Mapping[str, Endpoint], inputs: Mapping[str, Endpoint]
) -> dict[str, str]:
    """Draws which outputs feed which inputs: as many as can."""
    pairs: dict[str, str] = {}
    for key in chance.sample(sorted(inputs), len(inputs)):
        fits = [o for o in sorted(outputs) if o not in pairs and _fits(outputs[o], inputs[key])]
        if fits:
            pairs[key if key in fits else chance.choice(fits)] = key
    return pairs


def _fits(output: Endpoint, key: Endpoint) -> bool:
    return (
        output.dtype == key.dtype
        and len(output.parts) == len(key.parts)
        and _is_stated(output.shape, key.shape)
    )


def _is_stated(output: Shape, shape: Shape) -> bool:
    """Whether what an input states of its shape is stated by an output."""
    if shape is None or output is None:
        return shape is None
    return len(output) == len(shape) and all(
        size in (None, stated) for stated, size in zip(output, shape, strict=True)
    )

"""Running commands in processes of their own, and measuring them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

CHILDREN = Path(__file__).with_name("children")

_NOISY = 1.4


class Unavailable(Exception):
    """Something that a benchmark needs is not there."""


class CommandFailed(Exception):
    """A command that was to be measured ended with an error."""


@dataclass(frozen=True)
class Command:
    """A command to be measured.

    Attributes:
        arguments: The program and its arguments.
        prepare: Called before each run, while no time is taken.
        answers: The exit codes that are no errors.
    """

    arguments: tuple[str | Path, ...]
    prepare: Callable[[], object] = lambda: None
    answers: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Usage:
    """What one run of a command took.

    Attributes:
        seconds: From before it was started until it had ended.
        cpu_seconds: What it took of the processors, whatever else ran on these.
        peak_bytes: Peak resident memory: the parts of libraries and files that it used, too.
        private_bytes: Peak of what it alone had in memory; 0 if that was not watched.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    private_bytes: int


@dataclass(frozen=True)
class Samples:
    """A figure from several runs.

    Attributes:
        values: One for each run, in the order of the runs.
        unit: ``s`` or ``B``.
    """

    values: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        """The figure that counts."""
        return statistics.median(self.values)

    @property
    def is_noisy(self) -> bool:
        """Whether the runs differ by so much that something else was going on."""
        return max(self.values) > _NOISY * min(self.values)


@dataclass(frozen=True)
class Usages:
    """What the runs of one command took."""

    runs: tuple[Usage, ...]

    @property
    def time(self) -> Samples:
        """Wall-clock times."""
        return Samples(tuple(run.seconds for run in self.runs), "s")

    @property
    def memory(self) -> Samples:
        """Peaks of resident memory."""
        return Samples(tuple(float(run.peak_bytes) for run in self.runs), "B")

    @property
    def private_memory(self) -> Samples:
        """Peaks of private memory."""
        return Samples(tuple(float(run.private_bytes) for run in self.runs), "B")


@dataclass(frozen=True)
class Runner:
    """Runs commands in one environment.

    Attributes:
        package: A folder with a compiled copy of the package `sigpb`.
    """

    package: Path

    def sigpb(
        self,
        *arguments: str | Path,
        prepare: Callable[[], object] = lambda: None,
        answers: tuple[int, ...] = (0,),
    ) -> Command:
        """Returns a command of sigpb."""
        run = "from sigpb.cli.main import run; run()"
        return Command((sys.executable, "-c", run, *arguments), prepare, answers)

    def child(
        self, script: str, *arguments: str | Path, prepare: Callable[[], object] = lambda: None
    ) -> Command:
        """Returns the command that runs a script of ``children/``."""
        return Command((sys.executable, CHILDREN / f"{script}.py", *arguments), prepare)

    def alternate(self, rounds: int, **commands: Command) -> dict[str, Usages]:
        """Runs commands by turns, so that whatever else the machine does hits all of them.

        Args:
            rounds: How often each one counts. Before that each runs once to warm up.
            **commands: The commands.

        Returns:
            What each of them took.

        Raises:
            CommandFailed: If one of them fails.
        """
        runs: dict[str, list[Usage]] = {name: [] for name in commands}
        for number in range(rounds + 1):
            for name, command in commands.items():
                usage = self.run(command)
                if number:
                    runs[name].append(usage)
        return {name: Usages(tuple(usages)) for name, usages in runs.items()}

    def private_memory(self, rounds: int, command: Command) -> Samples:
        """Runs a command several times and returns its peaks of private memory."""
        return Usages(tuple(self.run(command, private=True) for _ in range(rounds))).private_memory

    def run(self, command: Command, *, private: bool = False) -> Usage:
        """Runs a command once.

        Raises:
            CommandFailed: If it fails.
        """
        command.prepare()
        with tempfile.NamedTemporaryFile() as log:
            meter = (sys.executable, "-I", "-S", CHILDREN / "meter.py")
            options = ("--private",) if private else ()
            done = subprocess.run(
                (*meter, *options, log.name, *command.arguments),
                env=self._environment(),
                stdout=subprocess.PIPE,
                check=True,
            )
            report = json.loads(done.stdout)
            if (code := report.pop("code")) not in command.answers:
                errors = Path(log.name).read_text(errors="replace").splitlines()
                said = "\n".join(["", *errors[-5:]])
                line = " ".join(map(str, command.arguments))
                raise CommandFailed(f"'{line}' ended with exit code {code}.{said}")
        return Usage(**report)

    def _environment(self) -> Mapping[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        return {**kept, "PYTHONPATH": str(self.package)}


def script_of_environment(name: str) -> Path:
    """Returns a program that was installed together with the running Python.

    Raises:
        Unavailable: If it was not.
    """
    script = Path(sysconfig.get_path("scripts"), name)
    if not script.exists():
        raise Unavailable(f"{name} is not installed; pip install tensorflow brings it.")
    return script

"""Runs commands and keeps what they did, and compares what was kept."""

from __future__ import annotations

import contextlib
import difflib
import fnmatch
import hashlib
import io
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import text_format

import sigpb
from sigpb import protos
from sigpb.cli.main import main

from .commands import AFTER_PATCH, INVERSE, OTHER, PATCH, PATCHED, SAVED, Command, looking, patching
from .patches import patches, signatures

_REPOSITORY = Path(__file__).parents[2]
_SHARED = _REPOSITORY.parent / "shared"
_FIXTURES = "proto_fixtures"
_RECORD = "sigpb.history.jsonl"

# Of the commands that look at a model, and of the patches, one of so many is run.
_SAMPLES = {True: (1, 4), False: (30, 150)}
# These are written as text protos, as they are found; other fixtures as binary ones.
_TEXT_MODELS = ("tf2_image", "tf1_shared")
_LARGEST = 300_000
_LONGEST_TEXT = 100_000
_LONGEST_LINE = 2_000

_CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(Z|\+00:00)?"), "2000-01-01T00:00:00Z"),
    (re.compile(re.escape(sigpb.__version__)), "VERSION"),
)

Outcome = dict[str, Any]
"""The exit code, digests of both outputs, and digests of files."""


@dataclass
class Frozen:
    """What commands did.

    Attributes:
        outcomes: What each command did, by model and command.
        texts: What was printed, by its digest.
    """

    outcomes: dict[str, dict[str, Outcome]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def to_json(self, *, with_texts: bool) -> dict[str, Any]:
        """Returns it as a JSON value; texts that are very long are left out."""
        kept = {digest: text for digest, text in self.texts.items() if len(text) < _LONGEST_TEXT}
        return {"outcomes": self.outcomes, "texts": kept if with_texts else {}}


@dataclass(frozen=True)
class Choice:
    """Which commands are run.

    Attributes:
        everything: Whether all are, rather than a sample.
        only: Patterns, one of which the model or the command matches, if there are any.
    """

    everything: bool = False
    only: Sequence[str] = ()

    def takes(self, model: str, command: str, *, is_patch: bool = False) -> bool:
        """Whether a command is run on a model."""
        if self.only and not any(
            fnmatch.fnmatch(name, pattern) for pattern in self.only for name in (model, command)
        ):
            return False
        sample = _SAMPLES[model.startswith(_FIXTURES)][is_patch]
        return self.everything or zlib.crc32(f"{model} {command}".encode()) % sample == 0


def freeze(choice: Choice, models: dict[str, Path] | None = None) -> Frozen:
    """Runs the commands of a choice.

    Args:
        choice: Which commands are run.
        models: The directories of models by name; those at hand if left out.
    """
    models = models_at_hand() if models is None else models
    frozen = Frozen()
    with _working_directory():
        other: Path | None = None
        for name, model in models.items():
            found = dict(_Runs(name, model, other or model, choice, frozen.texts).all())
            if found:
                frozen.outcomes[name] = found
            other = model
    return frozen


def models_at_hand() -> dict[str, Path]:
    """Returns the directories of models by name."""
    found = {}
    for root in (
        _REPOSITORY / _FIXTURES,
        Path(os.environ.get("SIGPB_CORPUS", _SHARED / "corpus")),
        Path(os.environ.get("SIGPB_VERSIONS", _SHARED / "versions")),
    ):
        for file in sorted(root.rglob("saved_model.pb*")):
            found[f"{root.name}/{file.parent.relative_to(root)}"] = file.parent
    return found


def differences(before: Frozen, after: Frozen, *, whole: bool) -> Iterator[str]:
    """Yields lines that say what is different; those that name a command are not indented.

    Args:
        before: What was recorded.
        after: What the same commands do now.
        whole: Whether all commands that were recorded should have been run now.
    """
    for model in sorted({*before.outcomes, *after.outcomes}):
        old, new = before.outcomes.get(model, {}), after.outcomes.get(model, {})
        for command in sorted({*old, *new}):
            if old.get(command) == new.get(command) or not (whole or command in new):
                continue
            yield f"{model}: {command}"
            if command not in old or command not in new:
                yield f"    only {'before' if command in old else 'now'}"
                continue
            for what in sorted({*old[command], *new[command]}):
                was, became = old[command].get(what, ""), new[command].get(what, "")
                if was != became:
                    yield f"    {what}: {was} -> {became}"
                    if what in ("stdout", "stderr"):
                        yield from _changed_text(before.texts.get(was), after.texts.get(became))


def _changed_text(before: str | None, after: str | None) -> Iterator[str]:
    if before is not None and after is not None:
        lines = before.splitlines(), after.splitlines()
        for line in difflib.unified_diff(*lines, "before", "now", n=1, lineterm=""):
            yield f"        {line[:_LONGEST_LINE]}"


@dataclass
class _Runs:
    """The commands on one model, which are run in the working directory."""

    name: str
    directory: Path
    other: Path
    choice: Choice
    texts: dict[str, str]

    def all(self) -> Iterator[tuple[str, Outcome]]:
        """Yields each command with what it did."""
        self.model = self.name.replace("/", "-")
        proto = _proto(self.directory)
        _copy(self.directory, Path(self.model), proto)
        _copy(self.other, Path(OTHER), _proto(self.other))
        try:
            found = list(signatures(proto))
            for command in looking(self.model, found):
                yield from self._run(command)
            for signature in found:
                for name, patch in patches(signature):
                    said = f"{'+'.join(signature.tags)} {signature.key}: {name}"
                    if self.choice.takes(self.name, said, is_patch=True):
                        yield from self._patch(said, patch)
        finally:
            shutil.rmtree(self.model)
            shutil.rmtree(OTHER)

    def _patch(self, said: str, patch: str) -> Iterator[tuple[str, Outcome]]:
        Path(PATCH).write_text(patch, encoding="utf-8")
        for command in patching(self.model):
            yield from self._run(command, said)
        if Path(PATCHED).exists():
            record = Path(PATCHED, _RECORD)
            if record.exists():  # `diff` prints a digest of it, of its times too.
                record.write_text(_normal(record.read_text(encoding="utf-8")), encoding="utf-8")
            for command in AFTER_PATCH:
                filled = tuple(word.format(model=self.model) for word in command)
                yield from self._run(filled, said)
            outcome = self._outcome(("invert", self.model, f"--patch={PATCH}"))
            if outcome["exit"] == 0:
                Path(INVERSE).write_text(self.texts[outcome["stdout"]], encoding="utf-8")
                back = ("patch", PATCHED, f"--patch={INVERSE}", "--in_place", "--nobackup")
                yield from self._run(back, said)
            shutil.rmtree(PATCHED)

    def _run(self, command: Command, said: str = "") -> Iterator[tuple[str, Outcome]]:
        """Runs a command; `said` names the patch, if there is one, which was chosen before."""
        name = f"{' '.join(command)} | {said}" if said else " ".join(command)
        if said or self.choice.takes(self.name, name):
            yield name, self._outcome(command)
            shutil.rmtree(SAVED, ignore_errors=True)

    def _outcome(self, command: Command) -> Outcome:
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = main(command)
        outcome: Outcome = {"exit": code}
        for what, text in (("stdout", output.getvalue()), ("stderr", errors.getvalue())):
            outcome[what] = self._kept(text)
        written = {"patch": PATCHED, "salvage": SAVED}.get(command[0])
        if code == 0 and written and "--dry_run" not in command:
            outcome |= _digests(Path(written))
        return outcome

    def _kept(self, text: str) -> str:
        text = _normal(text)
        digest = _digest(text.encode("utf-8", "backslashreplace"))
        self.texts[digest] = text
        return digest


def _digests(model: Path) -> dict[str, str]:
    return {
        str(file.relative_to(model)): _digest(_content(file))
        for file in sorted(model.rglob("*"))
        if file.is_file()
    }


def _content(file: Path) -> bytes:
    content = file.read_bytes()
    return _normal(content.decode()).encode() if file.name == _RECORD else content


def _normal(text: str) -> str:
    for pattern, word in _CHANGING:
        text = pattern.sub(word, text)
    return text


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _proto(directory: Path) -> protos.SavedModel:
    """Reads a model by protobuf alone, so that no part of sigpb decides what is run."""
    file = directory / "saved_model.pb"
    if file.exists():
        return protos.SavedModel.FromString(file.read_bytes())
    text = (directory / "saved_model.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, protos.SavedModel(), descriptor_pool=protos.POOL)


def _copy(source: Path, target: Path, proto: protos.SavedModel) -> None:
    """Copies a model without what is large."""
    small = [file for file in sorted(source.rglob("*")) if file.is_file()]
    for file in small:
        if file.stat().st_size < _LARGEST or file.name.startswith("saved_model.pb"):
            to = target / file.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, to)
    text = target / "saved_model.pbtxt"
    if text.exists() and source.name not in _TEXT_MODELS:
        text.unlink()
        binary = proto.SerializeToString(deterministic=True)
        (target / "saved_model.pb").write_bytes(binary)


@contextlib.contextmanager
def _working_directory() -> Iterator[None]:
    """Enters an empty directory, in memory where there is one; all paths are relative to it."""
    memory = Path("/dev/shm")
    before = Path.cwd()
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        os.chdir(directory)
        try:
            yield
        finally:
            os.chdir(before)

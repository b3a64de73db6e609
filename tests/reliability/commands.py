"""Every command that writes, on a small repository, and what it is to leave."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from sigpb import protos
from sigpb.cli.main import main
from tests.patches import RECORD, ModelFactory, altered, contents
from tools.fuzz.command_line import inside

from .system_calls import Call, Fault, trace

# Moments, and what is random in the name of a batch.
_DIFFERENT = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z]*|[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")

MODEL = "models/m/1"
OTHER = "models/other/1"
RENAME = 'signature { key: "serving_default" input { key: "x" rename_to: "image" } }'


@dataclasses.dataclass(frozen=True)
class Command:
    """A command line, run in the directory that holds the repository.

    Attributes:
        arguments: The command line.
        before: Command lines that were run before.
        prepare: What else was done to the repository before.
        again: The command line by which a user goes on with it; the same one if empty.
        anew: The one by which a user begins once more what cannot go on; the same one if empty.
        model: The fixture that the models of the repository are.
    """

    arguments: str
    before: tuple[str, ...] = ()
    prepare: Callable[[Path], None] = lambda root: None
    again: str = ""
    anew: str = ""
    model: str = "tf2_warmup"


def _damage(root: Path) -> None:
    """Cuts a model's proto short, so that its last bytes can only be salvaged."""
    proto = root / MODEL / "saved_model.pb"
    proto.write_bytes(proto.read_bytes()[:-40])


def _rename_in_signature_def_only(root: Path) -> None:
    def rename(meta_graph: protos.MetaGraphDef) -> None:
        inputs = meta_graph.signature_def["serving_default"].inputs
        inputs["renamed"].CopyFrom(inputs["x"])
        del inputs["x"]

    altered(root / MODEL, rename)


# An adapter with a vocabulary, and one with variables.
ADAPTERS = "--before=adapters/tokenize --after=adapters/calibrate"

BATCH = "batch models --patch=rename.textproto --jobs=1 --journal=journal.jsonl"
RESUME = "batch --journal=journal.jsonl --resume"
COMMANDS = {
    "patch --in_place": Command(f"patch {MODEL} --in_place --rename_input=x=image"),
    "patch --in_place --nobackup": Command(
        f"patch {MODEL} --in_place --nobackup --rename_input=x=image"
    ),
    "patch --output_dir": Command(f"patch {MODEL} --output_dir=out/1 --rename_input=x=image"),
    "patch --output_dir --hardlink": Command(
        f"patch {MODEL} --output_dir=out/1 --hardlink --input_dtype=x=float64"
    ),
    "undo from a backup": Command(
        f"undo {MODEL}", (f"patch {MODEL} --in_place --rename_input=x=image",)
    ),
    "undo by the inverse": Command(
        f"undo {MODEL}", (f"patch {MODEL} --in_place --nobackup --rename_input=x=image",)
    ),
    "patch --in_place with adapters": Command(
        f"patch {MODEL} --in_place {ADAPTERS}", model="reviews"
    ),
    "plan --out": Command(f"plan {MODEL} --out=plan.json --rename_input=x=image"),
    "apply --in_place": Command(
        "apply plan.json --in_place", (f"plan {MODEL} --out=plan.json --rename_input=x=image",)
    ),
    "apply --output_dir": Command(
        "apply plan.json --output_dir=out/1",
        (f"plan {MODEL} --out=plan.json --rename_input=x=image",),
    ),
    "batch --in_place": Command(f"{BATCH} --in_place --report=report.csv", again=RESUME),
    "batch --new_version": Command(f"{BATCH} --new_version", again=RESUME),
    "batch --output_root": Command(
        f"{BATCH} --output_root=out --report=report.jsonl",
        again=RESUME,
    ),
    "batch --dry_run --plan": Command(f"{BATCH} --in_place --dry_run --plan=plan.json"),
    "batch --apply_plan": Command(
        "batch --apply_plan=plan.json --journal=journal.jsonl",
        (f"{BATCH} --in_place --dry_run --plan=plan.json",),
        again=RESUME,
        anew=f"{BATCH} --in_place",
    ),
    "rollback of models in place": Command("rollback journal.jsonl", (f"{BATCH} --in_place",)),
    "rollback of new versions": Command("rollback journal.jsonl", (f"{BATCH} --new_version",)),
    "lint --fix": Command(
        f"lint {MODEL} --fix --choose=views-disagree=signature_def",
        prepare=_rename_in_signature_def_only,
    ),
    "salvage of a model": Command(f"salvage {MODEL} out", prepare=_damage),
    "salvage of a file": Command(f"salvage {MODEL}/saved_model.pb out.pb", prepare=_damage),
    "graph --output": Command(
        f"graph {MODEL} --signature=classify --format=dot --output=graph.dot"
    ),
}


def create(root: Path, fixture_model: ModelFactory, command: Command) -> None:
    """Makes the repository that a command is run on, and adapters beside it."""
    for path in (MODEL, OTHER):
        shutil.copytree(fixture_model(command.model), root / path)
    for name in ("tokenize", "calibrate"):
        shutil.copytree(fixture_model(name), root / "adapters" / name)
    (root / "rename.textproto").write_text(RENAME)
    command.prepare(root)
    for line in command.before:
        code, text = run(root, line)
        assert code == 0, text


def run(root: Path, line: str) -> tuple[int, str]:
    """Runs a command line in this process.

    Returns:
        The exit code, and what was printed.
    """
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text), inside(root):
        return main(line.split()), text.getvalue()


def run_traced(
    root: Path, line: str, decide: Callable[[int, Call], Fault | None]
) -> tuple[int, str]:
    """Runs a command line in a child process, and decides what becomes of its system calls.

    Returns:
        The exit code, or the number of the signal that ended the child, negated; and what was
        printed, outside of the files that faults concern.
    """
    output = root.with_name("output")

    def child() -> int:
        with output.open("w") as sys.stdout:
            sys.stderr = sys.stdout
            os.chdir(root)
            return main(line.split())

    code = trace(child, root, decide)
    return code, output.read_text()


State = dict[str, bytes]
"""The files that loaders and users see, by their paths."""


def state(root: Path) -> State:
    """What is there, without what sigpb hides, reports, and what differs from run to run."""
    found = {
        name: data
        for name, data in contents(root).items()
        if not any(part.startswith(".sigpb-") for part in Path(name).parts)
        and not name.startswith(("journal.", "report."))
    }
    for name, data in found.items():
        if Path(name).name in (RECORD, "plan.json"):
            found[name] = b"\n".join(sorted(_DIFFERENT.sub(b"", data).splitlines()))
    return found


def leftovers(root: Path) -> list[str]:
    """What sigpb removes when it ends by itself."""
    names = (".sigpb-tmp-*", ".sigpb-exchange.json")
    return [str(path) for name in names for path in root.rglob(name)]

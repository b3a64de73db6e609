"""From directories to tasks: which models are patched, where to, and which are passed over."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sigpb import protos
from sigpb.batch.discovery import Discovery, discover
from sigpb.batch.file_system import FileSystem, LocalFileSystem
from sigpb.batch.job import Mode, Outcome, Task
from sigpb.batch.roots import Root
from sigpb.batch.selection import NameFilter, check_selection
from sigpb.batch.targets import Targets
from sigpb.batch.versions import parse_versions
from sigpb.errors import PatchError, UsageError
from sigpb.patching import checks

# Locks are open files, of which a process has only so many.
_MOST_LOCKS = 200


@dataclass(frozen=True)
class Prepared:
    """What a batch begins with.

    Attributes:
        tasks: The models to patch.
        passed_over: What became of all others that were found.
        directories: What other batches have to keep off.
    """

    tasks: tuple[Task, ...]
    passed_over: tuple[Outcome, ...]
    directories: tuple[str, ...]


def check_patch(patch: protos.SavedModelPatch) -> None:
    """Makes sure that a patch is not wrong whatever the model.

    Raises:
        PatchError: With all that is wrong with it.
    """
    check_selection(patch.only)
    if problems := list(checks.patch_problems(patch)):
        raise PatchError(problems)


def prepare(
    roots: Sequence[Root],
    only: protos.ModelSelection,
    mode: Mode,
    *,
    output_root: Path | None = None,
    files: FileSystem | None = None,
) -> Prepared:
    """Finds models, and says what is to be done with each.

    Args:
        roots: Where to look.
        only: Conditions on models; here those on their paths count.
        mode: Where patched models go.
        output_root: The root of the tree that they go to, if it is another one.
        files: The file system; None for that of this machine.

    Raises:
        UsageError: If nothing is found, or the two trees lie in each other.
    """
    roots = [replace(root, path=posixpath.abspath(root.path)) for root in roots]
    for root in roots if output_root is not None else ():
        if Path(os.path.realpath(output_root or "")).is_relative_to(os.path.realpath(root.path)):
            raise UsageError(f"The output root {output_root} lies in {root.path}.")
    found = discover(roots, files or LocalFileSystem())
    if not found.models:
        where = ", ".join(root.path for root in roots[:3]) or "nowhere"
        raise UsageError(f"There is no model in {where}{', …' if len(roots) > 3 else ''}.")
    default = parse_versions(only.versions)
    others = found.passed_over(root.versions or default for root in roots)
    is_meant, targets = NameFilter(only), Targets(mode, found, roots, output_root)
    tasks: list[Task] = []
    outcomes: list[Outcome] = []
    for each in found.models:
        if each.problem is not None:
            outcomes.append(Outcome(each.path, "failed", each.problem))
        elif reason := is_meant.reason_to_skip(each.name):
            outcomes.append(Outcome(each.path, "skipped", reason))
        elif each.path in others:
            reason = f"versions={others[each.path]} does not mean version {each.version}"
            outcomes.append(Outcome(each.path, "skipped", reason))
        else:
            try:
                tasks.append(Task(each.path, each.name, targets.output(each.path)))
            except ValueError as error:
                outcomes.append(Outcome(each.path, "refused", f"{error}."))
    directories = _written_to(found, roots) if output_root is None else {str(output_root)}
    return Prepared(tuple(tasks), tuple(outcomes), tuple(sorted(directories)))


def _written_to(found: Discovery, roots: Sequence[Root]) -> set[str]:
    """Returns the directories in which something changes."""
    models = {each.path for each in found.models}
    directories = {
        str(Path(root.path).parent) if root.path in models else root.path for root in roots
    }
    return directories if len(directories) <= _MOST_LOCKS else {posixpath.commonpath(directories)}

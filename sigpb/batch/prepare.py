"""From directories to tasks: which models are patched, where to, and which are passed over."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sigpb import protos
from sigpb.batch.discovery import NO_MODEL, Discovery, FileSystem, Found, discover, file_system_of
from sigpb.batch.job import Mode, Outcome, Task
from sigpb.batch.order import path_order
from sigpb.batch.place import place_of
from sigpb.batch.selection import NameFilter, Root, check_selection, lies_in
from sigpb.batch.versions import parse_versions, version_of
from sigpb.errors import PatchError, UsageError
from sigpb.patching import checks
from sigpb.patching.compile import with_adapters
from sigpb.remote.urls import absolute, common_path, is_url, parent_of, scheme_of, store_url
from sigpb.saved_model.missing_model import about_directory

# Locks are open files, of which a process has only so many.
_MOST_LOCKS = 200


@dataclass(frozen=True)
class Prepared:
    """What a batch begins with.

    Attributes:
        tasks: The models to patch, in the order of their paths.
        passed_over: What became of all others that were found.
        directories: What other batches have to keep off.
        warnings: What TensorFlow Serving does not do with the new versions.
    """

    tasks: tuple[Task, ...]
    passed_over: tuple[Outcome, ...]
    directories: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def checked(patch: protos.SavedModelPatch) -> protos.SavedModelPatch:
    """Returns a patch that is not wrong whatever the model, with the digests of its adapters.

    Raises:
        PatchError: With all that is wrong with it.
    """
    check_selection(patch.only)
    if problems := list(checks.patch_problems(patch)):
        raise PatchError(problems)
    return with_adapters(patch)


def prepare(
    roots: Sequence[Root],
    only: protos.ModelSelection,
    mode: Mode,
    *,
    output_root: str | None = None,
    files: FileSystem | None = None,
) -> Prepared:
    """Finds models, and says what is to be done with each.

    Args:
        roots: Where to look.
        only: Conditions on models; here those on their paths count.
        mode: Where patched models go.
        output_root: The root of the tree that they go to, if it is another one.
        files: The file system; None for the one that the roots are in.

    Raises:
        UsageError: If nothing is found, if no model's path matches a pattern to include, if the two
            trees lie in each other, or in two stores.
    """
    outcomes = [
        Outcome(root.path, "skipped", root.passed_over) for root in roots if root.passed_over
    ]
    roots = [replace(root, path=absolute(root.path)) for root in roots if root.passed_over is None]
    output_root = None if output_root is None else absolute(output_root)
    _check_stores(roots, output_root)
    for root in roots if output_root is not None else ():
        if lies_in(output_root or "", root.path):
            raise UsageError(f"The output root {output_root} lies in {root.path}.")
    found = discover(roots, files or file_system_of(roots[0].path if roots else ""))
    if all(each.problem == NO_MODEL for each in found.models):
        where = ", ".join(root.path for root in roots[:3]) or "nowhere"
        problem = f"There is no model in {where}{', …' if len(roots) > 3 else ''}."
        only_root = roots[0].path if len(roots) == 1 else ""
        about = about_directory(Path(only_root)) if only_root and not is_url(only_root) else ""
        raise UsageError(f"{problem} {about}".rstrip())
    default = parse_versions(only.versions)
    policies = [root.versions or default for root in roots]
    others = found.passed_over(policies)
    outcomes += [
        Outcome(path, "failed", reason) for path, reason in found.missing(policies).items()
    ]
    is_meant, targets = NameFilter(only), Targets(mode, found, roots, output_root)
    _check_patterns(is_meant, found)
    directories = _written_to(found, roots) if output_root is None else {output_root}
    tasks: list[Task] = []
    for each in found.models:
        if each.problem is not None:
            outcomes.append(Outcome(each.path, "failed", each.problem))
        elif reason := is_meant.reason_to_skip(each.path, each.name):
            outcomes.append(Outcome(each.path, "skipped", reason))
        elif each.path in others:
            reason = f"not a version that is chosen: versions={others[each.path]}"
            outcomes.append(Outcome(each.path, "skipped", reason))
        else:
            try:
                task = Task(each.path, each.name, targets.output(each.path))
                _check_links(task, directories)
                tasks.append(task)
            except ValueError as error:
                outcomes.append(Outcome(each.path, "refused", f"{error}."))
    tasks.sort(key=lambda task: path_order(task.model))
    warnings = tuple(_warnings(roots, found, tasks)) if mode == "new_version" else ()
    return Prepared(tuple(tasks), tuple(outcomes), tuple(sorted(directories)), warnings)


def _check_links(task: Task, directories: Iterable[str]) -> None:
    """Makes sure that nothing outside of the repository is written to, which a link may lead to.

    Raises:
        ValueError: If a link leads there.
    """
    written = task.output or task.model
    if not any(lies_in(written, directory) for directory in directories):
        raise ValueError(
            f"a link leads out of the repository, to {Path(written).resolve()}. To patch what is "
            "there, name that directory"
        )


def _warnings(roots: Sequence[Root], found: Discovery, tasks: Sequence[Task]) -> Iterator[str]:
    """Yields what TensorFlow Serving does not do with the versions that are to be made."""
    for number, root in enumerate(roots):
        versions = {
            each.version
            for each in found.models
            if each.root == number and posixpath.dirname(each.path) == root.path
        }
        outputs = [task.output or "" for task in tasks]
        made = {
            version_of(posixpath.basename(output))
            for output in outputs
            if posixpath.dirname(output) == root.path
        }
        before = {each for each in versions if each is not None}
        if root.served is not None and (new := {each for each in made if each is not None}):
            yield from root.served.surprises(before, new)


def _check_stores(roots: Sequence[Root], output_root: str | None) -> None:
    """Makes sure that models need not travel from a store, or this machine, to another one.

    Raises:
        UsageError: If they would have to.
    """
    kinds = {scheme_of(root.path) if is_url(root.path) else "" for root in roots}
    if len(kinds) > 1:
        raise UsageError("The models are in several kinds of stores; patch each in its own batch.")
    if output_root is None:
        return
    if kinds != {scheme_of(output_root) if is_url(output_root) else ""}:
        raise UsageError(
            f"The output root {output_root} is in another store than the models, and sigpb copies "
            "no variables between stores. Copy the models there first, and patch them in place."
        )
    if any(kinds) and len({store_url(root.path) for root in roots}) > 1:
        raise UsageError("The models are in several buckets, so they share no tree.")


def _check_patterns(is_meant: NameFilter, found: Discovery) -> None:
    """Makes sure that each pattern to include matches a model's path.

    Raises:
        UsageError: If some match none.
    """
    models = {(each.path, each.name) for each in found.models if each.problem is None}
    if unused := is_meant.unused(models):
        names = sorted({name for _, name in models})
        raise UsageError(
            f"No model's path matches {', '.join(map(repr, unused))}. There are "
            f"{', '.join(names[:5])}{', …' if len(names) > 5 else ''}."
        )


def _written_to(found: Discovery, roots: Sequence[Root]) -> set[str]:
    """Returns the directories in which something changes."""
    models = {each.path for each in found.models if each.problem is None}
    directories = {parent_of(root.path) if root.path in models else root.path for root in roots}
    if len(directories) <= _MOST_LOCKS or len(set(map(store_url, directories))) > 1:
        return directories
    return {common_path(directories)}


NO_VERSION = "its directory's name is not a version number, so there is no next version"


class Targets:
    """Says where models go.

    Args:
        mode: In place, beside them, or into another tree.
        discovery: What was found.
        roots: Where it was looked for.
        output_root: The root of the other tree.
    """

    def __init__(
        self, mode: Mode, discovery: Discovery, roots: Sequence[Root], output_root: str | None
    ) -> None:
        self._mode = mode
        self._output_root = output_root
        self._highest = dict(discovery.highest)
        tops = {
            parent_of(root.path) if found else root.path
            for root, found in _models_at(discovery.models, roots)
        }
        self._top = common_path(tops) if tops and output_root is not None else ""

    def output(self, path: str) -> str | None:
        """Returns where a model goes; None for where it is.

        Raises:
            ValueError: If it has no place; says why.
        """
        if self._mode == "in_place":
            return None
        if self._output_root is not None:
            return posixpath.join(self._output_root, posixpath.relpath(path, self._top))
        base, name = posixpath.split(path)
        if version_of(name) is None:
            raise ValueError(NO_VERSION)
        if base not in self._highest:  # The version was named by itself.
            numbers = [version_of(each) for each in place_of(base).names()]
            self._highest[base] = max(number for number in numbers if number is not None)
        self._highest[base] += 1
        if version_of(str(self._highest[base])) is None:
            raise ValueError(f"TensorFlow Serving takes no version {self._highest[base]}")
        return posixpath.join(base, str(self._highest[base]).zfill(len(name)))


def _models_at(models: Sequence[Found], roots: Sequence[Root]) -> list[tuple[Root, bool]]:
    """Returns each root, and whether it is a model itself."""
    paths = {found.path for found in models if found.problem is None}
    return [(root, root.path in paths) for root in roots]

"""The flags of `sigpb batch`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from absl import flags

from sigpb import protos
from sigpb.batch.discovery import is_model
from sigpb.batch.job import Mode
from sigpb.batch.place import place_of
from sigpb.batch.run import Elsewhere
from sigpb.batch.selection import Root, configured_roots, listed_roots
from sigpb.cli import patch_flags
from sigpb.cli.arguments import (
    OUTPUT,
    SAFETY,
    WHERE,
    define_file,
    define_format,
    define_number,
    define_path,
    define_verify,
    group,
    parse_tags,
    split_value,
)
from sigpb.cli.publish_flags import define_side_files
from sigpb.errors import UsageError, listed
from sigpb.regular_files import is_there
from sigpb.remote.urls import is_url, located
from sigpb.saved_model.missing_model import no_directory

_INPUT = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|((?:[^:\\]|\\.)*))(?::([^:]*)(?::(.*))?)?')

_MODES = "--in_place, --new_version and --output_root=DIR"


def define(values: flags.FlagValues) -> None:
    """Defines the flags."""
    with group("Which models", values):
        _define_which(values)
    with group(WHERE, values):
        _define_where(values)
    patch_flags.define(values)
    define_side_files(values)
    define_verify(values)
    with group(SAFETY, values):
        _define_limits(values)
    with group("Plans, journals and workers", values):
        _define_how(values)
    with group(OUTPUT, values):
        define_file("report", "FILE: write a record for each model to it, .jsonl or .csv.", values)
        define_format(values, "How to print the summary.")


def _define_which(values: flags.FlagValues) -> None:
    for name, meaning in (
        ("models_list", "FILE: it lists models, or directories of models, a line each."),
        (
            "models_config",
            "FILE: a models.config of TensorFlow Serving; its version policies count.",
        ),
    ):
        define_file(name, meaning, values)
    for name, meaning in (
        ("versions", "VERSIONS: only these of a model: latest, latest:N, all, or numbers: 3,5."),
        ("tensorflow_version", "BOUNDS: only models that TensorFlow 1.15, or >=2.3,<2.12 wrote."),
    ):
        flags.DEFINE_string(name, None, meaning, flag_values=values)
    for name, meaning in (
        ("include", "NAME: only models of this name (mnist), or whose path matches a glob (a/*)."),
        ("exclude", "NAME: no models of this name, and none whose path matches a glob."),
        ("has_signature", "KEY: only models with this signature."),
        ("has_input", "KEY[:DTYPE[:SHAPE]]: only models with this input."),
        ("method", "NAME: only models with a signature of this method name."),
        ("map", "PATH=DIR: PATH in the file of --models_config is the directory DIR here."),
    ):
        flags.DEFINE_multi_string(name, [], meaning, flag_values=values)


def _define_where(values: flags.FlagValues) -> None:
    for name, meaning in (
        ("in_place", "Change models where they are."),
        ("new_version", "Publish each patched model as the next version, beside the others."),
        ("hardlink", "Make unchanged files of copies hard links instead of copies."),
        ("dry_run", "Change nothing; with --plan, write down what would be done."),
    ):
        flags.DEFINE_bool(name, False, meaning, flag_values=values)
    define_path("output_root", "DIR: write patched models to a tree like theirs, here.", values)


def _define_limits(values: flags.FlagValues) -> None:
    for name, default, least, meaning in (
        (
            "canary",
            0,
            0,
            "Patch and verify this many models first (see --verify), and ask before the others.",
        ),
        ("max_failures", None, 0, "Stop when more models than this have failed."),
    ):
        flags.DEFINE_integer(name, default, meaning, lower_bound=least, flag_values=values)
    define_number(
        "model_timeout",
        None,
        "SECONDS: a model that takes longer, its verification included, has failed; by default "
        "there is no limit.",
        values,
        at_least=0.001,
        at_most=1e6,
    )
    flags.DEFINE_bool("yes", False, "Go on after the canary without asking.", flag_values=values)


def _define_how(values: flags.FlagValues) -> None:
    for name, meaning in (
        ("plan", "FILE: with --dry_run, write the plan to it."),
        ("apply_plan", "FILE: carry out this plan of a dry run."),
        ("journal", "FILE: write the batch down in it; by default in the repository, if local."),
    ):
        define_file(name, meaning, values)
    flags.DEFINE_bool(
        "resume", False, "Go on with a batch that was stopped or killed.", flag_values=values
    )
    flags.DEFINE_integer(
        "jobs",
        None,
        "How many processes work; by default one for each processor.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_string(
        "runner",
        None,
        "NAME: patch in a pipeline of Apache Beam, with this runner; its options follow after --.",
        flag_values=values,
    )


def without_pipeline_options(
    arguments: Sequence[str], values: flags.FlagValues
) -> tuple[Sequence[str], Sequence[str]]:
    """Returns the arguments of sigpb, and the options that follow and are the pipeline's."""
    count = len(arguments)
    if values.runner is not None:
        count = next((i for i, each in enumerate(arguments) if each.startswith("-")), count)
    return arguments[:count], arguments[count:]


def elsewhere(options: Sequence[str], values: flags.FlagValues) -> Elsewhere | None:
    """Returns what patches models elsewhere, if that is asked for.

    Args:
        options: The options of the pipeline.
        values: The flags.

    Raises:
        UsageError: If Apache Beam is missing or cannot do what flags say.
    """
    if values.runner is None:
        return None
    if values.dry_run or values.max_failures is not None or values.model_timeout is not None:
        raise UsageError(
            "--runner does not go with --dry_run, nor with --max_failures or --model_timeout: a "
            "pipeline reports failures only at its end."
        )
    try:
        from sigpb.batch.pipeline import in_pipeline
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "apache_beam":
            raise
        raise UsageError(
            f"--runner={values.runner} needs Apache Beam: pip install apache-beam."
        ) from error
    return in_pipeline(values.runner, options)


def mode(values: flags.FlagValues) -> Mode:
    """Returns where patched models go.

    Raises:
        UsageError: If that is not said, or said twice.
    """
    given = {
        "in_place": values.in_place,
        "new_version": values.new_version,
        "output_root": values.output_root is not None,
    }
    if list(given.values()).count(True) != 1:
        raise UsageError(f"Give one of {_MODES}; with --dry_run too.")
    return cast(Mode, next(name for name, is_given in given.items() if is_given))


def roots(arguments: Sequence[str], values: flags.FlagValues) -> list[Root]:
    """Returns where to look for models.

    Raises:
        UsageError: If that is not said, or a file is not what it should be.
        EnvironmentFailure: If a file cannot be read.
    """
    found = [Root(str(located(each)) if is_url(each) else each) for each in arguments]
    for root in found:
        is_there = place_of(root.path).names() if is_url(root.path) else Path(root.path).is_dir()
        if not is_there:
            raise UsageError(
                f"{root.path}: there is no such directory."
                if is_url(root.path)
                else no_directory(Path(root.path))
            )
    if values.models_list is not None:
        found += listed_roots(Path(values.models_list))
    if values.models_config is not None:
        found += _configured(values)
    elif values.map:
        raise UsageError("--map goes with --models_config.")
    if not found:
        raise UsageError("Name a directory with models, --models_list or --models_config.")
    return found


def _configured(values: flags.FlagValues) -> list[Root]:
    found = configured_roots(Path(values.models_config), _places(values))
    paths = [root.path for root in found if root.passed_over is None]
    if paths and not any(is_url(path) or is_there(path) for path in paths):
        raise UsageError(
            f"{values.models_config}: none of the base paths is on this machine: {listed(paths)}. "
            "If they are paths in a container, add --map=/models=DIR: what is /models there is DIR "
            "here."
        )
    return found


def _places(values: flags.FlagValues) -> dict[str, str]:
    places: dict[str, str] = {}
    for text in values.map:
        path, place = split_value(text, "map")
        path = path.rstrip("/")
        if not path or not place or path in places:
            raise UsageError(f"--map={text}: expected PATH=DIR, and each PATH once.")
        places[path] = place
    return places


def patch(values: flags.FlagValues) -> protos.SavedModelPatch:
    """Returns the patch that flags state, with the conditions on models; it may be empty.

    Raises:
        UsageError: If a flag is malformed.
        PatchError: If the file of ``--patch`` is not a patch.
    """
    stated = patch_flags.patch_of(values)
    _select(stated.only, values)
    return stated


def home(arguments: Sequence[str], values: flags.FlagValues) -> Path:
    """Returns the directory for the journal: the repository's root, as far as there is one.

    A journal is appended to and brought to the disk, which a store of objects cannot: the journal
    of a remote repository is in the current directory.

    Raises:
        UsageError: If no models are named.
    """
    if any(map(is_url, (values.output_root or "", *arguments))):
        return Path()
    if values.output_root is not None:
        return Path(values.output_root)
    if arguments:
        root = Path(arguments[0])
        return root.parent if is_model(root) else root
    file = values.models_list or values.models_config
    if file is None:
        raise UsageError("Name the repository, or --journal=FILE.")
    return Path(file).parent


def home_of(directories: Sequence[str]) -> Path:
    """Returns the directory for the journal of a batch on directories; see `home`."""
    directory = next(iter(directories), ".")
    return Path() if is_url(directory) else Path(directory)


def _select(only: protos.ModelSelection, values: flags.FlagValues) -> None:
    """Adds the conditions that flags state to those of the patch."""
    for name in ("include", "exclude", "has_signature", "method"):
        if given := getattr(values, name):
            getattr(only, name).extend(given)
    for name in ("versions", "tensorflow_version"):
        if getattr(values, name) is not None:
            setattr(only, name, getattr(values, name))
    if values.tags is not None:
        only.tags.Clear()
        only.tags.SetInParent()
        only.tags.tag.extend(parse_tags(values.tags))
    for text in values.has_input:
        match = _INPUT.fullmatch(text)
        if not match:
            raise UsageError(f"--has_input={text}: expected KEY, KEY:DTYPE or KEY:DTYPE:SHAPE.")
        quoted, key, dtype, shape = match.groups()
        condition = only.has_input.add(
            key=re.sub(r'\\([:\\"])', r"\1", key if quoted is None else quoted)
        )
        if dtype:
            condition.dtype = dtype
        if shape:
            condition.shape = shape

"""What is at a path at which no SavedModel is, and what to do about it."""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path

from sigpb.errors import ModelUnreadable, listed
from sigpb.regular_files import open_regular
from sigpb.saved_model.files import BINARY_NAME, PROTO_NAMES, mapped
from sigpb.saved_model.foreign_file import ForeignFile, foreign_file, keras_export

# So many directories are looked into to find models for an error, and so many models named.
_MOST_DIRECTORIES = 500
_LISTED = 10

# Of a directory with more, none is suggested: to list it takes long, and to compare longer.
_MOST_NEIGHBOURS = 5_000

_MODEL_SUFFIXES = {
    *(".bz2", ".ckpt", ".gz", ".h5", ".hdf5", ".keras", ".mlmodel", ".onnx", ".pb", ".pbtxt"),
    *(".pt", ".pth", ".safetensors", ".tar", ".tflite", ".tgz", ".xz", ".zip", ".zst"),
}


def walk_models(
    directory: Path,
    passed_over: Callable[[str], bool],
    give_up: Callable[[OSError], None] | None = None,
    *,
    links: bool = False,
) -> Iterator[Path | None]:
    """Yields for a directory and each below it the path if it is a model's, and None otherwise.

    They come in the order of their names. What is in a model is passed over.

    Args:
        directory: Where to begin.
        passed_over: Whether directories of a name are not looked into.
        give_up: What is called with the error of a directory that cannot be read.
        links: Whether a link to a model is one, such as ``latest``. No other links are followed.
    """
    for parent, directories, files in os.walk(directory, onerror=give_up):
        directories[:] = sorted(name for name in directories if not passed_over(name))
        if is_model := not PROTO_NAMES.isdisjoint(files):
            directories.clear()
        yield Path(parent) if is_model else None
        for each in (Path(parent, name) for name in directories if links):
            if each.is_symlink() and _is_model(each):
                yield each


def no_directory(path: Path) -> str:
    """Says of a path that is that of no directory what is there, or what there is instead."""
    return _not_a_directory(path) if path.exists() else _nothing_there(path)


def _nothing_there(path: Path) -> str:
    """Says of a path at which nothing is what there is instead."""
    problem = f"{path}: there is no such directory."
    if re.match(r"[a-z][a-z0-9+.-]+:/[^/]", str(path)):
        return f"{problem} If this is a URL, give it as text: Path takes a slash away."
    if path.with_name(f"{path.name}.index").is_file():
        found = _checkpoint(path)
        return f"{path}: no directory, but {found.name}. {found.advice}"
    missing = path
    while not missing.parent.is_dir() and missing != missing.parent:
        missing = missing.parent
    names = [*islice(_visible_names(missing.parent), _MOST_NEIGHBOURS)]
    alike = [name for name in names if name.casefold() == missing.name.casefold()]
    if close := alike or difflib.get_close_matches(missing.name, names, n=1, cutoff=0.6):
        meant = missing.with_name(close[0])
        whole = meant / path.relative_to(missing)
        return f"{problem} Did you mean {str(whole if whole.exists() else meant)!r}?"
    return f"{problem} {str(missing.parent)!r} holds {listed(sorted(names))}." if names else problem


def _not_a_directory(file: Path) -> str:
    """Says of a file that was named in place of a model's directory what it is."""
    from sigpb.saved_model.model import open_proto

    if file.name in PROTO_NAMES:
        return f"{file}: this is a file. Name the directory that holds it."
    try:
        with open_regular(file) as opened, mapped(file, opened) as buffer:
            if found := foreign_file(buffer, file):
                return f"{file}: not a SavedModel, but {found.name}. {found.advice}".rstrip()
    except OSError as error:
        return f"{file}: {error.strerror or error}."
    except ModelUnreadable as error:  # It is empty.
        return str(error)
    try:
        open_proto(file).close()
    except ModelUnreadable:
        part = part_of_model(file) or f"Name the directory that holds {BINARY_NAME}."
        return f"{file}: this is a file, and no SavedModel. {part}"
    return misnamed(file)


def misnamed(file: Path) -> str:
    """Says of a file that holds a SavedModel, and has another name, how to name it."""
    directory = file.with_suffix("") if file.suffix else file.with_name(f"{file.name}-model")
    new, old = shlex.quote(str(directory)), shlex.quote(str(file))
    return (
        f"{file}: a SavedModel, but not named {BINARY_NAME}, as loaders expect it. Give it a "
        f"directory, with its variables if it has any: mkdir {new} && cp {old} {new}/{BINARY_NAME}"
    )


def part_of_model(file: Path) -> str:
    """Says, as a sentence, of which model a file is a part; empty if there is none around it."""
    for directory in (file.parent, file.parent.parent):
        if _is_model(directory):
            return f"It is a part of the model {str(directory)!r}. Name that."
    return ""


def _is_model(directory: Path) -> bool:
    return any((directory / name).is_file() for name in PROTO_NAMES)


def no_model_in(directory: Path) -> str:
    """Says of a directory that is no model what it is, or what it holds."""
    problem = f"{directory}: holds no {BINARY_NAME}."
    if part := part_of_model(directory / BINARY_NAME):
        return f"{problem} {part}"
    walk = walk_models(directory, lambda name: name.startswith("."), links=True)
    models = [model for model in islice(walk, _MOST_DIRECTORIES) if model is not None]
    if models:
        named = ", ".join(str(model.relative_to(directory)) for model in models[:_LISTED])
        more = ", …" if len(models) > _LISTED else ""
        return (
            f"{problem} It holds models in: {named}{more}. Name one of these; "
            f"'sigpb show {shlex.quote(str(directory))}' lists them."
        )
    return f"{problem} {about_directory(directory)}".rstrip()


def about_directory(directory: Path) -> str:
    """Says of a directory that is no model, and has none below it, what it is or holds instead.

    Returns:
        Sentences; empty if nothing of it is known.
    """
    names = sorted(_visible_names(directory))
    if found := foreign_directory(names, directory):
        return f"It is {found.name}. {found.advice}"
    files = [name for name in names if Path(name).suffix in _MODEL_SUFFIXES]
    files = [name for name in files if (directory / name).is_file()]
    if len(files) == 1:
        return _not_a_directory(directory / files[0])
    return f"It holds {listed(files)}. Name one of these." if files else ""


def foreign_directory(names: Collection[str], directory: Path) -> ForeignFile | None:
    """Returns what a directory without a SavedModel's proto is; None if that is not known.

    Args:
        names: The names of what it holds.
        directory: The directory, which the advice names.
    """
    if {"config.json", "model.weights.h5"} <= {*names}:
        return ForeignFile("the folder of a Keras model", keras_export(directory))
    if "model.json" in names and any(name.endswith(".bin") for name in names):
        return ForeignFile(
            "a TensorFlow.js model", "Use the SavedModel that it was converted from."
        )
    if {"keras_metadata.pb", "fingerprint.pb", "variables"} & {*names}:
        return ForeignFile(
            f"what is left of a SavedModel: its {BINARY_NAME} is missing", "Copy the model again."
        )
    indexes = sorted(name for name in names if name.endswith(".index"))
    if indexes and any(".data-" in name for name in names):
        metas = sorted(name for name in names if name.endswith(".meta"))
        last = (metas or indexes)[-1].rpartition(".")[0]
        return _checkpoint(directory / last, has_graph=bool(metas))
    return None


def _checkpoint(prefix: Path, *, has_graph: bool | None = None) -> ForeignFile:
    meta = prefix.with_name(f"{prefix.name}.meta")
    if meta.is_file() if has_graph is None else has_graph:
        quoted = shlex.quote(str(meta))
        return ForeignFile(
            "a checkpoint with its graph",
            f"'sigpb show {quoted}' shows the graph, and 'sigpb patch' makes a SavedModel of it.",
        )
    return ForeignFile(
        "a checkpoint, which holds values and no graph",
        "Build the model in Python, restore the checkpoint, and export a SavedModel.",
    )


def _visible_names(directory: Path) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield entry.name
    except OSError:  # What cannot be listed suggests nothing.
        return

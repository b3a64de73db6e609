"""Which file of a directory holds the SavedModel proto."""

from __future__ import annotations

from pathlib import Path

from sigpb.errors import ModelUnreadable

BINARY_NAME = "saved_model.pb"
TEXT_NAME = "saved_model.pbtxt"
CHUNKED_NAME = "saved_model.cpb"


def locate(path: Path) -> Path:
    """Finds the proto of the SavedModel in a directory.

    Args:
        path: The model's directory, or the proto file in it.

    Returns:
        The path of its ``saved_model.pb`` or ``saved_model.pbtxt``.

    Raises:
        ModelUnreadable: If there is none, if there are both, or if the model is chunked.
    """
    directory = path.parent if path.name in (BINARY_NAME, TEXT_NAME, CHUNKED_NAME) else path
    if not directory.exists():
        raise ModelUnreadable(f"{path}: there is no such directory.")
    if not directory.is_dir():
        raise ModelUnreadable(
            f"{path}: this is a file. Name the directory that holds {BINARY_NAME}."
        )
    binary, text = directory / BINARY_NAME, directory / TEXT_NAME
    if binary.exists() and text.exists():
        raise ModelUnreadable(
            f"{directory}: holds both {BINARY_NAME} and {TEXT_NAME}. Loaders read the first, some "
            "tools write the second, and the two may differ. Remove the one that is out of date."
        )
    for file in (binary, text):
        if file.is_file():
            return file
        if file.exists() and not file.is_dir():
            raise ModelUnreadable(f"{file}: this is not a regular file.")
    if (directory / CHUNKED_NAME).exists():
        raise ModelUnreadable(
            f"{directory}: holds a chunked SavedModel ({CHUNKED_NAME}), which open-source "
            "TensorFlow can read but not write. Export the model again without chunking."
        )
    raise ModelUnreadable(f"{directory}: holds no {BINARY_NAME}.{_nearby_models(directory)}")


def _nearby_models(directory: Path) -> str:
    """Says which subdirectories hold a SavedModel, for whoever named the one above."""
    children = sorted(
        child.name
        for child in directory.iterdir()
        if (child / BINARY_NAME).is_file() or (child / TEXT_NAME).is_file()
    )
    if not children:
        return ""
    listed = ", ".join(children[:10]) + (", …" if len(children) > 10 else "")
    return f" It holds models in: {listed}. Name one of these."

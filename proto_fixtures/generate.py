"""Writes the models of this folder: for tests as reviewable text, for recipes as they are served.

Run it where TensorFlow is installed, with the names of models or without for all:

    python proto_fixtures/generate.py tf2_linear

Every public function of ``recipe_models.py``, ``tf1_models.py`` and ``tf2_models.py`` is a model:
it saves itself as a SavedModel at the path that it is given. Each one runs in a process of its own,
because TensorFlow numbers its functions through the life of a process.
"""

from __future__ import annotations

import importlib
import inspect
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
MODULES = ("recipe_models", "tf1_models", "tf2_models")

# Two adapters, and the model that fits between them.
ADAPTERS = ("calibrate", "reviews", "tokenize")

# The list of ops takes thousands of lines, and a model is valid without it.
WITH_OP_LIST = ("tf1_shared", "tf2_linear")
WITH_FINGERPRINT = (*ADAPTERS, "detector", "flowers", "ranking", "tf2_linear")

# The models of the recipes look as models do where they are served.
BINARY = (*ADAPTERS, "census", "detector", "flowers", "ranking")


def models() -> dict[str, Callable[[str], None]]:
    """Returns the functions that save a model, by its name."""
    return {
        name: function
        for module in map(importlib.import_module, MODULES)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


def generate(name: str) -> None:
    """Saves one model and writes it to ``FOLDER/name``."""
    target = FOLDER / name
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)  # So that no path of this machine ends up in a model.
        exported = Path(scratch) / name
        models()[name](name)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        _write_proto(exported, target, name)
        for kept in ("variables", "assets", "assets.extra"):
            if (exported / kept).is_dir() and any((exported / kept).iterdir()):
                shutil.copytree(exported / kept, target / kept)


def _write_proto(exported: Path, target: Path, name: str) -> None:
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2

    binary = exported / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(binary.read_bytes())
    _strip_noise(saved_model, keep_op_list=name in WITH_OP_LIST)
    binary.write_bytes(saved_model.SerializeToString(deterministic=True))
    if name in BINARY:
        shutil.copy(binary, target)
    else:
        (target / "saved_model.pbtxt").write_text(text_format.MessageToString(saved_model))
    if name in WITH_FINGERPRINT:
        (target / "fingerprint.pb").write_bytes(_fingerprint(exported))


def _strip_noise(saved_model: Any, keep_op_list: bool) -> None:
    for meta_graph in saved_model.meta_graphs:
        meta_graph.meta_info_def.ClearField("tensorflow_git_version")
        if not keep_op_list:
            meta_graph.meta_info_def.ClearField("stripped_op_list")
        library = meta_graph.graph_def.library
        for node in [n for f in library.function for n in f.node_def] + [
            *meta_graph.graph_def.node
        ]:
            node.ClearField("experimental_debug_info")


def _fingerprint(exported: Path) -> bytes:
    from tensorflow.core.protobuf import fingerprint_pb2
    from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

    fingerprint = fingerprint_pb2.FingerprintDef.FromString(
        fingerprinting.CreateFingerprintDef(str(exported))
    )
    fingerprint.uuid = "1"  # The only field that is random.
    return bytes(fingerprint.SerializeToString(deterministic=True))


def main(names: list[str]) -> None:
    known = models()
    if unknown := set(names) - set(known):
        sys.exit(f"No such model: {', '.join(sorted(unknown))}. There are {', '.join(known)}.")
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for _ in pool.imap(generate, names or known, chunksize=1):
            pass


if __name__ == "__main__":
    main(sys.argv[1:])

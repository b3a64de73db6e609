"""Patching models in tests: the patch is text, the result is a proto."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text

ModelFactory = Callable[..., Path]
"""The fixture `fixture_model`."""

MAIN = "saved_model.pb"
RECORD = "sigpb.history.jsonl"


def read(model: Path) -> protos.SavedModel:
    return protos.SavedModel.FromString((model / MAIN).read_bytes())


def only_graph(model: Path) -> protos.MetaGraphDef:
    (meta_graph,) = read(model).meta_graphs
    return meta_graph


def altered(model: Path, change: Callable[[protos.MetaGraphDef], object]) -> Path:
    """Changes the first MetaGraph of a model, as another program might have left it."""
    saved_model = read(model)
    change(saved_model.meta_graphs[0])
    (model / MAIN).write_bytes(saved_model.SerializeToString(deterministic=True))
    return model


def contents(model: Path) -> dict[str, bytes]:
    """The bytes of every file of a model."""
    return {
        str(file.relative_to(model)): file.read_bytes()
        for file in sorted(model.rglob("*"))
        if file.is_file()
    }


def apply(model: Path, patch: str, **options: Any) -> protos.MetaGraphDef:
    """Patches a model in place and returns its first MetaGraph as it is then."""
    result = sigpb.patch(model, parse_text(patch), in_place=True, backup=False, **options)
    assert result.status == "patched"
    return read(model).meta_graphs[0]


def assert_unchanged(model: Path, patch: str) -> None:
    """Asserts that the model already is as a patch wants it, and that no byte is written."""
    before = contents(model)
    result = sigpb.patch(model, parse_text(patch), in_place=True)
    assert result.status == "unchanged", str(result.plan)
    assert contents(model) == before


def assert_twice_is_once(model: Path, patch: str) -> None:
    """Asserts that a patch that was applied to a model finds nothing to do, by its record."""
    apply(model, patch)
    assert_unchanged(model, patch)


def refusals(model: Path, patch: str, **options: Any) -> tuple[str, ...]:
    """Returns why a patch is refused, and asserts that no byte is written."""
    before = contents(model)
    with pytest.raises(sigpb.PatchError) as caught:
        sigpb.patch(model, parse_text(patch), in_place=True, **options)
    assert contents(model) == before
    return caught.value.problems


def refusal(model: Path, patch: str) -> str:
    """Returns the only reason why a patch is refused."""
    (problem,) = refusals(model, patch)
    return problem


def unknown(key: str, method: str) -> str:
    """The warning about a method name that TensorFlow Serving does not know."""
    return (
        f"warning: signature {key!r}: The method name is {method!r}; TensorFlow Serving knows "
        "tensorflow/serving/classify, tensorflow/serving/predict, tensorflow/serving/regress. "
        "Older servers, and newer ones with --enable_signature_method_name_check, refuse requests."
    )


def missed(*keys: str) -> str:
    """The warning about signatures that the checkpoint of a model lists and a patch takes away."""
    return (
        f"warning: the checkpoint still lists {', '.join(map(repr, keys))}, if the model was "
        "exported with it. Readers of object graphs in C++, such as "
        "tf.mlir.experimental.convert_saved_model, then refuse the model; tf.saved_model.load "
        "and TensorFlow Serving do not. A copy (copy_of) keeps the signature."
    )

"""Renaming there and back gives the bytes that were, whatever the keys."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.saved_model.model import open_model
from sigpb.tf.endpoint_keys import argument_name, is_callable
from tests.conftest import REPOSITORY
from tests.edits.in_tensorflow import assert_values_follow
from tests.patches import MAIN, ModelFactory, altered, read
from tests.views import signature_map

KEYS = (
    "a",
    "B",
    "zz",
    "0/step_type",
    "in:0",
    "1",
    "x y",
    "ünder",
    "Z_9",
    "m.n",
    "k",
    "p",
    "s",
    "x",
)

EXCEPTIONS = {
    "tf2_shared": "signatures that share a node get nodes of their own",
    "tf2_warmup": "requests of Classify and Regress need the keys that there are",
    "tf2_wrapped": "wrappers of 0.1.0 are replaced by others",
}
MODELS = sorted(
    {path.parent.name for path in REPOSITORY.glob("proto_fixtures/*/*.pbtxt")} - {*EXCEPTIONS}
)


def renames(
    model: Path, choice: random.Random
) -> Iterator[tuple[protos.SavedModelPatch, protos.SavedModelPatch]]:
    """Yields patches that rename some endpoints of a MetaGraph, and what takes each back."""
    with open_model(model) as opened:
        graphs = [
            (graph.tags, {key: graph.signatures[key] for key in graph.user_signatures})
            for graph in opened.meta_graphs
        ]
    for tags, signatures in graphs:
        there, back = protos.SavedModelPatch(), protos.SavedModelPatch()
        for patch in (there, back):
            patch.tags.tag.extend(tags)
            patch.tags.SetInParent()
        # Two keys of one tensor that become one cannot be told apart in collections.
        used: set[str] = set()
        for key, signature in signatures.items():
            new_key = f"{key}_new" if choice.random() < 0.3 else key
            items = there.signature.add(key=key), back.signature.add(key=new_key)
            if new_key != key:
                items[0].rename_to, items[1].rename_to = new_key, key
            for side, infos in (("input", signature.inputs), ("output", signature.outputs)):
                for old, new in new_keys(sorted(infos), choice, used):
                    getattr(items[0], side).add(key=old, rename_to=new)
                    getattr(items[1], side).add(key=new, rename_to=old)
        yield there, back


def new_keys(keys: Sequence[str], choice: random.Random, used: set[str]) -> list[tuple[str, str]]:
    """Some of the keys and what they become, so that no two have one argument name."""
    renamed = [key for key in keys if choice.random() < 0.6]
    taken = {argument_name(key) for key in keys if key not in renamed}
    pairs = []
    for old in renamed:
        known = (*KEYS, *keys, f"new_{len(used)}")
        new = choice.choice([key for key in known if argument_name(key) not in taken | used])
        pairs.append((old, new))
        taken.add(argument_name(new))
        used.add(argument_name(new))
    return [pair for pair in pairs if pair[0] != pair[1]]


def assert_there_and_back(model: Path, seed: int) -> None:
    choice = random.Random(seed)
    before = (model / MAIN).read_bytes()
    for there, back in renames(model, choice):
        if not any(item.input or item.output or item.rename_to for item in there.signature):
            continue
        sigpb.patch(model, there, in_place=True, backup=False)
        sigpb.patch(model, back, in_place=True, backup=False)
        assert (model / MAIN).read_bytes() == before, str(there)


@pytest.mark.parametrize("name", MODELS)
def test_of_a_fixture(fixture_model: ModelFactory, name: str) -> None:
    model = fixture_model(name)
    for seed in range(12):
        assert_there_and_back(model, seed)


@pytest.mark.parametrize("key", ["0/b", "b"])
def test_of_a_model_with_plain_keys(fixture_model: ModelFactory, key: str) -> None:
    model = fixture_model("tf2_linear")
    altered(model, as_tensorflow_2_5_wrote(key))
    for seed in range(30):
        assert_there_and_back(model, seed)


def as_tensorflow_2_5_wrote(key: str) -> Callable[[protos.MetaGraphDef], None]:
    """Calls the input `b` otherwise, in the plain spelling of older versions of TensorFlow."""

    def change(graph: protos.MetaGraphDef) -> None:
        graph.meta_info_def.tensorflow_version = "2.5.0"
        node_ids = {child.local_name: child.node_id for child in signature_map(graph).children}
        objects = graph.object_graph_def
        bare = objects.nodes[node_ids["serving_default"]].bare_concrete_function
        assert list(bare.argument_keywords) == ["b", "x"]
        inputs = graph.signature_def["serving_default"].inputs
        arguments = arguments_of(objects, bare)
        info, spec = inputs.pop("b"), arguments.pop("b")
        inputs[key].CopyFrom(info)
        arguments[key].CopyFrom(spec)
        arguments[key].tensor_spec_value.name = key
        bare.argument_keywords[0] = key
        bare.ClearField("function_spec")

    return change


def arguments_of(
    objects: protos.SavedObjectGraph, bare: protos.SavedBareConcreteFunction
) -> MutableMapping[str, protos.StructuredValue]:
    function = objects.concrete_functions[bare.concrete_function_name]
    return function.canonicalized_input_signature.tuple_value.values[1].dict_value.fields


@pytest.mark.parametrize("new", ["image", "1/b"])
def test_only_what_is_named_changes_its_spelling(fixture_model: ModelFactory, new: str) -> None:
    model = fixture_model("tf2_linear")
    altered(model, as_tensorflow_2_5_wrote("0/b"))
    patch = protos.SavedModelPatch()
    patch.signature.add(key="serving_default").input.add(key="x", rename_to=new)
    sigpb.patch(model, patch, in_place=True, backup=False)
    with open_model(model) as opened:
        graph = opened.meta_graphs[0].object_graph
        assert graph is not None
        node_id = graph.signature_nodes["serving_default"]
        assert graph.parameter_names(node_id) == sorted(["0/b", new])


@pytest.mark.tensorflow
def test_plain_keys_mean_the_same_to_tensorflow(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    altered(model, as_tensorflow_2_5_wrote("0/b"))
    assert_values_follow(
        model,
        """signature { key: "serving_default" input { key: "x" rename_to: "0/a" }
                                              output { key: "p" rename_to: "z" } }""",
    )


def test_new_keys_can_be_called() -> None:
    assert all(is_callable(key) for key in KEYS)


def test_of_models_of_other_versions(versions: Path, tmp_path: Path) -> None:
    for number, source in enumerate(sorted(versions.glob("tf*/*"))):
        if (source / MAIN).exists():
            model = tmp_path / str(number)
            shutil.copytree(source, model)
            # Some wrote their maps in no order, which is lost where an edit encodes one again.
            encoded = read(model).SerializeToString(deterministic=True)
            (model / MAIN).write_bytes(encoded)
            assert_there_and_back(model, number)

"""Real models: everything is renamed, and the numbers stay the same for every loader.

The new keys sort in the reverse order of the old ones. docs/coverage.md says what cannot be run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Message
from tests import model_runner

CORPUS = Path(
    os.environ.get("SIGPB_CORPUS", Path(__file__).resolve().parents[2] / "shared" / "corpus")
)
MODELS = sorted(path.name for path in CORPUS.iterdir() if path.is_dir()) if CORPUS.is_dir() else []

each_model = pytest.mark.parametrize("name", MODELS or ["no corpus"])


def new_signature_key(key: str) -> str:
    return f"new.{key}"


def reversing(keys: Mapping[str, object]) -> dict[str, str]:
    """New keys for old ones, in the reverse order."""
    ordered = sorted(keys)
    return {key: f"k{len(ordered) - index:03}_{index}" for index, key in enumerate(ordered)}


def renames_of(graph: MetaGraph, key: str) -> tuple[dict[str, str], dict[str, str]]:
    signature = graph.signatures[key]
    return reversing(signature.inputs), reversing(signature.outputs)


def renaming_patch(graph: MetaGraph) -> sigpb.SavedModelPatch:
    """Renames all there is in a MetaGraph, and copies every signature as it was."""
    patch = protos.SavedModelPatch(tags=protos.TagSet(tag=graph.tags))
    for key in graph.user_signatures:
        inputs, outputs = renames_of(graph, key)
        signature = patch.signature.add(key=key, rename_to=new_signature_key(key))
        for old, new in inputs.items():
            signature.input.add(key=old, rename_to=new)
        for old, new in outputs.items():
            signature.output.add(key=old, rename_to=new)
        patch.signature.add(key=f"copy.{key}", copy_of=key)
    return patch


def component_names(key: str, info: protos.TensorInfo) -> list[str]:
    """The names under which `model_runner` passes the parts of an endpoint."""
    if info.HasField("coo_sparse"):
        return [f"{key}_{part}" for part in ("indices", "values", "dense_shape")]
    if info.HasField("composite_tensor"):
        return [f"{key}_component_{i}" for i in range(len(info.composite_tensor.components))]
    return [key]


def renamed_components(
    infos: Mapping[str, protos.TensorInfo], keys: Mapping[str, str]
) -> dict[str, str]:
    return {
        old: new
        for key, info in infos.items()
        for old, new in zip(
            component_names(key, info), component_names(keys[key], info), strict=True
        )
    }


def renamed(
    values: model_runner.SomeResults, graph: MetaGraph, side: str
) -> dict[str, dict[str, model_runner.Array] | str]:
    """What values of the original are called in the patched model, those of the copies too."""
    result: dict[str, dict[str, model_runner.Array] | str] = {}
    for key, arrays in values.items():
        if key not in graph.user_signatures:
            continue
        signature = graph.signatures[key]
        inputs, outputs = renames_of(graph, key)
        infos, keys = (
            (signature.inputs, inputs) if side == "input" else (signature.outputs, outputs)
        )
        names = renamed_components(infos, keys)
        result[new_signature_key(key)] = (
            arrays if isinstance(arrays, str) else {names[k]: v for k, v in arrays.items()}
        )
        result[f"copy.{key}"] = arrays if isinstance(arrays, str) else dict(arrays)
    return result


def opened(corpus: Path, name: str) -> sigpb.SavedModel:
    return sigpb.open(corpus / name)


# Outputs whose values differ from run to run: metrics, read while other outputs add to them.
RACING = {"tfx_taxi_tfma_2022": "/value"}


def without_failures(results: model_runner.SomeResults) -> model_runner.Values:
    return {key: {**values} for key, values in results.items() if not isinstance(values, str)}


def assert_still_runs(
    before: model_runner.SomeResults, after: model_runner.SomeResults, graph: MetaGraph, name: str
) -> None:
    """Whatever ran before gives the same values under its new names, and as a copy."""
    if name in RACING:
        before = {
            key: {k: v for k, v in values.items() if not k.endswith(RACING[name])}
            for key, values in without_failures(before).items()
        }
    expected = without_failures(renamed(before, graph, "output"))
    actual = without_failures({key: after[key] for key in expected})
    if name in RACING:
        for key, values in actual.items():
            actual[key] = {k: v for k, v in values.items() if k in expected[key]}
    model_runner.assert_equal(expected, actual)


@pytest.mark.sampled(3)
@pytest.mark.tensorflow
@each_model
def test_every_loader_gives_the_same_values_under_reversed_names(
    corpus: Path, tmp_path: Path, name: str
) -> None:
    model = opened(corpus, name)
    for position, graph in enumerate(model.meta_graphs):
        patched = tmp_path / f"patched{position}"
        sigpb.patch(model.directory, renaming_patch(graph), output_dir=patched)
        inputs = model_runner.make_inputs(model.directory, graph.tags)
        new_inputs = {
            key: arrays
            for key, arrays in renamed(inputs, graph, "input").items()
            if not isinstance(arrays, str)
        }

        before_v1 = model_runner.run_v1(model.directory, graph.tags, inputs)
        after_v1 = model_runner.run_v1(patched, graph.tags, new_inputs)
        assert_still_runs(before_v1, after_v1, graph, name)

        if len(model.meta_graphs) > 1 or not graph.user_signatures:
            continue  # tf.saved_model.load takes models with one MetaGraph
        before_v2 = model_runner.run_v2(model.directory, graph.tags, inputs)
        after_v2 = model_runner.run_v2(patched, graph.tags, new_inputs)
        assert_still_runs(before_v2, after_v2, graph, name)

        if not without_failures(before_v2):
            continue
        seen_v1 = model_runner.signature_keys_v1(patched, graph.tags)
        seen_v2 = model_runner.signature_keys_v2(patched, graph.tags)
        assert set(seen_v1) == set(seen_v2)
        try:
            saved = model_runner.resave(model.directory, graph.tags, tmp_path / "saved")
        except Exception:
            continue  # TensorFlow cannot save the model as it is either
        patched_and_saved = tmp_path / "patched_and_saved"
        model_runner.resave(patched, graph.tags, patched_and_saved)
        # Not all that is saved can be run: variables of TF1 models lose their initialisation.
        before_saved = model_runner.run_v2(saved, ["serve"], inputs)
        after_saved = model_runner.run_v2(patched_and_saved, ["serve"], new_inputs)
        assert_still_runs(before_saved, after_saved, graph, name)


@each_model
def test_nothing_else_changes(corpus: Path, tmp_path: Path, name: str) -> None:
    model = opened(corpus, name)
    proto = model.file.name

    # An empty patch: a copy with the same bytes, and nothing written in place.
    sigpb.patch(model.directory, sigpb.SavedModelPatch(), output_dir=tmp_path / "same")
    assert (tmp_path / "same" / proto).read_bytes() == model.file.read_bytes()
    before = (tmp_path / "same" / proto).stat()
    result = sigpb.patch(tmp_path / "same", sigpb.SavedModelPatch(), in_place=True)
    assert result.status == "unchanged"
    assert (tmp_path / "same" / proto).stat() == before

    # Everything renamed: no field changes but those that hold signatures.
    for position, graph in enumerate(model.meta_graphs):
        patch, patched = renaming_patch(graph), tmp_path / f"patched{position}"
        sigpb.patch(model.directory, patch, output_dir=patched)
        again = sigpb.patch(patched, patch, in_place=True)
        assert again.status == "unchanged"

        after = sigpb.open(patched)
        for index, untouched in enumerate(model.meta_graphs):
            others = after.meta_graphs[index]
            if index != position:
                assert others.message.content() == untouched.message.content()
            else:
                assert_same_but_signatures(untouched.message, others.message)
    shutil.rmtree(tmp_path)


def assert_same_but_signatures(before: Message, after: Message) -> None:
    """Only signatures, collections, the object graph and new functions may differ."""
    number = protos.MetaGraphDef
    may_differ = {
        number.SIGNATURE_DEF_FIELD_NUMBER,
        number.COLLECTION_DEF_FIELD_NUMBER,
        number.OBJECT_GRAPH_DEF_FIELD_NUMBER,
        number.GRAPH_DEF_FIELD_NUMBER,
    }
    assert list(contents(before, may_differ)) == list(contents(after, may_differ))
    graphs = before.find(number.GRAPH_DEF_FIELD_NUMBER), after.find(number.GRAPH_DEF_FIELD_NUMBER)
    if graphs[0] is None or graphs[1] is None:
        assert graphs[0] == graphs[1]
        return
    library = protos.GraphDef.LIBRARY_FIELD_NUMBER
    assert list(contents(graphs[0], {library})) == list(contents(graphs[1], {library}))
    functions, new_functions = graphs[0].find(library), graphs[1].find(library)
    if functions is not None and new_functions is not None:
        old, new = list(contents(functions, set())), list(contents(new_functions, set()))
        assert new[: len(old)] == old


def contents(message: Message, without: set[int]) -> Iterator[bytes]:
    """The encoded fields of a message."""
    for field in message.fields():
        if field.number not in without:
            yield bytes(message.buffer[field.start : field.end])

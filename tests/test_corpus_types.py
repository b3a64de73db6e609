"""Real models: all that can be converted is converted, and the values are the converted ones.

Each model is patched twice. One patch reshapes what has a shape, the other one changes the batch
size, as it is done in large graphs; both change every dtype, rename everything so that the order
of the keys reverses, and rename the signatures. docs/coverage.md says what is not run.
"""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.graphs import redirection
from sigpb.saved_model import fingerprint
from sigpb.saved_model.model import MetaGraph, parse
from sigpb.tf.tensor_types import (
    dtype_name,
    encoding_of,
    parse_shape,
    shape_of,
    shape_text,
    tensor_names,
    value_dtype,
)
from tests import conversions, model_runner
from tests.test_corpus import each_model, new_signature_key, opened, reversing

T = TypeVar("T")
Size = int | None
Loader = Callable[[Path, Collection[str], model_runner.Values], model_runner.Results]

# What a dtype becomes: one of these, chosen by a checksum of the signature and the tensor or key.
NEW_INPUT_DTYPES = {
    "float32": ("int32", "float64", "uint8", "string"),
    "float64": ("float32",),
    "bool": ("uint8",),
    "int64": ("float32", "int32", "string"),
    "string": ("int64",),
}
NEW_OUTPUT_DTYPES = {
    "float32": ("float64", "int64", "string"),
    "float64": ("float32",),
    "bool": ("uint8",),
    "int64": ("float32", "string"),
    "string": (),
}

# What is refused, and why: the types of endpoints, by model, and by signature, side and key.
ALIAS = "are the same tensor"
CONTRADICTION = "as the signature says; correct the signature first"
REFUSED_TYPES: Mapping[str, Mapping[tuple[str, str, str], str]] = {
    "mlnet_types_test": {
        ("serving_default", "input", key): ALIAS for key in ("i8", "i16", "i32", "u8", "u16", "u32")
    },
    "srv_half_plus_three": {
        ("serving_default", "input", "x"): CONTRADICTION,
        ("serving_default", "output", "y"): CONTRADICTION,
        ("tensorflow/serving/regress", "input", "inputs"): CONTRADICTION,
        ("tensorflow/serving/regress", "output", "outputs"): CONTRADICTION,
    },
    "tfx_taxi_tfma_2022": {("eval", "input", key): ALIAS for key in ("features/tips_xf", "labels")},
    "tfx_taxi_tfma_eval": {("eval", "input", key): ALIAS for key in ("features/tips_xf", "labels")},
}
# The same for batch sizes, by model and signature.
REFUSED_BATCH_SIZES: Mapping[str, Mapping[str, str]] = {
    "mlnet_types_test": {"serving_default": ALIAS},
    "tfx_taxi_tfma_2022": {"eval": ALIAS},
    "tfx_taxi_tfma_eval": {"eval": ALIAS},
}

# The models with signatures that fix the batch size, but for one that lacks its variables.
FIXED_BATCH_SIZES = [
    "srv_half_plus_two_tf2",
    "tf2onnx_redundant_inputs",
    "tfjs_int64_multiply",
    "tfjs_uint8_multiply",
]

# Outputs whose values differ from run to run: metrics, read while other outputs add to them.
RACING = {"tfx_taxi_tfma_2022": "/value"}


def chosen(name: str, options: Sequence[T]) -> T:
    return options[zlib.crc32(name.encode()) % len(options)]


def reshapes(shape: tuple[Size, ...]) -> Iterator[tuple[Size, ...]]:
    """Yields shapes with as many elements: flattened, unflattened, without a 1, with one more."""
    batch, rest = shape[:1], shape[1:]
    sizes = [size for size in rest if size is not None]
    if len(rest) == len(sizes) > 1:
        yield (*batch, math.prod(sizes))
    for axis, size in enumerate(rest):
        for factor in range(2, size or 0):
            if size is not None and size % factor == 0:
                yield (*batch, *rest[:axis], factor, size // factor, *rest[axis + 1 :])
                break
    if 1 in rest:
        axis = rest.index(1)
        yield (*batch, *rest[:axis], *rest[axis + 1 :])
    yield (*batch, 1, *rest)
    yield (*shape, 1)


def converting_patch(graph: MetaGraph) -> sigpb.SavedModelPatch:
    """Renames everything, and changes all dtypes and shapes that can be changed."""
    patch = protos.SavedModelPatch(tags=protos.TagSet(tag=graph.tags))
    # What is parsed as a tf.Example cannot come from a number.
    parses_examples = b"ParseExample" in bytes(graph.message.content())
    for key in graph.user_signatures:
        signature = graph.signatures[key]
        item = patch.signature.add(key=key, rename_to=new_signature_key(key))
        for side, infos, dtypes, endpoints in (
            ("input", signature.inputs, NEW_INPUT_DTYPES, item.input),
            ("output", signature.outputs, NEW_OUTPUT_DTYPES, item.output),
        ):
            new_keys = reversing(infos)
            for old, info in sorted(infos.items()):
                endpoint = endpoints.add(key=old, rename_to=new_keys[old])
                dtype = dtype_name(value_dtype(info.dtype))
                shape = shape_of(info.tensor_shape)
                seed = f"{key} {tensor_names(info)[0] if side == 'input' else old}"
                options = dtypes.get(dtype, ("float32", "int64") if "int" in dtype else ())
                is_example = dtype == "string" and parses_examples
                if options and not is_example:
                    endpoint.dtype = chosen(seed, options)
                if encoding_of(info) == "dense" and shape is not None:
                    endpoint.shape = shape_text(chosen(seed, list(reshapes(shape))))
                elif encoding_of(info) == "dense" and side == "input":
                    # As model_runner.make_inputs has it.
                    endpoint.shape = "[?]" if is_example else "[]"
    return patch


def reshaping_patch(graph: MetaGraph, name: str) -> sigpb.SavedModelPatch:
    """Converts everything, and copies every signature as it was."""
    patch = without_refused(converting_patch(graph), name)
    state_defaults(graph, patch)
    for key in graph.user_signatures:
        patch.signature.add(key=copy_key(key), copy_of=key)
    return patch


def batching_patch(graph: MetaGraph, name: str) -> sigpb.SavedModelPatch:
    """Converts everything, but changes the batch size in place of shapes."""
    patch = without_refused(converting_patch(graph), name)
    for item in patch.signature:
        for endpoint in (*item.input, *item.output):
            endpoint.ClearField("shape")
        batch_size = new_batch_size(graph, item.key)
        if batch_size and item.key not in REFUSED_BATCH_SIZES.get(name, ()):
            item.batch_size = batch_size
    state_defaults(graph, patch)
    return patch


def without_refused(patch: sigpb.SavedModelPatch, name: str) -> sigpb.SavedModelPatch:
    for item in patch.signature:
        for side, endpoints in (("input", item.input), ("output", item.output)):
            for endpoint in endpoints:
                if (item.key, side, endpoint.key) in REFUSED_TYPES.get(name, ()):
                    endpoint.ClearField("dtype")
                    endpoint.ClearField("shape")
    return patch


def state_defaults(graph: MetaGraph, patch: sigpb.SavedModelPatch) -> None:
    """Gives the inputs that have a default one of their new type."""
    for item in patch.signature:
        signature = graph.signatures[item.key]
        for endpoint in item.input:
            if endpoint.key in signature.defaults:
                now = shape_text(shape_of(signature.inputs[endpoint.key].tensor_shape))
                shape = parse_shape(endpoint.shape or now) or ()
                endpoint.default = json.dumps(np.full([size or 1 for size in shape], 2).tolist())


def new_batch_size(graph: MetaGraph, key: str) -> str | None:
    """Opens a batch size that is fixed, and fixes an open one."""
    infos = graph.signatures[key].inputs.values()
    shapes = [shape_of(info.tensor_shape) for info in infos if encoding_of(info) == "dense"]
    sizes = {shape[0] for shape in shapes if shape}
    if not sizes:
        return None
    return str(model_runner.BATCH) if None in sizes else "?"


def copy_key(key: str) -> str:
    return f"copy.{key}"


def cases_of(
    graph: MetaGraph, patch: sigpb.SavedModelPatch, values: model_runner.Values
) -> list[conversions.Case]:
    """Returns a case for each signature; a copy takes what is fed to the model for its original."""
    cases = {case.key: case for case in conversions.cases(graph, patch, values)}
    fed = {case.source: case.fed_to_source for case in cases.values() if not is_copy(case)}
    return [
        dataclasses.replace(case, fed=fed[case.source], fed_to_source=fed[case.source])
        if is_copy(case)
        else case
        for case in cases.values()
    ]


def is_copy(case: conversions.Case) -> bool:
    return case.key == copy_key(case.source)


def run_saved(
    model_dir: Path, tags: Collection[str], inputs: model_runner.Values
) -> model_runner.Results:
    """Runs what TensorFlow saves of a model that it loaded."""
    with tempfile.TemporaryDirectory() as saved:
        try:
            model_runner.resave(model_dir, tags, Path(saved))
        except Exception as error:
            return dict.fromkeys(inputs, repr(error))
        return model_runner.run_v2(Path(saved), ["serve"], inputs)


LOADERS: tuple[Loader, ...] = (model_runner.run_v1, model_runner.run_v2, run_saved)


def patched(model: sigpb.SavedModel, patch: sigpb.SavedModelPatch, directory: Path) -> Path:
    sigpb.patch(model.directory, patch, output_dir=directory)
    assert sigpb.patch(directory, patch, in_place=True).status == "unchanged"
    return directory


def with_old_signature_defs(model: Path, position: int, graph: MetaGraph) -> Path:
    """Copies a patched model, but with the SignatureDefs that a MetaGraph had."""
    directory = Path(shutil.copytree(model, model.with_suffix(".old_keys")))
    with sigpb.open(model) as patched_model:
        saved_model = parse(protos.SavedModel, patched_model.root)
        (directory / patched_model.file.name).unlink()
    signature_defs: Any = saved_model.meta_graphs[position].signature_def
    for key in list(signature_defs):
        del signature_defs[key]
    for key, signature in graph.signatures.items():
        signature_defs[key].CopyFrom(signature)
    (directory / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    return directory


@pytest.mark.sampled(3)
@pytest.mark.tensorflow
@each_model
def test_every_loader_gives_converted_values(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    model = opened(corpus, name)
    for position, graph in enumerate(model.meta_graphs):
        reshaping, batching = reshaping_patch(graph, name), batching_patch(graph, name)
        reshaped = patched(model, reshaping, tmp_path / f"reshaped{position}")
        with monkeypatch.context() as as_in_large_graphs:
            as_in_large_graphs.setattr(redirection, "_MANY_NODES", 0)
            batched = patched(model, batching, tmp_path / f"batched{position}")
        copied = sigpb.open(reshaped).meta_graphs[position].signatures
        for key in graph.user_signatures:
            assert copied[copy_key(key)] == graph.signatures[key]

        values = model_runner.make_inputs(model.directory, graph.tags)
        inputs = {case.source: case.fed_to_source for case in cases_of(graph, reshaping, values)}
        for run in LOADERS:
            before = settled(run(model.directory, graph.tags, inputs), name)
            if not before:
                continue
            for directory, patch in ((reshaped, reshaping), (batched, batching)):
                cases = [case for case in cases_of(graph, patch, values) if case.source in before]
                expected = {case.key: case.expected(before[case.source]) for case in cases}
                after = run(directory, graph.tags, {case.key: case.fed for case in cases})
                assert_equal(expected, after, name)
            if run is model_runner.run_v1:
                # What was fed and fetched before still can be, by the names of the tensors.
                old_keys = with_old_signature_defs(batched, position, graph)
                after = run(old_keys, graph.tags, {key: inputs[key] for key in before})
                assert_equal(before, after, name)


def that_ran(results: model_runner.Results) -> model_runner.Values:
    return {key: values for key, values in results.items() if not isinstance(values, str)}


def settled(results: model_runner.Results, name: str) -> model_runner.Values:
    """Returns results without failures, and without values that depend on chance."""
    return {
        key: {k: v for k, v in values.items() if name not in RACING or not k.endswith(RACING[name])}
        for key, values in that_ran(results).items()
    }


def assert_equal(expected: model_runner.Values, after: model_runner.Results, name: str) -> None:
    if name in RACING:
        after = {
            key: {k: v for k, v in values.items() if k in expected[key]}
            for key, values in that_ran(after).items()
        }
    model_runner.assert_equal(expected, after)


@pytest.mark.tensorflow
@pytest.mark.parametrize("run", LOADERS)
@pytest.mark.parametrize("name", FIXED_BATCH_SIZES)
def test_what_was_a_batch_of_fixed_size_can_be_of_any(
    corpus: Path, tmp_path: Path, name: str, run: Loader
) -> None:
    model = opened(corpus, name)
    (graph,) = model.meta_graphs
    patch = batching_patch(graph, name)
    relaxed = {item.key for item in patch.signature if item.batch_size == "?"}
    assert relaxed
    directory = patched(model, patch, tmp_path / "batched")
    values = model_runner.make_inputs(model.directory, graph.tags)
    batches = [
        [case for case in cases_of(graph, patch, shifted(values, by)) if case.source in relaxed]
        for by in range(3)
    ]
    before = [
        that_ran(run(model.directory, graph.tags, {c.source: c.fed_to_source for c in cases}))
        for cases in batches
    ]
    for count in (0, 1, 3):
        fed = [{case.key: case.fed for case in cases} for cases in batches]
        expected = [
            {case.key: case.expected(results[case.source]) for case in cases}
            for cases, results in zip(batches, before, strict=True)
        ]
        after = run(directory, graph.tags, joined(fed, count))
        model_runner.assert_equal(joined(expected, count), after)


def shifted(values: model_runner.Values, by: int) -> model_runner.Values:
    """Returns other values: numbers that are larger, the same text."""
    return {
        key: {
            name: a if a.dtype.kind == "O" else (a + by).astype(a.dtype)
            for name, a in arrays.items()
        }
        for key, arrays in values.items()
    }


def joined(batches: Sequence[model_runner.Values], count: int) -> model_runner.Values:
    """Joins the first of some batches to one; none are an empty one."""
    return {
        key: {
            name: np.concatenate([batch[key][name] for batch in batches])[: count * len(first)]
            for name, first in arrays.items()
        }
        for key, arrays in batches[0].items()
    }


@pytest.mark.parametrize(
    ("name", "key", "side", "endpoint", "reason"),
    [
        (name, *where, reason)
        for name, endpoints in REFUSED_TYPES.items()
        for where, reason in endpoints.items()
    ],
)
def test_refused_types(
    corpus: Path, tmp_path: Path, name: str, key: str, side: str, endpoint: str, reason: str
) -> None:
    model = opened(corpus, name)
    (graph,) = model.meta_graphs
    (signature,) = (item for item in converting_patch(graph).signature if item.key == key)
    (wanted,) = (item for item in getattr(signature, side) if item.key == endpoint)
    patch = protos.SavedModelPatch()
    getattr(patch.signature.add(key=key), side).add().CopyFrom(wanted)
    with pytest.raises(sigpb.PatchError, match=reason):
        sigpb.patch(model.directory, patch, output_dir=tmp_path / "patched")


@pytest.mark.parametrize(
    ("name", "key", "reason"),
    [
        (name, key, reason)
        for name, signatures in REFUSED_BATCH_SIZES.items()
        for key, reason in signatures.items()
    ],
)
def test_refused_batch_sizes(
    corpus: Path, tmp_path: Path, name: str, key: str, reason: str
) -> None:
    model = opened(corpus, name)
    (graph,) = model.meta_graphs
    patch = protos.SavedModelPatch()
    patch.signature.add(key=key, batch_size=new_batch_size(graph, key))
    with pytest.raises(sigpb.PatchError, match=reason):
        sigpb.patch(model.directory, patch, output_dir=tmp_path / "patched")


@pytest.mark.tensorflow
@each_model
def test_tensorflow_takes_the_same_fingerprints(corpus: Path, tmp_path: Path, name: str) -> None:
    model = opened(corpus, name)
    if model.is_text:
        return  # TensorFlow fingerprints saved_model.pb alone
    original = Path(shutil.copytree(model.directory, tmp_path / "original"))
    (original / fingerprint.FILE_NAME).write_bytes(tensorflow_fingerprint(original))
    for graph in model.meta_graphs:
        for patch in (reshaping_patch(graph, name), batching_patch(graph, name)):
            directory = tmp_path / "patched"
            sigpb.patch(original, patch, output_dir=directory)
            ours = fingerprint.read(directory / fingerprint.FILE_NAME)
            theirs = protos.FingerprintDef.FromString(tensorflow_fingerprint(directory))
            theirs.uuid = ours.uuid  # which TensorFlow draws at random
            assert ours == theirs
            shutil.rmtree(directory)


def tensorflow_fingerprint(directory: Path) -> bytes:
    from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

    return bytes(fingerprinting.CreateFingerprintDef(str(directory)))

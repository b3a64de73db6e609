"""Every model of proto_fixtures is what its README says, under both loaders of TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from sigpb import protos
from tests import model_runner

Array = Any
ModelFactory = Callable[..., Path]
Outputs = dict[str, Array]

FOLDER = Path(__file__).resolve().parent.parent / "proto_fixtures"
NAMES = sorted(file.parent.name for file in FOLDER.glob("*/saved_model.pb*"))
TEXTS = sorted(file.parent.name for file in FOLDER.glob("*/saved_model.pbtxt"))

W = np.float32([10, 20, 30])
C = np.float32([100, 200, 300])


def read(name: str) -> Any:
    saved_model = protos.SavedModel()
    if name not in TEXTS:
        return saved_model.FromString((FOLDER / name / "saved_model.pb").read_bytes())
    pool: Any = saved_model.DESCRIPTOR.file.pool
    text = (FOLDER / name / "saved_model.pbtxt").read_text()
    return text_format.Parse(text, saved_model, descriptor_pool=pool)


def only_graph(name: str) -> Any:
    (meta_graph,) = read(name).meta_graphs
    return meta_graph


def linear(x: Array, b: Array) -> Outputs:
    return {"p": 2 * x + b + W, "s": x - 3 * b + C}


def mix(a: Array, b: Array, c: Array, d: Array) -> Outputs:
    bonus = np.float32([1000, 2000, 4000, 8000])[np.minimum(d.astype(int), 3)]
    return {
        "k": 2 * a + 3 * b + 5 * c + 7 * d + np.float32([0.5, 0.25]),
        "m": 11 * a - 13 * b + 17 * c - 19 * d + bonus,
        "z": 23 * a + 29 * b - 31 * c + 37 * d,
    }


def shared(x: Array, b: Array) -> Outputs:
    return {"p": 2 * x + b + W, "s": x - 3 * b}


def class_names(scores: Array) -> Array:
    return np.array([b"low", b"middle", b"high"], object)[np.argsort(-scores, axis=1)]


def parsed(examples: Array, key: str = "x") -> Array:
    features = (protos.Example.FromString(example).features.feature for example in examples)
    return np.float32([feature[key].float_list.value for feature in features])


def in_decimal(numbers: Array) -> Array:
    texts = [f"{number:.1f}".encode() for number in numbers.flat]
    return np.array(texts, object).reshape(numbers.shape)


def evaluate(**inputs: Array) -> Outputs:
    p = 2 * inputs["features/x"] + inputs["features/y"] + W
    return {"predictions/p": p, "loss": np.sum(np.sum(p, axis=1) - inputs["labels"])}


def sparse(d: Array, s_indices: Array, s_values: Array, s_dense_shape: Array) -> Outputs:
    dense: Array = np.zeros(s_dense_shape, np.float32)
    dense[tuple(s_indices.T)] = s_values
    doubled = {"indices": s_indices, "values": 2 * s_values, "dense_shape": s_dense_shape}
    return {"dense": dense + 10 * d, **{f"doubled_{key}": part for key, part in doubled.items()}}


def ragged(d: Array, r_component_0: Array, r_component_1: Array) -> Outputs:
    sums = np.add.reduceat(r_component_0, r_component_1[:-1])
    return {
        "doubled_component_0": 2 * r_component_0,
        "doubled_component_1": r_component_1,
        "sums": sums + 10 * d,
    }


def interior(h: Array) -> Outputs:
    return {"y": 8 * h - 7 * W[:2] - 1}


def hidden(x: Array) -> Array:
    return 2 * x + np.float32([100, 200, 400])[np.minimum(x.astype(int), 2)]


def fixed_batch(x: Array) -> Outputs:
    scaled = x * np.float32([2, 3, 5, 7])
    weights = np.float32([[1, 10], [2, 20], [3, 30], [4, 50]])
    return {"y": scaled @ weights + np.float32([100, 200]), "image": x.reshape(-1, 2, 2)}


def pooled(x: Array) -> Outputs:
    scaled = (x * np.float32([2, 3, 5, 7])).reshape(-1, 2, 2)
    return {"y": np.sum(scaled, axis=2) + 100, "total": np.float32(2 + 3 + 5 + 7)}


def class_token(x: Array) -> Outputs:
    return {"tokens": np.concatenate([np.float32([[10, 20, 30, 40]]), 3 * x], axis=1)}


def image(x: Array, training: Array) -> Outputs:
    kernel = np.float32([[1, -2, 0.5], [-1, 3, 0.25]])
    scores = np.mean(x.reshape(-1, 2, 2), axis=2) @ kernel
    noise = np.float32([10, 20, 30]) if training else np.float32(1)
    return {"scores": scores + noise, "label": np.argmax(scores, axis=1)}


def echo(text: Array) -> Outputs:
    lengths = np.int32([len(word) for word in text])
    return {"echo": np.array([word + b"!" for word in text], object), "length": lengths}


def weights(*shape: int) -> Array:
    return np.float32(np.sin(np.arange(np.prod(shape))).reshape(shape) / 2)


def softmax(logits: Array) -> Array:
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(values: Array) -> Array:
    return 1 / (1 + np.exp(-values))


def convolved(images: Array, kernel: Array, pad: int = 0) -> Array:
    """Convolves images where windows that do not overlap begin, which is every 16 pixels."""
    sizes = kernel.shape[0], images.shape[1] // 16
    windows = images.reshape(-1, sizes[1], 16, sizes[1], 16, 3)
    windows = windows[:, :, pad : pad + sizes[0], :, pad : pad + sizes[0]]
    return np.einsum("nyixjc,ijcf->nyxf", windows, kernel)


def flowers(input_1: Array) -> Outputs:
    features = np.maximum(convolved(input_1, weights(3, 3, 3, 4)), 0)
    return {"dense": softmax(features.mean(axis=(1, 2)) @ weights(4, 5) + weights(5))}


def detector(input_tensor: Array) -> Outputs:
    cells = convolved(input_tensor / np.float32(255), weights(8, 8, 3, 6)).reshape(-1, 16, 6)
    return {
        "detection_boxes": sigmoid(cells[:, :, :4]),
        "detection_scores": softmax(cells[:, :, 4:]),
    }


def ranking(user_id: Array, item_id: Array, training: Array) -> Outputs:
    products = weights(50, 4)[user_id % 50] * weights(20, 4)[item_id % 20]
    kept = products * np.float32(0.5 if training else 1)
    return {"output_0": sigmoid(kept.sum(axis=1)), "output_1": kept}


def census(examples: Array) -> Outputs:
    rows = np.concatenate([parsed(examples, "age"), parsed(examples, "hours")], axis=1)
    probabilities = softmax(rows @ weights(2, 2))
    return {"probabilities": probabilities, "class_ids": probabilities.argmax(axis=1)}


def reviews(ids: Array) -> Outputs:
    return {"logits": np.sum(weights(9, 4)[ids] * (ids > 0)[:, :, None], axis=1) @ weights(4, 3)}


def tokenize(text: Array) -> Outputs:
    words = (FOLDER / "tokenize" / "assets" / "vocabulary.txt").read_bytes().splitlines()
    numbers = {word: number for number, word in enumerate(words)}
    ids = [[numbers.get(word, len(words)) for word in row.split()] for row in text]
    return {"ids": np.int64([[*row, *[0] * 8][:8] for row in ids])}


def calibrate(logits: Array) -> Outputs:
    scores = softmax(logits * 2)
    return {"scores": scores, "is_sure": scores.max(axis=1) > 0.75}


EXPECTED: dict[tuple[str, ...], dict[str, Callable[..., Outputs]]] = {
    ("tf2_linear", "serve"): {
        "serving_default": linear,
        "other": lambda x, y: {"q": 5 * x - y + W, "r": x + 7 * y},
        "single": lambda t: {"u": 11 * t + C},
    },
    ("tf2_wrapped", "serve"): {
        "serving_default": lambda y, c: {"z": linear(c, y)["p"], "a": linear(c, y)["s"]},
        "other": lambda x, y: {"q": np.float64(5 * x - y + W), "r": x + 7 * y},
        "single": lambda t: {"u": 11 * t + C},
    },
    ("tf2_many", "serve"): {"serving_default": mix},
    ("tf2_functions", "serve"): {},
    ("tf2_stateful", "serve"): {
        "get": lambda: {"count": np.int64(5)},
        "increment": lambda: {"count": np.int64(6)},
        "add": lambda delta: {"before": np.int64(5), "after": np.int64(5) + delta},
        "reset": lambda: {},
    },
    ("tf2_shared", "serve"): {"serving_default": shared, "alias": shared, "twin": shared},
    ("tf2_defaults", "serve"): {
        "serving_default": lambda x, scale, offset: {
            "y": scale * x + offset,
            "z": scale * W - offset,
        }
    },
    ("tf2_warmup", "serve"): {
        "serving_default": shared,
        "classify": lambda inputs: {
            "classes": in_decimal(parsed(inputs)),
            "scores": 5 * parsed(inputs) + W,
        },
        "regress": lambda inputs: {
            "outputs": np.sum(parsed(inputs) * W, axis=1, keepdims=True),
        },
    },
    ("tf2_fixed_batch", "serve"): {"serving_default": pooled, "class_token": class_token},
    ("tf2_image", "serve"): {"serving_default": image, "echo": echo},
    ("tf1_shared", "serve"): {
        "serving_default": lambda x, y, scale: {
            "sum": x + 2 * y,
            "difference": scale * (x - y) + W,
        },
        "classify": lambda inputs: {
            "scores": 5 * inputs + W,
            "classes": class_names(5 * inputs + W),
        },
        "regress": lambda inputs: {"outputs": np.sum(7 * inputs, axis=1, keepdims=True) - 1},
    },
    ("tf1_eval", "eval"): {
        "eval": evaluate,
        "serving_default": lambda x, y: {"p": 2 * x + y + W},
    },
    ("tf1_two_graphs", "serve"): {"serving_default": lambda x, b: {"y": 2 * x - b + W}},
    ("tf1_two_graphs", "serve", "gpu"): {
        "serving_default": lambda x, b: {"y": 3 * x - b + W},
        "gpu_only": lambda x, b: {"z": 3 * x - b + W},
    },
    ("tf1_sparse", "serve"): {"serving_default": sparse},
    ("tf1_composite", "serve"): {"serving_default": ragged},
    ("tf1_no_variables",): {"default": lambda a, b: {"y": 2 * a - b + W, "b": b}},
    ("tf1_interior", "serve"): {
        "from_examples": lambda examples: {
            "x": parsed(examples),
            **interior(hidden(parsed(examples))),
        },
        "serving_default": lambda x: interior(hidden(x)),
        "tail": interior,
    },
    ("tf1_fixed_batch", "serve"): {"serving_default": fixed_batch},
    ("flowers", "serve"): {"serving_default": flowers},
    ("detector", "serve"): {"serving_default": detector},
    ("ranking", "serve"): {
        "serving_default": ranking,
        "embed": lambda user_id: {"embedding": weights(50, 4)[user_id % 50]},
    },
    ("census", "serve"): {"predict": census},
    ("reviews", "serve"): {"serving_default": reviews},
    ("tokenize", "serve"): {"serving_default": tokenize},
    ("calibrate", "serve"): {"serving_default": calibrate},
}
# Two keys of tf1_eval name one tensor, which tf.saved_model.load refuses.
RUNS = [
    (run, graph)
    for run in (model_runner.run_v1, model_runner.run_v2)
    for graph in EXPECTED
    if (run, graph[0]) != (model_runner.run_v2, "tf1_eval")
]


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("run", "graph", "as_text"),
    [(*run, as_text) for run in RUNS for as_text in {False, run[1][0] in TEXTS}],
)
def test_numbers(
    fixture_model: ModelFactory,
    run: Callable[..., model_runner.Results],
    graph: tuple[str, ...],
    as_text: bool,
) -> None:
    name, *tags = graph
    model = fixture_model(name, as_text=as_text)
    inputs = spread(model_runner.make_inputs(model, tags))
    results = run(model, tags, inputs)
    assert results.keys() == EXPECTED[graph].keys()
    for key, function in EXPECTED[graph].items():
        assert_close(results[key], function(**inputs[key]))


def spread(inputs: model_runner.Values) -> model_runner.Values:
    """Stretches floats to 0 .. 5, so that they reach every line of a vocabulary."""
    return {
        signature: {key: v * v.dtype.type(5) if v.dtype.kind == "f" else v for key, v in i.items()}
        for signature, i in inputs.items()
    }


def assert_close(actual: Mapping[str, Array] | str, expected: Outputs) -> None:
    assert not isinstance(actual, str), actual
    assert actual.keys() == expected.keys()
    for key, value in expected.items():
        if np.asarray(value).dtype == object:
            assert actual[key].tolist() == value.tolist()
        else:
            np.testing.assert_allclose(actual[key], value, rtol=1e-5, err_msg=key)


def test_every_graph_of_every_model_has_expected_numbers() -> None:
    graphs = {
        (name, *graph.meta_info_def.tags) for name in NAMES for graph in read(name).meta_graphs
    }
    assert graphs == set(EXPECTED)


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_canonical(name: str) -> None:
    saved_model = read(name)
    pool: Any = saved_model.DESCRIPTOR.file.pool
    text = text_format.MessageToString(saved_model, descriptor_pool=pool)
    assert text == (FOLDER / name / "saved_model.pbtxt").read_text()


def test_readme_describes_every_model() -> None:
    described = re.findall(r"^\| `(\w+)` \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(described) == NAMES


@pytest.mark.tensorflow
def test_fingerprint_is_that_of_the_model(fixture_model: ModelFactory) -> None:
    from tensorflow.core.protobuf.fingerprint_pb2 import FingerprintDef
    from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

    model = fixture_model("tf2_linear")
    stored = FingerprintDef.FromString((model / "fingerprint.pb").read_bytes())
    computed = FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(str(model)))
    computed.uuid = stored.uuid
    assert stored == computed


def test_shared_model_shares_a_node_and_a_function() -> None:
    meta_graph = only_graph("tf2_shared")
    nodes = meta_graph.object_graph_def.nodes
    (signatures,) = (n for n in nodes if n.user_object.identifier == "signature_map")
    node_ids = {child.local_name: child.node_id for child in signatures.children}
    assert node_ids["alias"] == node_ids["serving_default"] != node_ids["twin"]
    first, twin = (nodes[node_ids[key]].bare_concrete_function for key in ("alias", "twin"))
    assert first.concrete_function_name == twin.concrete_function_name


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("tf1_shared", {"y": ("serving_default", "y"), "x": ("serving_default", "x")}),
        ("tf1_eval", {key: ("eval", f"features/{key}") for key in ("y", "label", "x")}),
    ],
)
def test_collections_hold_copies_of_tensor_infos(
    name: str, keys: dict[str, tuple[str, str]]
) -> None:
    meta_graph = only_graph(name)
    group = "evaluation_only/label_graph/features"
    encoded = meta_graph.collection_def[f"{group}/key"].bytes_list.value
    assert encoded == [f"$Bytes${key}".encode() for key in keys]
    copies = meta_graph.collection_def[f"{group}/node"].any_list.value
    for copy, (signature, key) in zip(copies, keys.values(), strict=True):
        info = meta_graph.signature_def[signature].inputs[key]
        assert copy.value == info.SerializeToString()


def test_defaults() -> None:
    tf1 = only_graph("tf1_shared").signature_def["serving_default"].defaults
    assert {key: list(value.float_val) for key, value in tf1.items()} == {"scale": [10.0]}
    tf2 = only_graph("tf2_defaults").signature_def["serving_default"].defaults
    assert sorted(tf2) == ["offset", "scale"]


def test_interior_inputs_have_variables_tables_conditions_and_frames_behind_them() -> None:
    nodes = {node.name: node for node in only_graph("tf1_interior").graph_def.node}
    assert list(nodes["x"].input) == ["parse/parse"]
    assert "^checked" in nodes["h"].input
    assert list(nodes["checked"].input) == ["All", "x"]
    assert list(nodes["h"].attr["_class"].list.s) == [b"loc:@x"]
    assert list(nodes["loop/Enter_1"].input) == ["h"]
    assert list(nodes["loop/sub/ReadVariableOp/Enter"].input) == ["w"]
    assert nodes["y"].input[0] == "loop/Exit_1"


def test_interior_tensor_of_a_function_that_the_function_of_the_signature_calls() -> None:
    library = only_graph("tf2_image").graph_def.library.function
    (owner,) = (f for f in library for node in f.node_def if node.name == "pool/Mean")
    callers = [f.signature.name for f in library for n in f.node_def if calls(n, owner)]
    assert [re.sub(r"_\d+$", "", name) for name in callers] == ["__inference_predict"]


def calls(node: Any, function: Any) -> bool:
    return bool(node.attr["f"].func.name == function.signature.name)


@pytest.mark.tensorflow
def test_warmup_requests() -> None:
    import tensorflow as tf

    path = FOLDER / "tf2_warmup" / "assets.extra" / "tf_serving_warmup_requests"
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    logs = [protos.PredictionLog.FromString(record) for record in records]
    assert [log.WhichOneof("log_type") for log in logs] == [
        "predict_log",
        "predict_log",
        "classify_log",
        "regress_log",
        "multi_inference_log",
    ]
    plain, filtered = (log.predict_log.request for log in logs[:2])
    assert (plain.model_spec.signature_name, list(plain.output_filter)) == ("", [])
    assert filtered.model_spec.signature_name == "serving_default"
    assert list(filtered.output_filter) == ["s"]
    tasks = logs[4].multi_inference_log.request.tasks
    assert [task.model_spec.signature_name for task in tasks] == ["classify", "regress"]

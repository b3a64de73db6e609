from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.patching.compile import compile_patch
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.model import open_model
from sigpb.tf.tensor_types import TensorType, dtype_of
from sigpb.verifying.examples import as_examples
from sigpb.verifying.from_plan import mapping_of
from sigpb.verifying.mapping import FunctionPlace, SignatureMapping
from tests.patches import ModelFactory


def mapping(model: ModelFactory, name: str, text: str) -> SignatureMapping:
    """What becomes of ``serving_default``."""
    with open_model(model(name)) as opened:
        found = mapping_of(opened, compile_patch(opened, parse_text(text)))
    [signature] = [
        each for each in found.meta_graphs[0].signatures if each.new == "serving_default"
    ]
    return signature


def test_features_are_what_the_new_model_is_fed(fixture_model: ModelFactory) -> None:
    text = """
        signature {
            key: "serving_default"
            examples: "examples"
            input { key: "x" rename_to: "a" dtype: "uint8" }
            input { key: "b" dtype: "float64" }
        }
    """
    signature = mapping(fixture_model, "tf2_linear", text)
    assert signature.examples == "examples"
    read = {each.new: each.components[0].type for each in signature.inputs}
    assert read == {
        "a": TensorType(dtype_of("int64"), (None, 3)),
        "b": TensorType(dtype_of("float32"), (None, 3)),
    }
    values = {"a": np.int64([[1, 2, 3], [4, 5, 6]]), "b": np.float32([[7, 8, 9], [0.5, 0, -1]])}
    fed = as_examples(signature, values)
    first, second = map(protos.Example.FromString, fed["examples"])
    assert list(first.features.feature["a"].int64_list.value) == [1, 2, 3]
    assert list(second.features.feature["a"].int64_list.value) == [4, 5, 6]
    assert list(second.features.feature["b"].float_list.value) == [0.5, 0, -1]


@pytest.mark.tensorflow
def test_defaults_are_those_of_the_model(fixture_model: ModelFactory, tmp_path: Path) -> None:
    """Some rows leave out the features that have a default."""
    model, text = fixture_model("tf2_linear"), 'key: "serving_default" examples: "examples"'
    right, wrong = (
        parse_text(f'signature {{ {text} input {{ key: "b" default: "[[7, 8, {last}]]" }} }}')
        for last in (9, 10)
    )
    sigpb.patch(model, right, output_dir=tmp_path / "new")
    for patch, verdict in ((right, "equivalent"), (wrong, "different")):
        found = sigpb.verify(model, tmp_path / "new", patch, loaders=["v1"], batch_sizes=[2])
        assert found.verdict == verdict


def test_signature_that_the_old_model_does_not_have(fixture_model: ModelFactory) -> None:
    text = 'signature { key: "serving_default" from_function: "predict" }'
    signature = mapping(fixture_model, "tf2_functions", text)
    assert signature.function == FunctionPlace(("predict",), 0)
    assert signature.concerned

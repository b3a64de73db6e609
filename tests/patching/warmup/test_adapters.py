"""Requests for a signature that gets adapters: kept where they still fit, and refused elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.files import WARMUP_PATH
from tests.patches import ModelFactory
from tests.patching.warmup.serving import with_requests

IDS = protos.TensorProto(
    dtype=9,
    tensor_shape=protos.TensorShapeProto(
        dim=[protos.TensorShapeProto.Dim(size=1), protos.TensorShapeProto.Dim(size=8)]
    ),
    int64_val=[1],
)


@pytest.fixture
def reviews(fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = fixture_model("tokenize").parent
    shutil.copytree(fixture_model("calibrate"), home / "calibrate")
    monkeypatch.chdir(home)
    return fixture_model("reviews")


def asking_for(model: Path, *outputs: str) -> Path:
    log = protos.PredictionLog()
    log.predict_log.request.model_spec.signature_name = "serving_default"
    log.predict_log.request.inputs["ids"].CopyFrom(IDS)
    log.predict_log.request.output_filter.extend(outputs)
    return with_requests(model, [log])


def graft(model: Path, text: str, **options: object) -> None:
    patch = parse_text(f'signature {{ key: "serving_default" {text} }}')
    sigpb.patch(model, patch, in_place=True, backup=False, **options)  # type: ignore[arg-type]


def test_no_values_are_known_that_an_adapter_turns_into_those_that_were_sent(reviews: Path) -> None:
    asking_for(reviews)
    with pytest.raises(sigpb.PatchError, match="an adapter comes before signature"):
        graft(reviews, 'before { model: "tokenize" }')
    graft(reviews, 'before { model: "tokenize" }', warmup="drop")
    assert not (reviews / WARMUP_PATH).exists()


def test_behind_the_signature_they_stay(reviews: Path) -> None:
    asking_for(reviews)
    before = (reviews / WARMUP_PATH).read_bytes()
    graft(reviews, 'after { model: "calibrate" }')
    assert (reviews / WARMUP_PATH).read_bytes() == before


def test_an_output_that_is_asked_for_has_to_stay(reviews: Path) -> None:
    asking_for(reviews, "logits")
    with pytest.raises(sigpb.PatchError, match="asks for the output 'logits', which an adapter"):
        graft(reviews, 'after { model: "calibrate" }')


def test_requests_for_the_composed_signature_go_with_it(reviews: Path) -> None:
    asking_for(reviews)
    graft(reviews, 'before { model: "tokenize" }', warmup="drop")
    log = protos.PredictionLog()
    log.predict_log.request.model_spec.signature_name = "serving_default"
    text = log.predict_log.request.inputs["text"]
    text.dtype = 7
    text.tensor_shape.dim.add(size=1)
    text.string_val.append(b"a film")
    with_requests(reviews, [log])
    with pytest.raises(sigpb.PatchError, match="it lacks the input 'ids', which is added"):
        graft(reviews, 'ungraft: "tokenize"')

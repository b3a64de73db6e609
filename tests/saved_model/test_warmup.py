from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.saved_model import warmup
from sigpb.saved_model.warmup import WarmupRequest, read_requests

ModelFactory = Callable[..., Path]


def record(data: bytes) -> bytes:
    """A record of a TFRecord file. Nobody looks at its checksums."""
    return struct.pack("<QI", len(data), 0) + data + bytes(4)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        (tmp_path / "assets.extra").mkdir(exist_ok=True)
        (tmp_path / warmup.PATH).write_bytes(data)
        return tmp_path

    return write


def predict(signature: str = "", inputs: str = "", outputs: str = "") -> protos.PredictionLog:
    log = protos.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    for key in inputs.split():
        request.inputs[key].SetInParent()
    request.output_filter.extend(outputs.split())
    return log


def multi_inference(*signatures: str) -> protos.PredictionLog:
    log = protos.PredictionLog()
    for signature in signatures:
        log.multi_inference_log.request.tasks.add().model_spec.signature_name = signature
    return log


def test_model_without_requests(tmp_path: Path) -> None:
    assert read_requests(tmp_path) == []


def test_requests_that_tensorflow_serving_logged(fixture_model: ModelFactory) -> None:
    assert read_requests(fixture_model("tf2_warmup")) == [
        WarmupRequest("serving_default", ("b", "x")),
        WarmupRequest("serving_default", ("b", "x"), ("s",)),
        WarmupRequest("classify"),
        WarmupRequest("regress"),
        WarmupRequest("classify"),
        WarmupRequest("regress"),
    ]


def test_kinds_of_requests(write: Callable[[bytes], Path]) -> None:
    classify, regress = protos.PredictionLog(), protos.PredictionLog()
    classify.classify_log.request.model_spec.signature_name = "c"
    regress.regress_log.request.SetInParent()
    logs = [
        *(predict("p", "a", "z y"), classify, regress, multi_inference("one", "")),
        *(protos.PredictionLog(), multi_inference()),
    ]

    directory = write(b"".join(record(log.SerializeToString()) for log in logs))

    assert read_requests(directory) == [
        WarmupRequest("p", ("a",), ("z", "y")),
        WarmupRequest("c"),
        WarmupRequest("serving_default"),
        WarmupRequest("one"),
        WarmupRequest("serving_default"),
    ]


def test_inputs_are_sorted(write: Callable[[bytes], Path]) -> None:
    # A map of protobuf has no order, and another one in every process.
    log = predict("p", "h d a c b f g e", "z y")
    (request,) = read_requests(write(record(log.SerializeToString())))
    assert "".join(request.inputs) == "abcdefgh"


def test_empty_file(write: Callable[[bytes], Path]) -> None:
    assert read_requests(write(b"")) == []


WHOLE = record(predict("p", "a").SerializeToString())


@pytest.mark.parametrize(
    "data",
    [
        *(WHOLE[:end] for end in range(1, len(WHOLE))),
        WHOLE + b"\x00",
        record(b"\xff"),
        struct.pack("<QI", 2**64 - 1, 0) + bytes(100),
        b"not a TFRecord file",
    ],
)
def test_damaged_file(write: Callable[[bytes], Path], data: bytes) -> None:
    directory = write(data)
    with pytest.raises(ModelUnreadable) as error:
        read_requests(directory)
    where = directory / "assets.extra" / "tf_serving_warmup_requests"
    assert str(error.value).startswith(f"{where}: not a TFRecord file of PredictionLogs: ")


@pytest.mark.tensorflow
def test_file_that_tensorflow_wrote(tmp_path: Path) -> None:
    import tensorflow as tf

    (tmp_path / "assets.extra").mkdir()
    logs = [predict("p", "a b"), predict(), multi_inference("one", "two")]
    with tf.io.TFRecordWriter(str(tmp_path / warmup.PATH)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())
    assert [request.signature for request in read_requests(tmp_path)] == [
        *("p", "serving_default", "one", "two")
    ]

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.saved_model.files import WARMUP_PATH
from sigpb.saved_model.tf_record import write_records
from sigpb.saved_model.warmup import read_requests, signature_key

ModelFactory = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        (tmp_path / "assets.extra").mkdir(exist_ok=True)
        (tmp_path / WARMUP_PATH).write_bytes(data)
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


LOGS = [predict("p", "a b", "z y"), protos.PredictionLog(), predict()]
RECORDS = [log.SerializeToString() for log in LOGS]


def test_model_without_requests(tmp_path: Path) -> None:
    assert read_requests(tmp_path) == []


def test_requests_that_tensorflow_serving_logged(fixture_model: ModelFactory) -> None:
    kinds = [
        each.log().WhichOneof("log_type") for each in read_requests(fixture_model("tf2_warmup"))
    ]
    assert kinds == [
        *("predict_log", "predict_log", "classify_log", "regress_log", "multi_inference_log")
    ]


def test_requests_and_their_bytes(write: Callable[[bytes], Path]) -> None:
    requests = read_requests(write(write_records(RECORDS)))
    assert [request.log() for request in requests] == LOGS
    assert [request.record for request in requests] == RECORDS


def test_signature_key() -> None:
    assert signature_key(predict("p").predict_log.request.model_spec) == "p"
    assert signature_key(predict().predict_log.request.model_spec) == "serving_default"


def test_empty_file(write: Callable[[bytes], Path]) -> None:
    assert read_requests(write(b"")) == []


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (write_records(RECORDS)[:-1], "record 3 ends after the file."),
        (write_records([*RECORDS, b"\xff"]), "record 4 is none: "),
        (b"not a TFRecord file", "the length of record 1 does not have the checksum"),
    ],
    ids=["cut off", "no PredictionLog", "something else"],
)
def test_damaged_file(write: Callable[[bytes], Path], data: bytes, problem: str) -> None:
    directory = write(data)
    with pytest.raises(ModelUnreadable) as error:
        read_requests(directory)
    where = directory / "assets.extra" / "tf_serving_warmup_requests"
    said = f"{where}: not a TFRecord file of PredictionLogs: {problem}"
    assert str(error.value).startswith(said)

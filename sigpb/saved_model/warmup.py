"""The warm-up requests beside a model, which TensorFlow Serving replays when it loads it.

They are a TFRecord file of PredictionLogs; one request that does not fit the signatures makes the
load fail (tensorflow_serving/servables/tensorflow/saved_model_warmup_util.cc).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.errors import ModelUnreadable

PATH = "assets.extra/tf_serving_warmup_requests"
_DEFAULT_SIGNATURE = "serving_default"
_LENGTH_AND_CHECKSUM = struct.Struct("<QI")
_CHECKSUM_SIZE = 4


@dataclass(frozen=True)
class WarmupRequest:
    """What a warm-up request names.

    Attributes:
        signature: The key of the signature.
        inputs: Keys of inputs. Classify and Regress requests name none.
        outputs: Keys of outputs.
    """

    signature: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def read_requests(directory: Path) -> list[WarmupRequest]:
    """Returns what a model's warm-up requests name; nothing if there are none.

    Raises:
        ModelUnreadable: If the file is damaged.
    """
    file = directory / PATH
    if not file.exists():
        return []
    try:
        logs = [protos.PredictionLog.FromString(record) for record in _records(file.read_bytes())]
    except (struct.error, DecodeError, UnicodeDecodeError) as error:
        raise ModelUnreadable(f"{file}: not a TFRecord file of PredictionLogs: {error}.") from error
    return [request for log in logs for request in _requests(log)]


def _records(data: bytes) -> Iterator[bytes]:
    """Yields the records of a TFRecord file (tensorflow/core/lib/io/record_writer.h)."""
    position = 0
    while position < len(data):
        length, _ = _LENGTH_AND_CHECKSUM.unpack_from(data, position)
        start = position + _LENGTH_AND_CHECKSUM.size
        if start + length + _CHECKSUM_SIZE > len(data):
            raise struct.error(f"the record at byte {position} ends after the file")
        yield data[start : start + length]
        position = start + length + _CHECKSUM_SIZE


def _requests(log: protos.PredictionLog) -> Iterator[WarmupRequest]:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        yield WarmupRequest(
            _signature(request.model_spec),
            tuple(sorted(request.inputs)),
            tuple(request.output_filter),
        )
    elif kind == "classify_log":
        yield WarmupRequest(_signature(log.classify_log.request.model_spec))
    elif kind == "regress_log":
        yield WarmupRequest(_signature(log.regress_log.request.model_spec))
    elif kind == "multi_inference_log":
        for task in log.multi_inference_log.request.tasks:
            yield WarmupRequest(_signature(task.model_spec))


def _signature(model_spec: protos.ModelSpec) -> str:
    return model_spec.signature_name or _DEFAULT_SIGNATURE

"""The warm-up requests beside a model, which TensorFlow Serving replays when it loads it.

They are a TFRecord file of PredictionLogs; one request that does not fit the signatures makes the
load fail (tensorflow_serving/servables/tensorflow/saved_model_warmup_util.cc).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.saved_model.files import WARMUP_PATH, read_side_file
from sigpb.saved_model.tf_record import DamagedRecord, read_records
from sigpb.tf.serving import DEFAULT_SIGNATURE


@dataclass(frozen=True, slots=True)
class WarmupRequest:
    """A warm-up request.

    Attributes:
        record: Its bytes in the file.
    """

    record: bytes

    def log(self) -> protos.PredictionLog:
        """Parses it. What is parsed takes many times the memory, and files hold thousands."""
        return protos.PredictionLog.FromString(self.record)


def read_requests(directory: Path) -> list[WarmupRequest]:
    """Returns a model's warm-up requests; nothing if there are none.

    Raises:
        ModelUnreadable: If the file is damaged.
    """
    file = directory / WARMUP_PATH
    content = read_side_file(file)
    if content is None:
        return []
    requests: list[WarmupRequest] = []
    try:
        for record in read_records(content):
            request = WarmupRequest(record)
            request.log()
            requests.append(request)
    except DamagedRecord as error:
        raise ModelUnreadable(f"{file}: not a TFRecord file of PredictionLogs: {error}.") from error
    except (DecodeError, UnicodeDecodeError) as error:
        raise ModelUnreadable(
            f"{file}: not a TFRecord file of PredictionLogs: record {len(requests) + 1} is none: "
            f"{error}."
        ) from error
    return requests


def signature_key(model_spec: protos.ModelSpec) -> str:
    """Returns the key of the signature that a request is for."""
    return model_spec.signature_name or DEFAULT_SIGNATURE

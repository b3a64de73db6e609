"""What a patch writes is the same whatever versions of Python and protobuf are installed.

The digests are to be changed only together with what a patch writes. Keys such as x and x_1, of
which one begins the other, are those that versions of protobuf sort differently.
"""

from __future__ import annotations

import hashlib

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.files import WARMUP_PATH
from sigpb.saved_model.history import signatures_digest
from tests.patches import MAIN, ModelFactory, read

SERVING = 'signature {{ key: "serving_default" {} }}'
LINEAR = """
    input { key: "x" rename_to: "x_1" dtype: "int64" shape: "[?,3,1]" }
    input { key: "b" rename_to: "x" }
    output { key: "p" rename_to: "p_1" }
    output { key: "s" rename_to: "p" dtype: "string" }
    """
SHARED = """
    input { key: "x" rename_to: "y_1" dtype: "int64" }
    input { key: "scale" default: "3" }
    output { key: "sum" rename_to: "difference_1" dtype: "float64" }
    """


@pytest.mark.parametrize(
    ("name", "endpoints", "digest"),
    [
        ("tf2_linear", LINEAR, "63b164c86a54a5d7"),
        ("tf1_shared", SHARED, "e6a30f539e815922"),
        ("tf1_fixed_batch", 'input { key: "x" dtype: "int64" }', "66504ad4e4730076"),
        ("tf2_fixed_batch", 'batch_size: "?"', "78a4a809babae16f"),
        ("tf2_image", 'output { key: "p" from_tensor: "pool/Mean:0" }', "e4a62df083486066"),
        ("tf2_warmup", LINEAR, "9fc2e12e3cb49ce2"),
    ],
)
def test_of_models(fixture_model: ModelFactory, name: str, endpoints: str, digest: str) -> None:
    model = fixture_model(name)
    # Fixtures are text; what is not patched has to be the same bytes, too.
    (model / MAIN).write_bytes(deterministic_bytes(read(model)))
    sigpb.patch(model, parse_text(SERVING.format(endpoints)), in_place=True)
    written = (model / MAIN).read_bytes()
    if (model / WARMUP_PATH).exists():
        written += (model / WARMUP_PATH).read_bytes()
    assert hashlib.sha256(written).hexdigest()[:16] == digest


def test_of_the_record() -> None:
    signature = protos.SignatureDef()
    for key in ("x_1", "x", "x1"):
        signature.inputs[key].name = f"{key}:0"
    digest = signatures_digest([(["serve"], {"serving_default": signature})])
    assert digest[:16] == "1347b54bd6364d61"

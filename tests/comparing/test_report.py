"""The JSON of what is different, where it is not the fields of what `compare` returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sigpb import protos
from sigpb.comparing.difference import (
    FilesDifference,
    GraphDifference,
    MetaGraphDifference,
    ModelDifference,
    NameChanges,
    SectionDifference,
)
from sigpb.comparing.report import difference_json
from sigpb.comparing.signature_difference import EndpointChange, SignatureDifference, StatedEndpoint

FLOAT, INT32 = 1, 3


def shown(*endpoints: EndpointChange) -> Any:
    change = SignatureDifference("old", "new", False, "m", "m", endpoints)
    section = SectionDifference("signature_def", 1, 2, 3, 4, ((5, 9),))
    graph = MetaGraphDifference(
        ("serve",), ("serve",), (change,), (), NameChanges(), GraphDifference(), (), (section,)
    )
    files = FilesDifference()
    (found,) = difference_json(
        ModelDifference(Path("a"), Path("b"), 1, 2, (), (), (graph,), files)
    )["meta_graphs"]
    return found


def test_sections_say_of_which_model_the_bytes_are() -> None:
    assert shown()["sections"] == [
        {
            "name": "signature_def",
            "bytes_before": 1,
            "bytes_after": 2,
            "removed": 3,
            "added": 4,
            "ranges": [[5, 9]],
        }
    ]


def test_dtypes_and_defaults_are_written_as_patches_state_them() -> None:
    default = protos.TensorProto(dtype=FLOAT, float_val=[0.5])
    before = StatedEndpoint("x", "dense", FLOAT, (None, 3), ("x:0",), default)
    after = StatedEndpoint("x", "dense", FLOAT, None, ("x:0",))
    change = EndpointChange("input", before, after, "tensor", by_way_of=INT32)
    (signature,) = shown(change)["signatures"]
    (found,) = signature["endpoints"]
    assert (signature["before"], signature["after"]) == ("old", "new")
    assert found["by_way_of"] == "int32"
    assert found["before"] == {
        "key": "x",
        "encoding": "dense",
        "dtype": "float32",
        "shape": [None, 3],
        "tensors": ["x:0"],
        "default": "0.5",
    }
    assert (found["after"]["shape"], found["after"]["default"]) == (None, None)
    assert list(found) == [
        "side",
        "before",
        "after",
        "evidence",
        "rewired",
        "by_way_of",
        "computed_by",
        "bound",
        "tensor",
        "node_name",
    ]

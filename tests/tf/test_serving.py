from __future__ import annotations

from sigpb.tf.serving import CLASSIFY, METHODS, PREDICT, REGRESS, unknown_method, wrong_dtypes


def test_methods() -> None:
    assert [unknown_method(each) for each in METHODS] == ["", "", ""]
    assert unknown_method("predict").startswith("The method name is 'predict'; TensorFlow Serving")


def test_dtypes() -> None:
    assert list(wrong_dtypes(PREDICT, {"inputs": "float32"}, {"scores": "float64"})) == []
    examples = {"inputs": "string"}
    assert not [*wrong_dtypes(CLASSIFY, examples, {"classes": "string", "scores": "float32"})]
    assert not [*wrong_dtypes(REGRESS, {}, {})]
    assert [each[:2] for each in wrong_dtypes(REGRESS, {"inputs": "int64"}, {})] == [
        ("input", "inputs")
    ]
    assert list(wrong_dtypes(CLASSIFY, examples, {"classes": "int64", "scores": "float64"})) == [
        (
            "output",
            "classes",
            f"TensorFlow Serving answers {CLASSIFY} requests from an output of string, not int64.",
        ),
        (
            "output",
            "scores",
            f"TensorFlow Serving answers {CLASSIFY} requests from an output of float32, not "
            "float64.",
        ),
    ]

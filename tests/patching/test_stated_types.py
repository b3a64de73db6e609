from __future__ import annotations

import pytest

from tests.patches import ModelFactory, apply, assert_unchanged, refusal, refusals
from tests.views import outline


def test_the_types_there_are(fixture_model: ModelFactory) -> None:
    assert_unchanged(
        fixture_model("tf2_linear"),
        """
        signature {
            key: "serving_default"
            input { key: "x" dtype: "float32" shape: "[?, 3]" }
            output { key: "p" shape: "[?,3]" }
        }
        """,
    )
    assert_unchanged(
        fixture_model("tf1_shared"),
        """
        signature { key: "serving_default" input { key: "scale" dtype: "float32" shape: "[]" } }
        signature { key: "classify" output { key: "classes" dtype: "string" } }
        """,
    )


def test_beside_a_rename(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    patch = """
        signature {
            key: "other"
            input { key: "x" rename_to: "image" dtype: "float32" shape: "[?,3]" }
        }
        """
    assert outline(apply(model, patch))["other"] == "image, y -> q, r"
    assert_unchanged(model, patch)


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ('dtype: "uint8"', "has the dtype float32, not uint8"),
        ('shape: "[8,3]"', "has the shape [?,3], not [8,3]"),
        ('shape: "<unknown>"', "has the shape [?,3], not <unknown>"),
        ('rename_to: "image" dtype: "uint8"', "has the dtype float32, not uint8"),
    ],
    ids=["dtype", "shape", "rank", "beside a rename"],
)
def test_other_types_are_refused(fixture_model: ModelFactory, wanted: str, problem: str) -> None:
    """Nothing that a patch says is left out in silence."""
    assert (
        refusal(
            fixture_model("tf2_linear"),
            f'signature {{ key: "other" input {{ key: "x" {wanted} }} }}',
        )
        == f"signature 'other': input 'x' {problem}, and this version of sigpb cannot change it."
    )


def test_both_are_told(fixture_model: ModelFactory) -> None:
    patch = """
        signature {
            key: "copy"
            copy_of: "single"
            output { key: "u" dtype: "int64" shape: "[]" }
        }
        """
    assert len(refusals(fixture_model("tf2_linear"), patch)) == 2


def test_of_a_copy_that_is_there(fixture_model: ModelFactory) -> None:
    copy = 'signature {{ key: "alias" copy_of: "serving_default" input {{ key: "x" {} }} }}'
    assert_unchanged(fixture_model("tf2_shared"), copy.format('dtype: "float32"'))
    assert "has the dtype float32, not uint8" in refusal(
        fixture_model("tf2_shared"), copy.format('dtype: "uint8"')
    )

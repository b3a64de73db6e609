"""coremltools converts the signatures of a patched model; outside of macOS it cannot run them.

It takes a concrete function, names what goes in and comes out after the function's arguments and
the nodes of its results, and knows only the first result of a node.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.patches import ModelFactory

pytestmark = [pytest.mark.consumers, pytest.mark.tensorflow]


@pytest.mark.parametrize(
    ("name", "patch", "expected"),
    [
        (
            "tf2_linear",
            """signature { key: "serving_default"
                 input { key: "b" rename_to: "y" } input { key: "x" rename_to: "c" }
                 output { key: "p" rename_to: "z" } output { key: "s" rename_to: "a" } }""",
            ({"c", "y"}, {"a", "z"}),
        ),
        (
            "tf2_linear",
            """signature { key: "serving_default" batch_size: "3" }""",
            ({"b", "x"}, {"p", "s"}),
        ),
        (
            "tf2_fixed_batch",
            """signature { key: "serving_default" batch_size: "?" output { key: "total" drop: true }
                 input { key: "x" rename_to: "image" shape: "[?,2,2]" } }""",
            ({"image"}, {"y"}),
        ),
    ],
    ids=["order", "fixed batch", "open batch"],
)
def test_converts_a_signature_and_shows_its_keys(
    fixture_model: ModelFactory,
    tmp_path: Path,
    name: str,
    patch: str,
    expected: tuple[set[str], set[str]],
) -> None:
    import coremltools

    patched = tmp_path / "patched"
    sigpb.patch(fixture_model(name), parse_text(patch), output_dir=patched)
    loaded = model_runner.load_v2(patched, ("serve",))
    converted = coremltools.convert(
        [loaded.signatures["serving_default"]],
        source="tensorflow",
        convert_to="mlprogram",
        skip_model_load=True,
    )
    description = converted.get_spec().description
    names = tuple({each.name for each in side} for side in (description.input, description.output))
    assert names == expected

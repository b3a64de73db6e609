from __future__ import annotations

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.edits.in_tensorflow import SERVE
from tests.patches import MAIN, ModelFactory, apply, assert_twice_is_once, assert_unchanged, refusal
from tests.views import signature_map

POSITIONAL = 'signature { key: "serving_default" positional: true }'


def allowed(graph: protos.MetaGraphDef) -> dict[str, int]:
    nodes = graph.object_graph_def.nodes
    return {
        child.local_name: nodes[child.node_id].bare_concrete_function.allowed_positional_arguments
        for child in signature_map(graph).children
    }


class TestChanged:
    def test_only_this_signature(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf2_linear"), POSITIONAL)
        assert allowed(after) == {"serving_default": 2, "other": 0, "single": 1}

    def test_one_of_two_that_share_a_node(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf2_shared"), 'signature { key: "alias" positional: true }')
        assert allowed(after) == {"serving_default": 0, "alias": 2, "twin": 0}

    def test_it_follows_the_inputs(self, fixture_model: ModelFactory) -> None:
        """One input that is left can be passed by position, as if it had been exported alone."""
        after = apply(
            fixture_model("tf2_linear"),
            'signature { key: "serving_default" input { key: "b" bind: "1" } }',
        )
        assert allowed(after)["serving_default"] == 1
        model = fixture_model("tf2_many")
        assert allowed(apply(model, POSITIONAL))["serving_default"] == 4
        bound = apply(model, 'signature { key: "serving_default" input { key: "a" bind: "1" } }')
        assert allowed(bound)["serving_default"] == 3

    def test_inverse(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        inverse = sigpb.invert(model, parse_text(POSITIONAL))
        apply(model, POSITIONAL)
        sigpb.patch(model, inverse, in_place=True)
        assert (model / MAIN).read_bytes() == before


class TestUnchanged:
    def test_twice(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_linear"), POSITIONAL)

    @pytest.mark.parametrize("key", ["single", "other"])
    def test_it_is_so(self, fixture_model: ModelFactory, key: str) -> None:
        is_so = "true" if key == "single" else "false"
        assert_unchanged(
            fixture_model("tf2_linear"), f'signature {{ key: "{key}" positional: {is_so} }}'
        )


class TestRefused:
    def test_without_an_object_graph(self, fixture_model: ModelFactory) -> None:
        assert "decides by itself" in refusal(fixture_model("tf1_shared"), POSITIONAL)


@pytest.mark.tensorflow
def test_inputs_go_by_argument_names(fixture_model: ModelFactory) -> None:
    """Sorted ones: ``b, x``, whatever the order in the function was."""
    import tensorflow as tf

    model = fixture_model("tf2_linear")
    b, x = tf.constant(np.float32([[1, 2, 3]])), tf.constant(np.float32([[40, 50, 60]]))
    loaded = model_runner.load_v2(model, SERVE).signatures["serving_default"]
    with pytest.raises(TypeError, match="takes 0 positional arguments"):
        loaded(b, x)
    expected = loaded(x=x, b=b)
    apply(model, POSITIONAL)
    patched = model_runner.load_v2(model, SERVE)
    found = patched.signatures["serving_default"](b, x)
    for key, value in expected.items():
        np.testing.assert_array_equal(value, found[key])

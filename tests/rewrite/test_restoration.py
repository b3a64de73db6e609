"""The way back: which signatures become what they were before sigpb spliced anything for them."""

from __future__ import annotations

from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.graphs import redirection
from sigpb.patching.patch_file import parse_text
from tests.patches import MAIN, ModelFactory, altered, apply, only_graph, refusals

DEFAULT = 'signature {{ key: "serving_default" {} }}'.format

THERE_AND_BACK = {
    "a batch size": (
        "tf2_linear",
        'batch_size: "3"',
        'input { key: "x" shape: "[?,3]" } input { key: "b" shape: "[?,3]" }'
        'output { key: "p" shape: "[?,3]" } output { key: "s" shape: "[?,3]" }',
    ),
    "a batch size, without naming the outputs": (
        "tf2_linear",
        'batch_size: "3"',
        'batch_size: "?"',
    ),
    "a batch size that was opened": ("tf2_fixed_batch", 'batch_size: "?"', 'batch_size: "1"'),
    "the same in a session's graph": ("tf1_fixed_batch", 'batch_size: "?"', 'batch_size: "1"'),
    "a dtype and a shape": (
        "tf2_linear",
        'input { key: "x" dtype: "float64" shape: "[?,3,1]" rename_to: "z" }'
        'output { key: "p" dtype: "float64" }',
        'input { key: "z" dtype: "float32" shape: "[?,3]" rename_to: "x" }'
        'output { key: "p" dtype: "float32" }',
    ),
    "an output that was added": (
        "tf2_image",
        'output { key: "pooled" from_tensor: "pool/Mean:0" }',
        'output { key: "pooled" drop: true }',
    ),
    "two patches of a session's graph": (
        "tf1_shared",
        'input { key: "x" dtype: "float64" } input { key: "y" shape: "[3,3]" }',
        'input { key: "x" dtype: "float32" } input { key: "y" shape: "[?,3]" }',
    ),
    "a sparse tensor": (
        "tf1_sparse",
        'input { key: "s" dtype: "float64" }',
        'input { key: "s" dtype: "float32" }',
    ),
}


@pytest.mark.parametrize(("name", "there", "back"), THERE_AND_BACK.values(), ids=THERE_AND_BACK)
def test_the_bytes_are_what_they_were(
    fixture_model: ModelFactory, name: str, there: str, back: str
) -> None:
    model = fixture_model(name)
    before = (model / MAIN).read_bytes()
    apply(model, DEFAULT(there))
    assert (model / MAIN).read_bytes() != before
    apply(model, DEFAULT(back))
    assert (model / MAIN).read_bytes() == before


def added(graph: protos.MetaGraphDef) -> list[str]:
    """The nodes that sigpb added."""
    return [node.name for node in graph.graph_def.node if node.name.startswith("sigpb/")]


def test_another_patch_is_undone_before_it(fixture_model: ModelFactory) -> None:
    """Two patches, of which the second way back ends at the original."""
    model = fixture_model("tf2_linear")
    before = (model / MAIN).read_bytes()
    first = DEFAULT('input { key: "x" dtype: "float64" }')
    second = DEFAULT('input { key: "x" shape: "[?,3,1]" } output { key: "p" dtype: "float64" }')
    undo = sigpb.invert(model, parse_text(first))
    apply(model, first)
    undo_second = sigpb.invert(model, parse_text(second))
    apply(model, second)
    for patch in (undo_second, undo):
        sigpb.patch(model, patch, in_place=True, backup=False)
    assert (model / MAIN).read_bytes() == before


NOT_RESTORED = {
    "values are lost on the way": (
        'input { key: "x" dtype: "int32" }',
        'input { key: "x" dtype: "float32" }',
    ),
    "they are lost in between": (
        'input { key: "x" dtype: "int32" }',
        'input { key: "x" dtype: "float64" }',
        'input { key: "x" dtype: "float32" }',
    ),
    "an input is bound": (
        'input { key: "b" bind: "[[1,2,3]]" } input { key: "x" dtype: "float64" }',
        'input { key: "x" dtype: "float32" }',
    ),
    "a shape stays refined": (
        'input { key: "x" dtype: "float64" shape: "[4,3]" } input { key: "b" shape: "[4,3]" }',
        'input { key: "x" dtype: "float32" }',
    ),
    "the shape is another": (
        'output { key: "p" dtype: "float64" }',
        'output { key: "p" dtype: "float32" shape: "[?,3,1]" }',
    ),
    "another endpoint stays converted": (
        'input { key: "x" dtype: "float64" } output { key: "p" dtype: "float64" }',
        'input { key: "x" dtype: "float32" }',
    ),
    "an output passes steps": (
        'output { key: "p" dtype: "float64" step: "affine(2)" }',
        'output { key: "p" dtype: "float32" }',
    ),
    "an input passes steps": (
        'input { key: "x" dtype: "float64" step: "affine(2)" }',
        'input { key: "x" dtype: "float32" }',
    ),
    "another input passes steps": (
        'input { key: "x" step: "transpose(0, 1)" } input { key: "b" dtype: "float64" }',
        'input { key: "b" dtype: "float32" }',
    ),
    "values of another input are lost in the midst of steps": (
        'input { key: "x" dtype: "float32" step: "cast(\'int32\')" step: "cast(\'float32\')" }'
        'input { key: "b" dtype: "float64" }',
        'input { key: "b" dtype: "float32" }',
    ),
}


@pytest.mark.parametrize("patches", NOT_RESTORED.values(), ids=NOT_RESTORED)
def test_what_is_not_what_it_was_is_converted_once_more(
    fixture_model: ModelFactory, patches: tuple[str, ...]
) -> None:
    model = fixture_model("tf2_linear")
    for patch in patches:
        graph = apply(model, DEFAULT(patch))
    assert len(added(graph)) > 3


def test_a_bound_input_that_has_a_default_stays_bound(fixture_model: ModelFactory) -> None:
    """Its placeholder could do without being fed, but would compute with another value."""
    model = fixture_model("tf1_shared")
    apply(model, DEFAULT('input { key: "scale" bind: "7" } input { key: "x" dtype: "float64" }'))
    graph = apply(model, DEFAULT('input { key: "x" dtype: "float32" }'))
    assert any(node.op == "Const" for node in graph.graph_def.node if node.name in added(graph))
    assert graph.signature_def["serving_default"].inputs["x"].name.startswith("sigpb/")


def test_captures_that_are_others_are_not_taken_back(fixture_model: ModelFactory) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        functions = graph.object_graph_def.concrete_functions
        for name in functions:
            if "sigpb" not in name:
                functions[name].bound_inputs.append(1)

    model = fixture_model("tf2_linear")
    apply(model, DEFAULT('input { key: "x" dtype: "float64" }'))
    altered(model, change)
    graph = apply(model, DEFAULT('input { key: "x" dtype: "float32" }'))
    assert graph.signature_def["serving_default"].inputs["x"].name.startswith("sigpb/")


class TestPlaceholderThatTakesWhatIsComputed:
    """In graphs of many nodes, the old placeholder gets a default in place of copies behind it."""

    @pytest.fixture
    def model(self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(redirection, "_MANY_NODES", 0)
        return fixture_model("tf1_no_variables")

    def test_is_what_it_was(self, model: Path) -> None:
        (key,) = only_graph(model).signature_def
        before = (model / MAIN).read_bytes()
        graph = apply(model, f'signature {{ key: "{key}" input {{ key: "a" dtype: "float64" }} }}')
        assert "PlaceholderWithDefault" in {node.op for node in graph.graph_def.node}
        apply(model, f'signature {{ key: "{key}" input {{ key: "a" dtype: "float32" }} }}')
        assert (model / MAIN).read_bytes() == before

    def test_stays_while_a_copy_feeds_what_it_takes(self, model: Path) -> None:
        (key,) = only_graph(model).signature_def
        apply(model, f'signature {{ key: "{key}" input {{ key: "a" dtype: "float64" }} }}')
        before = apply(model, f'signature {{ key: "copy" copy_of: "{key}" }}')
        graph = apply(model, f'signature {{ key: "{key}" input {{ key: "a" dtype: "float32" }} }}')
        assert graph.signature_def[key].inputs["a"].name == "a:0"
        assert graph.signature_def["copy"] == before.signature_def["copy"]
        assert graph.graph_def == before.graph_def

    def test_keeps_steps(self, model: Path) -> None:
        (key,) = only_graph(model).signature_def
        there = 'input { key: "a" step: "affine(2)" } input { key: "b" dtype: "float64" }'
        apply(model, f'signature {{ key: "{key}" {there} }}')
        graph = apply(model, f'signature {{ key: "{key}" input {{ key: "b" dtype: "float32" }} }}')
        assert "AddV2" in {node.op for node in graph.graph_def.node if node.name in added(graph)}
        assert graph.signature_def[key].inputs["a"].name.startswith("sigpb/")

    def test_keeps_the_constant_of_a_bound_input(self, model: Path) -> None:
        (key,) = only_graph(model).signature_def
        apply(
            model,
            f"""signature {{ key: "{key}" input {{ key: "b" bind: "[[1,2,3]]" }}
              input {{ key: "a" dtype: "float64" }} }}""",
        )
        graph = apply(model, f'signature {{ key: "{key}" input {{ key: "a" dtype: "float32" }} }}')
        assert graph.signature_def[key].inputs["a"].name.startswith("sigpb/")


def test_what_a_copy_uses_stays(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    (key,) = only_graph(model).signature_def
    apply(model, f'signature {{ key: "{key}" input {{ key: "a" dtype: "float64" }} }}')
    spliced = added(only_graph(model))
    graph = apply(model, f'signature {{ key: "copy" copy_of: "{key}" }}')
    tensor = graph.signature_def["copy"].inputs["a"].name
    graph = apply(model, f'signature {{ key: "{key}" input {{ key: "a" dtype: "float32" }} }}')
    assert graph.signature_def["copy"].inputs["a"].name == tensor
    assert graph.signature_def[key].inputs["a"].name != tensor
    assert added(graph) == spliced


def test_a_shape_that_is_neither_is_refused(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    apply(model, DEFAULT('input { key: "x" shape: "[4,3]" } input { key: "b" shape: "[4,3]" }'))
    (problem, *_) = refusals(model, DEFAULT('input { key: "x" shape: "[4,?]" }'))
    assert "dimension 1 of input 'x' cannot be opened" in problem

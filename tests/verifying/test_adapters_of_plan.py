"""What a plan's adapters are to those who run them: names of tensors on both sides."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.model import open_model
from sigpb.verifying import loaders
from sigpb.verifying.composed import with_adapters
from sigpb.verifying.mapping import AdapterMapping, SignatureMapping
from sigpb.verifying.texts import texts_for
from sigpb.verifying.trial import Trial
from sigpb.verifying.verify import misstated_signatures
from tests.patches import ModelFactory, altered
from tests.verifying.mappings import mapping_by, signature_by


@pytest.fixture
def home(fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with models and adapters, which is the current one."""
    home = fixture_model("reviews").parent
    for name in ("tokenize", "calibrate", "tf1_composite"):
        shutil.copytree(fixture_model(name), home / name)
    monkeypatch.chdir(home)
    return home


def tensors(mapping: AdapterMapping) -> tuple[dict[str, str], dict[str, str]]:
    return dict(mapping.takes), dict(mapping.gives)


def patch_of(text: str) -> str:
    return f'signature {{ key: "serving_default" {text} }}'


BOTH = patch_of(
    'before { model: "tokenize" } after { model: "calibrate" freeze: true }'
    'input { key: "text" rename_to: "review" } output { key: "scores" step: "argmax()" }'
)


def test_adapters_are_in_the_order_in_which_they_were_put_there(home: Path) -> None:
    mapping = signature_by(Path("reviews"), BOTH)
    before, after = mapping.adapters
    assert (before.position, before.directory) == ("before", str(home / "tokenize"))
    assert tensors(before) == ({"text": "text"}, {"ids": "ids"})
    assert (after.position, after.tags, after.signature) == (
        "after",
        ("serve",),
        "serving_default",
    )
    assert tensors(after) == (
        {"logits": "logits"},
        {"is_sure": "is_sure", "scores": "scores"},
    )
    assert mapping.in_turn("reviews") == (
        str(home / "tokenize"),
        "reviews",
        str(home / "calibrate"),
    )
    # What the patch says besides is about the keys that the signature has with its adapters.
    assert [(each.old, each.new) for each in mapping.inputs] == [("text", "review")]
    assert {each.old for each in mapping.outputs} == {"scores", "is_sure"}
    assert mapping.concerned


@pytest.mark.usefixtures("home")
def test_signatures_without_adapters_have_none() -> None:
    assert signature_by(Path("reviews"), "").adapters == ()
    assert signature_by(Path("reviews"), "").in_turn("reviews") == ()


@pytest.mark.usefixtures("home")
def test_a_step_has_one_key_outside_and_the_adapters_keys_inside() -> None:
    patch = patch_of('input { key: "ids" step: "model(\'tokenize\')" }')
    (mapping,) = signature_by(Path("reviews"), patch).adapters
    assert tensors(mapping) == ({"ids": "text"}, {"ids": "ids"})


@pytest.mark.usefixtures("home")
def test_all_tensors_of_a_composite_endpoint_are_named() -> None:
    renamed = parse_text(patch_of('input { key: "d" rename_to: "e" }'))
    sigpb.patch("tf1_composite", renamed, output_dir="other")
    patch = patch_of('before { model: "other" map { from: "doubled" to: "r" } }')
    (mapping,) = signature_by(Path("tf1_composite"), patch).adapters
    parts = {f"r_component_{number}": f"r_component_{number}" for number in range(2)}
    assert tensors(mapping) == (
        {"e": "e", **parts},
        {f"doubled_component_{number}": f"r_component_{number}" for number in range(2)},
    )


def test_a_copy_has_the_adapters_of_its_original(home: Path) -> None:
    patch = patch_of('before { model: "tokenize" }') + (
        'signature { key: "copy" copy_of: "serving_default" }'
    )
    (graph,) = mapping_by(home / "reviews", patch).meta_graphs
    assert {each.new: len(each.adapters) for each in graph.signatures} == {
        "serving_default": 1,
        "copy": 1,
    }


def compared(mapping: SignatureMapping, new: str, *loader_names: str) -> set[str]:
    """Compares a patched model with what its adapters and the old model return in turn."""
    tags, adapters = ("serve",), mapping.adapters
    session = loaders.V1("reviews", tags)
    texts = texts_for([*(loaders.V1(each.directory, tags) for each in adapters), session])
    trial = Trial(mapping, (1, 5), texts=tuple(texts))
    reference = with_adapters(session, adapters)
    found = set[str]()
    for load in map(loaders.LOADERS.__getitem__, loader_names):
        old = with_adapters(load("reviews", tags), adapters)
        found.add(trial.run(old, load(new, tags), reference).status)
    return found


def swap_two_words(model: Path) -> None:
    (file,) = (model / "assets").iterdir()
    words = file.read_text().split("\n")
    words[2:4] = words[3], words[2]
    file.write_text("\n".join(words))


@pytest.mark.tensorflow
@pytest.mark.usefixtures("home")
def test_a_patched_model_does_what_its_parts_do_in_turn_and_a_wrong_one_does_not() -> None:
    patch = patch_of(
        'before { model: "tokenize" } after { model: "calibrate" freeze: true }'
        'input { key: "text" rename_to: "review" } output { key: "scores" dtype: "float64" }'
    )
    sigpb.patch("reviews", parse_text(patch), output_dir="new")
    mapping = signature_by(Path("reviews"), patch)
    assert compared(mapping, "new", "v1", "v2") == {"same"}
    swap_two_words(Path("new"))
    assert compared(mapping, "new", "v1") == {"different"}


def test_what_an_adapter_is_taken_out_of_cannot_be_compared(home: Path) -> None:
    before = parse_text(patch_of('before { model: "tokenize" }'))
    sigpb.patch("reviews", before, output_dir="new")
    mapping = signature_by(Path("new"), patch_of('ungraft: "tokenize"'))
    assert "the adapter 'tokenize' is taken out" in mapping.incomparable
    assert mapping.concerned
    whole = mapping_by(Path("new"), patch_of('ungraft: "tokenize"'))
    with open_model("reviews") as model:  # Its keys are not those of the model with the adapter.
        assert not [*misstated_signatures(whole, model)]


def test_an_adapter_that_reaches_outside_is_not_run(home: Path) -> None:
    def read_a_file(graph: protos.MetaGraphDef) -> None:
        graph.graph_def.node.add(name="read", op="ReadFile", input=["x"])

    altered(home / "tokenize", read_a_file)
    patch = parse_text(patch_of('before { model: "tokenize" }'))
    sigpb.patch("reviews", patch, output_dir="new")
    with pytest.raises(sigpb.UnsafeModel, match="The op ReadFile reads any file"):
        sigpb.verify("reviews", "new", patch)

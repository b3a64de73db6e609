"""A patch with patterns does what the patch with the keys does that they stand for."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sigpb
from sigpb import protos
from sigpb.patching.compile import compile_patch
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.history import records
from sigpb.saved_model.model import SavedModel, open_model
from tests.patches import (
    MAIN,
    RECORD,
    ModelFactory,
    altered,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    contents,
    read,
    refusal,
    refusals,
)

SERVING = 'signature {{ key: "serving_default" {} }}'.format


def literal(model: Path, patch: str) -> protos.SavedModelPatch:
    return sigpb.plan(model, parse_text(patch)).patch


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (
            SERVING(r'input { key_pattern: "([ab])" rename_to: "x_\\1" }'),
            SERVING('input { key: "a" rename_to: "x_a" } input { key: "b" rename_to: "x_b" }'),
        ),
        (
            SERVING(r'output { key_pattern: "(.)" rename_to: "\\1" dtype: "f64" }'),
            SERVING("".join(f'output {{ key: "{key}" dtype: "float64" }}' for key in "kmz")),
        ),
        (
            SERVING(
                'input { key_pattern: "a" rename_to: "x" } input { key: "a" dtype: "np.uint8" }'
                'input { key: "b" rename_to: "y" }'
            ),
            SERVING(
                'input { key: "a" rename_to: "x" dtype: "uint8" }input { key: "b" rename_to: "y" }'
            ),
        ),
        (
            r'signature { key_pattern: "(.*)_default" rename_to: "\\1"'
            ' input { key: "a" rename_to: "q" } }',
            'signature { key: "serving_default" rename_to: "serving"'
            ' input { key: "a" rename_to: "q" } }',
        ),
        (
            r'signature { key_pattern: ".*" input { key_pattern: "[cd]" rename_to: "\\g<0>2" } }',
            SERVING('input { key: "c" rename_to: "c2" } input { key: "d" rename_to: "d2" }'),
        ),
        (
            'signature { key: "copy" copy_of: "serving_default"'
            r' input { key_pattern: "[ab]" rename_to: "\\g<0>1" } }',
            'signature { key: "copy" copy_of: "serving_default"'
            ' input { key: "a" rename_to: "a1" } input { key: "b" rename_to: "b1" } }',
        ),
    ],
)
def test_keys_that_patterns_stand_for(
    fixture_model: ModelFactory, tmp_path: Path, patch: str, expected: str
) -> None:
    model = fixture_model("tf2_many")
    assert literal(model, patch) == parse_text(expected)
    for name, text in (("by_pattern", patch), ("by_key", expected)):
        sigpb.patch(model, parse_text(text), output_dir=tmp_path / name, history=False)
    assert contents(tmp_path / "by_pattern") == contents(tmp_path / "by_key")


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (
            SERVING('input { key_pattern: "x.*" rename_to: "y" }'),
            "signature 'serving_default': input 're:x.*' matches nothing; there are 'a', 'b', 'c', "
            "'d'.",
        ),
        (
            'signature { key_pattern: "serving" rename_to: "y" }',
            "signature 're:serving' matches nothing; there are 'serving_default'. It matches a "
            "part of 'serving_default'; write .* where the rest of the key is.",
        ),
        (
            SERVING('input { key_pattern: "[ab]" rename_to: "y" }'),
            "signature 'serving_default': the patch renames two inputs to 'y'.",
        ),
        (
            SERVING('input { key_pattern: "a" rename_to: "c" }'),
            "signature 'serving_default': two inputs would have the key 'c'; give one of them "
            "another key.",
        ),
        (
            SERVING(
                'input { key_pattern: "[ab]" dtype: "uint8" } input { key: "a" dtype: "uint8" }'
            ),
            "signature 'serving_default': input 'a': dtype is stated twice, once by a pattern that "
            "matches this key; state it once.",
        ),
        (
            'signature { key: "other" input { key_pattern: "a" rename_to: "b" } }',
            "there is no signature 'other'; there are 'serving_default'.",
        ),
        (
            'signature { key_pattern: ".*" copy_of: "serving_default" }',
            "signature 're:.*': key_pattern does not go with 'copy_of'; state the key.",
        ),
        (
            SERVING('output { key_pattern: "x" from_tensor: "y" }'),
            "signature 'serving_default': output 're:x' is added, so the patch has to state its "
            "key, and no pattern.",
        ),
        (
            'signature { key: "s" from_function: "f" input { key_pattern: "x" dtype: "int8" } }',
            "signature 's': input 're:x': key_pattern does not go with 'from_function'; state the "
            "key.",
        ),
        (
            SERVING('input { key: "a" key_pattern: "x" }'),
            "signature 'serving_default': input 're:x' has a key, 'a', and a key_pattern; state "
            "one of them.",
        ),
        (
            SERVING('input { key_pattern: "(x" }'),
            "signature 'serving_default': input 're:(x' has a wrong key_pattern, which is not a "
            "regular expression: missing ), unterminated subpattern at position 0.",
        ),
        (
            SERVING('input { key_pattern: "x" rename_to: "y" drop: true }'),
            "signature 'serving_default': input 're:x' is both dropped and renamed.",
        ),
    ],
)
def test_refused(fixture_model: ModelFactory, patch: str, said: str) -> None:
    assert refusal(fixture_model("tf2_many"), patch) == said


def test_a_pattern_that_could_take_for_ever(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_many")
    altered(model, lambda graph: graph.signature_def["other"].inputs["b" * 40].SetInParent())
    assert refusal(
        model, 'signature { key: "other" input { key_pattern: "(b*)*x" drop: true } }'
    ) == (
        "signature 'other': input 're:(b*)*x': there may be more than 100,000,000 ways to match "
        f"the key '{'b' * 40}'; use fewer repetitions, and none inside of another."
    )


def test_all_is_told_at_once(fixture_model: ModelFactory) -> None:
    patch = SERVING('input { key_pattern: "x" } output { key_pattern: "y" }')
    assert len(refusals(fixture_model("tf2_many"), patch)) == 2


def test_metagraphs_with_other_keys(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_two_graphs")
    found = read(model).meta_graphs
    (key,) = {*found[0].signature_def} & {*found[1].signature_def}
    saved_model = read(model)
    signature = saved_model.meta_graphs[0].signature_def[key]
    (first, *_) = signature.inputs
    signature.inputs[f"{first}_2"].CopyFrom(signature.inputs[first])
    (model / MAIN).write_bytes(saved_model.SerializeToString())
    patch = f'signature {{ key: "{key}" input {{ key_pattern: ".*" rename_to: "n_\\\\g<0>" }} }}'
    assert refusal(model, patch) == (
        f"signature {key!r}: input 're:.*' matches different keys in several MetaGraphs; select "
        "one by its tags."
    )
    tags = ", ".join(f'tag: "{tag}"' for tag in found[1].meta_info_def.tags)
    apply(model, f"tags {{ {tags.replace(',', ' ')} }} {patch}")


@pytest.mark.parametrize(
    "patch",
    [
        SERVING(r'input { key_pattern: "([ab])" rename_to: "\\1\\1" }'),
        SERVING(r'input { key_pattern: "(.*)" rename_to: "x_\\1" }'),
        SERVING(r'input { key_pattern: ".*" dtype: "tf.float64" }'),
        r'signature { key_pattern: "(.*)_default" rename_to: "\\1" }',
    ],
)
def test_twice_is_once_by_the_record(fixture_model: ModelFactory, patch: str) -> None:
    model = fixture_model("tf2_many")
    expected = literal(model, patch)
    assert_twice_is_once(model, patch)
    (record,) = records(model)
    assert record["patch_digest"] != record["asked_digest"]
    assert sigpb.patch(model, expected, in_place=True).status == "unchanged"


def test_twice_is_once_by_the_model(fixture_model: ModelFactory) -> None:
    model, patch = (
        fixture_model("tf2_many"),
        SERVING(r'input { key_pattern: "([ab])" rename_to: "in_\\1" }'),
    )
    apply(model, patch)
    (model / RECORD).unlink()
    assert_unchanged(model, patch)


def test_a_pattern_that_matches_its_new_keys_is_not_applied_again_after_another_patch(
    fixture_model: ModelFactory,
) -> None:
    model = fixture_model("tf2_many")
    prefix = SERVING(r'input { key_pattern: "(.*)" rename_to: "x_\\1" }')
    apply(model, prefix)
    apply(model, SERVING('output { key: "k" rename_to: "scores" }'))
    assert refusal(model, prefix) == (
        "signature 'serving_default': input 're:(.*)' matches new keys too, such as 'x_x_a', and "
        "the record says that the patch was applied: it would rename these too. To rename them, "
        "give the patch another id."
    )
    apply(model, f'id: "twice" {prefix}')


def test_a_saved_plan_is_carried_out_and_recorded(
    fixture_model: ModelFactory, tmp_path: Path
) -> None:
    model, file = fixture_model("tf2_many"), tmp_path / "plan.json"
    patch = SERVING(r'input { key_pattern: "([ab])" rename_to: "x\\1" dtype: "f64" }')
    sigpb.plan(model, parse_text(patch), out=file)
    assert '"rename_to": "xb"' in file.read_text()
    sigpb.apply_plan(file, in_place=True)
    assert_unchanged(model, patch)
    assert_unchanged(model, patch.replace("f64", "float64"))


def test_the_inverse_has_keys(fixture_model: ModelFactory) -> None:
    patch = parse_text(SERVING(r'input { key_pattern: "([ab])" rename_to: "x\\1" }'))
    undo = sigpb.invert(fixture_model("tf2_many"), patch)
    expected = 'input { key: "xa" rename_to: "a" } input { key: "xb" rename_to: "b" }'
    assert undo == parse_text('id: "undo"' + SERVING(expected))


KEYS = st.text("ab1_", min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    st.sets(KEYS, min_size=1, max_size=6),
    st.sampled_from([r"(a.*)", r"(.)(.*)", r"(.*)_(.*)", r".*(\d)", r"(\w)(\w)?"]),
    st.sampled_from([r"\1", r"n_\1", r"\g<1>\g<0>", "c"]),
)
def test_random_keys(keys: set[str], pattern: str, template: str) -> None:
    """The plan is that of the keys and new keys which Python's `re` gives, or is refused as it."""
    model = _model(keys)
    entries = ""
    for key in sorted(keys):
        if match := re.fullmatch(pattern, key):
            new = match.expand(template)
            entries += f'input {{ key: "{key}" rename_to: "{new}" }}' if new != key else ""
    if not any(re.fullmatch(pattern, key) for key in keys):
        return
    escaped = SERVING(f"input {{ key_pattern: {_quoted(pattern)} rename_to: {_quoted(template)} }}")
    assert _planned(model, escaped) == _planned(model, SERVING(entries) if entries else "")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\") + '"'


def _planned(model: SavedModel, patch: str) -> tuple[str, ...]:
    try:
        plan = compile_patch(model, parse_text(patch))
    except sigpb.PatchError as error:
        return tuple(sorted(error.problems))
    return tuple(sorted(edit.describe() for graph in plan.meta_graphs for edit in graph.edits))


def _model(keys: set[str]) -> SavedModel:
    saved_model = protos.SavedModel(saved_model_schema_version=1)
    graph = saved_model.meta_graphs.add()
    graph.meta_info_def.tags.append("serve")
    signature = graph.signature_def["serving_default"]
    for number, key in enumerate(sorted(keys)):
        signature.inputs[key].name = f"n_{number}:0"
        graph.graph_def.node.add(name=f"n_{number}", op="Placeholder")
    signature.outputs["y"].name = "n_0:0"
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / MAIN).write_bytes(saved_model.SerializeToString())
        with open_model(Path(directory)) as model:
            return SavedModel(model.file, model.state, bytes(model.buffer))

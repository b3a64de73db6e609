"""What is wrong with a patch's adapters whatever the model, and which adapters are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.errors import PatchError
from sigpb.patching import checks
from sigpb.patching.compile import with_adapters
from sigpb.patching.patch_file import load_patch, parse_text
from tests.patches import ModelFactory


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ('before { model: "a" } after { model: "b" map { from: "x" to: "y" } }', []),
        ('ungraft: "a" ungraft: "b"', []),
        ('rename_to: "t" before { model: "a" } input { key: "text" rename_to: "x" }', []),
        ("before {}", ["before '': it names no model."]),
        (
            'after { model: "s3://bucket/a" }',
            [
                "after 's3://bucket/a': an adapter has to be on this machine; copy it from the "
                "store first."
            ],
        ),
        (
            'after { model: "a" digest: "12" }',
            ["after 'a': '12' is not the SHA-256 of an adapter, 64 digits from 0 to f."],
        ),
        (
            'after { model: "a" map { from: "x" } }',
            [
                "after 'a': a pair of its map lacks a key; state 'from', an output, and 'to', an "
                "input."
            ],
        ),
        (
            'after { model: "a" map { from: "x" to: "y" } map { from: "z" to: "y" } }',
            ["after 'a': its map has the input 'y' 2 times; an input takes one output."],
        ),
        ('after { model: "a" map { from: "x" to: "y" } map { from: "x" to: "z" } }', []),
        (
            'copy_of: "o" before { model: "a" }',
            ["before does not go with copy_of; make the two changes in two patches."],
        ),
        (
            'from_function: "f" after { model: "a" }',
            ["after does not go with from_function; make the two changes in two patches."],
        ),
        (
            'create: true ungraft: "a" output { key: "y" from_tensor: "y" }',
            ["ungraft does not go with create; make the two changes in two patches."],
        ),
        ('drop: true ungraft: "a"', ["drop does not go with ungraft."]),
        (
            'ungraft: "a" before { model: "a" }',
            ["ungraft does not go with before; make the two changes in two patches."],
        ),
        ('ungraft: ""', ["ungraft names no adapter; 'sigpb show' lists those that there are."]),
        ('ungraft: "a" ungraft: "a"', ["ungraft names 'a' 2 times."]),
    ],
)
def test_problems(entry: str, expected: list[str]) -> None:
    patch = parse_text(f'signature {{ key: "s" {entry} }}')
    assert list(checks.patch_problems(patch)) == [f"signature 's': {said}" for said in expected]


def test_patterns_do_not_go_with_adapters() -> None:
    patch = parse_text(
        """signature { key_pattern: "s.*" before { model: "a" } }
           signature { key: "t" input { key_pattern: "x.*" step: "model('a')" } }"""
    )
    assert list(checks.patch_problems(patch)) == [
        "signature 're:s.*': key_pattern does not go with 'before'; state the key.",
        "signature 't': input 're:x.*' has an adapter among its steps; state its key, and no "
        "pattern.",
    ]


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ('input { key: "x" step: "lower()" step: "model(\'a\')" step: "model(\'b\')" }', []),
        ('output { key: "x" step: "model(\'a\', \'s\')" step: "argmax()" }', []),
        (
            'input { key: "x" step: "model(\'a\')" step: "scale(1, 2)" }',
            [
                "input 'x' has the step \"model('a')\", which is not the last one: an adapter is "
                "beside the model. Put the steps after it into the adapter, or make two patches: "
                "one with the adapter and what comes beyond it, and before that one with the "
                "others."
            ],
        ),
        (
            'output { key: "x" step: "argmax()" step: "model(\'a\')" }',
            [
                "output 'x' has the step \"model('a')\", which is not the first one: an adapter is "
                "beside the model. Put the steps before it into the adapter, or make two patches: "
                "one with the adapter and what comes beyond it, and before that one with the "
                "others."
            ],
        ),
        (
            'input { key: "x" step: "model()" }',
            [
                "input 'x' has a wrong step, 'model()': write model('PATH') or model('PATH', "
                "'SIGNATURE')."
            ],
        ),
        (
            'input { key: "x" step: "model(1)" }',
            [
                "input 'x' has a wrong step, 'model(1)': write model('PATH') or model('PATH', "
                "'SIGNATURE')."
            ],
        ),
        (
            'input { key: "x" step: "model(\'gs://a\')" }',
            [
                "input 'x' has a wrong step, \"model('gs://a')\": an adapter has to be a directory "
                "of this machine."
            ],
        ),
        (
            'output { key: "x" from_output: "y" step: "model(\'a\')" }',
            [
                "output 'x' has the step \"model('a')\", which goes with an output of the model; "
                "name its key."
            ],
        ),
    ],
)
def test_steps(endpoint: str, expected: list[str]) -> None:
    patch = parse_text(f'signature {{ key: "s" {endpoint} }}'.replace("lower()", "cast('int8')"))
    assert list(checks.patch_problems(patch)) == [f"signature 's': {said}" for said in expected]


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    file = tmp_path / "patch.txtpb"
    file.write_text(
        'signature { key: "s" before { model: "a/b" } after { model: "/c" }\n'
        'input { key: "x" step: "model(\'d\', \'t\')" step: "model(" step: "model(\'s3://e\')" } }'
    )
    (item,) = load_patch(file).signature
    assert (item.before[0].model, item.after[0].model) == (f"{tmp_path}/a/b", "/c")
    assert list(item.input[0].step) == [
        f"model('{tmp_path}/d', 't')",
        "model(",
        "model('s3://e')",
    ]


class TestWithAdapters:
    def test_they_are_named_by_whole_paths_and_digests(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        adapter = fixture_model("tokenize")
        monkeypatch.chdir(adapter.parent)
        text = 'signature { key: "s" before { model: "tokenize" } '
        text += "input { key: \"x\" step: \"model('tokenize', 's')\" } }"
        (item,) = with_adapters(parse_text(text)).signature
        digest = item.before[0].digest
        assert item.before[0].model == str(adapter)
        assert len(digest) == 64
        assert item.input[0].step == [f"model('{adapter}', 's', digest='{digest}')"]
        whole = with_adapters(parse_text(text))
        assert with_adapters(whole) == whole
        assert parse_text(text) != whole

    @pytest.mark.parametrize(
        "name",
        ["saved_model.pb", "assets/vocabulary.txt", "variables/variables.index", "assets/new.txt"],
    )
    def test_each_file_counts(self, fixture_model: ModelFactory, name: str) -> None:
        adapter = fixture_model("tokenize")
        stated = with_adapters(
            parse_text(f'signature {{ key: "s" after {{ model: "{adapter}" }} }}')
        )
        with (adapter / name).open("ab") as file:
            file.write(b"\n")
        with pytest.raises(PatchError) as caught:
            with_adapters(stated)
        (problem,) = caught.value.problems
        assert "is another one than the patch or plan states" in problem
        assert stated.signature[0].after[0].digest in problem

    def test_all_that_are_missing_are_named(self, tmp_path: Path) -> None:
        text = f'signature {{ key: "s" before {{ model: "{tmp_path}/a" }} after {{ model: "b" }} }}'
        with pytest.raises(PatchError) as caught:
            with_adapters(parse_text(text))
        first, second = caught.value.problems
        assert first.startswith(f"signature 's': adapter '{tmp_path}/a' cannot be read: ")
        assert second.startswith("signature 's': adapter 'b' cannot be read: ")

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import format_patch, json_keys, load_patch, parse_json, parse_text

TEXT = """\
# proto-file: sigpb/proto/saved_model_patch.proto
# proto-message: sigpb.SavedModelPatch
id: "image-inputs-2026-11"
reason: "one input contract for every vision model"
tags { tag: "serve" }
set_tags {}
signature {
  key: "serving_default"
  rename_to: "predict"
  method_name: ""
  input { key: "input_1" rename_to: "image" dtype: "uint8" shape: "[?,28,28,1]" }
  output { key: "logits" drop: true }
}
signature { key: "legacy" copy_of: "serving_default" }
"""

JSON = """\
{
  "id": "image-inputs-2026-11",
  "reason": "one input contract for every vision model",
  "tags": {"tag": ["serve"]},
  "set_tags": {},
  "signature": [
    {
      "key": "serving_default",
      "rename_to": "predict",
      "method_name": "",
      "input": [
        {"key": "input_1", "rename_to": "image", "dtype": "uint8", "shape": "[?,28,28,1]"}
      ],
      "output": [{"key": "logits", "drop": true}]
    },
    {"key": "legacy", "copyOf": "serving_default"}
  ]
}
"""


def problem(parse: Any, text: str | Path) -> str:
    with pytest.raises(sigpb.PatchError) as caught:
        parse(text)
    return str(caught.value)


class TestText:
    def test_every_field(self) -> None:
        patch = parse_text(TEXT)
        assert (patch.id, list(patch.tags.tag), list(patch.set_tags.tag)) == (
            "image-inputs-2026-11",
            ["serve"],
            [],
        )
        assert patch.HasField("set_tags")
        serving, legacy = patch.signature
        assert (serving.key, serving.rename_to, serving.method_name) == (
            "serving_default",
            "predict",
            "",
        )
        assert serving.HasField("method_name")
        assert not serving.HasField("copy_of")
        assert serving.input[0] == protos.EndpointPatch(
            key="input_1", rename_to="image", dtype="uint8", shape="[?,28,28,1]"
        )
        assert serving.output[0] == protos.EndpointPatch(key="logits", drop=True)
        assert legacy == protos.SignaturePatch(key="legacy", copy_of="serving_default")

    def test_nothing(self) -> None:
        assert parse_text("# nothing yet\n") == protos.SavedModelPatch()

    def test_an_unknown_field(self) -> None:
        assert problem(parse_text, 'id: "a"\nsignature {\n    key: "b"\n    renameto: "c"\n}') == (
            '4:5: Message type "sigpb.SignaturePatch" has no field named "renameto". '
            "Did you mean 'rename_to'? There are 'after', 'batch_size', 'before', 'copy_of', "
            "'create', 'drop', 'examples', 'from_function', 'input', 'key', 'key_pattern', "
            "'method_name', 'output', 'positional', 'rename_to', 'ungraft'."
        )

    @pytest.mark.parametrize(
        ("text", "start"),
        [
            ('signature { key: "a" key: "b" }', "1:2"),
            ("signature {\n  drop: maybe\n}", "2:9: "),
            ("id: 5", "1:5: "),
            ('signature {\n  key: "a"', "2:"),
            ('id: "a\n', "1:5: "),
            ("@", "1:1: "),
        ],
        ids=["twice", "not a bool", "not a string", "no end", "no closing quote", "no text proto"],
    )
    def test_the_place_of_other_errors(self, text: str, start: str) -> None:
        assert problem(parse_text, text).startswith(start)


class TestJson:
    def test_says_the_same_as_the_text(self) -> None:
        assert parse_json(JSON) == parse_text(TEXT)

    def test_nothing(self) -> None:
        assert parse_json("{}") == protos.SavedModelPatch()

    def test_an_unknown_field(self) -> None:
        text = '{\n  "id": "a",\n  "signature": [\n    {"key": "b", "renameto": "c"}\n  ]\n}'
        message = problem(parse_json, text)
        assert message.startswith("4:18: ")
        assert 'Message type "sigpb.SignaturePatch" has no field named "renameto"' in message
        assert message.endswith(
            " Did you mean 'rename_to'? There are 'after', 'batch_size', 'before', 'copy_of', "
            "'create', 'drop', 'examples', 'from_function', 'input', 'key', 'key_pattern', "
            "'method_name', 'output', 'positional', 'rename_to', 'ungraft'."
        )

    def test_an_unknown_field_that_is_known_elsewhere(self) -> None:
        """The place is that of the field in the message that has no such field."""
        text = '{\n  "signature": [{"key": "a"}],\n  "key": "b"\n}'
        assert problem(parse_json, text).startswith("3:3: ")

    def test_an_unknown_field_of_the_second_of_a_list(self) -> None:
        text = '{"signature": [{"key": "a", "output": [{}, {}]},\n {"key": "b", "dropp": true}]}'
        assert problem(parse_json, text).startswith("2:15: ")

    def test_an_unknown_field_that_is_no_identifier(self) -> None:
        assert problem(parse_json, '{\n  "rename-to": "b"\n}').startswith("2:3: ")

    @pytest.mark.parametrize(
        ("text", "start"),
        [("", "1:1: "), ('{\n  "id": }', "2:9: "), ('{"id": "a"', "1:11: "), ("{'id'}", "1:2: ")],
        ids=["nothing", "no value", "no end", "other quotes"],
    )
    def test_the_place_of_syntax_errors(self, text: str, start: str) -> None:
        assert problem(parse_json, text).startswith(start)

    @pytest.mark.parametrize("text", ["[]", '["id"]', "5", "null", '"id"', '{"signature": 5}'])
    def test_json_that_is_no_patch(self, text: str) -> None:
        assert problem(parse_json, text)

    @pytest.mark.parametrize("text", [r'{"\ud800": 1}', r'{"id": "\udcff"}'])
    def test_json_that_is_no_text(self, text: str) -> None:
        assert "surrogates not allowed" in problem(parse_json, text)

    def test_errors_are_one_line(self) -> None:
        assert "\n" not in problem(parse_json, '{"idd": 1}')
        assert "\n" not in problem(parse_text, "idd: 1")


class TestLoad:
    def test_by_the_name_of_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "patch.textproto").write_text(TEXT, encoding="utf-8")
        (tmp_path / "patch.json").write_text(JSON, encoding="utf-8")
        assert load_patch(tmp_path / "patch.textproto") == parse_text(TEXT)
        assert load_patch(str(tmp_path / "patch.json")) == parse_text(TEXT)

    def test_errors_name_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "patch.textproto"
        file.write_text('id: "a"\nidd: "b"\n')
        assert problem(load_patch, file).startswith(f"{file}:2:1: Message type")
        file = tmp_path / "patch.json"
        file.write_text('{\n "idd": "b"}')
        assert problem(load_patch, file).startswith(f"{file}:2:2: Message type")

    def test_a_file_that_is_no_text(self, tmp_path: Path) -> None:
        file = tmp_path / "patch.textproto"
        file.write_bytes(b'id: "\xff"')
        assert problem(load_patch, file).startswith(f"{file}: not UTF-8 text")

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(sigpb.EnvironmentFailure, match=r"patch\.json: No such file"):
            load_patch(tmp_path / "patch.json")
        with pytest.raises(sigpb.EnvironmentFailure, match="Is a directory"):
            load_patch(tmp_path)


texts = st.text(max_size=5)
endpoints = st.lists(
    st.builds(
        protos.EndpointPatch,
        key=texts,
        rename_to=st.none() | texts,
        dtype=st.none() | texts,
        shape=st.none() | texts,
        drop=st.booleans(),
    ),
    max_size=2,
)
tag_sets = st.none() | st.builds(protos.TagSet, tag=st.lists(texts, max_size=2))
patches = st.builds(
    protos.SavedModelPatch,
    id=texts,
    reason=texts,
    tags=tag_sets,
    set_tags=tag_sets,
    signature=st.lists(
        st.builds(
            protos.SignaturePatch,
            key=texts,
            rename_to=st.none() | texts,
            copy_of=st.none() | texts,
            method_name=st.none() | texts,
            drop=st.booleans(),
            input=endpoints,
            output=endpoints,
        ),
        max_size=2,
    ),
)


class TestFormat:
    def test_says_what_it_is(self) -> None:
        patch = parse_text('signature { key: "é" input { key: "x" rename_to: "a\\nb" } }')
        assert format_patch(patch) == (
            "# proto-file: sigpb/proto/saved_model_patch.proto\n"
            "# proto-message: sigpb.SavedModelPatch\n"
            "signature {\n"
            '  key: "é"\n'
            "  input {\n"
            '    key: "x"\n'
            '    rename_to: "a\\nb"\n'
            "  }\n"
            "}\n"
        )

    @given(patches)
    def test_is_read_back(self, patch: protos.SavedModelPatch) -> None:
        assert parse_text(format_patch(patch)) == patch

    @given(patches)
    def test_json_is_read_back(self, patch: protos.SavedModelPatch) -> None:
        assert parse_json(json_format.MessageToJson(patch)) == patch


Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

scalars = st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('a",:{}[]\\ '))
keys = st.text(st.sampled_from('ab",:{}[]\\'), max_size=3)
values: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def paths(value: Json, path: str = "") -> Iterator[str]:
    """The paths of all keys in a JSON value, in the order of its text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}.{key}"
            yield from paths(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from paths(inner, f"{path}[{position}]")


def test_paths_and_offsets() -> None:
    text = '{"a": [{"b": "}"}, {"c" : {"d": []}}], "e\\"": 1}'
    assert {path: text[offset : offset + 3] for path, offset in json_keys(text)} == {
        ".a": '"a"',
        ".a[0].b": '"b"',
        ".a[1].c": '"c"',
        ".a[1].c.d": '"d"',
        '.e"': '"e\\',
    }


@given(values, st.sampled_from([None, 2]))
def test_every_key_of_any_json(value: Json, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    found = list(json_keys(text))
    assert [path for path, _ in found] == list(paths(value))
    for path, offset in found:
        key, _ = json.JSONDecoder().raw_decode(text, offset)
        assert path.endswith(f".{key}")

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from sigpb.patching.json_keys import json_keys

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

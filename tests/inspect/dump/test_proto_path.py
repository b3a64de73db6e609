from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.errors import UsageError
from sigpb.inspect.dump.proto_path import (
    PathPart,
    Selector,
    at,
    named,
    parse_path,
    path_text,
    tagged,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SELECTORS = st.one_of(st.none(), st.integers(0).map(at), TEXTS.map(named), TEXTS.map(tagged))
PARTS = st.builds(PathPart, st.from_regex(r"[a-z_][a-z0-9_]*", fullmatch=True), SELECTORS)


@given(st.lists(PARTS).map(tuple))
def test_what_is_written_is_read(path: tuple[PathPart, ...]) -> None:
    assert parse_path(path_text(path)) == path
    assert path_text(path).isprintable()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ()),
        ("graph_def", (PathPart("graph_def"),)),
        ("node[3].input", (PathPart("node", Selector("3", False)), PathPart("input"))),
        ('node["3"]', (PathPart("node", Selector("3", True)),)),
        (
            'node["a.b[\\"c\\"]\\303\\251"].op',
            (PathPart("node", named('a.b["c"]é')), PathPart("op")),
        ),
        ("node[dense/MatMul.1]", (PathPart("node", Selector("dense/MatMul.1", False)),)),
        ("meta_graphs[gpu, serve]", (PathPart("meta_graphs", Selector("gpu, serve", False)),)),
        ("meta_graphs[]", (PathPart("meta_graphs", Selector("", False)),)),
    ],
)
def test_read(text: str, path: tuple[PathPart, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (".", "'.' is not a path"),
        ("a.", "is expected at ''"),
        ("a..b", "is expected at '.b'"),
        ("a[", "is expected at 'a['"),
        ("a[0]b", "is expected at 'a[0]b'"),
        ("a.b[0][1]", "is expected at 'b[0][1]'"),
        ('a["x]', """is expected at 'a["x]'"""),
        ("é", "is expected at 'é'"),
        ('a["\\377"]', "is not clear"),
        ("a[\udcff]", "it is not UTF-8"),
    ],
)
def test_what_is_no_path_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_path(text)
    assert told in str(refused.value)


def test_what_cannot_be_seen_is_escaped() -> None:
    assert path_text(parse_path("node[a\nb c]")) == r'node["a\nb c"]'


def test_positions_and_names() -> None:
    assert at(3).position == 3
    assert named("3").position is None
    assert Selector("²", False).position is None
    assert path_text([PathPart("meta_graphs", tagged("gpu,serve"))]) == "meta_graphs[gpu,serve]"
    assert path_text([PathPart("meta_graphs", tagged("1"))]) == 'meta_graphs["1"]'

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.cli.arguments import one_directory, parse_tags, split_pair, unquote
from sigpb.errors import UsageError


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("x=image", ("x", "image")),
        ("x=", ("x", "")),
        ("=image", ("", "image")),
        ("a b=c/d:0", ("a b", "c/d:0")),
        ("a=b=c", ("a", "b=c")),
        (r"a\=b=c", ("a=b", "c")),
        (r"a\=b=c\=d", ("a=b", "c=d")),
        ('"a=b"=c', ("a=b", "c")),
        ('a="b=c"', ("a", "b=c")),
        ('"a=b"="c=d"', ("a=b", "c=d")),
        ('""=b', ("", "b")),
        (r'"say \"a=b\""=c', ('say "a=b"', "c")),
        (r"back\\slash=c", ("back\\slash", "c")),
        (r"back\slash=c", ("back\\slash", "c")),
        ('a"b=c"d', ('a"b', 'c"d')),
        ("two\nlines=x", ("two\nlines", "x")),
    ],
)
def test_split_pair(text: str, pair: tuple[str, str]) -> None:
    assert split_pair(text, "rename_input") == pair


@pytest.mark.parametrize("text", ["", "x", r"x\=image"])
def test_split_pair_refuses_what_is_no_pair(text: str) -> None:
    with pytest.raises(UsageError) as error:
        split_pair(text, "rename_input")
    assert str(error.value).startswith(f"--rename_input={text}: expected two keys joined by '='.")
    assert r'("a=b"=c) or escaped (a\=b=c)' in str(error.value)


def quote(key: str) -> str:
    return '"' + key.replace("\\", r"\\").replace('"', r"\"") + '"'


def escape(key: str) -> str:
    return key.replace("\\", r"\\").replace("=", r"\=").replace('"', r"\"")


KEYS = st.text(st.sampled_from('ab=\\" /\n語'))


@given(KEYS, KEYS, st.sampled_from([quote, escape]), st.sampled_from([quote, escape]))
def test_every_key_can_be_quoted_or_escaped(
    old: str, new: str, old_style: type, new_style: type
) -> None:
    assert split_pair(f"{old_style(old)}={new_style(new)}", "rename_input") == (old, new)
    assert unquote(old_style(old)) == old


@pytest.mark.parametrize(
    ("text", "key"),
    [("a", "a"), ("a=b", "a=b"), (r"a\=b", "a=b"), ('"a=b"', "a=b"), ('"a', '"a'), ("", "")],
)
def test_unquote(text: str, key: str) -> None:
    assert unquote(text) == key


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("serve", ("serve",)),
        ("serve,gpu", ("gpu", "serve")),
        (" serve , gpu ", ("gpu", "serve")),
        ("gpu,serve,gpu", ("gpu", "serve")),
        ("", ()),
        (",", ()),
    ],
)
def test_parse_tags(text: str, tags: tuple[str, ...]) -> None:
    assert parse_tags(text) == tags


def test_one_directory() -> None:
    assert one_directory(["model"], "sigpb show DIR") == Path("model")


@pytest.mark.parametrize(("arguments", "given"), [([], "none was"), (["a", "b", "c"], "3 were")])
def test_one_directory_is_not_none_and_not_several(arguments: list[str], given: str) -> None:
    with pytest.raises(UsageError, match=rf"expected, {given} given\. Usage: sigpb show DIR"):
        one_directory(arguments, "sigpb show DIR")

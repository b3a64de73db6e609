from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.cli.arguments import one_directory, parse_tags, split_pair, split_value, unquote
from sigpb.errors import UsageError


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("x=image", ("x", "image")),
        ("x=", ("x", "")),
        ("=image", ("", "image")),
        ("a b=c/d:0", ("a b", "c/d:0")),
        (r"a\=b=c", ("a=b", "c")),
        (r"a\=b=c\=d", ("a=b", "c=d")),
        (r"a=b\,c", ("a", "b,c")),
        ("a,b=c", ("a,b", "c")),
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
    assert str(error.value).startswith(
        f"--rename_input={text}: expected a key and a value joined by '='."
    )
    assert r'("a=b"=c) or escaped (a\=b=c)' in str(error.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("x=a,y=b", "State each in a flag of its own: --rename_input=x=a --rename_input=y=b."),
        ("x=a,b", """If that is meant, quote it: '--rename_input=x="a,b"'."""),
        ("x=a=b", """If that is meant, quote it: '--rename_input=x="a=b"'."""),
        (r"x=a\\=b", r"""If that is meant, quote it: '--rename_input=x="a\\=b"'."""),
    ],
)
def test_split_pair_refuses_a_new_key_that_looks_like_several(text: str, meant: str) -> None:
    with pytest.raises(UsageError) as error:
        split_pair(text, "rename_input")
    assert str(error.value).startswith(f"--rename_input={text}: the new key ")
    assert str(error.value).endswith(meant)


def test_split_value_refuses_only_a_new_key_that_looks_like_several() -> None:
    assert split_value("a,b=t:0", "input_dtype") == ("a,b", "t:0")
    assert split_value('"a,b"=t:0', "add_output", is_new=True) == ("a,b", "t:0")
    with pytest.raises(UsageError, match=r'quote it: .--add_output="a,b"=t:0'):
        split_value("a,b=t:0", "add_output", is_new=True)


def quote(key: str) -> str:
    return '"' + key.replace("\\", r"\\").replace('"', r"\"") + '"'


def escape(key: str) -> str:
    return key.replace("\\", r"\\").replace("=", r"\=").replace(",", r"\,").replace('"', r"\"")


KEYS = st.text(st.sampled_from('ab=,\\" /\n語'))


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

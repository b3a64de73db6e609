from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.cli.completion.bash_line import BashLine

BREAKS = " \t\n\"'><=;|&(:"


@pytest.mark.parametrize(
    ("line", "words", "kept", "quote"),
    [
        ("", ("",), 0, ""),
        ("sigpb ", ("sigpb", ""), 0, ""),
        ("sigpb  sh", ("sigpb", "sh"), 0, ""),
        ("sigpb --a=b", ("sigpb", "--a=b"), 4, ""),
        ("sigpb --a=b=c:d", ("sigpb", "--a=b=c:d"), 8, ""),
        ("sigpb a\\ b", ("sigpb", "a b"), 0, ""),
        ('sigpb \'a b\' "c\\"d" e', ("sigpb", "a b", 'c"d', "e"), 0, ""),
        ("sigpb --a='b=c", ("sigpb", "--a=b=c"), 4, "'"),
        ('sigpb "a=b\\c', ("sigpb", "a=b\\c"), 0, '"'),
    ],
)
def test_words(line: str, words: tuple[str, ...], kept: int, quote: str) -> None:
    assert BashLine.read(line, BREAKS) == BashLine(words, kept, quote)


@pytest.mark.parametrize(
    ("line", "candidate", "written"),
    [
        ("sigpb pa", "patch", "patch"),
        ("sigpb --input_dtype=x=f", "--input_dtype=x=float32", "float32"),
        ("sigpb --input_step=x=s", "--input_step=x=scale(", "scale\\("),
        ("sigpb --input_step='x=s", "--input_step=x=scale(", "x=scale("),
        ("sigpb a", "a b$c", "a\\ b\\$c"),
        ('sigpb "a', 'a b$c"', 'a b\\$c\\"'),
        ("sigpb 'a", "a'b", None),
        ("sigpb a", "a\nb", None),
        ("sigpb a", "aé", "aé"),
    ],
)
def test_what_is_inserted(line: str, candidate: str, written: str | None) -> None:
    assert BashLine.read(line, BREAKS).written(candidate) == written


@given(st.lists(st.text(min_size=1), min_size=1))
def test_words_are_those_of_the_shell(words: list[str]) -> None:
    assert BashLine.read(shlex.join(words), BREAKS).words == tuple(words)


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1))
def test_what_is_inserted_is_read_back(candidate: str) -> None:
    written = BashLine.read("sigpb ", BREAKS).written(candidate)
    assert written is not None
    assert BashLine.read(f"sigpb {written}", BREAKS).words == ("sigpb", candidate)

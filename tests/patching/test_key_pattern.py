from __future__ import annotations

import re
import time
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.patching.key_pattern import (
    MOST_TRIES,
    TooManyTries,
    matching,
    partly_matched,
    pattern_problems,
)

INPUTS = [f"input_{number}" for number in (10, 9, 1)] + ["bias", "my_input_1"]


@pytest.mark.parametrize(
    ("pattern", "template", "found"),
    [
        (r"^input_(\d+)$", r"feature_\1", {"input_1": "feature_1", "input_9": "feature_9"}),
        (r"input_(\d+)", None, {"input_1": None, "input_9": None}),
        (r"input_(?P<n>9)", r"\g<n>\g<0>", {"input_9": "9input_9"}),
        (r"b(.*)s", "same", {"bias": "same"}),
        (r"input_1", "x", {"input_1": "x"}),  # Not input_10.
        (r"INPUT_1", "x", {}),
        (r"(?i)INPUT_1", "x", {"input_1": "x"}),
        (r"(z)?bias", r"b\1", {"bias": "b"}),
        ("", "x", {}),
    ],
)
def test_whole_keys_are_matched(
    pattern: str, template: str | None, found: dict[str, str | None]
) -> None:
    keys = [key for key in INPUTS if key != "input_10"]
    assert matching(pattern, template, keys) == found


def test_keys_come_in_natural_order() -> None:
    assert list(matching(r"input_\d+", None, INPUTS)) == ["input_1", "input_9", "input_10"]


@pytest.mark.parametrize(
    ("pattern", "template", "keys", "found"),
    [
        (r"^input_(\d+)$", r"feature_\1", ["feature_2", "x"], {"input_2": "feature_2"}),
        (r"(\w)_(\d)", r"\2-\g<1>-\2", ["2-a-2", "2-a-3"], {"a_2": "2-a-2"}),
        ("a", "b", ["b"], {"a": "b"}),
        # Nothing tells that these keys are new ones.
        (r"old_(.*)", r"\1", ["x"], {}),
        (r"old_.*", "x", ["x"], {}),
        (r"(.)_(.)", r"new_\1", ["new_x"], {}),
        (r"(?:a|b)", "c", ["c"], {}),
        # No key of which that is made matches.
        (r"input_(\d+)", r"feature_\1", ["feature_x"], {}),
        (r"input_(\d+)", r"feature\\\1", [r"feature\1"], {}),
        (r"input_(\d+)", None, ["x"], {}),
    ],
)
def test_where_nothing_matches_keys_that_were_renamed_already_count(
    pattern: str, template: str | None, keys: list[str], found: dict[str, str | None]
) -> None:
    assert matching(pattern, template, keys) == found


def test_keys_that_were_renamed_already_do_not_count_beside_others() -> None:
    keys = ["input_1", "feature_2"]
    assert matching(r"input_(\d)", r"feature_\1", keys) == {"input_1": "feature_1"}


@pytest.mark.parametrize(
    ("pattern", "template", "problem"),
    [
        ("(a", "x", "has a wrong key_pattern, which is not a regular expression: missing )"),
        ("a{2", "x", None),
        ("(a)", r"\2", r"has a wrong rename_to, '\\2': invalid group reference 2"),
        ("(a)", r"\g<b>", r"has a wrong rename_to, '\\g<b>': unknown group name 'b'"),
        ("(a)", "\\", r"has a wrong rename_to, '\\': bad escape"),
        ("(" * 200 + ")" * 200, "x", None),
    ],
)
def test_what_is_no_pattern(pattern: str, template: str, problem: str | None) -> None:
    found = list(pattern_problems(pattern, template))
    assert [each.startswith(problem or "") for each in found] == ([] if problem is None else [True])


@pytest.mark.parametrize(("pattern", "template"), [("[[x]|x", "y"), ("(x)", "\\g<\u0661>y")])
def test_python_prints_nothing_of_what_it_may_read_otherwise_some_day(
    pattern: str, template: str, recwarn: pytest.WarningsRecorder
) -> None:
    re.purge()
    assert list(pattern_problems(pattern, template)) in ([], [ANY])
    re.purge()
    assert matching(pattern, None, ["x"]) == {"x": None}
    assert not recwarn.list


@pytest.mark.parametrize(
    ("pattern", "length"),
    [
        ("(a+)+b", 30),
        ("(a|aa)+b", 60),
        ("(a|a?)+b", 30),
        ("(?:a?){60}b", 60),
        ("(a*)*b", 30),
        ("(?=(a+)+b)a", 30),
        ("(.*)(.*)(.*)(.*)(.*)(.*)b", 200),
        ("(.{0,90})(.{0,90})(.{0,90})(.{0,90})(.{0,90})b", 200),
    ],
)
def test_what_could_take_for_ever_is_refused(pattern: str, length: int) -> None:
    with pytest.raises(TooManyTries, match=f"more than {MOST_TRIES:,} ways to match the key 'aaa"):
        matching(pattern, "x", ["a" * length])


@pytest.mark.parametrize("pattern", ["(.*)(.*)(.*)b", "(a|aa)+b", "(?:foo|a)+b", r"(\w+)_(\w+)b"])
def test_what_is_not_refused_takes_less_than_a_second(pattern: str) -> None:
    started = time.process_time()
    longest = 0
    for length in (5, 20, 40, 400):
        try:
            matching(pattern, None, ["a" * length])
        except TooManyTries:
            break
        longest = length
    assert longest >= 20
    assert time.process_time() - started < 5


def test_where_a_part_is_searched_for_only_if_that_is_short() -> None:
    assert partly_matched("[xy]ut_", INPUTS) is None
    assert partly_matched(r"put_\d", INPUTS) == "input_1"
    assert partly_matched("(.*)(.*)b", ["a" * 5000, "ab"]) == "ab"


@given(st.lists(st.text("ab_12é\n", max_size=6), unique=True), st.text("ab_é\n.*", max_size=3))
def test_what_a_prefix_and_groups_make_of_keys(keys: list[str], prefix: str) -> None:
    """As computed without regular expressions."""
    found = matching(re.escape(prefix) + "((?s:.)*)", "new", keys)
    assert found == {key: "new" for key in keys if key.startswith(prefix)} or not any(
        key.startswith(prefix) for key in keys
    )


@given(st.lists(st.from_regex(r"[a-c]{1,2}_[0-9]{1,3}", fullmatch=True), unique=True))
def test_a_second_time_finds_the_same_keys(keys: list[str]) -> None:
    pattern, template = r"([a-c]+)_(\d+)", r"\2.\1!"
    first = matching(pattern, template, keys)
    assert first == {key: "{1}.{0}!".format(*key.split("_")) for key in keys}
    assert matching(pattern, template, [new for new in first.values() if new]) == first

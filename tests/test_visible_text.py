"""Names are read back from JSON and text protos; whatever they hold, nothing is left invisible."""

from __future__ import annotations

import json

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.visible_text import json_text, natural, visible, visible_lines, visible_text_proto
from tests.inspect.graph.hostile import texts

UNSEEN = (
    "\x1b",
    "\r",
    "\n",
    "\x00",
    "\x7f",
    "\x85",
    "\x9b",
    "\u2028",
    "\u202e",
    "\u2066",
    "\U000e0041",
)


@pytest.mark.parametrize("character", UNSEEN)
def test_what_cannot_be_seen_is_spelled_out(character: str) -> None:
    assert visible(f"a{character}b") == f"a{character.encode('unicode_escape').decode()}b"
    assert json_text(character, indent=None).isprintable()


def test_what_can_be_seen_stays() -> None:
    assert visible("é 名 🙂 [red]") == "é 名 🙂 [red]"
    assert json_text(["é 名 🙂"], indent=None) == '["é 名 🙂"]'
    assert visible_text_proto('id: "é 名 🙂"') == 'id: "é 名 🙂"'


def test_a_line_break_in_a_line_begins_no_other() -> None:
    assert visible_lines(["a\nb", "c"]) == "a\\nb\nc"


@given(texts)
def test_visible_text_is_one_printable_line(name: str) -> None:
    assert visible(name).isprintable()
    assert visible(name) == name or not name.isprintable()


@given(st.text() | st.just("\udcff not UTF-8"))
def test_json_is_printable_and_holds_names_as_they_are(name: str) -> None:
    text = json_text({name: [name]})
    assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads(text) == {name: [name]}


def test_numbers_that_json_does_not_have_are_text() -> None:
    infinite = float("inf")
    text = json_text({"a": [1.5, float("nan"), (-infinite, {"b": infinite})], "c": "NaN"})
    assert json.loads(text) == {"a": [1.5, "NaN", ["-Infinity", {"b": "Infinity"}]], "c": "NaN"}


@given(texts)
def test_a_text_proto_is_printable_and_holds_names_as_they_are(name: str) -> None:
    patch = protos.SavedModelPatch(id=name)
    text = visible_text_proto(text_format.MessageToString(patch, as_utf8=True))
    assert all(line.isprintable() for line in text.split("\n"))
    assert text_format.Parse(text, protos.SavedModelPatch()) == patch


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["x", "inputs_10", "inputs_2", "inputs_2_b", "inputs_02", "inputs", "10", "9", "x_1"]
    assert sorted(names, key=natural) == [
        *("9", "10", "inputs", "inputs_02", "inputs_2", "inputs_2_b", "inputs_10", "x", "x_1")
    ]


def test_numbers_may_be_longer_than_python_reads() -> None:
    assert sorted(["x" + "9" * 9000, "x" + "8" * 9000], key=natural)[0] == "x" + "8" * 9000


@given(st.lists(st.text("a_0129é٣"), unique=True))
def test_the_order_is_total(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(names, key=natural) == sorted(backwards, key=natural)


@given(st.integers(0), st.integers(0))
def test_the_order_is_that_of_the_numbers(first: int, second: int) -> None:
    assert (natural(f"x_{first}") < natural(f"x_{second}")) == (first < second)

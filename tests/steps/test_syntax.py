"""Steps as text: a new file is all it takes to have one written and read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import isabstract
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import steps
from sigpb.steps import step_types
from sigpb.steps.as_string import AsString
from sigpb.steps.cast import Cast
from sigpb.steps.reshape import Reshape
from sigpb.steps.step import Step
from sigpb.steps.string_to_number import StringToNumber
from sigpb.steps.syntax import parse_step, step_text, usage

NEW_STEP = """
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sigpb.steps.step import Step


@dataclass(frozen=True)
class ScaleBy(Step):
    factor: float
    method: Literal["fast", "exact"] = "fast"
    axes: tuple[int, ...] = ()

    def result(self, operand):
        return operand

    def build(self, body, tensor, operand):
        return tensor

    def evaluate(self, value):
        return value * self.factor
"""


@pytest.fixture
def scale_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Step]]:
    (tmp_path / "scale_by.py").write_text(NEW_STEP)
    monkeypatch.setattr(steps, "__path__", [*steps.__path__, str(tmp_path)])
    step_types.cache_clear()
    yield step_types()["scale_by"]
    step_types.cache_clear()
    del sys.modules["sigpb.steps.scale_by"]
    del steps.scale_by  # type: ignore[attr-defined]


def test_steps_are_found_by_their_names() -> None:
    found = step_types()
    assert (
        found.items()
        >= {
            "as_string": AsString,
            "cast": Cast,
            "reshape": Reshape,
            "string_to_number": StringToNumber,
        }.items()
    )
    assert list(found) == sorted(found)
    assert not any(map(isabstract, found.values()))


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("cast('uint8')", Cast("uint8")),
        ("as_string()", AsString()),
        ("reshape([None, 28, 28, 1])", Reshape((None, 28, 28, 1))),
        ("reshape([])", Reshape(())),
        ("reshape([None, None, 8], [0, 1])", Reshape((None, None, 8), (0, 1))),
    ],
)
def test_there_and_back(text: str, step: Step) -> None:
    assert step_text(step) == text
    assert parse_step(text) == step
    assert parse_step(f" {text} ") == step


def test_equal_steps_are_the_same() -> None:
    assert step_text(parse_step("clip(-0.0, 1)")) == step_text(parse_step("clip(0.0, 1)"))


@given(st.lists(st.none() | st.integers(0, 9)).map(tuple), st.lists(st.integers(0, 3)).map(tuple))
def test_whatever_the_fields_hold(shape: tuple[int | None, ...], axes: tuple[int, ...]) -> None:
    step = Reshape(shape, axes)
    assert parse_step(step_text(step)) == step


def test_a_new_file_is_all_it_takes(scale_by: type[Step]) -> None:
    assert usage(scale_by) == "scale_by(factor, method='fast', axes=())"
    step = parse_step("scale_by(2, axes=[1])")
    assert step == scale_by(2, axes=(1,))  # type: ignore[call-arg]
    assert step_text(step) == "scale_by(2, axes=[1])"
    assert parse_step("scale_by(0.5, 'exact', 1, 2)") == scale_by(0.5, "exact", (1, 2))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a call with literals"),
        ("cast", "is not a call with literals"),
        ("cast(float32)", "is not a call with literals"),
        ("cast(*['uint8'])", "is not a call with literals"),
        ("cast(**{'to': 'uint8'})", "is not a call with literals"),
        ("a.cast('uint8')", "is not a call with literals"),
        ("cast('uint8'); cast('int8')", "is not a call with literals"),
        ("cats('uint8')", "there is no step 'cats'; did you mean 'cast'?"),
        ("cast()", r"cast lacks its argument 'to': cast\(to\)"),
        ("cast('a', 'b')", r"cast\(to\) has 1 arguments, not 2"),
        ("cast('a', to='b')", "cast has the argument 'to' twice"),
        ("cast(at='b')", "cast has no argument 'at'; "),
        ("cast(3)", "cast cannot have the to 3, which is not a string"),
        ("cast(None)", "cast cannot have the to None, which is not a string"),
        ("cast('foo')", "'foo' is not a dtype"),
        (f"clip(0, {2**1023})", "there is no dtype for an integer of 1024 bits"),
        (f"transpose(0, -{hex(2**50000)})", "there is no dtype for an integer of 50001 bits"),
        ("reshape(3)", "a list of integers or None"),
        ("reshape([True])", "a list of integers or None"),
        ("reshape([1.5])", "a list of integers or None"),
        ("scale_by(True)", "which is not a number"),
        ("scale_by(1, 'slow')", "which is not 'fast' or 'exact'"),
    ],
)
def test_what_is_no_step(text: str, said: str, scale_by: type[Step]) -> None:
    with pytest.raises(ValueError, match=said):
        parse_step(text)

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sigpb.json_values import json_value


class Span(NamedTuple):
    start: int
    end: int


class Place(NamedTuple):
    outer: Place | None
    field: str

    def __str__(self) -> str:
        return f"{self.outer}.{self.field}" if self.outer else self.field


@dataclass(frozen=True)
class Part:
    name: str
    span: Span | None
    sizes: tuple[int | None, ...] = ()
    file: Path = Path("a/b")


def test_fields_become_keys_in_their_order() -> None:
    found = json_value(Part("x", Span(1, 2), (None, 3)), name="called", file="path")
    assert found == {
        "called": "x",
        "span": {"start": 1, "end": 2},
        "sizes": [None, 3],
        "path": "a/b",
    }
    assert list(found) == ["called", "span", "sizes", "path"]


def test_only_the_outermost_fields_are_called_otherwise() -> None:
    assert json_value(Part("x", Span(1, 2)), start="from")["span"] == {"start": 1, "end": 2}


def test_what_holds_dataclasses() -> None:
    parts = {"first": [Part("x", None)], Path("p"): (1.5, True)}
    expected: dict[str, object] = {"name": "x", "span": None, "sizes": [], "file": "a/b"}
    assert json_value(parts) == {"first": [expected], "p": [1.5, True]}


def test_what_has_a_text_of_its_own_is_that_text() -> None:
    assert json_value({"at": Place(Place(None, "graph_def"), "node")}) == {"at": "graph_def.node"}

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from sigpb import html_text
from sigpb.html_text import Cell

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\"'&lt;\n\u202e$x$"
SHOWN = HOSTILE.replace("\n", "\\n").replace("\u202e", "\\u202e")


class Elements(HTMLParser):
    """The tags, attributes and texts of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "made",
    [
        html_text.heading(HOSTILE),
        html_text.lines(HOSTILE),
        html_text.lines(Cell(HOSTILE, "removed")),
        html_text.table((HOSTILE,), [(HOSTILE,), (Cell(HOSTILE, "added"),)]),
        html_text.fixed_width(html_text.span(HOSTILE, "opacity:.7")),
        html_text.folded(HOSTILE, html_text.escaped(HOSTILE)),
        html_text.document(html_text.escaped(HOSTILE)),
    ],
)
def test_names_are_text(made: str) -> None:
    found = Elements(made)
    assert SHOWN in found.text
    assert not {"script", "img"} & set(found.tags)
    assert set(found.attributes) <= {"style", "class"}
    assert found.open == []


def test_a_frame_holds_a_page_that_reaches_nothing_outside_of_it() -> None:
    page = f"<!DOCTYPE html><script>1 < 2</script>{HOSTILE}"
    found = Elements(html_text.frame(HOSTILE, page, 300))
    assert found.tags == ["iframe"]
    assert found.attributes["srcdoc"] == [page]
    assert found.attributes["sandbox"] == ["allow-scripts"]
    assert found.attributes["title"] == [SHOWN]
    assert "src" not in found.attributes


def test_mathjax_leaves_names_alone() -> None:
    (classes,) = Elements(html_text.document("$x$")).attributes["class"]
    assert set(classes.split()) == {"mathjax_ignore", "tex2jax_ignore"}


def luminance(colour: tuple[float, ...]) -> float:
    """The relative luminance of a colour, as WCAG 2 defines it; parts are from 0 to 255."""
    linear = [
        part / 3294.6 if part <= 10.3 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ((255, 255, 255), (0, 0, 0)),
        ((17, 17, 17), (224, 224, 224)),
        ((30, 30, 30), (204, 204, 204)),
    ],
    ids=["light", "Jupyter's dark", "Visual Studio Code's dark"],
)
@pytest.mark.parametrize("tint", ["added", "removed", "warning"])
def test_tints_leave_the_text_of_a_page_readable(
    tint: html_text.Tint, page: tuple[float, ...], text: tuple[float, ...]
) -> None:
    (style,) = Elements(html_text.lines(Cell("a", tint))).attributes["style"]
    colour = re.search(r"background:rgba\((\d+),(\d+),(\d+),([\d.]+)\)", style)
    assert colour
    assert not re.search("(?<!-)color:", style), "the page's own is used"
    share = float(colour[4])
    mixed = tuple(
        share * int(part) + (1 - share) * behind
        for part, behind in zip(colour.groups()[:3], page, strict=True)
    )
    assert contrast(mixed, text) > 4.5, "level AA"
    assert contrast(mixed, page) > 1.1, "it can be seen"

"""The treemap of ``size --format=html``, in a real browser without a network."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from sigpb.inspect.treemap import TreePart, treemap
from tests.inspect.graph.hostile import PARTS

Show = Callable[[TreePart], Any]


@pytest.fixture
def show(show_page: Callable[[str], Any]) -> Show:
    return lambda part: show_page(treemap(part, "What takes the bytes"))


def whole(**sizes: int) -> TreePart:
    made = TreePart("file")
    for name, size in sizes.items():
        made.add((name,), size)
    return made


def told(page: Any) -> list[str]:
    found: list[str] = page.locator("#map .part").all_inner_texts()
    return found


def where(page: Any) -> list[str]:
    found: list[str] = page.locator("#path button, #path span").all_inner_texts()
    return found


def open_part(page: Any, name: str) -> None:
    page.locator(".opens", has_text=name).click(position={"x": 8, "y": 8})


def test_areas_are_as_the_sizes_and_do_not_overlap(show: Show) -> None:
    sizes = {"a": 600, "b": 250, "c": 100, "d": 40, "e": 10}
    page = show(whole(**sizes))
    boxes = [box.bounding_box() for box in page.locator("#map .part").all()]
    area = page.locator("#map").bounding_box()
    scale = area["width"] * area["height"] / 1000
    for size, box in zip(sizes.values(), boxes, strict=True):
        assert box["width"] * box["height"] == pytest.approx(size * scale, rel=0.01)
        assert area["x"] - 1 <= box["x"] <= area["x"] + area["width"] - box["width"] + 1
        assert area["y"] - 1 <= box["y"] <= area["y"] + area["height"] - box["height"] + 1
    for one, other in combinations(boxes, 2):
        ends = ((side, length) for side, length in (("x", "width"), ("y", "height")))
        overlaps = [
            min(one[side] + one[length], other[side] + other[length]) - max(one[side], other[side])
            for side, length in ends
        ]
        assert min(overlaps) < 0.1


def test_the_path_says_where_you_are_and_leads_back(show: Show) -> None:
    file = whole(large=500)
    file.add(("outer", "inner", "deep"), 300)
    file.add(("outer", "other"), 200)
    page = show(file)
    assert where(page) == ["file: 1,000 bytes, 100.00%"]
    open_part(page, "inner")
    assert where(page) == ["file", "outer", "inner: 300 bytes, 30.00%"]
    assert told(page) == ["deep: 300 bytes, 30.00%"]
    page.keyboard.press("Escape")
    assert where(page) == ["file", "outer: 500 bytes, 50.00%"]
    page.get_by_role("button", name="file").click()
    page.locator(".opens", has_text="outer").first.focus()
    page.keyboard.press("Enter")
    assert where(page) == ["file", "outer: 500 bytes, 50.00%"]


def test_others_can_be_opened(show: Show) -> None:
    page = show(whole(large=10**5, **{f"small{number}": 9 for number in range(5_000)}))
    open_part(page, "5,000 others")
    assert len(told(page)) == 100
    open_part(page, "50 parts, small0 … small1041")
    assert len(told(page)) == 50
    assert "small1001: 9 bytes, 0.01%" in told(page)
    assert where(page)[:2] == ["file", "5,000 others"]


def test_the_legend_names_what_has_a_colour(show: Show) -> None:
    file = TreePart("file")
    for number, name in enumerate("abcdefghijklm"):
        file.add(("graph", name, "node"), 100 - number)
    page = show(file)
    legend = page.locator("#legend li").all_inner_texts()
    assert legend[0] == "a: 100 bytes, 8.18%"
    assert legend[-1] == "others: 267 bytes, 21.85%"
    colours = page.eval_on_selector_all(
        "#legend .part", "all => all.map(each => getComputedStyle(each).backgroundColor)"
    )
    assert len(set(colours)) == 11


def test_names_are_never_more_than_names(show: Show) -> None:
    file = TreePart("</title><script>alert(1)</script>")
    for part in PARTS:
        file.add((part, part), 100)
    page = show(file)
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    page.locator(".opens").first.click(position={"x": 8, "y": 8})
    assert len(where(page)) == 2

"""The page of ``--format=html``, in a real browser without a network.

Any Chromium that is on the path will do: Debian's package chromium-headless-shell is a small one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sigpb.inspect.graph.formats import html_lines
from sigpb.inspect.graph.picture import Edge, Node, Output, Picture
from sigpb.inspect.graph.view import GraphView
from tests.inspect.graph.hostile import PARTS, text
from tests.inspect.graph.pictures import picture_of
from tests.inspect.graph.small_graphs import (
    FLOAT,
    add,
    call,
    function,
    graph,
    node,
    placeholder,
    relu,
)

INNER = function(
    "inner", ["i"], {"o": "layer/two:activations:0"},
    relu("layer/one", "i"), relu("layer/two", "layer/one:activations:0"),
)  # fmt: skip
MODEL = graph(placeholder("x", (-1, 3)), call("call", "inner", "x"), relu("out", "call"),
              functions=[INNER])  # fmt: skip


@pytest.fixture
def show(show_page: Callable[[str], Any]) -> Callable[[Picture], Any]:
    return lambda picture: show_page(text(html_lines(picture)))


def names(page: Any) -> list[str]:
    """The first line of text of every node that is drawn."""
    found: list[str] = page.eval_on_selector_all(
        ".node", "nodes => nodes.map(node => node.querySelector('text').textContent)"
    )
    return found


def box(page: Any, name: str) -> Any:
    """The header of a node, by the first line of its text."""
    return page.locator(".node", has=page.get_by_text(name, exact=True)).first.locator("rect")


def click(page: Any, name: str) -> None:
    box(page, name).click(position={"x": 6, "y": 6})


def arrows(page: Any) -> int:
    return int(page.locator("#world path.edge").count())


def transform(page: Any) -> list[float]:
    found = page.locator("#world").get_attribute("transform")
    return [float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", found)]


def test_what_is_open_is_drawn_with_all_that_is_in_it(show: Callable[[Picture], Any]) -> None:
    page = show(picture_of(MODEL, everything=True))
    assert names(page) == ["x", "call", "layer", "one", "two", "out", "out"]
    assert arrows(page) == 4
    assert page.get_by_text("float32 [?,3]").count() == 2  # In the node, and at the arrow.
    assert page.title() == "graph"


def test_depth_says_what_is_open_at_first(show: Callable[[Picture], Any]) -> None:
    page = show(picture_of(MODEL, depth=1, everything=True))
    assert names(page) == ["x", "call", "layer", "out", "out"]


def test_a_click_opens_and_closes(show: Callable[[Picture], Any]) -> None:
    page = show(picture_of(MODEL, depth=0, everything=True))
    assert (names(page), arrows(page)) == (["x", "call", "out", "out"], 3)
    before = box(page, "call").bounding_box()

    click(page, "call")
    assert names(page) == ["x", "call", "layer", "out", "out"]
    after = box(page, "call").bounding_box()
    assert (after["x"], after["y"]) == pytest.approx((before["x"], before["y"]), abs=1.1)
    click(page, "layer")
    assert (names(page), arrows(page)) == (["x", "call", "layer", "one", "two", "out", "out"], 4)
    click(page, "call")
    assert (names(page), arrows(page)) == (["x", "call", "out", "out"], 3)


def test_buttons_fold_and_unfold(show: Callable[[Picture], Any]) -> None:
    page = show(picture_of(MODEL, depth=0, everything=True))
    page.click("#unfold")
    assert "layer" in names(page)
    page.click("#unfold")
    assert "one" in names(page)
    page.click("#fold")
    assert names(page) == ["x", "call", "out", "out"]


def test_dragging_moves_it(show: Callable[[Picture], Any]) -> None:
    page = show(picture_of(MODEL, depth=0, everything=True))
    x, y, zoom = transform(page)
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(350, 280, steps=4)
    page.mouse.up()
    assert transform(page) == pytest.approx([x + 50, y - 20, zoom])


def test_dragging_what_can_be_opened_does_not_open_it(show: Callable[[Picture], Any]) -> None:
    page = show(picture_of(MODEL, depth=0, everything=True))
    place = box(page, "call").bounding_box()
    page.mouse.move(place["x"] + 5, place["y"] + 5)
    page.mouse.down()
    page.mouse.move(place["x"] + 60, place["y"] + 50, steps=4)
    page.mouse.up()
    assert names(page) == ["x", "call", "out", "out"]


def wheel(page: Any, dx: float, dy: float) -> None:
    before = transform(page)
    page.mouse.wheel(dx, dy)
    for _ in range(200):  # The browser takes it later.
        if transform(page) != before:
            return
        page.wait_for_timeout(20)
    raise AssertionError("The wheel moves nothing.")


def test_the_wheel_scrolls_and_with_ctrl_it_zooms_where_it_points_at(
    show: Callable[[Picture], Any],
) -> None:
    page = show(picture_of(MODEL, everything=True))
    x, y, zoom = transform(page)
    before = box(page, "x").bounding_box()
    page.mouse.move(before["x"], before["y"])
    wheel(page, 0, 30)
    assert transform(page) == pytest.approx([x, y - 30, zoom])
    wheel(page, 0, -30)
    page.keyboard.down("Control")
    wheel(page, 0, -200)
    page.keyboard.up("Control")
    assert transform(page)[2] == pytest.approx(1.65, abs=0.01)
    after = box(page, "x").bounding_box()
    assert (after["x"], after["y"]) == pytest.approx((before["x"], before["y"]), abs=1)
    assert after["width"] > 1.5 * before["width"]

    zoom = transform(page)[2]
    page.click("#zoom-in")
    assert transform(page)[2] == pytest.approx(1.4 * zoom)
    page.click("#zoom-out")
    assert transform(page)[2] == pytest.approx(zoom)
    page.click("#fit")
    assert transform(page)[2] <= 1


def test_it_opens_where_it_can_be_read(show: Callable[[Picture], Any]) -> None:
    sources = [relu(f"part{number}", "x") for number in range(30)]
    total = add("total", *(each.name for each in sources))
    page = show(picture_of(graph(placeholder("x"), *sources, total), everything=True))
    assert transform(page)[2] == 1
    sizes = page.eval_on_selector_all(
        "text, h1, footer, #legend", "all => all.map(each => getComputedStyle(each).fontSize)"
    )
    assert min(float(size.removesuffix("px")) for size in sizes) >= 12
    place = page.locator(".node.output").bounding_box()
    assert (place["x"] + place["width"] / 2, place["y"] < 800) == (pytest.approx(500, abs=1), True)


def test_many_constants_of_a_box_are_one_until_it_is_opened(
    show: Callable[[Picture], Any],
) -> None:
    constants = [node(f"c{number}", "Const", dtype=FLOAT) for number in range(40)]
    total = add("total", "x", *(each.name for each in constants))
    model = graph(placeholder("x"), *constants, total)
    page = show(picture_of(model, everything=True))
    assert names(page) == ["x", "40 constants", "total", "total"]
    click(page, "40 constants")
    assert len(names(page)) == 44
    click(page, "40 constants")
    assert (len(names(page)), arrows(page)) == (4, 3)


def test_control_edges_are_drawn_if_they_are_asked_for(show: Callable[[Picture], Any]) -> None:
    model = graph(placeholder("x"), node("guard", "NoOp", "^x"), relu("y", "x", "^guard"))
    page = show(picture_of(model, everything=True))
    assert (names(page), arrows(page)) == (["x", "y", "y"], 2)
    page.check("#control")
    assert (names(page), arrows(page)) == (["x", "x", "guard", "y", "y"], 4)
    page.uncheck("#control")
    page.fill("#search", "guard")
    page.press("#search", "Enter")
    assert "guard" in names(page)
    assert page.is_checked("#control")
    assert show(picture_of(MODEL)).is_hidden("#control")


def test_keys_do_what_the_mouse_does(show: Callable[[Picture], Any]) -> None:
    page = show(picture_of(MODEL, depth=0, everything=True))
    x, y, zoom = transform(page)
    page.keyboard.press("ArrowDown")
    assert transform(page) == [x, y - 60, zoom]
    page.keyboard.press("+")
    assert transform(page)[2] == pytest.approx(1.4)
    page.focus(".node.call")
    page.keyboard.press("Enter")
    assert "layer" in names(page)
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    page.keyboard.press("Space")
    assert "layer" not in names(page)
    assert "call" in page.inner_text("#details")
    page.keyboard.press("Escape")
    assert page.is_hidden("#details")


def test_the_legend_names_the_looks_that_there_are(show: Callable[[Picture], Any]) -> None:
    page = show(picture_of(MODEL, everything=True))
    assert page.inner_text("#legend").split("\n") == [
        "Legend", "input of the signature", "output of the signature", "operation",
        "call of a function", "name scope", "closed: a click opens it", "tensor",
    ]  # fmt: skip


def test_searching_opens_what_the_match_is_in(show: Callable[[Picture], Any]) -> None:
    page = show(picture_of(MODEL, depth=0, everything=True))
    page.fill("#search", "LAYER/t")
    assert page.inner_text("#found") == "1 found"
    page.press("#search", "Enter")

    assert "two" in names(page)
    place = box(page, "two").bounding_box()
    assert (place["x"] + place["width"] / 2, place["y"] + place["height"] / 2) == pytest.approx(
        (500, 420), abs=60
    )
    assert page.locator(".node.selected text").first.text_content() == "two"
    assert "layer/two" in page.inner_text("#details")

    page.fill("#search", "no such node")
    assert page.inner_text("#found") == "0 found"


def test_details_tell_what_a_node_takes(show: Callable[[Picture], Any]) -> None:
    page = show(picture_of(MODEL, everything=True))
    click(page, "one")
    details = page.inner_text("#details")
    assert details.startswith("layer/one\n")
    assert "x:0 float32 [?,3]" in details
    assert "layer/two" in details
    page.mouse.click(5, 700)
    assert page.locator("#details").is_hidden()


def test_names_are_never_more_than_names(show: Callable[[Picture], Any]) -> None:
    nodes = tuple(
        Node(number, None, "op", f"{part}name", part, f"{part}op", f"{part}detail")
        for number, part in enumerate(PARTS)
    )
    edges = tuple(Edge(n, n + 1, False, 1, 1, None) for n in range(len(nodes) - 1))
    page = show(Picture("</title><script>alert(1)</script>", nodes, edges, (Output(1, ()),), 0))

    assert len(names(page)) == len(PARTS)
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    for number in range(len(PARTS)):
        page.evaluate("number => select(number)", number)
        assert page.locator("#details h2").count() == 1
    page.fill("#search", "<script>")
    page.press("#search", "Enter")
    assert page.inner_text("#found") == "1 of 1"


def test_ten_thousand_nodes(show: Callable[[Picture], Any]) -> None:
    scopes = (Node(n, None, "scope", f"s{n}", f"s{n}", is_open=True) for n in range(100))
    inside = (
        Node(n, n % 100, "op", f"s{n % 100}/n{n}", f"n{n}", "Relu") for n in range(100, 10_000)
    )
    edges = tuple(Edge(n, n + 1, False, 1, 1, None) for n in range(100, 9_999))
    page = show(Picture("many", (*scopes, *inside), edges, (), 0))
    assert len(names(page)) == 100
    page.click("#unfold")
    assert len(names(page)) == 10_000


def test_page_in_a_notebook_runs_in_a_frame_that_reaches_nothing(browser: Any) -> None:
    nodes = tuple(Node(number, None, "op", part, part) for number, part in enumerate(PARTS))
    picture = Picture("</iframe>'<script>alert(1)</script>", nodes, (), (), 0)
    wrong: list[str] = []
    page = browser.new_page()
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: wrong.append(f"request: {request.url}"))
    page.set_content(f"<body style='background:#111'>{GraphView(picture, picture)._repr_html_()}")
    (frame,) = page.frames[1:]
    frame.wait_for_selector(".node")
    assert frame.locator(".node").count() == len(PARTS)
    assert frame.evaluate("(() => { try { return parent.document } catch { return 0 } })()") == 0
    assert page.locator("iframe, script, img").count() == 1
    page.close()
    assert wrong == []

"""SVG is what Graphviz makes of the DOT."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from sigpb.errors import EnvironmentFailure
from sigpb.inspect.graph.formats import dot_lines, svg_lines
from sigpb.inspect.graph.picture import Edge, Node, Picture
from tests.inspect.graph.hostile import pictures, text

PICTURE = Picture(
    "two é",
    (Node(0, None, "input", "x:0", "x"), Node(1, None, "output", "y:0", "y")),
    (Edge(0, 1, False),),
    (),
    0,
)


def _program(folder: Path, script: str) -> None:
    file = folder / "dot"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_graphviz_gets_the_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_file = tmp_path / "given"
    cat = shutil.which("cat")
    _program(tmp_path, f'{cat} > {given_file}; echo "<svg>"; echo "$1 é</svg>"')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert text(svg_lines(PICTURE)) == "<svg>\n-Tsvg é</svg>\n"
    assert given_file.read_text(encoding="utf-8") == text(dot_lines(PICTURE))


def test_what_graphviz_says_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path, "echo too wide >&2; exit 3")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFailure, match=r"could not draw the graph: too wide\."):
        svg_lines(PICTURE)


def test_without_graphviz_it_is_said_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFailure, match=r"apt-get install graphviz.*--format=html"):
        svg_lines(PICTURE)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@settings(max_examples=25, deadline=None)
@given(pictures())
def test_graphviz_draws_every_picture(picture: Picture) -> None:
    root = ElementTree.fromstring(text(svg_lines(picture)))
    drawn = [each.get("class") for each in root.iter("{http://www.w3.org/2000/svg}g")]
    assert drawn.count("node") >= sum(not node.is_open for node in picture.nodes)

"""A picture as an SVG file, which browsers and many other programs show; drawn by Graphviz."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from sigpb.errors import EnvironmentFailure
from sigpb.inspect.graph.graph_formats import dot
from sigpb.inspect.graph.picture import Picture
from sigpb.inspect.styled_text import Line, line, plain


def render(picture: Picture) -> Iterator[Line]:
    """Yields the lines.

    Raises:
        EnvironmentFailure: Graphviz is not installed, or fails.
    """
    program = shutil.which("dot")
    if program is None:
        raise EnvironmentFailure(
            "An SVG is drawn by Graphviz, whose program dot is not on the PATH. Install it "
            "(apt-get install graphviz, brew install graphviz), or take --format=html, a page that "
            "needs no other program."
        )
    text = "".join(f"{plain(each)}\n" for each in dot.render(picture))
    drawn = subprocess.run(
        [program, "-Tsvg"],
        input=text.encode(errors="backslashreplace"),
        capture_output=True,
        check=False,
    )
    if drawn.returncode:
        said = drawn.stderr.decode(errors="replace").strip()
        raise EnvironmentFailure(f"Graphviz could not draw the graph: {said or drawn.returncode}.")
    return (line(part) for part in drawn.stdout.decode().splitlines())

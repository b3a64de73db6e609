"""The picture of the README: a model before and after a patch, as sigpb prints it, in colour.

``SIGPB_REGENERATE_GOLDENS=1 python -m pytest tests/test_docs.py`` writes it, with all other output.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

SHOW = "sigpb show {} --signature=serving_default"
PATCH = r"""sigpb patch proto_fixtures/flowers --output_dir=served \
    --rename_input=input_1=image_bytes --rename_output=dense=label \
    --input_step=input_1='decode_image(channels=3)' \
    --input_step=input_1='resize(224, 224)' --input_step=input_1='scale(0, 255)' \
    --output_step=dense='argmax()' --output_step=dense="labels('assets/labels.txt')" """

_WIDTH = 100
_GONE, _NEW = "bold red", "bold green"
_ENDPOINT = re.compile(r"^    (?:input|output) .*", re.MULTILINE)
_THEME = TerminalTheme(
    (24, 27, 34),
    (201, 206, 217),
    [(24, 27, 34), (255, 130, 122), (114, 214, 138), *[(201, 206, 217)] * 4, (255, 255, 255)],
)


def svg(run: Callable[[str], str]) -> str:
    """Returns the picture, which refers to nothing outside of it.

    Args:
        run: Runs a command line and returns what it prints.
    """
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    for line in _lines(run):
        line.truncate(_WIDTH, overflow="ellipsis")
        console.print(line)
    template = re.sub(
        r"@font-face \{\{.*?\}\}\s*|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL
    )
    picture = console.export_svg(
        title="sigpb", theme=_THEME, code_format=template, unique_id="sigpb"
    )
    return "\n".join(line.rstrip() for line in picture.splitlines()) + "\n"


def words(picture: str) -> list[str]:
    """Returns what a picture says, which does not depend on the version of rich that drew it."""
    texts = re.findall(r"<text [^>]*clip-path[^>]*>(.*?)</text>", picture, re.DOTALL)
    return html.unescape(" ".join(texts)).split()


def _lines(run: Callable[[str], str]) -> Iterator[Text]:
    before, plan, after = map(
        run, (SHOW.format("proto_fixtures/flowers"), PATCH, SHOW.format("served"))
    )
    yield from _command(SHOW.format("proto_fixtures/flowers"))
    yield from _marked(before, after, _GONE)
    yield from _command(PATCH)
    yield from map(Text, plan.splitlines())
    yield from _command(SHOW.format("served"))
    yield from _marked(after, before, _NEW)


def _command(line: str) -> Iterator[Text]:
    for text in f"$ {line}".splitlines():
        yield Text(text, style="bold bright_white")


def _marked(output: str, other: str, style: str) -> Iterator[Text]:
    """Yields lines in which the words of endpoints that the other output lacks are marked."""
    known = set(" ".join(_ENDPOINT.findall(other)).split())
    for line in output.splitlines():
        text = Text(line)
        if _ENDPOINT.match(line):
            for word in re.finditer(r"\S+", line):
                if word[0] not in known:
                    text.stylize(style, *word.span())
        yield text

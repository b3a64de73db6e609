from __future__ import annotations

import io

from rich.console import Console

from sigpb.inspect.summary_table import render
from tests.inspect.test_summary import endpoint, made_up, signature


def rendered(width: int = 100, color: bool = False) -> str:
    summary = made_up(
        ("[red]", signature(inputs={"[b]k[/b]": endpoint(tensor="i:0", shape=[None, 28])})),
        ("__saved_model_init_op", signature(internal=True)),
    )
    out = io.StringIO()
    Console(
        file=out,
        width=width,
        highlight=False,
        force_terminal=color,
        color_system="standard" if color else None,
    ).print(render(summary))
    return out.getvalue()


def test_tells_the_same_as_the_text() -> None:
    lines = [" ".join(line.split()) for line in rendered().splitlines()]
    assert "models/[1]: saved_model.pb, 1,234,567 bytes, without a fingerprint" in lines
    assert "signature '[red]', method 'm'" in lines
    assert "key dtype shape tensor" in lines
    assert "input [b]k[/b] int64 [?,28] i:0" in lines
    assert "'__saved_model_init_op': TensorFlow's own" in lines


def test_headings_stand_out_where_there_are_colours() -> None:
    assert "\x1b[1mMetaGraph {serve}" in rendered(color=True)
    assert "\x1b" not in rendered()


def test_folds_on_a_narrow_terminal() -> None:
    assert all(len(line) <= 40 for line in rendered(width=40).splitlines())

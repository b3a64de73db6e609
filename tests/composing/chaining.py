"""Chaining two signatures of a model, and saying what the whole is to give."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sigpb.composing.chain import chained
from sigpb.composing.composed import Composed
from sigpb.composing.fit import Pair, Partner, fitted
from sigpb.saved_model.grafts import Position
from sigpb.saved_model.model import SavedModel, open_model
from sigpb.wire import assemble
from tests.model_runner import run_v1

Arrays = Mapping[str, Any]

# Components of an endpoint: see tests/model_runner.py.
_PARTS = ("", "_indices", "_values", "_dense_shape", "_component_0", "_component_1")


def fit_of(
    model: SavedModel,
    first: str,
    second: str,
    asked: Sequence[tuple[str, str]] = (),
    position: Position = "before",
) -> tuple[Pair, ...]:
    """Returns what feeds what, of two signatures of the first MetaGraph of a model."""
    signatures = model.meta_graphs[0].signatures
    feeding, taking = (
        Partner(f"the signature {key!r}", signatures[key]) for key in (first, second)
    )
    return fitted(feeding, taking, [Pair(*pair) for pair in asked], position).pairs


def chain(
    path: Path,
    out: Path,
    first: str,
    second: str,
    asked: Sequence[tuple[str, str]] = (),
    position: Position = "before",
) -> tuple[Pair, ...]:
    """Writes a model in which one signature is made of two; returns what feeds what."""
    with open_model(path) as model:
        pairs = fit_of(model, first, second, asked, position)
        key = second if position == "before" else first
        now = chained(
            Composed.of(model), 0, first, second, pairs, key=key, keeps=position == "after"
        )
        proto = assemble(now.pieces, model.buffer)
    shutil.copytree(path, out)
    (out / "saved_model.pb").write_bytes(proto)
    return pairs


def one_after_the_other(
    path: Path,
    first: str,
    second: str,
    pairs: Sequence[Pair],
    sent: tuple[Arrays, Arrays],
    *,
    keeps: bool,
) -> dict[str, Any]:
    """Runs two signatures, and passes on what feeds what with numpy in between.

    Args:
        path: The model.
        first: The key of the first.
        second: The key of the second.
        pairs: What feeds what.
        sent: What clients send the first, and the second besides what it is fed.
        keeps: Whether outputs of the first that feed nothing are part of the result.
    """
    made = ran(path, first, sent[0])
    fed = {
        f"{pair.input}{part}": made[f"{pair.output}{part}"]
        for pair in pairs
        for part in _PARTS
        if f"{pair.output}{part}" in made
    }
    feeding = {f"{pair.output}{part}" for pair in pairs for part in _PARTS}
    kept = {key: value for key, value in made.items() if key not in feeding} if keeps else {}
    return {**kept, **ran(path, second, {**sent[1], **fed})}


def ran(path: Path, key: str, sent: Arrays) -> dict[str, Any]:
    """Returns what a signature gives in a session."""
    found = run_v1(path, ["serve"], {key: dict(sent)})[key]
    assert not isinstance(found, str), found
    return found

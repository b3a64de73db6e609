"""What a MetaGraph without signatures could make one of, and the command that does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sigpb.errors import ModelUnreadable
from sigpb.inspect.graph_ends import creating_flags, ends_json, ends_of, patch_command
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.model import MetaGraph

Json = dict[str, Any]

# What a function that clients are to call is mostly called; the first name that there is counts.
_SERVED = ("serving_default", "serve", "serving_fn", "predict", "infer", "call", "__call__")


def how_to_sign(
    model: Path, graph: MetaGraph, functions: Sequence[Json], *, is_only: bool
) -> Json | None:
    """Returns how a MetaGraph gets a signature, as JSON values.

    Args:
        model: The model's directory.
        graph: The MetaGraph, which has none.
        functions: Its concrete functions, as `sigpb.inspect.summary` tells of them.
        is_only: Whether it is the model's only MetaGraph.

    Returns:
        The ``command``, and the ``placeholders`` and ``results`` of a graph without functions that
        could be signatures; None if the graph is damaged.
    """
    tags = () if is_only else (f"--tags={','.join(graph.tags)}",)
    usable = (each for each in functions if not each["problem"])
    fit = [each["function"] for each in sorted(usable, key=_is_for_training)]
    if fit:
        named = [next((each for each in fit if _is_named(each, name)), None) for name in _SERVED]
        best = next((each for each in named if each is not None), fit[0])
        command = patch_command(model, *tags, f"--signature_from=serving_default={best}")
        return {"placeholders": [], "results": [], "command": command}
    try:
        ends = ends_of(GraphParts(graph).top, graph)
    except ModelUnreadable:
        return None
    flags = () if graph.has_object_graph else creating_flags(ends)
    creating = patch_command(model, *tags, *flags) if flags else None
    return {**ends_json(ends), "command": creating}


def _is_for_training(function: Json) -> bool:
    return "training=True" in function["fixed"]


def _is_named(function: str, name: str) -> bool:
    """Whether the last object on the way to a function has a name; its own name may follow."""
    return name in function.split(".")[-2:]

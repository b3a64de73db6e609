"""Shows the tag-sets and signatures of a model."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import (
    define_format,
    define_signature,
    define_tags,
    one_model,
)
from sigpb.cli.saved_model_cli_flags import chosen, define_twins, models
from sigpb.errors import UsageError
from sigpb.inspect.model_summary import selected
from sigpb.inspect.summary import Json, summarize, summary_text
from sigpb.remote.at_hand import AtHand, at_hand
from sigpb.saved_model import history
from sigpb.saved_model.files import is_graph_file, is_no_model
from sigpb.saved_model.model import MetaGraph, SavedModel, open_model
from sigpb.visible_text import visible, visible_text_proto

USAGE = """\
sigpb show DIR|GRAPH [--format=table|json|textproto] [--tags=TAG,…] [--signature=KEY] [--all]
sigpb show DIR --history [--format=table|json]"""

TASK = "Look at a model"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb show proto_fixtures/tf2_linear", "Show all signatures of a model."),
    (
        "sigpb show proto_fixtures/tf1_two_graphs --tags=serve,gpu --signature=gpu_only",
        "Show one signature of one MetaGraph.",
    ),
    ("sigpb show proto_fixtures/tf2_linear --format=json", "Print it for a program."),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    define_format(
        values,
        "How to print: a table, JSON (see docs/json.md), or the SignatureDefs as text protos.",
        ("table", "json", "textproto"),
    )
    define_tags(values)
    define_signature(values, "Only the signature of this key.")
    flags.DEFINE_bool(
        "all",
        False,
        "Show all functions and TensorFlow's own signatures, too.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "history",
        False,
        "Show the patches that were applied, as sigpb.history.jsonl records them, instead.",
        flag_values=values,
    )
    define_twins(values)


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    given = one_model(models(arguments, values, USAGE), USAGE)
    with at_hand(given, below=True) as found:
        return _show(found, values)


def _show(found: AtHand, values: flags.FlagValues) -> int:
    path, (tags, signature) = found.path, chosen(values, USAGE)
    choosing = ("signature", "signature_def", "tag_set", "tags")
    given_flags = [name for name in choosing if values[name].value is not None]
    if values.all and given_flags:
        raise UsageError(f"--all shows everything. Leave it out, or --{given_flags[0]}.", USAGE)
    if is_graph_file(path):
        _print_graph(path, as_json=values.format == "json")
        return 0
    is_whole = tags is None and signature is None and not values.history
    if is_whole and values.format != "textproto" and is_no_model(path):
        from sigpb.inspect.model_list import list_models

        if (models := list_models(path, found.left)) is not None:
            _print_list(models, as_json=values.format == "json")
            return 0
    with open_model(path) as model:
        if values.history:
            _print_history(model, as_json=values.format == "json")
            return 0
        meta_graphs = selected(model, tags, signature)
        summary = summarize(model, meta_graphs, signature)
        if values.format == "json":
            terminal.say_json(summary)
        elif values.format == "textproto":
            _print_text_protos(meta_graphs, signature)
        else:
            _print_tables(summary, everything=values.all)
    return 0


def _print_list(found: Json, *, as_json: bool) -> None:
    from sigpb.inspect.model_list import list_lines

    if as_json:
        terminal.say_json(found)
    else:
        terminal.say(*list_lines(found))


def _print_graph(file: Path, *, as_json: bool) -> None:
    """Prints what a graph in a file of its own is, and how to go on."""
    from sigpb.inspect.graph_ends import summarize, summary_lines
    from sigpb.inspect.proto_source import open_source

    with open_source(file) as source:
        if as_json:
            terminal.say_json(summarize(source))
        else:
            terminal.say_document("".join(f"{visible(line)}\n" for line in summary_lines(source)))


def _print_history(model: SavedModel, *, as_json: bool) -> None:
    if as_json:
        terminal.say_json(history.records(model.directory))
        return
    from sigpb.inspect.patch_history import history_lines

    terminal.say(*history_lines(model))


def _print_text_protos(meta_graphs: Iterable[MetaGraph], signature: str | None) -> None:
    from google.protobuf import text_format

    from sigpb import protos

    shown = protos.SavedModel()
    for graph in meta_graphs:
        meta_graph = shown.meta_graphs.add()
        meta_graph.meta_info_def.tags.extend(graph.tags)
        for key, signature_def in graph.signatures.items():
            if signature in (None, key):
                meta_graph.signature_def[key].CopyFrom(signature_def)
    terminal.say_document(visible_text_proto(text_format.MessageToString(shown, as_utf8=True)))


def _print_tables(summary: Json, *, everything: bool) -> None:
    if not sys.stdout.isatty():
        terminal.say_document(summary_text(summary, everything=everything))
        return
    # Takes longer to import than all the rest to run.
    from sigpb.inspect.summary import rich_text

    terminal.say_table(rich_text(summary, everything=everything))

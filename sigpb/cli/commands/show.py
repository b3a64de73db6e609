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
    one_directory,
    tag_set,
)
from sigpb.inspect.model_summary import selected
from sigpb.inspect.summary import Json, summarize, summary_text
from sigpb.saved_model import history
from sigpb.saved_model.files import is_graph_file
from sigpb.saved_model.model import MetaGraph, SavedModel, open_model
from sigpb.visible_text import visible, visible_text_proto

USAGE = """\
sigpb show DIR|GRAPH [--format=table|json|textproto] [--tags=TAG,…] [--signature=KEY] [--history]"""

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
        "history",
        False,
        "Show the patches that were applied, as sigpb.history.jsonl records them, instead.",
        flag_values=values,
    )


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    path = one_directory(arguments, USAGE)
    if is_graph_file(path):
        _print_graph(path, as_json=values.format == "json")
        return 0
    with open_model(path) as model:
        if values.history:
            _print_history(model, as_json=values.format == "json")
            return 0
        meta_graphs = selected(model, tag_set(values), values.signature)
        summary = summarize(model, meta_graphs, values.signature)
        if values.format == "json":
            terminal.say_json(summary)
        elif values.format == "textproto":
            _print_text_protos(meta_graphs, values.signature)
        else:
            _print_tables(summary)
    return 0


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
    records = history.records(model.directory)
    if as_json:
        terminal.say_json(records)
        return
    if not records:
        terminal.say(f"{model.directory}: no patch is recorded")
    for record in records:
        words = (record.get(field) for field in ("time", "patch_id", "reason"))
        said = (str(word) for word in (*words, f"sigpb {record.get('sigpb')}") if word)
        terminal.say("  ".join(said))
        for name in ("input_digest", "output_digest"):
            if digest := record.get(name):
                terminal.say(f"    {name.removesuffix('_digest')} sha256:{digest}")


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


def _print_tables(summary: Json) -> None:
    if not sys.stdout.isatty():
        terminal.say_document(summary_text(summary))
        return
    # Takes longer to import than all the rest to run.
    from sigpb.inspect.summary import rich_text

    terminal.say_table(rich_text(summary))

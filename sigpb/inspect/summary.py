"""What `sigpb show` tells of a model: as JSON values, as plain text, and for a terminal."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.saved_model import fingerprint as fingerprints
from sigpb.saved_model.concrete_functions import NamedTensor, concrete_functions
from sigpb.saved_model.grafts import Graft, grafts
from sigpb.saved_model.model import INTERNAL_PREFIX, MetaGraph, SavedModel
from sigpb.tf.tensor_types import dtype_name, encoding_of, shape_of, shape_text, tensor_names
from sigpb.visible_text import natural, visible

if TYPE_CHECKING:
    from rich.console import Group, OverflowMethod

Json = dict[str, Any]

# So many functions are told of in text; those nearest to the root.
_LISTED = 20

# So many arguments, and results, of a function are told of in text.
_MOST_TENSORS = 8

# Cells that are wider do not widen their column.
_WIDEST = 60


def summarize(
    model: SavedModel, meta_graphs: Iterable[MetaGraph], signature: str | None = None
) -> Json:
    """Returns a model's MetaGraphs and signatures as JSON values.

    The format is described in docs/json.md.

    Args:
        model: The model.
        meta_graphs: Those of its MetaGraphs that are of interest.
        signature: Only the signature of this key; None for all.
    """
    fingerprint = model.directory / fingerprints.FILE_NAME
    return {
        "model": str(model.directory),
        "file": model.file.name,
        "bytes": model.file.stat().st_size,
        "fingerprint": _fingerprint(fingerprint) if fingerprint.exists() else None,
        "meta_graphs": [_meta_graph(model, graph, signature) for graph in meta_graphs],
    }


def _fingerprint(file: Path) -> Json:
    try:
        fingerprint = fingerprints.read(file)
    except ModelUnreadable as error:
        return {"unreadable": str(error)}
    hashes = {
        field.name: f"{value:016x}"
        for field, value in fingerprint.ListFields()
        if field.name.endswith(("_hash", "_checksum"))
    }
    return {**hashes, "uuid": fingerprint.uuid, "producer": fingerprint.version.producer}


def _meta_graph(model: SavedModel, graph: MetaGraph, signature: str | None) -> Json:
    functions = _functions(graph) if signature is None else []
    unsigned = None
    if signature is None and not graph.user_signatures:
        from sigpb.inspect.unsigned import how_to_sign  # here, for it looks at the graph

        is_only = len(model.meta_graphs) == 1
        unsigned = how_to_sign(model.directory, graph, functions, is_only=is_only)
    return {
        "tags": list(graph.tags),
        "object_graph": graph.has_object_graph,
        "tensorflow_version": graph.tensorflow_version,
        "bytes": graph.message.end - graph.message.start,
        "signatures": {
            key: _signature(key, graph.signatures[key])
            for key in sorted(graph.signatures)
            if signature is None or key == signature
        },
        "grafts": [
            dataclasses.asdict(each)
            for each in grafts(graph)
            if signature is None or each.signature == signature
        ],
        "functions": functions,
        "unsigned": unsigned,
    }


def _functions(graph: MetaGraph) -> list[Json]:
    found = concrete_functions(graph.object_graph) if graph.object_graph else []
    paths = Counter(each.path for each in found)
    return [
        {
            "function": each.path if paths[each.path] == 1 else each.full_path,
            "arguments": _tensors(each.arguments),
            "fixed": list(each.fixed),
            "results": _tensors(each.results),
            "problem": each.problem or None,
        }
        for each in found
    ]


def _tensors(tensors: Iterable[NamedTensor]) -> list[Json]:
    return [
        {
            "key": key,
            "dtype": dtype_name(type_.dtype),
            "shape": None if type_.shape is None else list(type_.shape),
        }
        for key, type_ in tensors
    ]


def _signature(key: str, signature_def: protos.SignatureDef) -> Json:
    inputs = _endpoints(signature_def.inputs)
    for default_key, default in signature_def.defaults.items():
        if default_key in inputs:
            inputs[default_key]["default"] = _default(default)
    return {
        "method_name": signature_def.method_name,
        "inputs": inputs,
        "outputs": _endpoints(signature_def.outputs),
        "internal": key.startswith(INTERNAL_PREFIX),
    }


def _endpoints(infos: Mapping[str, protos.TensorInfo]) -> Json:
    return {key: _endpoint(info) for key, info in sorted(infos.items())}


def _endpoint(info: protos.TensorInfo) -> Json:
    encoding = encoding_of(info)
    shape = shape_of(info.tensor_shape)
    summary: Json = {
        "tensor": info.name if encoding == "dense" else None,
        "dtype": dtype_name(info.dtype),
        "shape": None if shape is None else list(shape),
        "encoding": encoding,
    }
    if encoding != "dense":
        summary["components"] = list(tensor_names(info))
    return summary


def _default(tensor: protos.TensorProto) -> Json:
    """Tells type, shape and content of a default value; the content as protobuf stores it."""
    shape = shape_of(tensor.tensor_shape)
    content: list[Any] = []
    for field, value in tensor.ListFields():
        if field.name.endswith("_val"):
            content = [_text(item) for item in value]
    return {
        "dtype": dtype_name(tensor.dtype),
        "shape": None if shape is None else list(shape),
        "values": content,
        "bytes": len(tensor.tensor_content),
    }


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


Row = tuple[str, str, str, str, str]

TITLES: Row = ("", "key", "dtype", "shape", "tensor")


class TextLine(NamedTuple):
    """A line of text, and what a terminal makes of it.

    Attributes:
        text: The line.
        style: How it stands out, as `rich` names it.
        is_command: Whether it is to be pasted, so that it must not be broken.
    """

    text: str
    style: str = ""
    is_command: bool = False


def summary_parts(summary: Json, *, everything: bool = False) -> Iterator[TextLine | list[Row]]:
    """Yields the lines of a summary, and the rows of a table for each signature, all visible.

    Args:
        summary: The summary.
        everything: Whether to tell of TensorFlow's own signatures and of all functions, too.
    """
    for part in _parts(summary, everything=everything):
        if isinstance(part, TextLine):
            yield part._replace(text=visible(part.text))
        else:
            yield [cast(Row, tuple(map(visible, row))) for row in part]


def _parts(summary: Json, *, everything: bool) -> Iterator[TextLine | list[Row]]:
    fingerprint = "with a fingerprint" if summary["fingerprint"] else "without a fingerprint"
    yield TextLine(
        f"{summary['model']}: {summary['file']}, {summary['bytes']:,} bytes, {fingerprint}"
    )
    for graph in summary["meta_graphs"]:
        kind = "TF2, with an object graph" if graph["object_graph"] else "TF1, session style"
        version = graph["tensorflow_version"] or "an unknown version"
        tags = ", ".join(graph["tags"])
        yield TextLine("")
        yield TextLine(f"MetaGraph {{{tags}}}: {kind}, written by TensorFlow {version}", "bold")
        for key in sorted(graph["signatures"], key=natural):
            signature = graph["signatures"][key]
            yield from _signature_parts(key, signature, everything=everything)
        is_unsigned = all(each["internal"] for each in graph["signatures"].values())
        if is_unsigned:
            if graph["signatures"]:
                yield TextLine("")
            yield TextLine("  no signatures")
        yield from map(TextLine, _graft_lines(graph["grafts"], graph["signatures"]))
        yield from map(TextLine, _function_lines(graph["functions"], everything=everything))
        if unsigned := graph["unsigned"]:
            yield from _unsigned_lines(unsigned)


def _unsigned_lines(unsigned: Json) -> Iterator[TextLine]:
    """Yields how a MetaGraph without signatures gets one."""
    from sigpb.inspect.graph_ends import end_lines

    if unsigned["placeholders"] or unsigned["results"]:
        yield from (TextLine(f"    {line}") for line in end_lines(unsigned))
    if unsigned["command"]:
        yield TextLine("")
        yield TextLine(f"  to make a signature: {unsigned['command']}", is_command=True)


def _graft_lines(found: Sequence[Json], signatures: Json) -> Iterator[str]:
    """Yields which adapters were put before and after signatures, a line each."""
    if found:
        yield ""
        yield "  adapters that --ungraft takes out, the last one first"
    for each in reversed(found):
        graft = Graft(**each)
        yield f"    {graft.describe()}: {graft.explain()}"
        if graft.signature not in signatures:
            yield f"      stays: no signature has the key {graft.signature!r} any more"


def _function_lines(functions: Sequence[Json], *, everything: bool) -> Iterator[str]:
    """Yields what the functions take and return that can be signatures, a line each."""
    if not functions:
        return
    fit = [each for each in functions if not each["problem"]]
    listed = functions if everything else fit[:_LISTED]
    most = None if everything else _MOST_TENSORS
    yield ""
    yield "  functions that --signature_from makes signatures of"
    for each in listed:
        taken = _joined((*map(_tensor_text, each["arguments"]), *each["fixed"]), most)
        given = _joined([*map(_tensor_text, each["results"])], most)
        problem = f"; it cannot be a signature: {each['problem']}" if each["problem"] else ""
        yield f"    {each['function']!r} ({taken}) -> ({given}){problem}"
    if left := len(functions) - len(listed):
        yield f"    {left} more with --all, with why if one cannot be a signature"


def _joined(texts: Sequence[str], most: int | None) -> str:
    more = len(texts) - len(texts[:most])
    return ", ".join((*texts[:most], *([f"… {more} more"] if more else [])))


def _tensor_text(tensor: Json) -> str:
    shape = tensor["shape"]
    text = shape_text(None if shape is None else tuple(shape))
    return f"{tensor['key']}: {tensor['dtype']} {text}"


def summary_text(summary: Json, *, everything: bool = False) -> str:
    """Returns a summary as text without colours; for its arguments see `summary_parts`."""
    lines: list[str] = []
    for part in summary_parts(summary, everything=everything):
        if isinstance(part, TextLine):
            lines.append(part.text)
        else:
            rows = [TITLES, *part]
            columns = (map(len, column) for column in zip(*rows, strict=True))
            widths = [max(each for each in column if each <= _WIDEST) for column in columns]
            for row in rows:
                cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
                lines.append(f"    {'  '.join(cells).rstrip()}")
    return "\n".join(lines) + "\n"


def _signature_parts(
    key: str, signature: Json, *, everything: bool
) -> Iterator[TextLine | list[Row]]:
    yield TextLine("")
    if signature["internal"] and not everything:
        yield TextLine(f"  {key!r}: TensorFlow's own", "dim")
        return
    yield TextLine(f"  signature {key!r}, method {signature['method_name']!r}")
    rows = [
        (side.removesuffix("s"), repr(endpoint_key)[1:-1], *_cells(signature[side][endpoint_key]))
        for side in ("inputs", "outputs")
        for endpoint_key in sorted(signature[side], key=natural)
    ]
    yield rows or TextLine("    no inputs, no outputs")


def _cells(endpoint: Json) -> tuple[str, str, str]:
    shape, tensor = endpoint["shape"], endpoint["tensor"]
    if tensor is None:
        tensor = f"{endpoint['encoding']}: {', '.join(endpoint['components'])}"
    if "default" in endpoint:
        default = endpoint["default"]
        tensor += f" (default {default['values'] or str(default['bytes']) + ' bytes'})"
    return endpoint["dtype"], shape_text(None if shape is None else tuple(shape)), tensor


def rich_text(summary: Json, *, everything: bool = False) -> Group:
    """Returns a summary for a `rich` console; for its arguments see `summary_parts`."""
    from rich import box
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    def shown(part: TextLine | list[Row]) -> Text | Padding:
        if isinstance(part, TextLine):
            overflow: OverflowMethod | None = "ignore" if part.is_command else None
            return Text(part.text, part.style, no_wrap=part.is_command, overflow=overflow)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
        for title in TITLES:
            table.add_column(title, overflow="fold")
        for row in part:
            table.add_row(*map(Text, row))
        return Padding(table, (0, 0, 0, 3))

    return Group(*map(shown, summary_parts(summary, everything=everything)))

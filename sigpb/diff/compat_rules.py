"""What the clients of one model notice when another is served: the table of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

from sigpb.diff.served import ClientRule, Served
from sigpb.diff.signature_change import Endpoint, default_text
from sigpb.rewrite.interface import Side
from sigpb.saved_model.model import tag_set_text
from sigpb.tf.tensor_types import Shape, dtype_name, shape_text

Relation = Literal["same", "narrowed", "widened", "other"]


def _method(served: Served) -> Iterator[str]:
    found = served.found
    if found is not None and found.before is not None and found.method_before != found.method_after:
        yield f"the method is {found.method_after!r} in place of {found.method_before!r}"


def _signature_added(served: Served) -> Iterator[str]:
    if served.found is not None and served.found.before is None:
        yield "it is new"


def _signature_removed(served: Served) -> Iterator[str]:
    if served.found is None and served.fate is not None and served.fate.after is None:
        yield "it is deleted"


def _signature_renamed(served: Served) -> Iterator[str]:
    if served.found is None and served.fate is not None and served.fate.after is not None:
        yield f"it is called {served.fate.after!r} now"


def _signature_replaced(served: Served) -> Iterator[str]:
    fate = served.fate
    if served.found is not None and fate is not None and fate.after != served.key:
        became = "is deleted" if fate.after is None else f"is called {fate.after!r} now"
        yield f"what was under this key {became}, and another signature has the key"


def _tag_set_removed(served: Served) -> Iterator[str]:
    if served.tags_removed:
        yield f"its MetaGraph has the tag-set {tag_set_text(served.graph.tags_after)} now"


def _views_disagree(served: Served) -> Iterator[str]:
    graph = served.graph
    for sentence in graph.disagreements_after:
        if sentence not in graph.disagreements_before and repr(served.key) in sentence:
            yield sentence.rstrip(".")


def _values_may_differ(served: Served) -> Iterator[str]:
    if served.found is None or served.found.before is None:
        return
    graph, why = served.graph.graph, []
    if graph.recomputes:
        why.append("the graph")
    if graph.constants:
        why.append(f"{len(graph.constants)} constants")
    if served.files.variables:
        why.append("variables")
    changed = {file.path.partition("/")[0] for file in served.files.files if file.counts}
    why += sorted(changed - ({"variables"} if served.files.variables else set()))
    if why:
        yield f"{', '.join(why)} changed"
    for change in served.found.endpoints:
        if change.by_way_of is not None and change.before is not None:
            lossy = dtype_name(change.by_way_of)
            yield f"{change.side} {change.before.key!r} passes {lossy}, which loses values"


def _input_added(served: Served, *, with_default: bool) -> Iterator[str]:
    for change in served.new("input"):
        after = change.after
        if change.before is not None or after is None:  # A renamed input is reported as such.
            continue
        if after.default is not None and with_default:
            yield f"input {after.key!r} is new and has the default {default_text(after)}"
        elif after.default is None and not with_default:
            yield f"input {after.key!r} is new and has no default"


def _input_removed(served: Served) -> Iterator[str]:
    for change in served.gone("input"):
        if change.before is not None and change.after is None:
            why = "" if change.bound is None else f"; it is bound to {change.bound}"
            yield f"input {change.before.key!r} is not taken any more{why}"


def _default_added(served: Served) -> Iterator[str]:
    for before, after in served.kept("input"):
        if before.default is None and after.default is not None:
            yield f"input {before.key!r} has the default {default_text(after)} now"


def _default_changed(served: Served) -> Iterator[str]:
    for before, after in served.kept("input"):
        if before.default is not None and after.default is not None:
            texts = default_text(before), default_text(after)
            if before.encoded_default != after.encoded_default:
                yield f"input {before.key!r} has the default {texts[1]} in place of {texts[0]}"


def _default_removed(served: Served) -> Iterator[str]:
    for before, after in served.kept("input"):
        if before.default is not None and after.default is None:
            yield f"input {before.key!r} has no default any more"


def _input_replaced(served: Served) -> Iterator[str]:
    for key in _replaced(served, "input"):
        yield f"what is sent as input {key!r} goes where another input went"


def _output_added(served: Served) -> Iterator[str]:
    for change in served.new("output"):
        if change.before is None and change.after is not None:
            yield f"output {change.after.key!r} is new"


def _output_removed(served: Served) -> Iterator[str]:
    for change in served.gone("output"):
        if change.before is not None and change.after is None:
            yield f"output {change.before.key!r} is not there any more"


def _output_replaced(served: Served) -> Iterator[str]:
    for key in _replaced(served, "output"):
        yield f"what comes as output {key!r} is another one"


def _replaced(served: Served, side: Side) -> Iterator[str]:
    """Yields the keys that stand for another endpoint of the signature, or another tensor."""
    for change in served.endpoints(side):
        if change.before is None or change.after is None:
            continue
        if change.rewired:
            yield change.before.key
        elif change.renamed and any(
            other.before is not None and other.before.key == change.after.key
            for other in served.endpoints(side)
        ):
            yield change.after.key


def _renamed(served: Served, *, side: Side) -> Iterator[str]:
    for change in served.gone(side):
        if change.before is not None and change.after is not None:
            yield f"{side} {change.before.key!r} is called {change.after.key!r} now"


def _dtype(served: Served, *, side: Side) -> Iterator[str]:
    return _restated(served, side, lambda endpoint: dtype_name(endpoint.dtype))


def _encoding(served: Served, *, side: Side) -> Iterator[str]:
    return _restated(served, side, lambda endpoint: endpoint.encoding)


def _restated(served: Served, side: Side, text: Callable[[Endpoint], str]) -> Iterator[str]:
    for before, after in served.kept(side):
        if text(before) != text(after):
            yield f"{side} {before.key!r} is {text(after)} in place of {text(before)}"


def _shape(served: Served, *, side: Side, relation: Relation) -> Iterator[str]:
    for before, after in served.kept(side):
        if _relation(before.shape, after.shape) == relation:
            shapes = shape_text(before.shape), shape_text(after.shape)
            yield f"{side} {before.key!r} is {shapes[1]} in place of {shapes[0]}"


def _relation(before: Shape, after: Shape) -> Relation:
    """Returns how a shape relates to an earlier one: whether it admits less, or more."""
    if before == after:
        return "same"
    if _admits(before, after):
        return "narrowed"
    return "widened" if _admits(after, before) else "other"


def _admits(wide: Shape, narrow: Shape) -> bool:
    if wide is None:
        return True
    return (
        narrow is not None
        and len(wide) == len(narrow)
        and all(size in (None, other) for size, other in zip(wide, narrow, strict=True))
    )


RULES = (
    ClientRule(
        "input-added-with-default",
        "compatible",
        "An input is new, and has a default for clients that do not send it.",
        partial(_input_added, with_default=True),
    ),
    ClientRule(
        "input-added-without-default",
        "breaking",
        "An input is wanted that clients do not send.",
        partial(_input_added, with_default=False),
    ),
    ClientRule("input-default-added", "compatible", "An input may be left out.", _default_added),
    ClientRule(
        "input-default-changed",
        "warning",
        "An input has another value for those who leave it out.",
        _default_changed,
    ),
    ClientRule(
        "input-default-removed",
        "breaking",
        "An input that clients could leave out has to be sent.",
        _default_removed,
    ),
    ClientRule(
        "input-dtype-changed",
        "breaking",
        "An input has another dtype.",
        partial(_dtype, side="input"),
    ),
    ClientRule(
        "input-encoding-changed",
        "breaking",
        "An input is made of other tensors: dense, sparse or composite.",
        partial(_encoding, side="input"),
    ),
    ClientRule(
        "input-removed",
        "breaking",
        "An input that clients send is not taken any more.",
        _input_removed,
    ),
    ClientRule(
        "input-renamed",
        "breaking",
        "An input has another key, and nothing has the key it had.",
        partial(_renamed, side="input"),
    ),
    ClientRule(
        "input-replaced",
        "breaking",
        "The key of an input stands for another one: what clients send goes elsewhere.",
        _input_replaced,
    ),
    ClientRule(
        "input-shape-changed",
        "breaking",
        "An input takes other shapes than it did.",
        partial(_shape, side="input", relation="other"),
    ),
    ClientRule(
        "input-shape-narrowed",
        "breaking",
        "An input takes fewer shapes than it did.",
        partial(_shape, side="input", relation="narrowed"),
    ),
    ClientRule(
        "input-shape-widened",
        "compatible",
        "An input takes all shapes that it took, and more.",
        partial(_shape, side="input", relation="widened"),
    ),
    ClientRule(
        "method-changed",
        "breaking",
        "A signature has another method name, so that TensorFlow Serving takes other requests.",
        _method,
    ),
    ClientRule(
        "output-added", "compatible", "An output is new; nobody reads it yet.", _output_added
    ),
    ClientRule(
        "output-dtype-changed",
        "breaking",
        "An output has another dtype.",
        partial(_dtype, side="output"),
    ),
    ClientRule(
        "output-encoding-changed",
        "breaking",
        "An output is made of other tensors: dense, sparse or composite.",
        partial(_encoding, side="output"),
    ),
    ClientRule(
        "output-removed",
        "breaking",
        "An output that clients read is not there any more.",
        _output_removed,
    ),
    ClientRule(
        "output-renamed",
        "breaking",
        "An output has another key, and nothing has the key it had.",
        partial(_renamed, side="output"),
    ),
    ClientRule(
        "output-replaced",
        "breaking",
        "The key of an output stands for another one.",
        _output_replaced,
    ),
    ClientRule(
        "output-shape-changed",
        "breaking",
        "An output has another shape.",
        partial(_shape, side="output", relation="other"),
    ),
    ClientRule(
        "output-shape-narrowed",
        "compatible",
        "An output has one of the shapes that it could have.",
        partial(_shape, side="output", relation="narrowed"),
    ),
    ClientRule(
        "output-shape-widened",
        "warning",
        "An output may have other shapes than it could have.",
        partial(_shape, side="output", relation="widened"),
    ),
    ClientRule(
        "output-values-may-differ",
        "warning",
        "The graph, or what it reads, is not what it was, so that values may differ.",
        _values_may_differ,
    ),
    ClientRule(
        "signature-added",
        "compatible",
        "A signature is new; nobody asks for it yet.",
        _signature_added,
    ),
    ClientRule("signature-removed", "breaking", "A signature is gone.", _signature_removed),
    ClientRule(
        "signature-renamed",
        "breaking",
        "A signature has another key, and nothing has the key it had.",
        _signature_renamed,
    ),
    ClientRule(
        "signature-replaced",
        "breaking",
        "Another signature has the key that a signature had.",
        _signature_replaced,
    ),
    ClientRule(
        "tag-set-removed",
        "breaking",
        "No MetaGraph has the tags that a client asks for.",
        _tag_set_removed,
    ),
    ClientRule(
        "views-disagree",
        "breaking",
        "Loaders disagree, since signature_def and the object graph contradict each other.",
        _views_disagree,
    ),
)
"""All rules, sorted by id."""

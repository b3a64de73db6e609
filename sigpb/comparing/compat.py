"""What the clients of one model notice when another is served: the rules, and their verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from sigpb.comparing.difference import (
    LEVELS,
    ClientFinding,
    FilesDifference,
    Level,
    MetaGraphDifference,
    ModelDifference,
    SignatureVerdict,
)
from sigpb.comparing.signature_difference import (
    EndpointChange,
    SignatureDifference,
    StatedEndpoint,
    default_text,
)
from sigpb.errors import listed
from sigpb.rewrite.port import Side
from sigpb.saved_model.model import tag_set_text
from sigpb.tf.tensor_types import Shape, dtype_name, shape_text

Relation = Literal["same", "narrowed", "widened", "other"]


@dataclass(frozen=True)
class Served:
    """A signature of the first model, and what a client finds under its key in the second.

    Attributes:
        key: The key.
        fate: What became of the signature itself; None if the first model has none of this key.
        found: How the signature under the same key differs; None if there is none.
        graph: The MetaGraphs of both.
        files: The other files.
        tags_removed: Whether no MetaGraph has the tags that a client asks for.
    """

    key: str
    fate: SignatureDifference | None
    found: SignatureDifference | None
    graph: MetaGraphDifference
    files: FilesDifference
    tags_removed: bool = False

    def endpoints(self, side: Side) -> Iterator[EndpointChange]:
        """Yields what became of the inputs or outputs that clients know, or may now find."""
        if self.found is not None and self.fate is not None:
            yield from (change for change in self.found.endpoints if change.side == side)

    def kept(self, side: Side) -> Iterator[tuple[StatedEndpoint, StatedEndpoint]]:
        """Yields the endpoints before and after under each key that both signatures have."""
        changes = list(self.endpoints(side))
        after = {change.after.key: change.after for change in changes if change.after}
        for change in changes:
            if change.before and change.before.key in after:
                yield change.before, after[change.before.key]

    def gone(self, side: Side) -> Iterator[EndpointChange]:
        """Yields the endpoints whose key is not there any more."""
        changes = list(self.endpoints(side))
        keys = {change.after.key for change in changes if change.after}
        yield from (each for each in changes if each.before and each.before.key not in keys)

    def new(self, side: Side) -> Iterator[EndpointChange]:
        """Yields the endpoints whose key was not there before."""
        changes = list(self.endpoints(side))
        keys = {change.before.key for change in changes if change.before}
        yield from (each for each in changes if each.after and each.after.key not in keys)


@dataclass(frozen=True)
class ClientRule:
    """Something that clients may notice.

    Attributes:
        id: By which reports and people name it.
        level: What it means for a client.
        check: Yields what it finds, in words.
    """

    id: str
    level: Level
    check: Callable[[Served], Iterable[str]]


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
    if served.files.not_compared:
        yield f"{listed(served.files.not_compared)} may differ, and stay in a store"
    for change in served.found.endpoints:
        if change.by_way_of is not None and change.before is not None:
            lossy = dtype_name(change.by_way_of)
            yield f"{change.side} {change.before.key!r} passes {lossy}, which loses values"
        if change.computed_by and change.before is not None:
            ops = ", ".join(change.computed_by)
            yield f"{change.side} {change.before.key!r} passes {ops}, which compute other values"


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
        yield f"input {key!r} feeds another tensor than before"


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
        yield f"output {key!r} returns another tensor than before"


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


def _restated(served: Served, side: Side, text: Callable[[StatedEndpoint], str]) -> Iterator[str]:
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
    # An input is new, and has a default for clients that do not send it.
    ClientRule("input-added-with-default", "compatible", partial(_input_added, with_default=True)),
    # An input is wanted that clients do not send.
    ClientRule(
        "input-added-without-default", "breaking", partial(_input_added, with_default=False)
    ),
    # An input may be left out.
    ClientRule("input-default-added", "compatible", _default_added),
    # An input has another value for those who leave it out.
    ClientRule("input-default-changed", "warning", _default_changed),
    # An input that clients could leave out has to be sent.
    ClientRule("input-default-removed", "breaking", _default_removed),
    # An input has another dtype.
    ClientRule("input-dtype-changed", "breaking", partial(_dtype, side="input")),
    # An input is made of other tensors: dense, sparse or composite.
    ClientRule("input-encoding-changed", "breaking", partial(_encoding, side="input")),
    # An input that clients send is not taken any more.
    ClientRule("input-removed", "breaking", _input_removed),
    # An input has another key, and nothing has the key it had.
    ClientRule("input-renamed", "breaking", partial(_renamed, side="input")),
    # The key of an input stands for another tensor: what clients send goes elsewhere.
    ClientRule("input-replaced", "breaking", _input_replaced),
    # An input takes other shapes than it did.
    ClientRule("input-shape-changed", "breaking", partial(_shape, side="input", relation="other")),
    # An input takes fewer shapes than it did.
    ClientRule(
        "input-shape-narrowed", "breaking", partial(_shape, side="input", relation="narrowed")
    ),
    # An input takes all shapes that it took, and more.
    ClientRule(
        "input-shape-widened", "compatible", partial(_shape, side="input", relation="widened")
    ),
    # A signature has another method name, so that TensorFlow Serving takes other requests.
    ClientRule("method-changed", "breaking", _method),
    # An output is new; nobody reads it yet.
    ClientRule("output-added", "compatible", _output_added),
    # An output has another dtype.
    ClientRule("output-dtype-changed", "breaking", partial(_dtype, side="output")),
    # An output is made of other tensors: dense, sparse or composite.
    ClientRule("output-encoding-changed", "breaking", partial(_encoding, side="output")),
    # An output that clients read is not there any more.
    ClientRule("output-removed", "breaking", _output_removed),
    # An output has another key, and nothing has the key it had.
    ClientRule("output-renamed", "breaking", partial(_renamed, side="output")),
    # The key of an output stands for another tensor.
    ClientRule("output-replaced", "breaking", _output_replaced),
    # An output has another shape.
    ClientRule(
        "output-shape-changed", "breaking", partial(_shape, side="output", relation="other")
    ),
    # An output has one of the shapes that it could have.
    ClientRule(
        "output-shape-narrowed", "compatible", partial(_shape, side="output", relation="narrowed")
    ),
    # An output may have other shapes than it could have.
    ClientRule(
        "output-shape-widened", "warning", partial(_shape, side="output", relation="widened")
    ),
    # The graph, or what it reads, is not what it was, so that values may differ.
    ClientRule("output-values-may-differ", "warning", _values_may_differ),
    # A signature is new; nobody asks for it yet.
    ClientRule("signature-added", "compatible", _signature_added),
    # A signature is gone.
    ClientRule("signature-removed", "breaking", _signature_removed),
    # A signature has another key, and nothing has the key it had.
    ClientRule("signature-renamed", "breaking", _signature_renamed),
    # Another signature has the key that a signature had.
    ClientRule("signature-replaced", "breaking", _signature_replaced),
    # No MetaGraph has the tags that a client asks for.
    ClientRule("tag-set-removed", "breaking", _tag_set_removed),
    # Loaders disagree, since signature_def and the object graph contradict each other.
    ClientRule("views-disagree", "breaking", _views_disagree),
)
"""All rules, sorted by id."""


def verdicts(difference: ModelDifference) -> tuple[SignatureVerdict, ...]:
    """Returns what the clients of each signature of the first model find in the second.

    Signatures that only the second model has are listed too.
    """
    found = [
        SignatureVerdict(
            tags,
            None,
            (ClientFinding("tag-set-removed", "breaking", "no MetaGraph has these tags"),),
        )
        for tags in difference.removed
    ]
    for graph in difference.meta_graphs:
        for served in _served(graph, difference):
            findings = [
                ClientFinding(rule.id, rule.level, message)
                for rule in RULES
                for message in rule.check(served)
            ]
            findings.sort(key=lambda each: -LEVELS.index(each.level))
            found.append(SignatureVerdict(graph.tags_before, served.key, tuple(findings)))
    return tuple(found)


def _served(graph: MetaGraphDifference, difference: ModelDifference) -> Iterator[Served]:
    fates = {change.before: change for change in graph.signatures if not change.copied}
    by_key = {change.after: change for change in graph.by_key if change.after is not None}
    tags_removed = graph.tags_before != graph.tags_after
    keys = dict.fromkeys((*(key for key in fates if key is not None), *by_key))
    for key in keys:
        fate = fates.get(key)
        yield Served(key, fate, by_key.get(key), graph, difference.files, tags_removed)

"""Puts an adapter before or after a signature: cut out, scoped, absorbed, and chained."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sigpb import protos
from sigpb.checkpoint.checkpoint import Checkpoint
from sigpb.composing.absorb import absorbed
from sigpb.composing.adapters import AdapterSignature, remembered
from sigpb.composing.chain import chained
from sigpb.composing.chain_shapes import arriving_shapes
from sigpb.composing.composed import Composed
from sigpb.composing.fit import Pair, Partner, fitted
from sigpb.composing.part import Part
from sigpb.graphs.added_nodes import CHAINED
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.grafts import Graft, Position, child_of, grafts, scope_of, write_grafts
from sigpb.saved_model.model import SavedModel
from sigpb.tf.fresh_names import numbered
from sigpb.tf.ops import TABLES
from sigpb.tf.stated_shapes import producer_of
from sigpb.wire import Edits

_UNFIT = re.compile(r"[^A-Za-z0-9_.]")


@dataclass(frozen=True)
class Asked:
    """An adapter that is to be put before or after a signature.

    Attributes:
        adapter: The adapter's signature.
        position: Whether it comes before or after.
        pairs: Which outputs feed which inputs where their keys differ.
    """

    adapter: AdapterSignature
    position: Position
    pairs: Sequence[Pair] = ()


@dataclass(frozen=True)
class Brought:
    """What an adapter brings into a model.

    Attributes:
        functions: The number of functions.
        variables: The number of variables.
        variable_bytes: The bytes that their values take in the checkpoint.
        tables: The number of lookup tables of the graph that sessions run.
        assets: The names of the files of assets, as the adapter has them.
        constants: The number of constants, in functions too.
        unknown_ops: The ops that TensorFlow does not have.
    """

    functions: int
    variables: int
    variable_bytes: int
    tables: int
    assets: tuple[str, ...]
    constants: int
    unknown_ops: tuple[str, ...]


@dataclass(frozen=True)
class Grafted:
    """What became of an adapter.

    Attributes:
        graft: What the model says of it.
        pairs: Which outputs feed which inputs.
        left_out: The outputs of the adapter that feed nothing.
        brought: What it brought.
        unchecked_shapes: See `ArrivingShapes.unchecked`.
    """

    graft: Graft
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]
    brought: Brought
    unchecked_shapes: tuple[str, ...]


def grafted(into: Composed, index: int, key: str, asked: Asked) -> tuple[Composed, Grafted]:
    """Puts an adapter before or after a signature.

    Args:
        into: The model.
        index: The position of the MetaGraph.
        key: The key of the signature, which goes on having it.
        asked: The adapter.

    Raises:
        PatchError: With all that does not fit, or cannot be put together.
        ModelUnreadable: If the adapter is damaged.
    """
    meta_graph, adapter = into.model.meta_graphs[index], asked.adapter
    part = adapter.part()
    directory = adapter.adapter.directory
    sides = (
        Partner(f"the adapter {directory.name!r}", part.meta_graph.signature_def[adapter.key]),
        Partner("the signature", meta_graph.signatures[key]),
    )
    first, second = sides if asked.position == "before" else sides[::-1]
    fit = fitted(first, second, asked.pairs, asked.position)
    parts = GraphParts(meta_graph)
    graft = Graft(
        _free_name(_name(directory.name, directory.parent.name), into.model, parts),
        key,
        asked.position,
        directory.name,
        adapter.key,
        adapter.adapter.digest,
        {pair.input: pair.output for pair in fit.pairs},
    )
    number = int(parts.library.fresh_name("").removeprefix("_"))
    scoped = adapter.scoped(graft.scope, number)
    own = numbered(graft.child, meta_graph.signatures.__contains__)
    both = absorbed(into, index, scoped, graft.child, {adapter.key: own})
    order = (own, key) if asked.position == "before" else (key, own)
    absorbing = GraphParts(both.model.meta_graphs[index])
    feeding, fed = (absorbing.meta_graph.signatures[each] for each in order)
    is_after = asked.position == "after"
    # What the nodes and functions of the adapter are in this graph follows from these.
    own_graph = (
        adapter,
        graft.scope,
        number,
        meta_graph.has_object_graph,
        producer_of(absorbing.message),
    )
    shapes = arriving_shapes(absorbing, feeding, fed, fit.pairs, own_graph if is_after else None)
    made = chained(both, index, *order, fit.pairs, key=key, keeps=is_after, arriving=shapes)
    edits, now = Edits(made.model.buffer), made.model.meta_graphs[index]
    write_grafts(edits, now, (*grafts(now), graft))
    became = Grafted(graft, fit.pairs, fit.left_out, _brought_by(adapter), shapes.unchecked)
    return made.edited(edits), became


def _name(directory: str, parent: str) -> str:
    """Returns what a graft is called after: of a version of a model, the model's directory."""
    return _UNFIT.sub("_", parent if directory.isdigit() and parent else directory) or "adapter"


def _free_name(wanted: str, model: SavedModel, parts: GraphParts) -> str:
    """Returns a name whose scope and whose child of the root are free, in the checkpoint too.

    MetaGraphs share the checkpoint, so that an adapter has another name in each of them.
    """
    graph = parts.meta_graph.object_graph
    children = {each.local_name for each in graph.proto.nodes[0].children} if graph else set()
    others = {each.name for one in model.meta_graphs for each in grafts(one)}

    def is_taken(name: str) -> bool:
        scope = scope_of(name)
        is_free = scope != CHAINED and not parts.top.has_scope(scope)
        return not is_free or child_of(name) in children or name in others

    return numbered(wanted, is_taken)


def _brought_by(adapter: AdapterSignature) -> Brought:
    """Returns what an adapter brings into each model, which is found out once."""
    return remembered((adapter, "brought"), lambda: _brought(adapter))


def _brought(adapter: AdapterSignature) -> Brought:
    part, with_variables = adapter.part(), replace(adapter, freeze=False).part()
    graph = part.meta_graph.graph_def
    bodies = (graph.node, *(each.node_def for each in graph.library.function))
    ops = Counter(node.op for body in bodies for node in body)
    return Brought(
        len(graph.library.function),
        len(with_variables.variables),
        _bytes_of(with_variables),
        sum(node.op in TABLES for node in graph.node),
        tuple(sorted(part.assets)),
        ops["Const"],
        tuple(sorted(_unknown(ops, part.meta_graph))),
    )


def _bytes_of(part: Part) -> int:
    """Returns the bytes that the values of a part's variables take in its checkpoint."""
    checkpoint = Checkpoint.of_model(part.directory) if part.variables else None
    tensors = checkpoint.index.tensors if checkpoint else {}
    return sum(tensors[key].size for key in part.variables.values())


def _unknown(ops: Counter[str], meta_graph: protos.MetaGraphDef) -> set[str]:
    from sigpb.tf.op_defs import tensorflow_op_def

    functions = {each.signature.name for each in meta_graph.graph_def.library.function}
    return {op for op in ops if op not in functions and tensorflow_op_def(op) is None}

"""Recognises the inputs and outputs of a signature in another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from sigpb import protos
from sigpb.comparing.lineage import Lineage, detour
from sigpb.comparing.pairing import cheapest_pairs, related_pairs
from sigpb.comparing.signature_difference import (
    EndpointChange,
    Evidence,
    StatedEndpoint,
    value_text,
)
from sigpb.comparing.views import name_in_function
from sigpb.graphs.added_nodes import is_added
from sigpb.graphs.origins import Chain, Origins
from sigpb.rewrite.port import Side
from sigpb.tf.ops import PLACEHOLDERS
from sigpb.tf.tensor_names import full, producer
from sigpb.tf.tensor_types import converted_tensor, encoding_of, shape_of, tensor_names, value_dtype
from sigpb.tf.tensor_values import is_same
from sigpb.visible_text import natural


@dataclass(frozen=True, slots=True)
class EndpointPlace:
    """An endpoint, and the tensor that it stands for."""

    endpoint: StatedEndpoint
    chain: Chain


_Pair = tuple[EndpointPlace, EndpointPlace, Evidence]

# As many steps weigh as much as values that are lost on the way, or as an endpoint without a
# partner.
_DETOUR, _UNPAIRED = 1e3, 1e6


def endpoint_places(
    side: Side, signature: protos.SignatureDef, lineage: Lineage, *, after: bool
) -> list[EndpointPlace]:
    """Returns the endpoints of a signature, sorted by their keys.

    Args:
        side: Which of them.
        signature: A signature of one of the two graphs.
        lineage: The two graphs.
        after: Whether it is of the second.
    """
    origins = lineage.origins_after if after else lineage.origins_before
    infos = signature.inputs if side == "input" else signature.outputs
    defaults = signature.defaults if side == "input" else {}
    return [
        EndpointPlace(
            _endpoint(key, info, defaults),
            origins.of(converted_tensor(info) or next(iter(tensor_names(info)), "")),
        )
        for key, info in sorted(infos.items())
    ]


def _endpoint(
    key: str, info: protos.TensorInfo, defaults: Mapping[str, protos.TensorProto]
) -> StatedEndpoint:
    return StatedEndpoint(
        key,
        encoding_of(info),
        info.dtype,
        shape_of(info.tensor_shape),
        tensor_names(info),
        defaults.get(key),
    )


def compare_endpoints(
    before: protos.SignatureDef, after: protos.SignatureDef, lineage: Lineage
) -> tuple[EndpointChange, ...]:
    """Returns what became of the inputs and outputs of a signature; added ones come last."""
    changes: list[EndpointChange] = []
    added = _added_nodes(after)
    for side in ("input", "output"):
        changes += _compare(side, before, after, lineage, added)
    return tuple(changes)


def _compare(
    side: Side,
    before: protos.SignatureDef,
    after: protos.SignatureDef,
    lineage: Lineage,
    added: Sequence[str],
) -> Iterator[EndpointChange]:
    firsts = endpoint_places(side, before, lineage, after=False)
    seconds = endpoint_places(side, after, lineage, after=True)
    old = {place.endpoint.key: place for place in firsts}
    new = {place.endpoint.key: place for place in seconds}
    for first, second, evidence in sorted(
        _pairs(side, firsts, seconds, lineage), key=lambda pair: natural(pair[0].endpoint.key)
    ):
        del old[first.endpoint.key], new[second.endpoint.key]
        rewired = evidence != "tensor" and lineage.are_different(first.chain, second.chain)
        after_endpoint = _with_same_default(first.endpoint, second.endpoint)
        yield EndpointChange(
            side,
            first.endpoint,
            after_endpoint,
            evidence,
            rewired,
            by_way_of=_detour(side, first, second, lineage),
            computed_by=_computed_by(first, second, lineage),
            node_name=_node_name(first, second, lineage),
        )
    for place in _in_natural_order(old):
        bound = None
        if side == "input":
            value = lineage.origins_after.bound(place.chain[-1], added)
            bound = None if value is None else value_text(value)
        yield EndpointChange(side, place.endpoint, None, bound=bound)
    for place in _in_natural_order(new):
        tensor = _tensor_in_first(place, lineage) if side == "output" else None
        steps = lineage.origins_after.computed_by(place.chain) if tensor is not None else ()
        name = _given_name(place, lineage.origins_after) or None
        yield EndpointChange(
            side, None, place.endpoint, tensor=tensor, computed_by=steps, node_name=name
        )


def _in_natural_order(places: Mapping[str, EndpointPlace]) -> Iterator[EndpointPlace]:
    return (places[key] for key in sorted(places, key=natural))


def _with_same_default(before: StatedEndpoint, after: StatedEndpoint) -> StatedEndpoint:
    """Returns `after`, with the default of `before` if both defaults have the same value."""
    old, new = before.default, after.default
    if old is None or new is None or not is_same(old, new):
        return after
    return replace(after, default=old)


def _added_nodes(after: protos.SignatureDef) -> list[str]:
    """Returns the names of nodes that sigpb added and that a signature feeds or fetches."""
    infos = (*after.inputs.values(), *after.outputs.values())
    names = (producer(tensor) for info in infos for tensor in tensor_names(info))
    return [name for name in names if is_added(name)]


def _detour(
    side: Side, first: EndpointPlace, second: EndpointPlace, lineage: Lineage
) -> int | None:
    """Returns a dtype between two endpoints that loses values which a conversion would keep."""
    meeting = lineage.meeting(first.chain, second.chain)
    if meeting is None:
        return None
    before, after = (
        origins.dtypes(place.chain[: last + 1], value_dtype(place.endpoint.dtype))
        for origins, place, last in (
            (lineage.origins_before, first, meeting[0]),
            (lineage.origins_after, second, meeting[1]),
        )
    )
    return detour(side, before, after)


def _computed_by(first: EndpointPlace, second: EndpointPlace, lineage: Lineage) -> tuple[str, ...]:
    """Returns the ops of steps that only one of two endpoints of a tensor passes."""
    meeting = lineage.meeting(first.chain, second.chain)
    if meeting is None:
        return ()
    before, after = meeting
    return (
        *lineage.origins_before.computed_by(first.chain[: before + 1]),
        *lineage.origins_after.computed_by(second.chain[: after + 1]),
    )


def _node_name(first: EndpointPlace, second: EndpointPlace, lineage: Lineage) -> str | None:
    """Returns the name that a patch gave; empty if it took one back, None if it did neither."""
    names = (
        _given_name(first, lineage.origins_before),
        _given_name(second, lineage.origins_after),
    )
    return None if names[0] == names[1] else names[1]


def _given_name(place: EndpointPlace, origins: Origins) -> str:
    tensor = place.chain[0]
    return producer(tensor) if origins.is_named(tensor) else ""


def _pairs(
    side: Side, old: list[EndpointPlace], new: list[EndpointPlace], lineage: Lineage
) -> list[_Pair]:
    pairs = _by_tensor(side, old, new, lineage)
    for found in (_by_order, _by_key, _by_name, _by_type):
        paired = {id(place) for pair in pairs for place in pair[:2]}
        left_old = [place for place in old if id(place) not in paired]
        left_new = [place for place in new if id(place) not in paired]
        pairs += found(left_old, left_new, lineage)
    return pairs


def _by_tensor(
    side: Side, old: Sequence[EndpointPlace], new: Sequence[EndpointPlace], lineage: Lineage
) -> list[_Pair]:
    """Pairs endpoints that stand for one tensor, with the fewest steps between the two in sum."""
    costs: dict[tuple[int, int], float] = {}
    for i, j in _candidates(old, new, lineage):
        first, second = old[i], new[j]
        distance = lineage.distance(first.chain, second.chain)
        if distance is not None:
            renamed = first.endpoint.key != second.endpoint.key
            is_detour = _detour(side, first, second, lineage) is not None
            steps = distance + _DETOUR * is_detour + renamed / (1 + len(new))
            costs[i, j] = steps - _UNPAIRED
    pairs = cheapest_pairs(costs).items()
    return [(old[i], new[j], "tensor") for i, j in pairs]


def _candidates(
    old: Sequence[EndpointPlace], new: Sequence[EndpointPlace], lineage: Lineage
) -> list[tuple[int, int]]:
    """Returns the numbers of old and new endpoints whose chains have a tensor in common, sorted.

    Raises:
        PatchError: If too many endpoints stand for one tensor.
    """
    firsts = [tuple(filter(lineage.same_tensor, place.chain)) for place in old]
    seconds = [tuple(filter(lineage.same_tensor, place.chain)) for place in new]
    keys = [place.endpoint.key for place in old], [place.endpoint.key for place in new]
    return related_pairs(firsts, seconds, *keys)


def _by_order(old: list[EndpointPlace], new: list[EndpointPlace], lineage: Lineage) -> list[_Pair]:
    """Pairs inputs that nothing computes from: sigpb added them in the order of their old keys."""
    origins = lineage.origins_after
    unused = [place for place in new if origins.is_unused_input(place.chain)]
    if len(unused) != len(old):
        return []
    unused.sort(key=lambda place: origins.position(place.chain[-1]))
    return [(first, second, "type") for first, second in zip(old, unused, strict=True)]


def _by_key(old: list[EndpointPlace], new: list[EndpointPlace], lineage: Lineage) -> list[_Pair]:
    by_key = {place.endpoint.key: place for place in new}
    return [
        (place, by_key[place.endpoint.key], "key") for place in old if place.endpoint.key in by_key
    ]


def _by_name(old: list[EndpointPlace], new: list[EndpointPlace], lineage: Lineage) -> list[_Pair]:
    """Pairs endpoints that feed or fetch a tensor of one name, though its nodes are different.

    Outputs of calls are left out: their numbers follow the order of the keys.
    """
    count = Counter(place.chain[-1] for place in (*old, *new))
    by_name = {place.chain[-1]: place for place in new}
    pairs: list[_Pair] = []
    for first in old:
        name = first.chain[-1]
        second = by_name.get(name)
        if second is None or count[name] != 2 or first.endpoint.dtype != second.endpoint.dtype:
            continue
        if _same_op(name, lineage):
            pairs.append((first, second, "type"))
    return pairs


def _same_op(tensor: str, lineage: Lineage) -> bool:
    nodes = [view.node(producer(tensor)) for view in (lineage.before, lineage.after)]
    ops = {node.op if node else None for node in nodes}
    return ops <= PLACEHOLDERS or (
        len(ops) == 1 and not any("Call" in (op or "Call") for op in ops)
    )


def _by_type(old: list[EndpointPlace], new: list[EndpointPlace], lineage: Lineage) -> list[_Pair]:
    """Pairs an old and a new endpoint where both are the only ones left of their type."""
    groups: dict[tuple[object, ...], tuple[list[EndpointPlace], list[EndpointPlace]]] = {}
    for number, places_ in enumerate((old, new)):
        for place in places_:
            groups.setdefault(_type(place.endpoint), ([], []))[number].append(place)
    pairs: list[_Pair] = []
    for firsts, seconds in groups.values():
        only = _only_partners(firsts, seconds, lineage)
        back = _only_partners(seconds, firsts, lineage, turned=True)
        pairs += [
            (first, only[id(first)], "type")
            for first in firsts
            if id(first) in only and back.get(id(only[id(first)])) is first
        ]
    if not pairs and len(old) == len(new) == 1 and _is_lone(old[0], new[0], lineage):
        pairs.append((old[0], new[0], "type"))
    return pairs


def _only_partners(
    places_: Sequence[EndpointPlace],
    others: Sequence[EndpointPlace],
    lineage: Lineage,
    *,
    turned: bool = False,
) -> dict[int, EndpointPlace]:
    """Returns, by its identity, for each endpoint that may be only one of `others`, that one."""

    def may_be_one(place: EndpointPlace, other: EndpointPlace) -> bool:
        first, second = (other, place) if turned else (place, other)
        return not lineage.are_different(first.chain, second.chain)

    # A tensor that both graphs have is the same in both: an endpoint of it can only be one of a
    # tensor that is not known to be in both, or one whose chain has a tensor in common with it.
    unknown: list[EndpointPlace] = []
    by_tensor: dict[str, list[EndpointPlace]] = defaultdict(list)
    for other in others:
        if not lineage.same_tensor(other.chain[-1]):
            unknown.append(other)
        for tensor in other.chain:
            by_tensor[tensor].append(other)
    found = {}
    for place in places_:
        near: Iterable[EndpointPlace] = others
        if lineage.same_tensor(place.chain[-1]):
            near = chain(unknown, *(by_tensor[tensor] for tensor in place.chain))
        partners: list[EndpointPlace] = []
        for other in near:
            if other not in partners and may_be_one(place, other):
                partners.append(other)
            if len(partners) == 2:
                break
        if len(partners) == 1:
            found[id(place)] = partners[0]
    return found


def _is_lone(first: EndpointPlace, second: EndpointPlace, lineage: Lineage) -> bool:
    """Whether the two endpoints that are left may be one endpoint whose dtype or shape changed."""
    before, after = first.endpoint, second.endpoint
    alike = before.dtype == after.dtype or before.shape == after.shape
    return alike and not lineage.are_different(first.chain, second.chain)


def _type(endpoint: StatedEndpoint) -> tuple[object, ...]:
    return endpoint.encoding, endpoint.dtype, endpoint.shape


def _tensor_in_first(place: EndpointPlace, lineage: Lineage) -> str | None:
    """Returns the tensor, in the first model, that an added output stands for."""
    last = place.chain[-1]
    if inner := name_in_function(last, lineage.after):
        return inner
    return full(last) if lineage.same_tensor(last) else None

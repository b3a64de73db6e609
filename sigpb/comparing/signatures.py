"""Recognises the signatures of a MetaGraph in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigpb import protos
from sigpb.comparing.endpoints import compare_endpoints, endpoint_places
from sigpb.comparing.lineage import Lineage
from sigpb.comparing.pairing import cheapest_pairs, related_pairs
from sigpb.comparing.signature_difference import EndpointChange, SignatureDifference
from sigpb.comparing.views import function_behind
from sigpb.rewrite.port import SIDES, Side
from sigpb.saved_model.model import MetaGraph
from sigpb.visible_text import natural

# The cost of each kind of change. Of several ways to say what became of the signatures, the one
# with the lowest cost is reported: the plan of the shortest patch.
_CHANGE, _ADDED_OUTPUT, _REWIRED = 1.0, 2.0, 3.0
_DELETED, _ADDED, _FOREIGN = 3.0, 50.0, 0.5
# If either the original or its copy can be the unchanged one, the copy is taken for it.
_IN_A_COPY = 1.01
# The order of the file is kept, and copies come after their original.
_OUT_OF_ORDER = 0.005

_NONE = protos.SignatureDef()


def signature_differences(
    before: MetaGraph, after: MetaGraph, lineage: Lineage
) -> tuple[SignatureDifference, ...]:
    """Returns what became of the signatures of a MetaGraph in natural order, added ones last."""
    return _SignatureMatching(before, after, lineage).run()


def differences_by_key(
    before: MetaGraph, after: MetaGraph, lineage: Lineage
) -> tuple[SignatureDifference, ...]:
    """Returns how each signature differs from the one that had its key before."""
    changes = []
    for key in after.user_signatures:
        new, known = after.signatures[key], key in before.signatures
        old = before.signatures[key] if known else _NONE
        endpoints = compare_endpoints(old, new, lineage)
        changes.append(_difference(key if known else None, key, old, new, endpoints))
    return tuple(changes)


def _difference(
    old_key: str | None,
    new_key: str | None,
    old: protos.SignatureDef,
    new: protos.SignatureDef,
    endpoints: tuple[EndpointChange, ...],
    *,
    copied: bool = False,
) -> SignatureDifference:
    methods = old.method_name, new.method_name
    return SignatureDifference(old_key, new_key, copied, *methods, endpoints)


class _SignatureMatching:
    """The work of one call of `signature_differences`."""

    def __init__(self, before: MetaGraph, after: MetaGraph, lineage: Lineage) -> None:
        self.before, self.after, self.lineage = before.signatures, after.signatures, lineage
        self.old = before.user_signatures
        self.position = {key: i for i, key in enumerate(before.signatures)}
        in_file = {key: i for i, key in enumerate(after.signatures)}
        self.new = sorted(after.user_signatures, key=in_file.__getitem__)
        self.related = set(
            related_pairs(
                [_tokens(before, key, lineage, after=False) for key in self.old],
                [_tokens(after, key, lineage, after=True) for key in self.new],
                self.old,
                self.new,
            )
        )
        numbers = {key: j for j, key in enumerate(self.new)}
        same_keys = {(i, numbers[key]) for i, key in enumerate(self.old) if key in numbers}
        self.endpoints = {
            (i, j): compare_endpoints(self.before[self.old[i]], self.after[self.new[j]], lineage)
            for i, j in sorted(self.related | same_keys)
        }

    def run(self) -> tuple[SignatureDifference, ...]:
        sources = self._sources()
        alone = {j: self._alone(j, sources[j]) for j in sources}
        pairs = cheapest_pairs(
            {
                (i, j): self._cost(i, j) - _DELETED - alone[j] + self._disorder(i, j)
                for i, j in self.endpoints
            }
        )
        pairs |= self._alike(
            [i for i in range(len(self.old)) if i not in pairs],
            [j for j in sources.keys() - set(pairs.values()) if sources[j] is None],
        )
        changes = [self._change(i, pairs.get(i)) for i in range(len(self.old))]
        copies = sources.keys() - set(pairs.values())
        for j in sorted(copies, key=lambda j: natural(self.new[j])):
            source = sources[j]
            changes.append(self._added(j) if source is None else self._change(source, j, True))
        return tuple(changes)

    def _disorder(self, i: int, j: int) -> float:
        """Returns a small cost, so that of equally good pairings the one in file order is taken."""
        apart = self.position[self.old[i]] / len(self.old) - j / len(self.new)
        return _OUT_OF_ORDER * (apart * apart + j / len(self.new))

    def _cost(self, i: int, j: int) -> float:
        """Returns the cost of taking the old signature `i` for the new one `j`."""
        renamed = self.old[i] != self.new[j]
        return _CHANGE * renamed + self._inner_cost(i, j)

    def _inner_cost(self, i: int, j: int) -> float:
        """Returns the cost of the differences inside of the signatures, whatever their keys are."""
        methods = self.before[self.old[i]].method_name, self.after[self.new[j]].method_name
        cost = _CHANGE * (methods[0] != methods[1]) + _FOREIGN * ((i, j) not in self.related)
        return cost + sum(map(_worth, self.endpoints[i, j]))

    def _sources(self) -> dict[int, int | None]:
        """Returns for each new signature the old one that it would be a copy of, or None."""
        costs: dict[int, list[tuple[float, int]]] = {j: [] for j in range(len(self.new))}
        for i, j in self.related:
            costs[j].append((self._inner_cost(i, j), i))
        return {j: min(each)[1] if each else None for j, each in costs.items()}

    def _alone(self, j: int, source: int | None) -> float:
        """Returns the cost of taking the new signature `j` for a copy, or for an added one."""
        return _ADDED if source is None else _CHANGE + _IN_A_COPY * self._inner_cost(source, j)

    def _alike(self, old: Sequence[int], new: Sequence[int]) -> dict[int, int]:
        """Pairs the only two signatures left, if their endpoints have the same types."""
        if len(old) != 1 or len(new) != 1:
            return {}
        (i,), (j,) = old, new
        before, after = self.before[self.old[i]], self.after[self.new[j]]
        if _types(before) != _types(after):
            return {}
        self.endpoints[i, j] = compare_endpoints(before, after, self.lineage)
        return {i: j}

    def _change(self, i: int, j: int | None, copied: bool = False) -> SignatureDifference:
        key, before = self.old[i], self.before[self.old[i]]
        if j is None:
            return _difference(key, None, before, _NONE, _removed(before, self.lineage))
        new_key, endpoints = self.new[j], self.endpoints[i, j]
        return _difference(key, new_key, before, self.after[new_key], endpoints, copied=copied)

    def _added(self, j: int) -> SignatureDifference:
        key, after = self.new[j], self.after[self.new[j]]
        return _difference(None, key, _NONE, after, compare_endpoints(_NONE, after, self.lineage))


def _removed(before: protos.SignatureDef, lineage: Lineage) -> tuple[EndpointChange, ...]:
    return tuple(
        EndpointChange(side, place.endpoint, None)
        for side in SIDES
        for place in endpoint_places(side, before, lineage, after=False)
    )


def _tokens(meta_graph: MetaGraph, key: str, lineage: Lineage, *, after: bool) -> set[str]:
    """Returns the tensors and the function by which a signature is recognised elsewhere."""
    signature = meta_graph.signatures[key]
    side: Side = "output" if signature.outputs else "input"
    found = {
        f"{side} {tensor}"
        for place in endpoint_places(side, signature, lineage, after=after)
        for tensor in place.chain
        if lineage.same_tensor(tensor)
    }
    view = lineage.after if after else lineage.before
    function = function_behind(view, key)
    if function and lineage.same_function(function):
        found.add(f"function {function}")
    return found


def _worth(change: EndpointChange) -> float:
    if change.before is None:
        return _ADDED_OUTPUT
    if change.after is None:
        return _CHANGE
    return _CHANGE * (change.renamed + change.retyped + change.default_changed) + _REWIRED * (
        change.rewired or change.passes_steps
    )


def _types(signature: protos.SignatureDef) -> tuple[list[tuple[object, ...]], ...]:
    def types(infos: Mapping[str, protos.TensorInfo]) -> list[tuple[object, ...]]:
        shapes = ((info.dtype, info.tensor_shape.SerializeToString()) for info in infos.values())
        return sorted(shapes)

    return types(signature.inputs), types(signature.outputs)

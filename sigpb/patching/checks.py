"""What has to be true of a patch, and of a draft before it is written, whatever the edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from sigpb import protos
from sigpb.rewrite import object_graph
from sigpb.rewrite.draft import MetaGraphDraft, Side, SignatureDraft
from sigpb.saved_model.endpoint_keys import argument_name
from sigpb.saved_model.model import INTERNAL_PREFIX

SIDES: tuple[Side, Side] = ("input", "output")

# Keys that TensorFlow Serving looks up by itself, required ones first
# (tensorflow_serving/servables/tensorflow/classifier.cc, regressor.cc).
_FIXED_KEYS: dict[str, tuple[set[str], set[str]]] = {
    "tensorflow/serving/classify": ({"inputs"}, {"classes", "scores"}),
    "tensorflow/serving/regress": ({"inputs"}, {"outputs"}),
}


def patch_problems(patch: protos.SavedModelPatch) -> Iterator[str]:
    """Yields what is wrong with a patch whatever the model."""
    names = Counter((item.key, item.HasField("copy_of")) for item in patch.signature)
    for (key, _), count in names.items():
        if count > 1:
            yield f"the patch names signature {key!r} {count} times; put the changes together."
    for item in patch.signature:
        where = f"signature {item.key!r}"
        if not item.key:
            yield "a signature of the patch has no key."
        for key in (item.key, item.copy_of):
            if key.startswith(INTERNAL_PREFIX):
                yield f"{where}: keys that start with {INTERNAL_PREFIX!r} are TensorFlow's own."
        if item.HasField("copy_of") and (item.drop or item.HasField("rename_to")):
            yield f"{where}: copy_of goes with neither drop nor rename_to."
        if item.drop and (item.HasField("rename_to") or item.input or item.output):
            yield f"{where}: drop goes with no other change."
        for side, endpoints in (("input", item.input), ("output", item.output)):
            for key, count in Counter(endpoint.key for endpoint in endpoints).items():
                if not key:
                    yield f"{where}: an {side} of the patch has no key."
                if count > 1:
                    yield f"{where}: the patch names {side} {key!r} {count} times."
            for endpoint in endpoints:
                if endpoint.drop and endpoint.HasField("rename_to"):
                    yield f"{where}: {side} {endpoint.key!r} is both dropped and renamed."


def problems(draft: MetaGraphDraft) -> Iterator[str]:
    """Yields what is wrong with a draft, in whole sentences."""
    for key in _repeated(signature.key for signature in draft.kept()):
        yield f"two signatures would have the key {key!r}; rename or delete one of them."
    for signature in draft.signatures.values():
        if signature.changed or signature.ref.copy_of is not None:
            yield from object_graph.contradictions(draft, signature)
            yield from _signature_problems(draft, signature)


def _signature_problems(draft: MetaGraphDraft, signature: SignatureDraft) -> Iterator[str]:
    where = f"signature {signature.ref.key!r}"
    if not signature.key:
        yield f"{where}: a signature cannot have an empty key."
    if signature.key.startswith(INTERNAL_PREFIX):
        yield f"{where}: keys that start with {INTERNAL_PREFIX!r} are TensorFlow's own."
    for side in SIDES:
        keys = signature.keys(side)
        if "" in keys:
            yield f"{where}: an {side} cannot have an empty key."
        for key in _repeated(keys):
            yield f"{where}: two {side}s would have the key {key!r}; rename one of them otherwise."
    if signature.outputs and not signature.keys("output"):
        yield f"{where}: its last output cannot be dropped; delete the signature instead."
    inputs = signature.keys("input")
    if draft.meta_graph.object_graph is not None and "" not in inputs:
        for name in _repeated({key: argument_name(key) for key in inputs}.values()):
            clash = " and ".join(repr(key) for key in inputs if argument_name(key) == name)
            yield (
                f"{where}: tf.saved_model.load passes inputs as Python arguments, and would call "
                f"both {clash} {name!r}; choose keys that differ in letters or digits."
            )


def warnings(draft: MetaGraphDraft) -> Iterator[str]:
    """Yields what works but may surprise, in whole sentences."""
    for signature in draft.kept():
        if not signature.changed and signature.ref.copy_of is None:
            continue
        where = f"signature {signature.key!r}"
        fixed = _FIXED_KEYS.get(signature.method_name)
        if fixed and not (
            fixed[0] <= set(signature.keys("input")) and fixed[1] & set(signature.keys("output"))
        ):
            inputs, outputs = (" or ".join(repr(key) for key in sorted(keys)) for keys in fixed)
            yield (
                f"{where}: TensorFlow Serving answers {signature.method_name} requests only with "
                f"an input {inputs} and an output {outputs}."
            )


def _repeated(keys: Iterable[str]) -> list[str]:
    return sorted(key for key, count in Counter(keys).items() if count > 1)

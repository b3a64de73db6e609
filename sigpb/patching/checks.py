"""What has to be true of a patch, and of a draft before it is written, whatever the edits."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sigpb import protos
from sigpb.edits.edit import NEW_FROM, has_patterns, is_new
from sigpb.rewrite import object_graph
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import Interface
from sigpb.rewrite.port import SIDES, Side
from sigpb.saved_model.model import INTERNAL_PREFIX, MetaGraph
from sigpb.tf.endpoint_keys import argument_name, is_callable, is_exportable
from sigpb.tf.serving import PREDICT
from sigpb.tf.tensor_types import Shape, dtype_of, parse_shape
from sigpb.visible_text import natural

# The name of a node, and the number of its output (tensorflow/core/graph/tensor_id.cc).
_TENSOR = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\\-/>]*(:[0-9]+)?")
# The name of a node that C++ takes (IsValidNodeName in tensorflow/core/graph/graph_constructor.cc):
# of those that Python takes none with a backslash, nor with a ">" that is not between two names.
_NODE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\-/]*(>[A-Za-z0-9.][A-Za-z0-9_.\-/]*)*")

# Models of 2.6 and before are read without the signatures that the checkpoint does not list.
_LISTED_SINCE = (2, 7)


def patch_problems(patch: protos.SavedModelPatch) -> Iterator[str]:
    """Yields what is wrong with a patch whatever the model."""
    if has_patterns(patch):
        from sigpb.patching.pattern_entries import entry_problems, with_stand_ins

        yield from entry_problems(patch)
        patch = with_stand_ins(patch)
    names = Counter((item.key, item.HasField("copy_of")) for item in patch.signature)
    for (key, _), count in names.items():
        if count > 1:
            yield f"the patch names signature {key!r} {count} times; put the changes together."
    renamed = (item.rename_to for item in patch.signature if item.HasField("rename_to"))
    for key in _repeated(renamed):
        yield f"two signatures would have the key {key!r}; the patch renames both to it."
    yield from _whole_graph_problems(patch)
    created = {item.key for item in patch.signature if item.create}
    for item in patch.signature:
        where = f"signature {item.key!r}"
        if item.create:
            yield from (f"{where}: {problem}" for problem in _creation_problems(item))
        if item.copy_of in created:
            yield f"{where}: copy_of names a signature that the patch creates; create both."
        if not item.key:
            yield "a signature of the patch has no key."
        for key in (item.key, item.copy_of):
            if key.startswith(INTERNAL_PREFIX):
                yield f"{where}: keys that start with {INTERNAL_PREFIX!r} are TensorFlow's own."
        if item.before or item.after or item.ungraft:
            from sigpb.patching.graft_entries import graft_problems

            yield from (f"{where}: {problem}" for problem in graft_problems(item))
        if item.HasField("copy_of") and (item.drop or item.HasField("rename_to")):
            yield f"{where}: copy_of goes with neither drop nor rename_to."
        if item.HasField("from_function"):
            if item.drop or item.HasField("rename_to") or item.HasField("copy_of"):
                yield f"{where}: from_function goes with neither drop, rename_to nor copy_of."
            if not item.from_function:
                yield f"{where}: from_function names no function."
        others = ("rename_to", "method_name", "batch_size", "positional", "examples")
        if item.drop and (item.input or item.output or any(map(item.HasField, others))):
            yield f"{where}: drop goes with no other change."
        sides: tuple[tuple[Side, Sequence[protos.EndpointPatch]], ...]
        sides = (("input", item.input), ("output", item.output))
        for side, endpoints in sides:
            for key, count in Counter(endpoint.key for endpoint in endpoints).items():
                if not key:
                    yield f"{where}: an {side} of the patch has no key."
                if count > 1:
                    yield f"{where}: the patch names {side} {key!r} {count} times."
            for key in _repeated(end.rename_to for end in endpoints if end.HasField("rename_to")):
                yield f"{where}: the patch renames two {side}s to {key!r}."
            for endpoint in endpoints:
                for problem in _endpoint_patch_problems(side, endpoint, item.create):
                    yield f"{where}: {side} {endpoint.key!r} {problem}"
        if item.HasField("examples") and any(end.node_name for end in item.input):
            yield f"{where}: examples does not go with node_name of inputs, which are not fed then."
        for field in () if item.create else filter(item.HasField, ("examples", "from_function")):
            if any(end.drop or end.HasField("from_tensor") for end in item.input):
                yield (
                    f"{where}: {field} does not go with an input that is dropped or fed inside of "
                    "the graph; make the two changes in two patches."
                )
        if item.HasField("batch_size"):
            if any(endpoint.step for endpoint in item.input):
                yield (
                    f"{where}: batch_size does not go with steps of inputs; state the shapes that "
                    "clients see."
                )
            problems = _batch_size_problems(item.batch_size, item.input)
            yield from (f"{where}: {problem}" for problem in problems)
        passed_on = {endpoint.from_input for endpoint in item.output}
        if item.HasField("examples") and passed_on - {""}:
            yield (
                f"{where}: from_input does not go with examples: clients then send tf.Examples, "
                "so there is no input value to pass on."
            )
        added = {endpoint.key for endpoint in item.input if endpoint.add}
        for key in sorted(added - passed_on, key=natural):
            yield (
                f"{where}: input {key!r} is added, and no output passes it on: clients would have "
                f"to send a value that nobody reads. Add output {{ key: … from_input: {key!r} }}."
            )


def _whole_graph_problems(patch: protos.SavedModelPatch) -> Iterator[str]:
    """Yields what contradicts itself in what a patch says of MetaGraphs as wholes."""
    if patch.drop and not patch.HasField("tags"):
        yield "drop removes the MetaGraph that tags select; say which (--tags)."
    others = patch.clear_devices or patch.strip_default_attrs or patch.prune
    fields = ("set_tags", "set_device")
    if patch.drop and (others or patch.signature or any(map(patch.HasField, fields))):
        yield "drop of a MetaGraph goes with no other change."
    if patch.HasField("set_device"):
        from sigpb.tf.device_names import is_device

        if patch.clear_devices:
            yield "clear_devices does not go with set_device, which replaces all devices."
        if not is_device(patch.set_device):
            yield (
                f"wrong set_device: {patch.set_device!r} is not the name of a device, such as "
                "'/device:CPU:0' or '/job:worker/replica:0/task:1/device:GPU:0'."
            )


def _creation_problems(patch: protos.SignaturePatch) -> Iterator[str]:
    """Yields what is wrong with what a patch says of a signature to create, whatever the model."""
    for field in ("copy_of", "from_function", "rename_to"):
        if patch.HasField(field):
            yield f"create goes without {field}; it makes a signature of tensors, under its key."
    if patch.drop:
        yield "create goes without drop."
    for side, endpoints in (("input", patch.input), ("output", patch.output)):
        for endpoint in endpoints:
            if not endpoint.HasField("from_tensor"):
                yield (
                    f"{side} {endpoint.key!r} does not say which tensor it is; add "
                    'from_tensor: "…".'
                )
    if not patch.output:
        yield "create goes with outputs; name one with from_tensor."


def _endpoint_patch_problems(
    side: Side, patch: protos.EndpointPatch, is_created: bool
) -> Iterator[str]:
    """Yields what contradicts itself, or means nothing, in what a patch says of an endpoint.

    Args:
        side: Whether it is an input or an output.
        patch: What the patch says of it.
        is_created: Whether its signature is created.
    """
    if patch.drop and patch.HasField("rename_to"):
        yield "is both dropped and renamed."
    sides = {"bind": "input", "default": "input", "add": "input"}
    sides |= {"from_output": "output", "from_input": "output"}
    for field, only in sides.items():
        if patch.HasField(field) and side != only:
            yield f"has {field!r}, which only an {only} can have."
    alone = "drop" if patch.drop else "bind" if patch.HasField("bind") else None
    others = ["rename_to", "dtype", "shape", "reshape", "bind", "default", "node_name", *NEW_FROM]
    if is_created and alone == "bind":
        others.remove("from_tensor")
    for field in others if alone else ():
        if patch.HasField(field) and field != alone and (alone, field) != ("drop", "rename_to"):
            yield f"has {field!r}, which does not go with {alone!r}: it leaves the signature."
    sources = [field for field in NEW_FROM if patch.HasField(field)]
    if len(sources) > 1:
        yield f"has {' and '.join(map(repr, sources))}; it can be made of one of them only."
    if is_new(patch) and patch.HasField("rename_to"):
        yield "is added, so it cannot be renamed; add it with the key that you want."
    if patch.add:
        if missing := [field for field in ("dtype", "shape") if not patch.HasField(field)]:
            yield f"is added, so the patch has to state its {' and its '.join(missing)}."
        for field in ("drop", "bind", "default", "reshape", "step"):
            if getattr(patch, field):
                yield f"has {field!r}, which does not go with 'add': the model does not have it."
    if patch.node_name:
        yield from _node_name_problems(patch.node_name)
    for field in ("default", "node_name") if patch.HasField("from_tensor") else ():
        if side == "input" and patch.HasField(field) and not is_created:
            yield (
                f"has {field!r}, which does not go with 'from_tensor'; state it in a second patch."
            )
    if patch.HasField("from_tensor") and not _TENSOR.fullmatch(patch.from_tensor):
        yield (
            f"has a wrong from_tensor: {patch.from_tensor!r} is not the name of a tensor, such as "
            "'pool/Mean:0'."
        )
    for field in ("drop", "bind", "default") if patch.step else ():
        if getattr(patch, field):
            yield f"has steps, which do not go with {field!r}."
    steps = [*patch.step]
    if any(text.lstrip().startswith("model") for text in steps):
        from sigpb.patching.model_steps import is_model_step, model_step_problems

        yield from model_step_problems(side, patch)
        steps = [text for text in steps if not is_model_step(text)]
    for number, text in enumerate(steps, 1):
        from sigpb.steps.syntax import parse_step
        from sigpb.steps.top_k import TopK

        try:
            step = parse_step(text)
        except ValueError as error:
            yield f"has a wrong step, {text!r}: {error}"
            continue
        if isinstance(step, TopK) and step.names_outputs:
            if side == "input" or is_new(patch) or number < len(steps):
                yield (
                    f"has a wrong step, {text!r}: values_to and indices_to go with the last step "
                    "of an output that the model has; without them, part says which of the two "
                    "comes out."
                )
            elif step.part != "values":
                yield f"has a wrong step, {text!r}: part does not go with values_to and indices_to."
            elif step.values_to is not None and patch.HasField("rename_to"):
                yield "has 'rename_to' and the values_to of top_k; state its new key once."
    if patch.reshape and not patch.HasField("shape"):
        yield "has 'reshape', but no 'shape' that it is to be reshaped to."
    for field, parse in (("dtype", dtype_of), ("shape", parse_shape)):
        if patch.HasField(field):
            try:
                parse(getattr(patch, field))
            except ValueError as error:
                yield f"has a wrong {field}: {error}"


def _node_name_problems(name: str) -> Iterator[str]:
    """Yields why no node can have a name that a patch gives."""
    from sigpb.graphs.added_nodes import SCOPE

    node, colon, _ = name.partition(":")
    if colon:
        yield f"has a wrong node_name: {name!r} is a tensor; give the name of its node, {node!r}."
    elif not _NODE.fullmatch(name) or name.endswith("/"):
        yield (
            f"has a wrong node_name: {name!r} cannot be the name of a node, which consists of "
            "letters, digits and the characters _.-/, and begins with a letter, a digit or a dot."
        )
    elif name.lower().startswith(SCOPE):
        yield f"has a wrong node_name: names that start with {SCOPE!r} are for what sigpb adds."


def _batch_size_problems(text: str, inputs: Iterable[protos.EndpointPatch]) -> Iterator[str]:
    """Yields what is wrong with a batch size, or contradicts it in the shapes of inputs."""
    batch = _shape_of(text)
    if batch is None or len(batch) != 1 or text.strip()[:1] in "[(":
        yield f'{text!r} is not a batch size; give a number, or "?" for any.'
    elif batch == (0,):
        yield 'a batch size of 0 leaves no examples; give a number above 0, or "?" for any.'
    else:
        for item in inputs:
            if item.HasField("shape") and (shape := _shape_of(item.shape)) and shape[:1] != batch:
                yield (
                    f"batch_size is {text}, and the shape {item.shape} of input {item.key!r} "
                    "begins with another size; make them equal, or state only the shapes."
                )


def _shape_of(text: str) -> Shape:
    """Returns a shape; None too if the text is none, of which others tell."""
    try:
        return parse_shape(text)
    except ValueError:
        return None


def problems(draft: MetaGraphDraft) -> Iterator[str]:
    """Yields what is wrong with a draft, in whole sentences."""
    for key in _repeated(signature.key for signature in draft.kept()):
        yield f"two signatures would have the key {key!r}; rename or delete one of them."
    kept = {signature.key for signature in draft.kept()}
    for key in sorted(kept & _hidden_signatures(draft), key=natural):
        yield (
            f"the object graph has a signature {key!r} that signature_def does not have, so this "
            "key is not free."
        )
    names = (end.node_name for signature in draft.kept() for end in signature.named())
    for name in _repeated(name.lower() for name in names if name):
        yield f"two inputs or outputs would be the node {name!r}; give each a name of its own."
    for signature in draft.signatures.values():
        if signature.changed:
            yield from object_graph.contradictions(draft, signature)
        if signature.changed or signature.ref.key in draft.meta_graph.grafted:
            yield from _signature_problems(draft, signature)


def _hidden_signatures(draft: MetaGraphDraft) -> set[str]:
    """Returns the signatures that only the object graph has."""
    graph = draft.meta_graph.object_graph
    return set(graph.signature_nodes if graph else ()) - set(draft.meta_graph.signatures)


def _signature_problems(draft: MetaGraphDraft, signature: Interface) -> Iterator[str]:
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
            yield f"{where}: two {side}s would have the key {key!r}; give one of them another key."
    before = draft.meta_graph.signatures[signature.ref.source].defaults
    for end in signature.taken:
        if end.source in before and end.tensor is not None:
            yield (
                f"{where}: input {end.source!r} has a default value, which does not belong to the "
                f"tensor {end.tensor!r}; drop the input, and feed that tensor under another key."
            )
        elif end.type and end.source in before and end.default is None:
            then = (
                "which cannot pass steps; export the model without it, or convert in the client."
                if end.type.steps
                else "of its present type; state a default of the new type."
            )
            yield f"{where}: input {end.source!r} has a default value, {then}"
    if signature.outputs and not signature.keys("output"):
        yield f"{where}: its last output cannot be dropped; delete the signature instead."
    new = _new_keys(draft, signature, "input") - {""}
    yield from (f"{where}: {problem}" for problem in _uncallable(signature, new))


def _new_keys(draft: MetaGraphDraft, signature: Interface, side: Side) -> set[str]:
    """Returns those of a signature's keys that it may not have had before."""
    if signature.ref.key in draft.meta_graph.grafted:
        return set(signature.keys(side))
    return signature.new_keys(side)


def _uncallable(signature: Interface, new: set[str]) -> Iterator[str]:
    """Yields why `tf.saved_model.load` could not call a signature by some of its input keys."""
    for key in sorted(new, key=natural):
        if not is_callable(key):
            yield (
                f"tf.saved_model.load cannot take an input {key!r}, because no Python argument "
                f"can have the name {argument_name(key)!r}; choose another key."
            )
    keys = sorted(set(signature.keys("input")) - {""}, key=natural)
    names = {key: argument_name(key) for key in keys}
    for name in _repeated(names.values()):
        clash = [key for key in keys if names[key] == name]
        if new & set(clash):
            yield (
                f"tf.saved_model.load would give the inputs {' and '.join(map(repr, clash))} the "
                f"same argument name, {name!r}; choose keys that differ in letters or digits."
            )


def warnings(draft: MetaGraphDraft) -> Iterator[str]:
    """Yields what works but may surprise, in whole sentences."""
    for signature in draft.kept():
        if signature.changed or signature.ref.key in draft.meta_graph.grafted:
            where = f"signature {signature.key!r}"
            if signature.method_name != PREDICT:
                from sigpb.patching.served_methods import refused_requests

                found = refused_requests(draft.meta_graph, signature)
                yield from (f"{where}{warning}" for warning in found)
            yield from (f"{where}: {warning}" for warning in _unexportable(draft, signature))
            yield from (f"{where}: {warning}" for warning in _ambiguous(draft, signature))
            yield from (f"{where}: {warning}" for warning in _unused(draft.meta_graph, signature))
            yield from (
                f"{where}: session clients could leave out input {key!r}, whose placeholder has a "
                "default in the graph; its new placeholder has none, so they have to feed it."
                for key in _lost_defaults(draft.meta_graph, signature)
            )
    yield from _missed(draft)


def _unused(meta_graph: MetaGraph, signature: Interface) -> Iterator[str]:
    """Yields the inputs of a new signature that nothing is computed from."""
    if not signature.created:
        return
    from sigpb.rewrite.created_signature import unused_inputs

    for key in unused_inputs(meta_graph, signature.ref.key):
        yield f"no output is computed from input {key!r}; clients have to feed it all the same."


def _lost_defaults(meta_graph: MetaGraph, signature: Interface) -> Iterator[str]:
    """Yields the keys of inputs that session clients need not feed, and have to once converted."""
    # Models of TensorFlow 2 have no placeholders with defaults.
    if meta_graph.has_object_graph or all(end.type is None for end in signature.kept("input")):
        return
    from sigpb.rewrite.session_graph import lost_defaults

    yield from lost_defaults(signature, GraphParts(meta_graph))


def _unexportable(draft: MetaGraphDraft, signature: Interface) -> Iterator[str]:
    """Yields why `tf.saved_model.save` would refuse the signature of the loaded model."""
    new = _new_keys(draft, signature, "input")
    reason = "TensorFlow loads and serves it, but tf.saved_model.save would refuse to export it"
    alike: dict[str, list[str]] = defaultdict(list)
    for key in signature.keys("input"):
        alike[key.lower()].append(key)
    for key in sorted(new, key=natural):
        twins = [twin for twin in alike[key.lower()] if twin != key]
        if not is_exportable(key):
            yield f"input {key!r} cannot name a node of a graph; {reason}."
        elif twins:
            yield f"input {key!r} differs from {twins[0]!r} only in case; {reason}."


def _ambiguous(draft: MetaGraphDraft, signature: Interface) -> Iterator[str]:
    """Yields the keys that come to stand for an input and an output."""
    new = _new_keys(draft, signature, "input") | _new_keys(draft, signature, "output")
    both = new & {*signature.keys("input")} & {*signature.keys("output")}
    for key in sorted(both, key=natural):
        yield (
            f"an input and an output have the key {key!r}; TensorFlow serves them, but tf2onnx and "
            "OpenVINO need different names for the two."
        )


def _missed(draft: MetaGraphDraft) -> Iterator[str]:
    """Yields what TensorFlow's readers of object graphs in C++ would miss.

    They want every object that the checkpoint lists, and since 2.7 it lists the signatures
    (``RecurseObjectsToRestore`` in tensorflow/cc/saved_model/bundle_v2.cc): those of the exporter,
    not the copies and new names that earlier patches made, which cannot be told from the graph.
    """
    graph = draft.meta_graph
    if not graph.has_object_graph or (graph.tensorflow_release or _LISTED_SINCE) < _LISTED_SINCE:
        return
    if gone := sorted(
        {*graph.user_signatures} - {signature.key for signature in draft.kept()}, key=natural
    ):
        yield (
            f"the checkpoint still lists {', '.join(map(repr, gone))}, if the model was exported "
            "with it. Readers of object graphs in C++, such as "
            "tf.mlir.experimental.convert_saved_model, then refuse the model; "
            "tf.saved_model.load and TensorFlow Serving do not. A copy (copy_of) keeps the "
            "signature."
        )


def _repeated(keys: Iterable[str]) -> list[str]:
    return sorted((key for key, count in Counter(keys).items() if count > 1), key=natural)

"""Compiles a patch against a model into a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from sigpb import protos
from sigpb.edits import Edit, EndpointTarget, SignatureTarget, edit_types
from sigpb.edits.edit import has_grafts, has_patterns, is_new
from sigpb.edits.metadata_edits import reads_examples
from sigpb.errors import MOST_LISTED, PatchError, did_you_mean
from sigpb.patching import checks
from sigpb.patching.plan import Ground, MetaGraphPlan, Plan, asks_for_whole_graphs
from sigpb.patching.resolve import Resolution, is_copied, is_created, resolve, resolve_endpoints
from sigpb.phases import phase
from sigpb.rewrite.draft import Interfaces, MetaGraphDraft, interfaces_of
from sigpb.rewrite.interface import SignatureRef
from sigpb.rewrite.port import SIDES, Side
from sigpb.saved_model import history as histories
from sigpb.saved_model.model import MetaGraph, SavedModel, tag_set, tag_set_text
from sigpb.visible_text import natural

if TYPE_CHECKING:
    from sigpb.composing.way_back import WayBack


def compile_patch(
    model: SavedModel,
    patch: protos.SavedModelPatch,
    ways_back: Sequence[tuple[int, WayBack]] | None = None,
) -> Plan:
    """Returns the edits that bring a model in line with a patch.

    Args:
        model: The model.
        patch: The patch.
        ways_back: How adapters are taken out, by the positions of their MetaGraphs; None for what
            the model's record says.

    Raises:
        PatchError: With everything that is wrong with the patch, or with the patch and this model.
    """
    return _compiled(model, with_adapters(patch), ways_back)


def _compiled(
    model: SavedModel,
    patch: protos.SavedModelPatch,
    ways_back: Sequence[tuple[int, WayBack]] | None = None,
) -> Plan:
    """Does the same for a patch that names adapters by whole paths and digests."""
    if problems := list(checks.patch_problems(patch)):
        raise PatchError(problems)
    asked, patch = patch, _plainly_spelled(patch)
    selected = _select(model, patch)
    stated, ground = patch, cast(Ground | None, None)
    graft_edits: Mapping[int, Sequence[Edit]] = {}
    targets = dict[int, Mapping[str, str]]()
    if has_grafts(patch):
        from sigpb.patching.grafts import with_grafts
        from sigpb.patching.model_steps import without_model_steps

        if problems := list(_unknown_signatures([graph for _, graph in selected], patch)):
            raise PatchError(problems)
        targets = {index: _resolve_signatures(graph, patch).current for index, graph in selected}
        ground, graft_edits = with_grafts(model, patch, targets)
        stated, patch = patch, without_model_steps(patch)
        if ground is not None:
            selected = [(index, ground.model.meta_graphs[index]) for index, _ in selected]
    if has_patterns(patch):
        from sigpb.patching.pattern_entries import with_keys

        records = histories.records(model.directory)
        was_applied = any(histories.is_of(record, asked, patch) for record in records)
        patch = with_keys(patch, [graph for _, graph in selected], was_applied=was_applied)
        if problems := list(checks.patch_problems(patch)):
            raise PatchError(problems)
        stated = patch
    if any(end.step for item in patch.signature for end in (*item.input, *item.output)):
        from sigpb.patching.expand import expanded

        patch = expanded(patch, model.directory)
    if any(item.HasField("from_function") for item in patch.signature):
        from sigpb.patching.made_signatures import with_made_signatures

        before = model if ground is None else ground.model
        made = with_made_signatures(before, patch, [index for index, _ in selected])
        if made is not None:
            ground = made if ground is None else made.upon(ground)
            selected = [(index, ground.model.meta_graphs[index]) for index, _ in selected]
    problems += _unknown_signatures([graph for _, graph in selected], patch)
    problems += _tag_collisions(model, patch, [index for index, _ in selected])
    drafts: list[tuple[int, MetaGraphDraft, list[Edit]]] = []
    for index, graph in selected:
        meta_graph, found = _with_created(graph, patch)
        edits, wrong = _compile_for(meta_graph, patch)
        edits = [*graft_edits.get(index, ()), *edits]
        found += wrong
        draft = MetaGraphDraft.of(meta_graph)
        for edit in edits:
            found += edit.refusals(meta_graph)
            edit.apply(draft)
        found += checks.problems(draft)
        where = f"MetaGraph {tag_set_text(meta_graph.tags)}: " if len(selected) > 1 else ""
        problems += [where + problem for problem in found]
        if edits:
            drafts.append((index, draft, edits))
    if problems:
        raise PatchError(problems)
    interfaces = {index: interfaces_of(draft) for index, draft, _ in drafts}
    plans = tuple(
        MetaGraphPlan(
            index,
            draft.meta_graph.tags,
            tuple(edits),
            (*checks.warnings(draft), *(text for edit in edits for text in edit.warnings())),
            tuple(clause for edit in edits for clause in edit.unchecked()),
            tuple(_chains(interfaces[index])),
        )
        for index, draft, edits in drafts
    )
    given = None if stated == asked else asked
    plan = Plan(model.directory, stated, plans, interfaces, ground, given)
    if any(item.ungraft for item in patch.signature):
        from sigpb.patching.ungrafts import with_takings_out

        plan = with_takings_out(plan, model, targets, ways_back)
    if asks_for_whole_graphs(patch):
        from sigpb.patching.whole_graph import with_graph_edits

        plan = with_graph_edits(plan, model, [index for index, _ in selected])
    return plan


def with_adapters(patch: protos.SavedModelPatch) -> protos.SavedModelPatch:
    """Returns a patch that names its adapters by whole paths and digests; most have none.

    Raises:
        PatchError: With all adapters that cannot be read, or are not those of a stated digest.
    """
    if not has_grafts(patch):
        return patch
    from sigpb.patching.graft_entries import with_digests

    return with_digests(patch)


def _plainly_spelled(patch: protos.SavedModelPatch) -> protos.SavedModelPatch:
    """Returns a patch whose dtypes and steps are in plain spelling; most have neither."""
    ends = (end for item in patch.signature for end in (*item.input, *item.output))
    if not any(end.step or end.HasField("dtype") for end in ends):
        return patch
    from sigpb.patching.expand import plainly_spelled

    return plainly_spelled(patch)


def _chains(interfaces: Interfaces) -> Iterator[str]:
    """Yields what values pass, of endpoints with steps that are asked for, or with several."""
    for interface in interfaces.kept():
        for side in SIDES:
            is_read = side == "input" and interface.examples is not None
            for port in interface.taken if is_read else interface.ports(side):
                change = port.conversion
                if change and (len(change.steps) > 1 or (port.type and port.type.steps)):
                    where = f"signature {interface.key!r}: {side} {port.key!r}"
                    yield f"{where} passes {change.chain(side)}"


def _select(model: SavedModel, patch: protos.SavedModelPatch) -> list[tuple[int, MetaGraph]]:
    """Returns the MetaGraphs to patch, with their positions in the file."""
    graphs = list(enumerate(model.meta_graphs))
    if not patch.HasField("tags"):
        return graphs
    tag_sets = [tag_set(patch.tags.tag)]
    if patch.HasField("set_tags"):
        tag_sets.append(tag_set(patch.set_tags.tag))  # A MetaGraph that is patched already.
    for wanted in tag_sets:
        if selected := [(index, graph) for index, graph in graphs if graph.tags == wanted]:
            return selected
    existing = ", ".join(tag_set_text(graph.tags) for _, graph in graphs)
    raise PatchError(
        f"no MetaGraph has the tag-set {tag_set_text(tag_sets[0])}; there are {existing}."
    )


def _tag_collisions(
    model: SavedModel, patch: protos.SavedModelPatch, selected: Sequence[int]
) -> Iterator[str]:
    if not patch.HasField("set_tags"):
        return
    wanted = tag_set(patch.set_tags.tag)
    tag_sets = Counter(
        wanted if index in selected else graph.tags for index, graph in enumerate(model.meta_graphs)
    )
    if tag_sets[wanted] > 1:
        yield (
            f"{tag_sets[wanted]} MetaGraphs would have the tag-set {tag_set_text(wanted)}, and a "
            "loader could not choose between them; select one by its tags."
        )


def _with_created(
    meta_graph: MetaGraph, patch: protos.SavedModelPatch
) -> tuple[MetaGraph, list[str]]:
    """Returns a MetaGraph as if it had the signatures to create, and why it cannot have some."""
    made: dict[str, protos.SignatureDef] = {}
    problems: list[str] = []
    for item in patch.signature:
        if not item.create or is_created(meta_graph, item):
            continue
        where = f"signature {item.key!r} cannot be created"
        if item.key in meta_graph.signatures:
            problems.append(
                f"{where}: the model already has a signature of this key, which differs from the "
                "patch; change it without create, or choose another key."
            )
            continue
        from sigpb.rewrite.created_signature import created_signature

        try:
            made[item.key] = created_signature(meta_graph, item)
        except PatchError as error:
            problems += [f"{where}: {problem}" for problem in error.problems]
    return (meta_graph.with_created(made) if made else meta_graph), problems


def _resolve_signatures(meta_graph: MetaGraph, patch: protos.SavedModelPatch) -> Resolution:
    renames: dict[str, str | None] = {
        item.copy_of: None for item in patch.signature if item.HasField("copy_of")
    }
    for item in patch.signature:
        if not (item.HasField("copy_of") or item.create):
            renames[item.key] = item.rename_to if item.HasField("rename_to") else None
    return resolve(renames, meta_graph.user_signatures)


def _unknown_signatures(
    meta_graphs: Sequence[MetaGraph], patch: protos.SavedModelPatch
) -> Iterator[str]:
    """Yields the signatures that none of the MetaGraphs holds."""
    missing = [set(_resolve_signatures(graph, patch).missing) for graph in meta_graphs]
    existing = {key for graph in meta_graphs for key in graph.user_signatures}
    for key in sorted(set.intersection(*missing), key=natural):
        known = did_you_mean(key, existing, most=MOST_LISTED, listed_by="sigpb show")
        yield f"there is no signature {key!r}; {known}."


def _compile_for(
    meta_graph: MetaGraph, patch: protos.SavedModelPatch
) -> tuple[list[Edit], list[str]]:
    """Returns the edits of one MetaGraph, and what is wrong with them."""
    edits = [edit for kind in edit_types() for edit in kind.from_patch(meta_graph, patch)]
    problems: list[str] = []
    for target, is_done in _signature_targets(meta_graph, patch):
        endpoints, missing = _endpoint_targets(target)
        if is_done:
            continue
        problems += missing
        for kind in edit_types():
            edits += kind.from_signature(target)
            for endpoint in endpoints:
                edits += kind.from_endpoint(endpoint)
    return edits, problems


def _signature_targets(
    meta_graph: MetaGraph, patch: protos.SavedModelPatch
) -> Iterator[tuple[SignatureTarget, bool]]:
    """Yields the signatures that a patch names, and whether they are copies that are there."""
    current = _resolve_signatures(meta_graph, patch).current
    originals = {item.key: item for item in patch.signature if not item.HasField("copy_of")}
    for item in patch.signature:
        if item.create:
            if item.key in meta_graph.created:
                yield (
                    SignatureTarget(meta_graph, SignatureRef(item.key), _once_created(item)),
                    False,
                )
            continue
        source = item.copy_of if item.HasField("copy_of") else item.key
        if source not in current:
            continue
        if not item.HasField("copy_of"):
            yield SignatureTarget(meta_graph, SignatureRef(current[source]), item), False
            continue
        target = SignatureTarget(meta_graph, SignatureRef(item.key, current[source]), item)
        original = originals.get(source, protos.SignaturePatch())
        yield target, item.key not in originals and is_copied(target, original)


def _once_created(patch: protos.SignaturePatch) -> protos.SignaturePatch:
    """Returns what a patch says of a signature besides that it is created from tensors."""
    rest = protos.SignaturePatch()
    rest.CopyFrom(patch)
    rest.ClearField("create")
    for endpoint in (*rest.input, *rest.output):
        endpoint.ClearField("from_tensor")
    return rest


def _endpoint_targets(target: SignatureTarget) -> tuple[list[EndpointTarget], list[str]]:
    """Returns the endpoints that a patch names, and what it names but is not there."""
    found: list[EndpointTarget] = []
    missing: list[str] = []
    sides: tuple[tuple[Side, Sequence[protos.EndpointPatch], Collection[str]], ...] = (
        ("input", target.patch.input, target.signature_def.inputs),
        ("output", target.patch.output, target.signature_def.outputs),
    )
    for side, patches, existing in sides:
        if side == "input" and reads_examples(target):
            continue  # They are features now.
        named = [item for item in patches if not is_new(item)]
        resolution = resolve_endpoints(named, existing)
        for item in named:
            if item.key in resolution.current:
                found.append(EndpointTarget(target, side, resolution.current[item.key], item))
        for number, key in enumerate(resolution.missing):
            most = 1 if number else MOST_LISTED  # They are listed once.
            known = did_you_mean(key, existing, most=most, listed_by="" if number else "sigpb show")
            hint = _key_hint(key, patches)
            missing.append(f"signature {target.ref.key!r} has no {side} {key!r}; {known}.{hint}")
    return found, missing


def _key_hint(key: str, patches: Sequence[protos.EndpointPatch]) -> str:
    """Returns what may have been meant by a key that is not there."""
    if old := next((item.key for item in patches if item.rename_to == key), ""):
        return (
            f" Keys name the model as it is now: write {old!r}, which the patch renames to {key!r}."
        )
    if "*" in key:
        return " To rename all keys that match a pattern, write 're:^input_(.*)$=feature_\\1'."
    return ""


@phase("plan")
def plan_patch(model: SavedModel, patch: protos.SavedModelPatch) -> Plan:
    """Returns what a patch does to a model: nothing, if the model's record says that it was done.

    Raises:
        PatchError: With everything that is wrong with the patch for this model.
    """
    patch = with_adapters(patch)
    signatures = [(graph.tags, graph.signatures) for graph in model.meta_graphs]
    if histories.was_applied(model.directory, patch, signatures, _plainly_spelled(patch)):
        return Plan(model.directory, patch, ())
    return _compiled(model, patch)

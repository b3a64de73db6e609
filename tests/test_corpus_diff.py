"""Real models: a difference is what the plan said, and the patch can be inferred from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.comparing.compare import compare_models
from sigpb.patching.infer import infer_patch
from sigpb.saved_model.model import MetaGraph
from tests.comparing.facts import assert_lists_the_plan
from tests.comparing.patched import difference, outlines
from tests.test_corpus import each_model, opened, renaming_patch
from tests.test_corpus_types import batching_patch, reshaping_patch


def swapping_patch(graph: MetaGraph) -> sigpb.SavedModelPatch:
    """Gives every endpoint the key of the one before it, and signatures those of each other."""
    patch = protos.SavedModelPatch(tags=protos.TagSet(tag=graph.tags))
    keys = graph.user_signatures
    for key, to in zip(keys, keys[1:] + keys[:1], strict=True):
        item = patch.signature.add(key=key)
        if to != key:
            item.rename_to = to
        signature = graph.signatures[key]
        for infos, items in ((signature.inputs, item.input), (signature.outputs, item.output)):
            ordered = sorted(infos)
            for old, new in zip(ordered, ordered[1:] + ordered[:1], strict=True):
                if old != new:
                    items.add(key=old, rename_to=new)
    return patch


def patches(graph: MetaGraph, name: str) -> Iterator[sigpb.SavedModelPatch]:
    yield renaming_patch(graph)
    yield reshaping_patch(graph, name)
    yield batching_patch(graph, name)
    yield swapping_patch(graph)


@each_model
def test_a_model_is_the_same_as_itself(corpus: Path, name: str) -> None:
    with opened(corpus, name) as model:
        same = compare_models(model, model)

    assert same.is_same
    for graph in same.meta_graphs:
        assert graph.disagreements_after == ()


@pytest.mark.sampled(3)
@each_model
def test_difference_is_the_plan_and_leads_back_to_the_patch(
    corpus: Path, tmp_path: Path, name: str
) -> None:
    with opened(corpus, name) as model:
        for position, graph in enumerate(model.meta_graphs):
            for number, patch in enumerate(patches(graph, name)):
                if not patch.signature:
                    continue
                after = tmp_path / f"after{position}-{number}"
                plan = sigpb.patch(model.directory, patch, output_dir=after).plan

                found = difference(model.directory, after)
                with sigpb.open(after) as wanted:
                    inferred = infer_patch(model, wanted)
                again = tmp_path / f"again{position}-{number}"
                sigpb.patch(model.directory, inferred, output_dir=again)

                assert_lists_the_plan(plan, model, list(found.meta_graphs))
                for each in found.meta_graphs:
                    assert each.disagreements_after == ()
                    assert not each.graph.recomputes
                assert outlines(again) == outlines(after)


@pytest.mark.parametrize("name", ["pypi_basic_pitch", "triton_vnet_no_batch"])
def test_nothing_of_the_graph_differs_after_renames(
    corpus: Path, tmp_path: Path, name: str
) -> None:
    with opened(corpus, name) as model:
        (graph,) = model.meta_graphs
        sigpb.patch(model.directory, renaming_patch(graph), output_dir=tmp_path / "after")

    (found,) = difference(corpus / name, tmp_path / "after").meta_graphs

    assert not found.graph.nodes
    assert not found.graph.functions.changed
    assert not found.graph.functions.removed

"""Patches models, and compares them with what they were."""

from __future__ import annotations

import tempfile
from pathlib import Path

import sigpb
from sigpb import protos
from sigpb.comparing.compare import compare_models
from sigpb.comparing.difference import MetaGraphDifference, ModelDifference
from sigpb.comparing.signature_difference import SignatureDifference
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import dtype_name, shape_of, shape_text


def patched(model: Path, patch: str | protos.SavedModelPatch) -> Path:
    """Returns the directory of a patched copy, beside the model."""
    output = Path(tempfile.mkdtemp(dir=model.parent))
    message = parse_text(patch) if isinstance(patch, str) else patch
    sigpb.patch(model, message, output_dir=output, warmup="drop")
    return output


def difference(before: Path, after: Path) -> ModelDifference:
    with sigpb.open(before) as first, sigpb.open(after) as second:
        return compare_models(first, second)


def only_graph(before: Path, after: Path) -> MetaGraphDifference:
    (graph,) = difference(before, after).meta_graphs
    return graph


def only_signature(before: Path, after: Path) -> SignatureDifference:
    """The only signature that changed."""
    (signature,) = only_graph(before, after).changed_signatures
    return signature


Outline = dict[str, tuple[str, dict[str, str], dict[str, str], dict[str, bytes]]]


def outlines(model: Path) -> dict[tuple[str, ...], Outline]:
    """All that a client can know of the signatures; asserts that the object graph agrees."""
    found = {}
    with sigpb.open(model) as opened:
        for graph in opened.meta_graphs:
            found[graph.tags] = {
                key: (
                    graph.signatures[key].method_name,
                    _types(dict(graph.signatures[key].inputs)),
                    _types(dict(graph.signatures[key].outputs)),
                    {
                        name: value.SerializeToString(deterministic=True)
                        for name, value in graph.signatures[key].defaults.items()
                    },
                )
                for key in graph.user_signatures
            }
            if graph.object_graph and graph.object_graph.signature_map is not None:
                assert _object_graph_outline(graph) == {
                    key: (sorted(inputs), sorted(outputs))
                    for key, (_, inputs, outputs, _) in found[graph.tags].items()
                }
    return found


def _types(infos: dict[str, protos.TensorInfo]) -> dict[str, str]:
    return {
        key: f"{dtype_name(info.dtype)} {shape_text(shape_of(info.tensor_shape))}"
        for key, info in infos.items()
    }


def _object_graph_outline(graph: MetaGraph) -> dict[str, tuple[list[str], list[str]]]:
    object_graph = graph.object_graph
    assert object_graph is not None
    return {
        key: (sorted(object_graph.argument_keys(node)), object_graph.output_keys(node))
        for key, node in object_graph.signature_nodes.items()
    }

"""What a model takes and returns, as data with types for those who call from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sigpb import html_text
from sigpb.errors import PatchError, did_you_mean
from sigpb.inspect.summary import TITLES, Json, TextLine, summarize, summary_parts, summary_text
from sigpb.saved_model.grafts import Graft
from sigpb.saved_model.model import MetaGraph, SavedModel, tag_set_text
from sigpb.tf.tensor_types import Shape, shape_text


@dataclass(frozen=True, repr=False)
class TensorSummary:
    """An input or output, of a signature or of a function.

    Attributes:
        key: Its key; of a function, the name of the argument or result.
        dtype: Its dtype, such as ``float32``.
        shape: Its sizes, None for one that is open; None if the rank is open.
        tensor: The name of the tensor; None unless it is one of a signature, and dense.
        encoding: ``dense``, ``coo_sparse`` or ``composite``.
        components: Unless it is dense, the names of the tensors that it consists of.
        default: The value of an input that clients may leave out, as docs/json.md describes it;
            None if there is none.
    """

    key: str
    dtype: str
    shape: Shape
    tensor: str | None = None
    encoding: str = "dense"
    components: tuple[str, ...] = ()
    default: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        return f"<{self.key!r}: {self.dtype} {shape_text(self.shape)}>"


@dataclass(frozen=True)
class SignatureSummary:
    """A signature.

    Attributes:
        key: Its key.
        method_name: What kind of signature it is for TensorFlow Serving.
        inputs: The inputs by their keys.
        outputs: The outputs by their keys.
        internal: Whether it is one of TensorFlow's own.
    """

    key: str
    method_name: str
    inputs: Mapping[str, TensorSummary]
    outputs: Mapping[str, TensorSummary]
    internal: bool


@dataclass(frozen=True)
class FunctionSummary:
    """A concrete function that objects of the model lead to.

    Attributes:
        function: Its path, as ``from_function`` of a patch names it.
        arguments: What it takes.
        results: What it returns.
        fixed: What it was traced with that is no tensor.
        problem: Why no signature can be made of it; None if one can.
    """

    function: str
    arguments: tuple[TensorSummary, ...]
    results: tuple[TensorSummary, ...]
    fixed: tuple[str, ...]
    problem: str | None


@dataclass(frozen=True)
class MetaGraphSummary:
    """A MetaGraph.

    Attributes:
        tags: Its tag-set, sorted.
        object_graph: Whether it has a SavedObjectGraph, as TF2 models have.
        tensorflow_version: The version of TensorFlow that wrote it; empty if that is unknown.
        bytes: The size of the MetaGraphDef.
        signatures: The signatures by their keys.
        functions: What signatures can be made of; none if a signature was asked for.
        grafts: The adapters that were put before and after the signatures, in that order.
    """

    tags: tuple[str, ...]
    object_graph: bool
    tensorflow_version: str
    bytes: int
    signatures: Mapping[str, SignatureSummary]
    functions: tuple[FunctionSummary, ...]
    grafts: tuple[Graft, ...] = ()


@dataclass(frozen=True, repr=False)
class ModelSummary:
    """What a model takes and returns; printing it shows what ``sigpb show`` prints.

    Attributes:
        model: The model's directory.
        file: The name of the proto in it.
        bytes: The size of the proto.
        meta_graphs: The MetaGraphs, in the order of the file.
    """

    model: str
    file: str
    bytes: int
    meta_graphs: tuple[MetaGraphSummary, ...]
    _json: Json = field(repr=False, compare=False)

    def to_json(self) -> Json:
        """Returns the summary as JSON values: see docs/json.md."""
        return self._json

    def __str__(self) -> str:
        return summary_text(self._json).removesuffix("\n")

    def __repr__(self) -> str:
        graphs = "; ".join(
            f"{tag_set_text(graph.tags)} {', '.join(_shown(graph)) or 'no signatures'}"
            for graph in self.meta_graphs
        )
        return f"<ModelSummary of {self.model!r}: {graphs}>"

    def _repr_html_(self) -> str:
        return html_text.document(
            *(
                html_text.lines(part.text)
                if isinstance(part, TextLine)
                else html_text.table(TITLES, part)
                for part in summary_parts(self._json)
            )
        )


def _shown(graph: MetaGraphSummary) -> list[str]:
    return [repr(key) for key, signature in graph.signatures.items() if not signature.internal]


def model_summary(
    model: SavedModel, tags: tuple[str, ...] | None = None, signature: str | None = None
) -> ModelSummary:
    """Returns what a model takes and returns.

    Args:
        model: The model.
        tags: Only the MetaGraph with exactly these tags, sorted; None for all.
        signature: Only the signature of this key; None for all.

    Raises:
        PatchError: If there is no such MetaGraph or signature.
        ModelUnreadable: If the model is damaged.
    """
    found = summarize(model, selected(model, tags, signature), signature)
    graphs = tuple(map(_meta_graph, found["meta_graphs"]))
    return ModelSummary(found["model"], found["file"], found["bytes"], graphs, found)


def selected(
    model: SavedModel, tags: tuple[str, ...] | None, signature: str | None
) -> list[MetaGraph]:
    """Returns the MetaGraphs of a tag-set, or all, of which one has a signature.

    Raises:
        PatchError: If there is no such MetaGraph or signature.
    """
    selected = [graph for graph in model.meta_graphs if tags is None or graph.tags == tags]
    if not selected:
        existing = ", ".join(tag_set_text(graph.tags) for graph in model.meta_graphs)
        raise PatchError(
            f"No MetaGraph has the tag-set {tag_set_text(tags or ())}; there are {existing}."
        )
    if signature is not None and not any(signature in graph.signatures for graph in selected):
        keys = {key for graph in selected for key in graph.user_signatures}
        raise PatchError(f"There is no signature {signature!r}; {did_you_mean(signature, keys)}.")
    return selected


def _meta_graph(found: Json) -> MetaGraphSummary:
    return MetaGraphSummary(
        tuple(found["tags"]),
        found["object_graph"],
        found["tensorflow_version"],
        found["bytes"],
        {
            key: SignatureSummary(
                key,
                each["method_name"],
                _endpoints(each["inputs"]),
                _endpoints(each["outputs"]),
                each["internal"],
            )
            for key, each in found["signatures"].items()
        },
        tuple(
            FunctionSummary(
                each["function"],
                tuple(_tensor(given["key"], given) for given in each["arguments"]),
                tuple(_tensor(given["key"], given) for given in each["results"]),
                tuple(each["fixed"]),
                each["problem"],
            )
            for each in found["functions"]
        ),
        tuple(Graft(**each) for each in found["grafts"]),
    )


def _endpoints(found: Json) -> dict[str, TensorSummary]:
    return {key: _tensor(key, each) for key, each in found.items()}


def _tensor(key: str, found: Json) -> TensorSummary:
    return TensorSummary(
        key,
        found["dtype"],
        None if found["shape"] is None else tuple(found["shape"]),
        found.get("tensor"),
        found.get("encoding", "dense"),
        tuple(found.get("components", ())),
        found.get("default"),
    )

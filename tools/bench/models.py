"""The models that are measured. They are kept in a folder and made only once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from google.protobuf import text_format

from sigpb import protos
from sigpb.wire import encode_varint, length_delimited, tag
from sigpb.wire.fields import WireType

from .processes import Runner, Unavailable

FIXTURE = Path(__file__).resolve().parents[2] / "proto_fixtures" / "tf2_linear"

_MANY_NODES = 200_000
_BIG_NODES = 16
_BIG_NODE_SIZE = 2**26


@dataclass(frozen=True)
class Models:
    """The models.

    Attributes:
        folder: Where they are.
        runner: Runs the process that exports one with TensorFlow.
    """

    folder: Path
    runner: Runner

    def small(self) -> Path:
        """A model of 35 kB with three signatures: ``proto_fixtures/tf2_linear`` as binary."""
        model = self.folder / "small"
        if not model.exists():
            new = self._copy_of_fixture()
            new.joinpath("saved_model.pb").write_bytes(_fixture().SerializeToString())
            new.rename(model)
        return model

    def resnet50(self) -> Path:
        """Keras' ResNet50 with random weights: 1.4 MB, and 103 MB of variables.

        Raises:
            Unavailable: If there is no TensorFlow to export it.
        """
        return self._exported("resnet50", "export_resnet50")

    def constants(self, mebibytes: int) -> Path:
        """A function with so many MiB of constants, exported by TensorFlow.

        Raises:
            Unavailable: If there is no TensorFlow to export it.
        """
        return self._exported(f"constants-{mebibytes}", "export_constants", str(mebibytes))

    def gigabyte(self) -> Path:
        """The small model with 1 GiB of constants in its graph, all in ``saved_model.pb``."""
        model = self.folder / "gigabyte"
        if not model.exists():
            new = self._copy_of_fixture()
            with new.joinpath("saved_model.pb").open("wb") as file:
                file.writelines(_with_constants(_fixture()))
            new.rename(model)
        return model

    def many_nodes(self) -> Path:
        """A graph of 200,000 small nodes in a row, 21 MB, from an input ``x`` of ``[?,784]``."""
        model = self.folder / "many_nodes"
        if not model.exists():
            new = self._new()
            new.mkdir()
            new.joinpath("saved_model.pb").write_bytes(_chain().SerializeToString())
            new.rename(model)
        return model

    def _exported(self, name: str, script: str, *arguments: str) -> Path:
        model = self.folder / name
        if not model.exists():
            if find_spec("tensorflow") is None:
                raise Unavailable("TensorFlow is not installed.")
            new = self._new()
            self.runner.run(self.runner.child(script, new, *arguments))
            new.rename(model)
        return model

    def _new(self) -> Path:
        new = self.folder / "unfinished"
        shutil.rmtree(new, ignore_errors=True)
        return new

    def _copy_of_fixture(self) -> Path:
        new = self._new()
        shutil.copytree(FIXTURE, new, ignore=shutil.ignore_patterns("*.pbtxt"))
        return new


def _fixture() -> protos.SavedModel:
    text = FIXTURE.joinpath("saved_model.pbtxt").read_text(encoding="utf-8")
    saved_model = protos.SavedModel()
    return text_format.Parse(text, saved_model, descriptor_pool=protos.POOL)


def _chain() -> protos.SavedModel:
    """Returns a model that applies Relu again and again."""
    saved_model = protos.SavedModel()
    meta_graph = saved_model.meta_graphs.add()
    meta_graph.meta_info_def.tags.append("serve")
    dtype, shape = protos.DataType.Value("DT_FLOAT"), protos.TensorShapeProto()
    for size in (-1, 784):
        shape.dim.add(size=size)
    node = meta_graph.graph_def.node.add(name="x", op="Placeholder")
    node.attr["dtype"].type = dtype
    node.attr["shape"].shape.CopyFrom(shape)
    for number in range(_MANY_NODES):
        block = f"block_{number // 100}/layer_{number % 100}/Relu"
        node = meta_graph.graph_def.node.add(name=block, op="Relu", input=[node.name])
        node.attr["T"].type = dtype
        node.attr["_output_shapes"].list.shape.append(shape)
    signature = meta_graph.signature_def["serving_default"]
    signature.method_name = "tensorflow/serving/predict"
    for infos, key, tensor in ((signature.inputs, "x", "x"), (signature.outputs, "y", node.name)):
        infos[key].name, infos[key].dtype = f"{tensor}:0", dtype
        infos[key].tensor_shape.CopyFrom(shape)
    return saved_model


def _with_constants(saved_model: protos.SavedModel) -> Iterator[bytes]:
    """Yields the pieces of a model with constants in its graph, one after another in memory."""
    (meta_graph,) = saved_model.meta_graphs
    graph = meta_graph.graph_def.SerializeToString()
    info = protos.MetaGraphDef(meta_info_def=meta_graph.meta_info_def).SerializeToString()
    for written_apart in ("graph_def", "meta_info_def"):
        meta_graph.ClearField(written_apart)
    rest = meta_graph.SerializeToString()
    graph_size = len(graph) + _BIG_NODES * len(_constant(0))
    graph_start = _start(protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER, graph_size)
    size = len(info) + len(graph_start) + graph_size + len(rest)
    # In the order of field numbers, as TensorFlow writes them: first nodes, then functions, then
    # signatures.
    yield _start(protos.SavedModel.META_GRAPHS_FIELD_NUMBER, size) + info + graph_start
    for number in range(_BIG_NODES):
        yield _constant(number)
    yield graph + rest


def _start(number: int, size: int) -> bytes:
    """Returns what precedes the content of a message field."""
    return tag(number, WireType.LEN) + encode_varint(size)


def _constant(number: int) -> bytes:
    """Returns the field for a constant node; the same size for every number below 100."""
    node = protos.NodeDef(name=f"constant_{number:02}", op="Const")
    node.attr["dtype"].type = protos.DataType.Value("DT_UINT8")
    tensor = node.attr["value"].tensor
    tensor.dtype = protos.DataType.Value("DT_UINT8")
    tensor.tensor_shape.dim.add(size=_BIG_NODE_SIZE)
    tensor.tensor_content = bytes([number]) * _BIG_NODE_SIZE
    return length_delimited(protos.GraphDef.NODE_FIELD_NUMBER, node.SerializeToString())

"""Models that are patched again and again, by random patches of the whole language."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st

import sigpb
from sigpb import protos
from sigpb.patching.apply import changes_of
from sigpb.patching.compile import compile_patch
from sigpb.publishing.changes import pieces_of
from sigpb.saved_model.model import open_model
from sigpb.tf.tensor_types import encoding_of, shape_of, shape_text
from sigpb.wire import assemble
from tests.conftest import REPOSITORY
from tests.graphs.small_graphs import FLOAT, attr, output_shapes, placeholder
from tests.patches import MAIN
from tests.rewrite.small_models import meta_graph_def

FIXTURES = (
    "tf1_fixed_batch",
    "tf1_no_variables",
    "tf1_sparse",
    "tf1_shared",
    "tf2_fixed_batch",
    "tf2_image",
    "tf2_linear",
)
DTYPES = ("float32", "float64", "int32", "int64", "float16", "uint8", "string")
KEYS = ("a", "b", "p", "q", "x", "zz")

_CONSTANT = attr("dtype", "type: DT_FLOAT") + attr(
    "value", "tensor { dtype: DT_FLOAT tensor_shape { } float_val: -2.5 }"
)
_ONE_TENSOR = f"""
    x = Placeholder() {placeholder(-1)}
    y = Placeholder() {placeholder(-1)}
    k = Const() {_CONSTANT}
    z = Mul(x, k) {FLOAT} {output_shapes((-1,))}
    w = Add(z, y) {FLOAT} {output_shapes((-1,))}
"""


def one_tensor(directory: Path) -> Path:
    """Writes a model whose signatures have several keys for one tensor, and inputs as outputs."""
    graph = meta_graph_def(
        _ONE_TENSOR,
        {
            "serving_default": "x: float32 [?] -> p=z:0: float32 [?]; q=z:0: float32 [?]",
            "through": "x: float32 [?]; y: float32 [?] -> a=x:0: float32 [?]; w: float32 [?]",
            "twice": "b=x:0: float32 [?]; x: float32 [?] -> z: float32 [?]",
        },
    )
    graph.meta_info_def.tags.append("serve")
    model = protos.SavedModel(saved_model_schema_version=1, meta_graphs=[graph])
    directory.mkdir()
    (directory / MAIN).write_bytes(model.SerializeToString(deterministic=True))
    return directory


def model_named(name: str, folder: Path) -> Path:
    """Returns a new copy of a fixture as a binary file, or the model of `one_tensor`."""
    directory = folder / name
    if name == "one_tensor":
        return one_tensor(directory)
    shutil.copytree(REPOSITORY / "proto_fixtures" / name, directory)
    with open_model(directory) as opened:
        content = bytes(opened.buffer)
    opened.file.unlink()
    (directory / MAIN).write_bytes(content)
    return directory


def patched(model: Path, patch: protos.SavedModelPatch) -> Path:
    """Returns the directory of a patched copy, which is not synced to the disk."""
    output = Path(tempfile.mkdtemp(dir=model.parent)) / model.name
    with open_model(model) as opened:
        changes = changes_of(compile_patch(opened, patch), opened, warmup="drop", history=False)[0]
        shutil.copytree(model, output)
        for name, content in changes.items():
            if content is None:
                (output / name).unlink()
            else:
                (output / name).write_bytes(assemble(pieces_of(content), opened.buffer))
    return output


@st.composite
def patches(draw: st.DrawFn, model: Path) -> protos.SavedModelPatch:
    """Patches of some endpoints of a model's first MetaGraph; some of them are refused."""
    with open_model(model) as opened:
        signatures = {
            key: opened.meta_graphs[0].signatures[key]
            for key in opened.meta_graphs[0].user_signatures
        }
    patch = protos.SavedModelPatch()
    some = st.lists(st.sampled_from(sorted(signatures)), min_size=1, max_size=2, unique=True)
    for key in draw(some):
        item = patch.signature.add(key=key)
        if draw(st.integers(0, 5)) == 0:
            item.key, item.copy_of = f"copy_{key}", key
        elif draw(st.integers(0, 5)) == 0:
            item.rename_to = draw(st.sampled_from([*sorted(signatures), "new"]))
        if draw(st.integers(0, 3)) == 0:
            item.batch_size = draw(st.sampled_from(["?", "3", "1"]))
        for ends, infos in (
            (item.input, signatures[key].inputs),
            (item.output, signatures[key].outputs),
        ):
            for end in draw(endpoint_patches(dict(infos))):
                ends.append(end)
    return patch


@st.composite
def endpoint_patches(
    draw: st.DrawFn, infos: Mapping[str, protos.TensorInfo]
) -> list[protos.EndpointPatch]:
    """Changes of inputs or outputs, of which two may change places."""
    keys = sorted(infos)
    names = dict(zip(keys, draw(st.permutations(keys)), strict=True))
    is_swap = draw(st.integers(0, 2)) == 0
    found = []
    for key in keys:
        end = protos.EndpointPatch(key=key)
        if is_swap and names[key] != key:
            end.rename_to = names[key]
        elif not is_swap and draw(st.integers(0, 4)) == 0:
            end.rename_to = draw(st.sampled_from(KEYS))
        if draw(st.integers(0, 2)) == 0:
            end.dtype = draw(st.sampled_from(DTYPES))
        shape = shape_of(infos[key].tensor_shape)
        if shape and encoding_of(infos[key]) == "dense" and draw(st.integers(0, 3)) == 0:
            fixed = tuple(3 if size is None else size for size in shape)
            end.shape = shape_text(draw(st.sampled_from([fixed, (*shape, 1), (None, *shape[1:])])))
        if len(end.ListFields()) > 1:
            found.append(end)
    return found


def chain(data: st.DataObject, model: Path, most: int) -> Path:
    """Returns a model after up to `most` random patches that it accepts."""
    for _ in range(data.draw(st.integers(0, most))):
        patch = data.draw(patches(model))
        try:
            model = patched(model, patch)
        except sigpb.PatchError:
            continue
    return model


def folder() -> tempfile.TemporaryDirectory[str]:
    """Returns a directory for the models of one example."""
    return tempfile.TemporaryDirectory()

"""Right patches pass and planted mistakes are caught, under TensorFlow's own loaders."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.verifying.report import LoaderReport, SignatureReport, VerifyReport
from tests.patches import ModelFactory, altered
from tests.views import signature_map

pytestmark = pytest.mark.tensorflow

DEFAULT = 'signature {{ key: "serving_default" {} }}'.format

RIGHT_PATCHES = {
    "rename, retype and reshape": (
        "tf2_linear",
        DEFAULT(
            'rename_to: "predict" input { key: "x" rename_to: "zz" dtype: "uint8" shape: "?,3,1" } '
            'output { key: "p" rename_to: "zp" dtype: "int64" } output { key: "s" drop: true }'
        ),
    ),
    "swap, copy and delete": (
        "tf2_linear",
        DEFAULT(
            'input { key: "x" rename_to: "b" } input { key: "b" rename_to: "x" } '
            'output { key: "p" rename_to: "s" } output { key: "s" rename_to: "p" }'
        )
        + 'signature { key: "new" copy_of: "other" output { key: "q" dtype: "string" } } '
        'signature { key: "single" drop: true }',
    ),
    "bind, where TensorFlow reorders a sum": (
        "tf2_linear",
        DEFAULT('input { key: "x" bind: "[[1, 2, 3]]" }'),
    ),
    "fix the batch size": ("tf2_linear", DEFAULT('batch_size: "3"')),
    "open the batch size": ("tf1_fixed_batch", DEFAULT('batch_size: "?"')),
    "bind, add an output, text": (
        "tf2_image",
        DEFAULT(
            'input { key: "training" bind: "false" } input { key: "x" dtype: "string" } '
            'output { key: "pooled" from_tensor: "pool/Mean:0" }'
        ),
    ),
    "sessions that share placeholders": (
        "tf1_shared",
        DEFAULT(
            'input { key: "x" dtype: "uint8" } input { key: "scale" default: "3" } '
            'output { key: "scores" from_tensor: "scores:0" } method_name: "some/method"'
        ),
    ),
    "sparse": (
        "tf1_sparse",
        DEFAULT('input { key: "s" dtype: "int32" } output { key: "doubled" dtype: "float64" }'),
    ),
    "composite": ("tf1_composite", DEFAULT('input { key: "r" rename_to: "rows" }')),
    "tags": ("tf1_two_graphs", 'tags { tag: "serve" } set_tags { tag: "tpu" }'),
    "counters": ("tf2_stateful", 'signature { key: "increment" rename_to: "next" }'),
    "tf.Examples": ("tf2_warmup", 'signature { key: "classify" rename_to: "sort" }'),
    "interior tensors": ("tf1_interior", DEFAULT('input { key: "x" dtype: "int32" }')),
}


@pytest.mark.parametrize(("name", "patch"), RIGHT_PATCHES.values(), ids=RIGHT_PATCHES)
def test_right_patch(fixture_model: ModelFactory, tmp_path: Path, name: str, patch: str) -> None:
    result = sigpb.patch(
        fixture_model(name),
        parse_text(patch),
        output_dir=tmp_path / "patched",
        warmup="keep",
        verify=["v1", "v2"],
    )

    assert result.verification is not None
    assert result.verification.verdict == "equivalent"
    for signature in result.verification.signatures:
        assert [each.status for each in signature.loaders] == ["same", "same"], str(
            result.verification
        )


def verify_altered(
    model: Path, change: Callable[[protos.MetaGraphDef], object], patch: str = "", **options: Any
) -> VerifyReport:
    """Compares a model with one that is changed by hand, as a patch should have changed it."""
    new = model.with_name("new")
    shutil.copytree(model, new)
    return sigpb.verify(model, altered(new, change), parse_text(patch), **options)


def found(report: VerifyReport, key: str = "serving_default") -> list[LoaderReport]:
    """What the loaders did with one signature; the others have to be the same."""
    (signature,) = (each for each in report.signatures if each.new == key)
    assert all(each.status == "same" for each in report.signatures if each is not signature)
    return list(signature.loaders)


def swap(infos: Any, first: str, second: str) -> None:
    infos[first].name, infos[second].name = infos[second].name, infos[first].name


def wrapper(graph: protos.MetaGraphDef, key: str = "serving_default") -> protos.FunctionDef:
    """The function that `tf.saved_model.load` calls for a signature."""
    children = {child.local_name: child.node_id for child in signature_map(graph).children}
    bare = graph.object_graph_def.nodes[children[key]].bare_concrete_function
    name = bare.concrete_function_name
    return next(each for each in graph.graph_def.library.function if each.signature.name == name)


def test_swapped_outputs_of_the_signature_def(fixture_model: ModelFactory) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        swap(graph.signature_def["serving_default"].outputs, "p", "s")

    v1, v2 = found(verify_altered(fixture_model("tf2_linear"), change))

    assert (v1.status, v2.status) == ("different", "same")
    assert [(each.new, each.status) for each in v1.outputs] == [
        ("p", "different"),
        ("s", "different"),
    ]


def test_swapped_outputs_of_the_function(fixture_model: ModelFactory) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        function = wrapper(graph)
        first, second = (argument.name for argument in function.signature.output_arg)
        ret = function.ret
        ret[first], ret[second] = ret[second], ret[first]

    v1, v2 = found(verify_altered(fixture_model("tf2_linear"), change))

    assert (v1.status, v2.status) == ("different", "different")


def test_swapped_inputs(fixture_model: ModelFactory) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        swap(graph.signature_def["serving_default"].inputs, "x", "y")

    (v1, v2) = found(verify_altered(fixture_model("tf1_shared"), change))

    assert (v1.status, v2.status) == ("different", "different")
    assert v1.outputs[0].difference is not None
    assert (v1.outputs[0].difference.worst or 0) > 0.1


def test_missing_cast(fixture_model: ModelFactory) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["default"].outputs["y"].dtype = protos.DataType.Value("DT_INT64")

    patch = 'signature { key: "default" output { key: "y" dtype: "int64" } }'
    report = verify_altered(fixture_model("tf1_no_variables"), change, patch)

    assert report.problems == ()
    for loader in found(report, "default"):
        assert [(each.new, str(each.difference)[:57]) for each in loader.outputs] == [
            ("b", "None"),
            ("y", "its dtype is float32, and int64 is expected in a batch of"),
        ]


def test_missing_cast_of_an_input(fixture_model: ModelFactory) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["default"].inputs["a"].dtype = protos.DataType.Value("DT_UINT8")

    patch = 'signature { key: "default" input { key: "a" dtype: "uint8" } }'
    report = verify_altered(fixture_model("tf1_no_variables"), change, patch)

    for loader in found(report, "default"):
        assert loader.status == "different"
        assert loader.problems[0].endswith("input 'a' takes float32, not uint8")


def test_constant_that_is_off_by_one(fixture_model: ModelFactory) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        constants = (
            node.attr["value"].tensor
            for function in graph.graph_def.library.function
            for node in function.node_def
            if node.op == "Const" and [*node.attr["value"].tensor.float_val] == [7.0]
        )
        next(constants).float_val[0] += 1

    for loader in found(verify_altered(fixture_model("tf2_linear"), change), "other"):
        assert [(each.new, each.status) for each in loader.outputs] == [
            ("q", "same"),
            ("r", "different"),
        ]


def test_half_edited_object_graph(fixture_model: ModelFactory) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        inputs = graph.signature_def["serving_default"].inputs
        inputs["image"].CopyFrom(inputs["x"])
        del inputs["x"]

    patch = DEFAULT('input { key: "x" rename_to: "image" }')
    v1, v2 = found(verify_altered(fixture_model("tf2_linear"), change, patch))

    assert (v1.status, v2.status) == ("same", "different")
    assert v2.problems[0].endswith("its inputs are ['b', 'x'], not ['b', 'image']")


def test_object_graph_that_does_not_load(fixture_model: ModelFactory) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        children = {child.local_name: child.node_id for child in signature_map(graph).children}
        node = graph.object_graph_def.nodes[children["serving_default"]]
        node.bare_concrete_function.concrete_function_name = "no_such_function_1"

    model = fixture_model("tf2_linear")
    report = verify_altered(model, change, signature="serving_default")

    (v1, v2) = found(report)
    assert (v1.status, v2.status) == ("same", "different")
    assert v2.problems[0].startswith("ran before in a batch of 1, and does not any more: ")


def test_unknown_op(fixture_model: ModelFactory) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        next(node for node in graph.graph_def.node if node.op.startswith("Add")).op = "NoSuchOp"

    model = altered(fixture_model("tf1_no_variables"), change)
    report = sigpb.verify(model, model)

    assert (report.verdict, report.exit_code) == ("not verified", 4)
    for loader in found(report, "default"):
        assert loader.problems == ("not run: TensorFlow does not know the op 'NoSuchOp'",)


ADDED = {
    "in a function": ("tf2_image", "serving_default", "pool/Mean:0", "matmul:0"),
    "at the top level": ("tf1_shared", "serving_default", "scores:0", "difference:0"),
}


@pytest.mark.parametrize(("name", "key", "tensor", "other"), ADDED.values(), ids=ADDED)
def test_added_output_is_compared_with_its_tensor(
    fixture_model: ModelFactory, name: str, key: str, tensor: str, other: str
) -> None:
    def claim(tensor: str) -> protos.SavedModelPatch:
        return parse_text(
            f'signature {{ key: "{key}" output {{ key: "new" from_tensor: "{tensor}" }} }}'
        )

    model = fixture_model(name)
    sigpb.patch(model, claim(tensor), output_dir=model.with_name("right"))
    sigpb.patch(model, claim(other), output_dir=model.with_name("wrong"))

    for patched, status in (("right", "same"), ("wrong", "different")):
        report = sigpb.verify(model, model.with_name(patched), claim(tensor), signature=key)
        for loader in report.signatures[0].loaders:
            (added,) = (each for each in loader.outputs if each.new == "new")
            assert (added.old, added.status) == (tensor, status), str(report)


def test_unused_samples_are_refused(fixture_model: ModelFactory, tmp_path: Path) -> None:
    samples = tmp_path / "samples.npz"
    np.savez(samples, image=np.ones([2, 3], np.float32))
    model = fixture_model("tf2_linear")

    with pytest.raises(sigpb.UsageError, match="'image' is fed to no input"):
        sigpb.verify(model, model, samples=samples, signature="serving_default")


def test_batch_size_that_is_fixed_without_being_asked_for(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    fixed, patch = model.with_name("fixed"), parse_text(DEFAULT('batch_size: "3"'))
    sigpb.patch(model, patch, output_dir=fixed)

    asked = sigpb.verify(model, fixed, patch, signature="serving_default", loaders=["v1"])
    assert asked.verdict == "equivalent", str(asked)
    found = sigpb.verify(model, fixed, signature="serving_default", loaders=["v1"])
    assert found.verdict == "different"
    assert found.problems[0] == (
        "signature 'serving_default': input 'b' took any number of rows, and takes 3 now; if that "
        "is wanted, say so with a patch."
    )


def test_samples(fixture_model: ModelFactory, tmp_path: Path) -> None:
    samples = tmp_path / "samples.npz"
    np.savez(samples, **{"echo/text": np.array([b"one", b"three", b"\xff"])})

    (signature,) = _verify_same(
        fixture_model("tf2_image"), samples=samples, signature="echo"
    ).signatures

    assert [each.batch_sizes for each in signature.loaders] == [(3,), (3,)]


def test_samples_that_are_none(fixture_model: ModelFactory, tmp_path: Path) -> None:
    with pytest.raises(sigpb.UsageError, match="not a file of samples"):
        _verify_same(fixture_model("tf2_image"), samples=tmp_path / "samples.npz")


def test_loaders_and_batch_sizes(fixture_model: ModelFactory) -> None:
    report = _verify_same(
        fixture_model("tf2_linear"), loaders=["v2"], batch_sizes=[4], signature="single"
    )

    (signature,) = report.signatures
    assert isinstance(signature, SignatureReport)
    (loader,) = signature.loaders
    assert (loader.loader, loader.batch_sizes) == ("v2", (4,))


def _verify_same(model: Path, **options: Any) -> VerifyReport:
    return sigpb.verify(model, model, **options)


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
def test_way_back(fixture_model: ModelFactory, name: str) -> None:
    model = fixture_model(name)
    there = parse_text(DEFAULT('batch_size: "3" input { key: "x" dtype: "float64" }'))
    back = sigpb.invert(model, there)
    sigpb.patch(model, there, in_place=True)

    result = sigpb.patch(model, back, in_place=True, verify=["v1", "v2"])

    assert result.verification is not None
    (report,) = (each for each in result.verification.signatures if each.concerned)
    assert [each.status for each in report.loaders] == ["same", "same"]

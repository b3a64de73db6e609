from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sigpb.verifying.samples import SamplesError, load, of_signature, unused
from tests.patches import ModelFactory
from tests.verifying.mappings import input_, signature, signature_by


def test_arrays(tmp_path: Path) -> None:
    file = tmp_path / "samples.npz"
    np.savez(file, x=np.array([[1, 2]], "uint8"), a=np.array([b"one", b"two"]), u=np.array(["ä"]))

    found = load(file)

    assert found["x"].tolist() == [[1, 2]]
    assert [(name, found[name].dtype, [*found[name]]) for name in ("a", "u")] == [
        ("a", object, [b"one", b"two"]),
        ("u", object, ["ä".encode()]),
    ]


def test_neither_numpy_nor_there(tmp_path: Path) -> None:
    file = tmp_path / "samples.npz"
    with pytest.raises(SamplesError, match=r"samples\.npz: not a file of samples: .*numpy\.savez"):
        load(file)
    file.write_bytes(b"no zip")
    with pytest.raises(SamplesError, match="not a file of samples"):
        load(file)


def test_python_objects_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "samples.npz"
    np.savez(file, x=np.array([{}], object))

    with pytest.raises(SamplesError, match="not a file of samples"):
        load(file)


def test_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([1]))

    with pytest.raises(SamplesError, match="not a file of samples"):
        load(tmp_path / "x.npy")


def test_names() -> None:
    mapped = signature(input_("x", "int64 [?]", new="image"), input_("y", "int64 [?]"))
    samples = {"x": 1, "image": 2, "new/image": 3, "other/y": 4, "y": 5}

    assert of_signature(samples, mapped) == {"image": 3, "y": 5}


def test_parts_of_a_sparse_input(fixture_model: ModelFactory) -> None:
    mapped = signature_by(fixture_model("tf1_sparse"), "")

    found = of_signature({"s_values": 1, "serving_default/s_indices": 2, "s": 3}, mapped)

    assert found == {"s_values": 1, "s_indices": 2}


def test_unused_samples_are_named_with_the_inputs_there_are() -> None:
    signatures = [signature(input_("image", "float32 [?]")), signature(input_("y", "float32 [?]"))]

    assert unused({"image": 1, "new/y": 2}, signatures) is None
    assert unused({"imge": 1, "y": 2}, signatures) == (
        "'imge' is fed to no input; did you mean 'image'? There are 'image', 'new/image', "
        "'new/y', 'y'."
    )


def test_a_sample_that_another_one_takes_the_place_of_is_unused() -> None:
    found = unused({"y": 1, "new/y": 2}, [signature(input_("y", "float32 [?]"))])

    assert found is not None
    assert found.startswith("'y' is fed to no input")

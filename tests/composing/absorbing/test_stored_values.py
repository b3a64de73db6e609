"""The checkpoint of a model with the values of parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sigpb.checkpoint.checkpoint import Checkpoint
from tests.composing.absorbed_models import NAME, publish_absorbed

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


def _files(model: Path) -> list[str]:
    return sorted(file.name for file in (model / "variables").iterdir())


def test_values_are_tracked_under_the_child_of_the_root(
    fixture_model: Callable[..., Path], tmp_path: Path
) -> None:
    models = [fixture_model(name) for name in ("tf2_linear", "tf2_many", "tf2_linear")]
    merged = publish_absorbed(*models, output=tmp_path / "merged")
    assert _files(merged) == [
        *(f"variables.data-0000{number}-of-00004" for number in range(4)),
        "variables.index",
    ]
    checkpoint = Checkpoint.of_model(merged)
    assert checkpoint is not None
    paths = {f"c{_VALUE}", f"w{_VALUE}", f"{NAME}1/v{_VALUE}"}
    paths |= {f"{NAME}2/c{_VALUE}", f"{NAME}2/w{_VALUE}"}
    assert set(checkpoint.keys) == paths
    objects = checkpoint.objects()
    assert objects is not None
    assert {each.checkpoint_key for node in objects.nodes for each in node.attributes} == paths
    children = {child.local_name for child in objects.nodes[0].children}
    assert children == {"c", "w", f"{NAME}1", f"{NAME}2"}, "MLIR would look for signatures"


def test_a_part_without_values_leaves_the_checkpoint_alone(
    fixture_model: Callable[..., Path], tmp_path: Path
) -> None:
    model = fixture_model("tf2_linear")
    merged = publish_absorbed(model, fixture_model("tokenize"), output=tmp_path / "merged")
    for name in _files(model):
        before, after = ((each / "variables" / name).read_bytes() for each in (model, merged))
        assert before == after
    assert _files(merged) == _files(model)


def test_a_model_of_tensorflow_1_gets_the_values_and_the_objects_that_are_read(
    fixture_model: Callable[..., Path], tmp_path: Path
) -> None:
    models = [fixture_model(name) for name in ("tf1_no_variables", "tf2_linear")]
    merged = publish_absorbed(*models, output=tmp_path / "merged")
    checkpoint = Checkpoint.of_model(merged)
    assert checkpoint is not None
    assert set(checkpoint.keys) == {f"{NAME}1/c{_VALUE}", f"{NAME}1/w{_VALUE}"}
    assert checkpoint.objects() is not None

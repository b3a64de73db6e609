"""What TensorFlow Serving does not do with a new version, said before it is asked to."""

from __future__ import annotations

from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.batch.prepare import prepare
from sigpb.batch.selection import configured_roots
from sigpb.batch.served_versions import ServedVersions, surprises_beside
from sigpb.batch.versions import VersionPolicy
from sigpb.patching.patch_file import parse_text
from tests.cli.command_line import run

from .repositories import RENAME, ModelFactory, repository

FILE = Path("models.config")
ONLY = protos.ModelSelection()
WHERE = "models.config, model 'm': "


def surprises(policy: VersionPolicy, *new: int, **labels: int) -> list[str]:
    """What is said of versions that are added to 1, 2 and 3, without where it is said."""
    served = ServedVersions(FILE, "m", policy, labels)
    found = list(served.surprises({1, 2, 3}, new))
    assert all(each.startswith(WHERE) for each in found)
    return [each.removeprefix(WHERE) for each in found]


@pytest.mark.parametrize("policy", [VersionPolicy(latest=1), VersionPolicy()])
def test_versions_that_are_served(policy: VersionPolicy) -> None:
    assert surprises(policy, 4) == []
    assert surprises(VersionPolicy(numbers=frozenset({3, 4})), 4, stable=4) == []


def test_a_version_that_a_policy_does_not_name() -> None:
    assert surprises(VersionPolicy(numbers=frozenset({2, 3})), 4, 5) == [
        "TensorFlow Serving does not load versions 4, 5, since the policy is 'specific' and names "
        "versions 2, 3. To have it served, add 'versions: 4 versions: 5' to model_version_policy "
        "{ specific { … } }."
    ]


def test_a_label_of_a_version_that_is_unloaded() -> None:
    (said,) = surprises(VersionPolicy(latest=2), 4, stable=2)
    assert said == (
        "label 'stable' names version 2, which TensorFlow Serving unloads once version 4 is "
        "loaded, since the policy is 'latest:2'. Requests by the label fail then. Keep the version "
        "with model_version_policy { latest { num_versions: 3 } } until the label names another "
        "one."
    )


def test_a_label_that_stays() -> None:
    (said,) = surprises(VersionPolicy(latest=2), 4, stable=3)
    assert said.startswith("label 'stable' stays with version 3. To have clients that ask by it")
    assert "get version 4, change version_labels once that is loaded" in said


@pytest.fixture
def root(fixture_model: ModelFactory, tmp_path: Path) -> Path:
    """A repository with a configuration in it, whose paths are those of a container."""
    root = repository(fixture_model("tf2_linear"), tmp_path / "models", "a/3", "b/1")
    specific = "model_version_policy { specific { versions: 3 } }"
    (root / "models.config").write_text(
        f'model_config_list {{ config {{ name: "a" base_path: "/models/a/" {specific} }} '
        'config { name: "b" base_path: "/models/b" } }'
    )
    return root


def test_batches_say_so_first(root: Path, tmp_path: Path) -> None:
    (tmp_path / "patch.txtpb").write_text(RENAME)
    config, patch = root / "models.config", f"--patch={tmp_path / 'patch.txtpb'}"
    flags = (f"--models_config={config}", f"--map=/models={root}", patch, "--jobs=1", "--dry_run")

    outcome = run("batch", *flags, "--new_version")

    assert outcome.code == 0
    said = f"{config}, model 'a': TensorFlow Serving does not load version 4, since the policy is "
    assert outcome.err.startswith(f"sigpb: {said}")
    assert outcome.err.count("\n") == 1
    as_json = run("batch", *flags, "--new_version", "--format=json")
    (warning,) = as_json.json["warnings"]
    assert (warning.startswith(said), as_json.err) == (True, "")
    assert (
        prepare(configured_roots(config, {"/models": str(root)}), ONLY, "in_place").warnings == ()
    )


def test_patches_find_the_configuration_beside_the_versions(root: Path) -> None:
    patch = parse_text(RENAME)
    (note,) = sigpb.patch(root / "a/3", patch, output_dir=root / "a/4").notes
    assert note.startswith(f"{root / 'models.config'}, model 'a': TensorFlow Serving does not load")
    assert sigpb.patch(root / "b/1", patch, output_dir=root / "b/2").notes == ()
    assert sigpb.patch(root / "a/3", patch, output_dir=root / "a/new").notes == ()


def test_a_configuration_that_says_nothing(root: Path) -> None:
    for text in ("no configuration", 'model_config_list { config { base_path: "/x" } }'):
        (root / "models.config").write_text(text)
        assert list(surprises_beside(root / "a/4")) == []
    twice = 'config { base_path: "/x/a" } config { base_path: "/y/a" }'
    (root / "models.config").write_text(f"model_config_list {{ {twice} }}")
    assert list(surprises_beside(root / "a/4")) == []

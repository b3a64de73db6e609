from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.batch.roots import Root, configured_roots, listed_roots
from sigpb.batch.versions import VersionPolicy, parse_versions
from sigpb.errors import EnvironmentFailure, UsageError

CONFIG = """
# What is served.
model_config_list {
  config { name: "a" base_path: "/models/a" model_platform: "tensorflow" }
  config {
    name: "b" base_path: "/models/b" model_platform: "tensorflow"
    model_version_policy { latest { num_versions: 2 } }
    version_labels { key: "stable" value: 1 }
  }
  config { name: "c" base_path: "/models/c" model_version_policy { all {} } }
  config: { name: "d", base_path: "/models/d",
            model_version_policy: { specific: { versions: 3 versions: 5 } } }
  config { name: "e" base_path: "/models/e" model_platform: "other" }
  config { name: "f" base_path: "/models/f" logging_config { sampling_config { } } }
}
"""


def test_configuration(tmp_path: Path) -> None:
    file = tmp_path / "models.config"
    file.write_text(CONFIG)
    assert configured_roots(file) == [
        Root("/models/a", VersionPolicy(latest=1)),
        Root("/models/b", VersionPolicy(latest=2)),
        Root("/models/c", VersionPolicy()),
        Root("/models/d", VersionPolicy(numbers=frozenset({3, 5}))),
        Root("/models/e", VersionPolicy(latest=1), "its platform is 'other'"),
        Root("/models/f", VersionPolicy(latest=1)),
    ]


@pytest.mark.tensorflow
def test_configuration_is_that_of_tensorflow_serving(tmp_path: Path) -> None:
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(CONFIG, config)
    (tmp_path / "models.config").write_text(text_format.MessageToString(config))
    assert len(configured_roots(tmp_path / "models.config")) == 6


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("model_config_list { model { } }", "not the text of a ModelServerConfig"),
        ("", "there is no model_config_list."),
    ],
)
def test_no_configuration(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "models.config"
    file.write_text(text)
    with pytest.raises(UsageError, match=problem):
        configured_roots(file)


def test_list(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("# mine\n/models/a/1\n\n  models/b \n")
    assert listed_roots(file) == [Root("/models/a/1"), Root("models/b")]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure, match="No such file or directory"):
        listed_roots(tmp_path / "absent")


@pytest.mark.parametrize(
    ("text", "versions"),
    [("", {9}), ("latest", {9}), ("latest:2", {9, 4}), ("all", {1, 4, 9}), ("1,2", {1})],
)
def test_versions(text: str, versions: set[int]) -> None:
    assert parse_versions(text).chosen({1, 4, 9}) == versions
    assert parse_versions(str(parse_versions(text))) == parse_versions(text)

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.batch.selection import (
    NameFilter,
    Root,
    check_selection,
    configured_roots,
    is_named,
    listed_roots,
    reason_to_skip,
)
from sigpb.batch.served_versions import ServedVersions
from sigpb.batch.versions import VersionPolicy, parse_versions
from sigpb.errors import EnvironmentFailure, PatchError, UsageError
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.history import patch_digest
from sigpb.saved_model.model import open_model
from tests.patches import altered

from .repositories import ModelFactory


def selection(text: str) -> protos.ModelSelection:
    return parse_text(f"only {{ {text} }}").only


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("", "a/1", None),
        ('include: "a/*"', "a/1", None),
        ('include: "a/*"', "a/b/c/1", None),
        ('include: "a/*"', "b/1", "its path is not among those that are included"),
        ('include: "a/*" include: "b/*"', "b/1", None),
        ('include: "*" exclude: "*/1"', "b/1", "its path is excluded"),
        ('exclude: "[ab]/?"', "c/1", None),
        ('include: "A/*"', "a/1", "its path is not among those that are included"),
        ('include: "mnist"', "mnist/1", None),
        ('include: "mnist"', "images/mnist/12", None),
        ('include: "images/mnist"', "images/mnist/12", None),
        ('include: "mnist"', "images/mnist", None),
        ('include: "images"', "images/mnist/12", "its path is not among those that are included"),
        ('include: "mnist"', "mnist2/1", "its path is not among those that are included"),
        ('include: "12"', "mnist/12", "its path is not among those that are included"),
        ('exclude: "mnist"', "mnist/12", "its path is excluded"),
        ('include: "/models/mnist"', "mnist/1", None),
        ('include: "/models/*/1"', "mnist/1", None),
        ('include: "/other/*"', "mnist/1", "its path is not among those that are included"),
        ('include: "*models*"', "mnist/1", "its path is not among those that are included"),
    ],
)
def test_names(text: str, name: str, reason: str | None) -> None:
    assert NameFilter(selection(text)).reason_to_skip(f"/models/{name}", name) == reason


def test_the_versions_of_one_model_have_its_name() -> None:
    assert is_named("/models/mnist/1", "1", ["mnist"])
    assert is_named("s3://bucket/mnist/1", "1", ["s3://bucket/*"])
    assert not is_named("s3://bucket/mnist/1", "1", ["s3://other/*"])


FITTING = [
    "",
    'has_signature: "serving_default" has_signature: "other"',
    'has_input { key: "x" }',
    'has_input { key: "x" dtype: "float32" shape: "[?,3]" } has_input { key: "b" }',
    'has_signature: "other" has_input { key: "y" dtype: "float" }',
    'method: "tensorflow/serving/predict"',
    'tags { tag: "serve" }',
    'tensorflow_version: "2"',
    'tensorflow_version: ">=2.3,<3" tags { tag: "serve" tag: "serve" }',
    'tensorflow_version: ">1.15,!=2.3"',
    'include: "nothing" versions: "9"',  # These are not asked of the model itself.
]
LACKING = [
    ('has_signature: "x"', "it has no signature 'x'"),
    ('has_input { key: "z" }', "it has no input 'z'"),
    ('has_input { key: "x" dtype: "int32" }', "it has no input 'x' int32"),
    ('has_input { key: "x" shape: "?,4" }', "it has no input 'x' [?,4]"),
    ('has_signature: "other" has_input { key: "b" }', "it has no input 'b'"),
    ('method: "p"', "it has no signature with the method 'p'"),
    ("tags { }", "its tag-set is {serve}"),
    ('tags { tag: "serve" tag: "gpu" }', "its tag-set is {serve}"),
    ('tensorflow_version: "1.15"', "it was written by TensorFlow 2.21.0"),
    ('tensorflow_version: "<=2.20"', "it was written by TensorFlow 2.21.0"),
    ('tensorflow_version: ">2.21"', "it was written by TensorFlow 2.21.0"),
]


@pytest.mark.parametrize("text", FITTING)
def test_fitting(fixture_model: ModelFactory, text: str) -> None:
    only = selection(text)
    check_selection(only)
    with open_model(fixture_model("tf2_linear")) as model:
        assert reason_to_skip(model, only) is None


@pytest.mark.parametrize(("text", "reason"), LACKING)
def test_lacking(fixture_model: ModelFactory, text: str, reason: str) -> None:
    with open_model(fixture_model("tf2_linear")) as model:
        assert reason_to_skip(model, selection(text)) == reason


def test_one_meta_graph_has_all(fixture_model: ModelFactory) -> None:
    with open_model(fixture_model("tf1_two_graphs")) as model:
        tag_sets = [graph.tags for graph in model.meta_graphs]
        assert len(tag_sets) == 2
        for tags in tag_sets:
            text = " ".join(f'tag: "{tag}"' for tag in tags)
            assert reason_to_skip(model, selection(f"tags {{ {text} }}")) is None


def test_version_that_is_not_known(fixture_model: ModelFactory) -> None:
    def clear(graph: protos.MetaGraphDef) -> None:
        graph.meta_info_def.tensorflow_version = ""

    with open_model(altered(fixture_model("tf2_linear"), clear)) as model:
        reason = reason_to_skip(model, selection('tensorflow_version: "2"'))
        assert reason == "it was written by TensorFlow of an unknown version"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('versions: "newest"', "only: versions: 'newest' is not 'latest', 'latest:N', 'all'"),
        ('versions: "latest:0"', "only: versions: 'latest:0' is not"),
        ('tensorflow_version: "~2"', "only: tensorflow_version: '~2' is neither a version nor"),
        ('tensorflow_version: ">2,"', "only: tensorflow_version: '>2,' is neither"),
        ("has_input { }", "only: an input has no key."),
        ('has_input { key: "x" dtype: "f" }', "only: input 'x': 'f' is not a dtype"),
        ('has_input { key: "x" shape: "a" }', "only: input 'x': 'a' is not a shape"),
    ],
)
def test_conditions_that_mean_nothing(text: str, problem: str) -> None:
    with pytest.raises(PatchError) as raised:
        check_selection(selection(text))
    assert raised.value.problems[0].startswith(problem)


def test_selection_is_not_what_a_patch_does() -> None:
    patch = 'signature { key: "a" drop: true }'
    assert patch_digest(parse_text(f'{patch} only {{ include: "a" }}')) == patch_digest(
        parse_text(patch)
    )


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
    roots = configured_roots(file)
    assert [replace(root, served=None) for root in roots] == [
        Root("/models/a", VersionPolicy(latest=1)),
        Root("/models/b", VersionPolicy(latest=2)),
        Root("/models/c", VersionPolicy()),
        Root("/models/d", VersionPolicy(numbers=frozenset({3, 5}))),
        Root("/models/e", VersionPolicy(latest=1), "its platform is 'other'"),
        Root("/models/f", VersionPolicy(latest=1)),
    ]
    assert roots[1].served == ServedVersions(file, "b", VersionPolicy(latest=2), {"stable": 1})


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

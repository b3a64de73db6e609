"""Where to look for models: directories, a list of them, a configuration of TensorFlow Serving."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format

from sigpb import protos
from sigpb.batch.versions import VersionPolicy, policy_of
from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.parsers import parse_text_proto
from sigpb.remote.urls import is_url

_TENSORFLOW = "tensorflow"


@dataclass(frozen=True)
class Root:
    """A directory in or below which there are models.

    Attributes:
        path: The directory.
        versions: Which versions are meant; None for those that the patch says.
        passed_over: Why it is not looked into; None if it is.
    """

    path: str
    versions: VersionPolicy | None = None
    passed_over: str | None = None


def listed_roots(file: Path) -> list[Root]:
    """Returns the directories that a file lists, a line each; ``#`` starts a comment.

    Raises:
        EnvironmentFailure: If it cannot be read.
    """
    lines = (line.strip() for line in _text(file).splitlines())
    return [Root(line) for line in lines if line and not line.startswith("#")]


def configured_roots(file: Path) -> list[Root]:
    """Returns the models of a `models.config`, the text of a ModelServerConfig.

    Those of other platforms than TensorFlow, and those without a path, are passed over.

    Raises:
        UsageError: If it is none.
        EnvironmentFailure: If it cannot be read.
    """
    config = protos.ModelServerConfig()
    try:
        parse_text_proto(_text(file), config, protos.POOL)
    except text_format.ParseError as error:
        raise UsageError(f"{file}: not the text of a ModelServerConfig: {error}.") from error
    if not config.HasField("model_config_list"):
        raise UsageError(f"{file}: there is no model_config_list.")
    return [
        Root(model.base_path or model.name, policy_of(model.model_version_policy), _obstacle(model))
        for model in config.model_config_list.config
    ]


def _obstacle(model: protos.ModelConfig) -> str | None:
    if not model.base_path:
        return "the configuration states no base_path for it"
    if model.model_platform not in ("", _TENSORFLOW):
        return f"its platform is {model.model_platform!r}"
    return None


def lies_in(path: str, directory: str) -> bool:
    """Whether a path is a directory, or lies in it, with symbolic links followed."""
    if is_url(path) or is_url(directory):
        return f"{path}/".startswith(f"{directory}/")
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise EnvironmentFailure(f"{file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 text: {error}.") from error

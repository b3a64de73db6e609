"""What TensorFlow Serving makes of a new version of a model, by its `models.config`.

A server loads the versions that the policy of a model means, and answers requests by a label from
the version that the label names. It takes a label only of a version that is loaded
(``ServerCore::UpdateModelVersionLabelMap`` in ``tensorflow_serving/model_servers/server_core.cc``).
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import text_format

from sigpb import protos
from sigpb.batch.versions import VersionPolicy, policy_of, version_of
from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.parsers import parse_text_proto
from sigpb.regular_files import read_text

CONFIG_NAME = "models.config"


@dataclass(frozen=True)
class ServedVersions:
    """Which versions of a model are served.

    Attributes:
        file: The configuration that says so.
        model: The model's name in it.
        policy: The versions that are loaded.
        labels: The versions that labels name.
    """

    file: Path
    model: str
    policy: VersionPolicy
    labels: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, file: Path, config: protos.ModelConfig) -> ServedVersions:
        """Returns what a configuration says of a model."""
        policy = policy_of(config.model_version_policy)
        return cls(file, config.name, policy, dict(config.version_labels))

    def surprises(self, before: Collection[int], new: Collection[int]) -> Iterator[str]:
        """Yields what does not follow when versions are added, and what to change.

        Args:
            before: The versions that there are.
            new: Those that are added.
        """
        where = f"{self.file}, model {self.model!r}"
        now = self.policy.chosen({*before, *new})
        if unserved := sorted({*new} - now):
            more = " ".join(f"versions: {number}" for number in unserved)
            yield (
                f"{where}: TensorFlow Serving does not load {_versions(unserved)}, since the "
                f"policy is 'specific' and names {_versions(self.policy.numbers or ())}. To have "
                f"it served, add {more!r} to model_version_policy {{ specific {{ … }} }}."
            )
        for label, number in sorted(self.labels.items()):
            if number in new:
                continue
            if number in self.policy.chosen(before) - now:
                keep = len([each for each in {*before, *new} if each >= number])
                yield (
                    f"{where}: label {label!r} names version {number}, which TensorFlow Serving "
                    f"unloads once {_versions(new)} is loaded, since the policy is "
                    f"'{self.policy}'. Requests by the label fail then. Keep the version with "
                    f"model_version_policy {{ latest {{ num_versions: {keep} }} }} until the label "
                    "names another one."
                )
            else:
                yield (
                    f"{where}: label {label!r} stays with version {number}. To have clients that "
                    f"ask by it get version {max(new)}, change version_labels once that is loaded: "
                    "TensorFlow Serving takes no label of a version that is not."
                )


def read_config(file: Path) -> protos.ModelServerConfig:
    """Reads a `models.config`, the text of a ModelServerConfig.

    Raises:
        UsageError: If it is none, or lists no models.
        EnvironmentFailure: If it cannot be read.
    """
    config = protos.ModelServerConfig()
    try:
        parse_text_proto(read_text(file), config, protos.POOL)
    except OSError as error:
        raise EnvironmentFailure(f"{file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 text: {error}.") from error
    except text_format.ParseError as error:
        raise UsageError(f"{file}: not the text of a ModelServerConfig: {error}.") from error
    if not config.HasField("model_config_list"):
        raise UsageError(f"{file}: there is no model_config_list.")
    return config


def surprises_beside(output: Path) -> Iterator[str]:
    """Yields what does not follow when a version is added, by a configuration beside the model.

    It is looked for under its usual name, beside the versions and a directory higher. Paths in it
    may be those of a container, so the model is the only one whose base path ends as it is named.

    Args:
        output: The directory of the new version.
    """
    new, base = version_of(output.name), output.absolute().parent
    file = next((each for each in (base, base.parent) if (each / CONFIG_NAME).is_file()), None)
    if new is None or file is None:
        return
    try:
        models = read_config(file / CONFIG_NAME).model_config_list.config
    except (UsageError, EnvironmentFailure):  # It was not asked for.
        return
    meant = [each for each in models if posixpath.basename(each.base_path.rstrip("/")) == base.name]
    if len(meant) == 1:
        there = {version_of(each.name) for each in base.iterdir() if each.is_dir()}
        before = {each for each in there if each is not None} - {new}
        yield from ServedVersions.of(file / CONFIG_NAME, meant[0]).surprises(before, {new})


def _versions(numbers: Collection[int]) -> str:
    if not numbers:
        return "no version"
    noun = "version" if len(numbers) == 1 else "versions"
    return f"{noun} {', '.join(map(str, sorted(numbers)))}"

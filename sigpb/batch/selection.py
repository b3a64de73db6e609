"""Which models a batch patches: conditions on their paths and on what they are."""

from __future__ import annotations

import fnmatch
import operator
import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sigpb import protos
from sigpb.batch.served_versions import ServedVersions, read_config
from sigpb.batch.versions import VersionPolicy, parse_versions, policy_of, version_of
from sigpb.errors import EnvironmentFailure, PatchError, UsageError, listed
from sigpb.regular_files import read_text
from sigpb.remote.urls import is_url
from sigpb.saved_model.model import MetaGraph, SavedModel, tag_set, tag_set_text
from sigpb.tf.tensor_types import Shape, dtype_name, dtype_of, parse_shape, shape_of, shape_text

_COMPARISON = re.compile(r"\s*(==|!=|<=|>=|<|>|)\s*([0-9]+(?:\.[0-9]+)*)\s*")
_OPERATORS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


def check_selection(only: protos.ModelSelection) -> None:
    """Makes sure that conditions mean something.

    Raises:
        PatchError: With all that is wrong with them.
    """
    problems = []

    def attempt(read: Callable[[str], object], text: str, what: str) -> None:
        try:
            read(text)
        except (ValueError, PatchError) as error:
            problems.append(f"only: {what}{error}")

    attempt(parse_versions, only.versions, "")
    attempt(_comparisons, only.tensorflow_version, "tensorflow_version: ")
    for condition in only.has_input:
        if not condition.key:
            problems.append("only: an input has no key.")
        if condition.HasField("dtype"):
            attempt(dtype_of, condition.dtype, f"input {condition.key!r}: ")
        if condition.HasField("shape"):
            attempt(parse_shape, condition.shape, f"input {condition.key!r}: ")
    if problems:
        raise PatchError(problems)


def is_named(model: str, name: str, globs: Iterable[str]) -> bool:
    """Whether a model is one of those that globs name.

    A glob matches the model's path in its repository (``images/mnist/1``), with or without the
    version, or its own name: the last part without the version (``mnist``). A glob that begins with
    ``/``, or is a URL, matches the model's whole path, with or without the version.

    Args:
        model: The model's directory.
        name: Its path in the repository.
        globs: The globs.
    """
    base = _without_version(model)
    whole = (model, base)
    relative = (name, _without_version(name), posixpath.basename(base))
    return any(
        fnmatch.fnmatchcase(spelling, glob)
        for glob in globs
        for spelling in (whole if glob.startswith("/") or is_url(glob) else relative)
    )


def _without_version(path: str) -> str:
    base, last = posixpath.split(path)
    return path if version_of(last) is None else base


class NameFilter:
    """Tells by a model's path, and by its path in its repository, whether it is meant."""

    def __init__(self, only: protos.ModelSelection) -> None:
        self._include = tuple(only.include)
        self._exclude = tuple(only.exclude)

    def reason_to_skip(self, model: str, name: str) -> str | None:
        """Returns why a model is not meant; None if it is. See `is_named`."""
        if is_named(model, name, self._exclude):
            return "its path is excluded"
        if self._include and not is_named(model, name, self._include):
            return "its path is not among those that are included"
        return None

    def unused(self, models: Collection[tuple[str, str]]) -> list[str]:
        """Returns the patterns to include that match none of some models and their names."""
        return [
            glob for glob in self._include if not any(is_named(*each, [glob]) for each in models)
        ]


def reason_to_skip(model: SavedModel, only: protos.ModelSelection) -> str | None:
    """Returns what a model lacks of what conditions ask for; None if it has all.

    Raises:
        ModelUnreadable: If its signatures cannot be read.
    """
    lacking = [next(_lacking(graph, only), None) for graph in model.meta_graphs]
    return None if None in lacking else lacking[0]


def _lacking(graph: MetaGraph, only: protos.ModelSelection) -> Iterator[str]:
    """Yields what a MetaGraph lacks."""
    if only.HasField("tags") and graph.tags != tag_set(only.tags.tag):
        yield f"its tag-set is {tag_set_text(graph.tags)}"
    if only.tensorflow_version:
        version = graph.tensorflow_version
        if not _fits(version, _comparisons(only.tensorflow_version)):
            yield f"it was written by TensorFlow {version or 'of an unknown version'}"
    keys = graph.user_signatures
    for key in only.has_signature:
        if key not in keys:
            yield f"it has no signature {key!r}"
    signatures = [graph.signatures[key] for key in only.has_signature or keys if key in keys]
    if only.method or only.has_input:
        for method in only.method:
            if not any(each.method_name == method for each in signatures):
                yield f"it has no signature with the method {method!r}"
        for condition in only.has_input:
            if not any(_has_input(each, condition) for each in signatures):
                yield f"it has no input {_condition_text(condition)}"


def _has_input(signature: protos.SignatureDef, condition: protos.InputCondition) -> bool:
    if condition.key not in signature.inputs:
        return False
    info = signature.inputs[condition.key]
    if condition.HasField("dtype") and info.dtype != dtype_of(condition.dtype):
        return False
    return not condition.HasField("shape") or shape_of(info.tensor_shape) == _shape(condition)


def _shape(condition: protos.InputCondition) -> Shape:
    return parse_shape(condition.shape)


def _condition_text(condition: protos.InputCondition) -> str:
    parts = [repr(condition.key)]
    if condition.HasField("dtype"):
        parts.append(dtype_name(dtype_of(condition.dtype)))
    if condition.HasField("shape"):
        parts.append(shape_text(_shape(condition)))
    return " ".join(parts)


def _comparisons(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """Reads for instance ``>=2.3,<2.12``; a version alone stands for all that start with it."""
    matches = [_COMPARISON.fullmatch(part) for part in text.split(",")] if text else []
    if None in matches:
        raise ValueError(f"{text!r} is neither a version nor bounds such as '>=2.3,<2.12'.")
    return [(match[1], _numbers(match[2])) for match in matches if match]


def _fits(version: str, comparisons: Iterable[tuple[str, tuple[int, ...]]]) -> bool:
    match = re.match(r"[0-9]+(\.[0-9]+)*", version)
    if not match:
        return False
    numbers = _numbers(match[0])
    for comparison, other in comparisons:
        if comparison:  # Of 2.3.1, what 2.3 says something of is 2.3.
            length = len(other) if comparison in ("==", "!=", "<=", ">") else None
            if not _OPERATORS[comparison](numbers[:length], other):
                return False
        elif numbers[: len(other)] != other:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


_TENSORFLOW = "tensorflow"


@dataclass(frozen=True)
class Root:
    """A directory in or below which there are models.

    Attributes:
        path: The directory.
        versions: Which versions are meant; None for those that the patch says.
        passed_over: Why it is not looked into; None if it is.
        served: Which versions are served; None where that is not known.
    """

    path: str
    versions: VersionPolicy | None = None
    passed_over: str | None = None
    served: ServedVersions | None = None


def listed_roots(file: Path) -> list[Root]:
    """Returns the directories that a file lists, a line each; ``#`` starts a comment.

    Raises:
        EnvironmentFailure: If it cannot be read.
    """
    lines = (line.strip() for line in _text(file).splitlines())
    return [Root(line) for line in lines if line and not line.startswith("#")]


def configured_roots(file: Path, places: Mapping[str, str] | None = None) -> list[Root]:
    """Returns the models of a `models.config`, the text of a ModelServerConfig.

    Those of other platforms than TensorFlow, and those without a path, are passed over.

    Args:
        file: The file.
        places: The directories of this machine that directories in the file stand for, as those of
            a container do.

    Raises:
        UsageError: If it is none, or no base path lies in one of `places`.
        EnvironmentFailure: If it cannot be read.
    """
    places = places or {}
    models = read_config(file).model_config_list.config
    base_paths = [model.base_path for model in models if model.base_path]
    for place in places:
        if not any(_is_in(path, place) for path in base_paths):
            raise UsageError(
                f"--map={place}={places[place]}: no base path in {file} lies in {place}. There are "
                f"{listed(base_paths)}."
            )
    return [
        Root(
            _placed(model.base_path, places) or model.name,
            policy_of(model.model_version_policy),
            _obstacle(model),
            ServedVersions.of(file, model),
        )
        for model in models
    ]


def _placed(path: str, places: Mapping[str, str]) -> str:
    """Returns where a path is on this machine."""
    for place in sorted(places, key=len, reverse=True):  # The innermost directory counts.
        if _is_in(path, place):
            return posixpath.join(places[place], path[len(place) :].strip("/")).rstrip("/")
    return path


def _is_in(path: str, directory: str) -> bool:
    return f"{path}/".startswith(f"{directory}/")


def _obstacle(model: protos.ModelConfig) -> str | None:
    if not model.base_path:
        return "the configuration states no base_path for it"
    if model.model_platform not in ("", _TENSORFLOW):
        return f"its platform is {model.model_platform!r}"
    return None


def lies_in(path: str, directory: str) -> bool:
    """Whether a path is a directory, or lies in it, with symbolic links followed."""
    if is_url(path) or is_url(directory):
        return _is_in(path, directory)
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))


def _text(file: Path) -> str:
    try:
        return read_text(file)
    except OSError as error:
        raise EnvironmentFailure(f"{file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 text: {error}.") from error

"""Reading a policy, and what it and the command line say of rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from google.protobuf import text_format

from sigpb import protos
from sigpb.errors import EnvironmentFailure, PatchError, UsageError, did_you_mean, with_path
from sigpb.linting.rule import SEVERITIES, LintRule, Severity
from sigpb.linting.rules import all_rules
from sigpb.parsers import parse_text_proto
from sigpb.regular_files import read_text
from sigpb.tf.tensor_types import dtype_of, parse_shape

EMPTY_POLICY = protos.LintPolicy()
"""A policy that asks for nothing, and leaves rules as they are."""


@with_path
def load_policy(path: str | Path) -> protos.LintPolicy:
    """Reads a policy in protobuf's text format; see ``sigpb/proto/lint_policy.proto``.

    Raises:
        PatchError: If the file is no policy; says the line and column where they are known.
        UsageError: If it names rules that do not exist.
        EnvironmentFailure: If it cannot be read.
    """
    policy = protos.LintPolicy()
    try:
        parse_text_proto(read_text(path), policy)
    except UnicodeDecodeError as error:
        raise PatchError(f"{path}: not UTF-8 text: {error}.") from error
    except OSError as error:
        raise EnvironmentFailure(f"{path}: {error.strerror}.") from error
    except text_format.ParseError as error:
        place, separator, detail = str(error).partition(" : ")
        position = f"{place}: " if separator else " "
        raise PatchError(f"{path}:{position}{' '.join((detail or place).split())}") from error
    if problems := list(_problems(policy)):
        raise PatchError([f"{path}: {problem}" for problem in problems])
    return policy


def _problems(policy: protos.LintPolicy) -> Iterator[str]:
    for item in policy.severity:
        if item.severity not in SEVERITIES:
            known = did_you_mean(item.severity, SEVERITIES)
            yield f"{item.severity!r} is not a severity; {known}."
    for pattern in (*policy.select, *policy.ignore, *(item.rule for item in policy.severity)):
        if not _matching([pattern]):
            yield unknown_rule(pattern)
    for signature in policy.signature:
        if not signature.key:
            yield "a signature has no key."
        for endpoint in (*signature.input, *signature.output):
            where = f"signature {signature.key!r}, {endpoint.key!r}"
            if not endpoint.key:
                yield f"signature {signature.key!r}: an input or output has no key."
            for field, parse in (("dtype", dtype_of), ("shape", parse_shape)):
                if endpoint.HasField(field):
                    try:
                        parse(getattr(endpoint, field))
                    except ValueError as error:
                        yield f"{where}: {error}"


def unknown_rule(name: str) -> str:
    """Says that there is no rule of a name."""
    return f"There is no rule {name!r}; {did_you_mean(name, (rule.id for rule in all_rules()))}."


def selected_rules(
    policy: protos.LintPolicy, select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> tuple[LintRule, ...]:
    """Returns the rules to apply.

    Args:
        policy: The policy.
        select: Ids, or patterns such as ``policy-*``, in place of those that the policy selects.
        ignore: Ids, or patterns, of rules to leave out besides those that the policy ignores.

    Raises:
        UsageError: If one of them matches no rule.
    """
    for pattern in (*select, *ignore):
        if not _matching([pattern]):
            raise UsageError(unknown_rule(pattern))
    ignored = _matching([*policy.ignore, *ignore])
    wanted = _matching(select or policy.select or ["*"])
    return tuple(rule for rule in all_rules() if rule.id in wanted and rule.id not in ignored)


def severity_of(policy: protos.LintPolicy, rule: str) -> Severity | None:
    """Returns how severe a policy takes a rule's findings; None if it does not say."""
    found: Severity | None = None
    for item in policy.severity:
        if fnmatchcase(rule, item.rule):
            found = next(severity for severity in SEVERITIES if severity == item.severity)
    return found


def _matching(patterns: Iterable[str]) -> set[str]:
    return {
        rule.id
        for rule in all_rules()
        if any(fnmatchcase(rule.id, pattern) for pattern in patterns)
    }

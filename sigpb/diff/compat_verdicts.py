"""Judges a difference by all rules for clients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb.diff.compat_rules import RULES
from sigpb.diff.difference import MetaGraphDifference, ModelDifference, Tags
from sigpb.diff.served import Level, Served

_LEVELS: tuple[Level, ...] = ("compatible", "warning", "breaking")


@dataclass(frozen=True)
class ClientFinding:
    """What a rule found.

    Attributes:
        rule: The rule's id.
        level: What it means for a client.
        message: What it is.
    """

    rule: str
    level: Level
    message: str


@dataclass(frozen=True)
class SignatureVerdict:
    """What the clients of a signature can expect.

    Attributes:
        tags: The tag-set that they load.
        signature: The key that they call; None for a tag-set that is gone as a whole.
        findings: What they notice, the worst first.
    """

    tags: Tags
    signature: str | None
    findings: tuple[ClientFinding, ...]

    @property
    def level(self) -> Level:
        """The worst of the findings."""
        return max((each.level for each in self.findings), key=_LEVELS.index, default="compatible")


def verdicts(difference: ModelDifference) -> tuple[SignatureVerdict, ...]:
    """Returns what the clients of each signature of the first model find in the second.

    Signatures that only the second model has are listed too.
    """
    found = [
        SignatureVerdict(
            tags,
            None,
            (ClientFinding("tag-set-removed", "breaking", "no MetaGraph has these tags"),),
        )
        for tags in difference.removed
    ]
    for graph in difference.meta_graphs:
        for served in _served(graph, difference):
            findings = [
                ClientFinding(rule.id, rule.level, message)
                for rule in RULES
                for message in rule.check(served)
            ]
            findings.sort(key=lambda each: -_LEVELS.index(each.level))
            found.append(SignatureVerdict(graph.tags_before, served.key, tuple(findings)))
    return tuple(found)


def _served(graph: MetaGraphDifference, difference: ModelDifference) -> Iterator[Served]:
    fates = {change.before: change for change in graph.signatures if not change.copied}
    by_key = {change.after: change for change in graph.by_key if change.after is not None}
    tags_removed = graph.tags_before != graph.tags_after
    keys = dict.fromkeys((*(key for key in fates if key is not None), *by_key))
    for key in keys:
        fate = fates.get(key)
        yield Served(key, fate, by_key.get(key), graph, difference.files, tags_removed)

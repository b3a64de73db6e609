"""Finds what is wrong, or may surprise, in models, and fixes what it can."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb import protos
from sigpb.cli import terminal
from sigpb.cli.arguments import define_file, define_format
from sigpb.errors import ModelUnreadable, PatchError, SigpbError, UsageError, did_you_mean
from sigpb.linting.lint import Ways, fix, undecided
from sigpb.linting.policy import EMPTY_POLICY, load_policy, selected_rules, unknown_rule
from sigpb.linting.report import LintReport, ModelReport, lint_all
from sigpb.linting.rule import LintRule
from sigpb.linting.rules import all_rules
from sigpb.remote.urls import is_url, redacted

USAGE = """\
sigpb lint PATH… [--select=RULE,…] [--ignore=RULE,…] [--format=text|json] [--strict]
    [--policy=FILE] [--fix [--choose=RULE=WAY]… [--nobackup]]
sigpb lint --explain=RULE
sigpb lint --list_rules

A PATH is a model, or a directory with models below it."""

TASK = "Check models"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb lint proto_fixtures/tf2_linear", "Find what is wrong, or may surprise, in a model."),
    (
        "sigpb lint models --policy=policy.txtpb --strict",
        "Hold all models of a repository to a policy; for CI.",
    ),
    (
        "sigpb lint proto_fixtures/tf2_linear --fix --select=stale-fingerprint,missing-fingerprint",
        "Fix what two rules find, in place.",
    ),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    flags.DEFINE_list(
        "select",
        [],
        "RULE,…: only these rules; * stands for any text, as in policy-*.",
        flag_values=values,
    )
    flags.DEFINE_list("ignore", [], "RULE,…: all rules but these.", flag_values=values)
    define_format(values, "How to print what is found.")
    flags.DEFINE_bool("strict", False, "Exit with 1 on warnings too.", flag_values=values)
    define_file(
        "policy",
        "FILE: a text proto with the rules to apply and what every model has to offer; see 'sigpb "
        "help policy-file'.",
        values,
    )
    flags.DEFINE_bool(
        "fix", False, "Fix in place what can be fixed, and report what is left.", flag_values=values
    )
    flags.DEFINE_multi_string(
        "choose",
        [],
        "RULE=WAY, with --fix: which way to fix a finding that has several; --explain names them.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "backup",
        True,
        "With --fix: keep the files as they were in .sigpb-backup-NNNN in the model.",
        flag_values=values,
    )
    flags.DEFINE_string("explain", None, "RULE: explain the rule.", flag_values=values)
    flags.DEFINE_bool("list_rules", False, "List the rules.", flag_values=values)


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code: 1 if there are errors, or with ``--strict`` warnings.
    """
    if values.list_rules or values.explain is not None:
        if arguments:
            raise UsageError("--list_rules and --explain take no PATH.")
        told = _rule_list() if values.list_rules else explanation(values.explain)
        terminal.say_document(f"{told}\n")
        return 0
    if not arguments:
        raise UsageError(f"Which models? Usage: {USAGE.partition(chr(10))[0]} …")
    policy = load_policy(values.policy) if values.policy is not None else EMPTY_POLICY
    rules = selected_rules(policy, values.select, values.ignore)
    if values.fix and (url := next(filter(is_url, arguments), None)):
        raise UsageError(
            f"--fix mends models of this machine only, and {redacted(url)} is in a store. Copy the "
            "model here, fix it, and put it back; or say what to change with 'sigpb patch'."
        )
    ways = _ways(values.choose)
    if ways and not values.fix:
        raise UsageError("--choose goes with --fix.")
    report = lint_all(arguments, rules, policy)
    if values.fix:
        report = _fixed(report, rules, policy, ways, backup=values.backup)
    if values.format == "json":
        terminal.say_json(report.to_json())
    else:
        terminal.say(*report.lines())
    terminal.warn(*report.unreadable, *report.unfixed_lines())
    if report.unreadable:
        return ModelUnreadable.exit_code
    if report.unfixed:
        return next(iter(report.unfixed.values())).exit_code
    return int(bool(report.counts["error"] or (values.strict and report.counts["warning"])))


def _fixed(
    report: LintReport,
    rules: Sequence[LintRule],
    policy: protos.LintPolicy,
    ways: Ways,
    *,
    backup: bool,
) -> LintReport:
    """Fixes the models of a report, and returns what there is to be said of them then.

    Raises:
        SigpbError: If nothing was fixed, as the first model cannot be.
    """
    if problems := undecided(report.findings, rules, ways):
        raise PatchError(problems)
    models, unfixed = dict(report.models), {}
    for path, model in report.models.items():
        if any(finding.fix for finding in model.findings):
            try:
                done = fix(path, rules, policy, ways=ways, backup=backup)
            except SigpbError as error:
                unfixed[path] = error
                continue
            models[path] = ModelReport(done.findings, done.fixed, done.backup)
    if unfixed and not any(model.fixed for model in models.values()):
        raise next(iter(unfixed.values()))
    return LintReport(models, report.unreadable, unfixed)


def _ways(choices: Sequence[str]) -> Ways:
    ways: dict[str, str] = {}
    rules = {rule.id: rule for rule in all_rules()}
    for choice in choices:
        rule, separator, way = choice.partition("=")
        if not separator:
            raise UsageError(f"--choose={choice}: expected a rule and a way, joined by '='.")
        if rule not in rules:
            raise UsageError(unknown_rule(rule))
        if way not in rules[rule].fixes:
            known = did_you_mean(way, rules[rule].fixes)
            raise UsageError(f"--choose={choice}: there is no way {way!r} to fix it; {known}.")
        if ways.setdefault(rule, way) != way:
            raise UsageError(f"--choose: two ways are chosen for {rule}.")
    return ways


def _rule_list() -> str:
    width = max(len(rule.id) for rule in all_rules())
    return "\n".join(
        f"{rule.id:<{width}}  {rule.severity:<7}  {'fix' if rule.fixes else '   '}  "
        f"{(type(rule).__doc__ or '').partition(chr(10))[0]}"
        for rule in all_rules()
    )


def explanation(name: str) -> str:
    """Returns what a rule is about, and what fixes it.

    Raises:
        UsageError: If there is no such rule.
    """
    rule = next((rule for rule in all_rules() if rule.id == name), None)
    if rule is None:
        raise UsageError(unknown_rule(name))
    parts = [
        f"{rule.id} ({rule.severity})",
        rule.explanation,
        f"For example:\n  {rule.example}",
        rule.remedy,
        *(f"{flags} {what}." for flags, what in rule.fix_commands().items()),
    ]
    return "\n\n".join(parts)

"""The pages of the site that are made: commands, languages of files, lint rules, the notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path
from typing import Any

from sigpb.cli.help import pages
from sigpb.cli.help.topics import patch_file, policy_file
from sigpb.linting.rule import LintRule
from sigpb.linting.rules import all_rules

_NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "notebook.ipynb"

_COMMAND = re.compile(r"'((?:sigpb |--)[^']*)'")


def generated() -> dict[str, str]:
    """Returns the text of all pages, by their names."""
    return {
        **command_pages(),
        **lint_pages(),
        "patch_language.md": patch_file.PAGE.markdown(),
        "lint_policy.md": policy_file.PAGE.markdown(),
        "notebook.md": notebook_page(_NOTEBOOK.read_text(encoding="utf-8")),
    }


def notebook_page(notebook: str) -> str:
    """Returns a notebook as Markdown, with the HTML that its cells show."""
    return "\n\n".join(part for cell in json.loads(notebook)["cells"] for part in _cell(cell))


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        shown = output.get("data", {"text/plain": output.get("text", [])})
        html, text = (shown.get(kind, []) for kind in ("text/html", "text/plain"))
        yield "".join(html) or f"```text\n{''.join(text).rstrip()}\n```"


def command_pages() -> dict[str, str]:
    """Returns the list of commands and the page of each, by their names."""
    rows, found = "", {}
    for each in pages.references():
        rows += f"| [sigpb {each.name}]({each.name}.md) | {each.summary} |\n"
        # Examples have no prompts: a lexer for consoles would take them for output.
        page = each.markdown().replace("```console", "```sh").removeprefix("#")
        found[f"commands/{each.name}.md"] = page.replace("\n### ", "\n## ")
    general = pages.flag_page().partition("## All commands\n")[2]
    index = f"""\
# Commands

| command | what it does |
|---|---|
{rows}
## Flags of all commands
{general}"""
    return {"commands/index.md": index, **found}


def lint_pages() -> dict[str, str]:
    """Returns the list of rules and the page of each, by their names."""
    rules = {f"lint/{rule.id}.md": _rule_page(rule) for rule in all_rules()}
    return {"lint/index.md": _rule_list(), **rules}


def _rule_list() -> str:
    rows = "".join(
        f"| [{rule.id}]({rule.id}.md) | {rule.severity} | {'yes' if rule.fixes else ''} "
        f"| {_summary(rule)} |\n"
        for rule in all_rules()
    )
    return f"""\
# Lint rules

`sigpb lint MODEL` looks for all of these. To choose rules, use `--select` and `--ignore`, or a
policy, which also says how much a rule counts. See [the recipe](../recipes/lint.md).

| rule | severity | can be fixed | what it does |
|---|---|---|---|
{rows}"""


def _rule_page(rule: LintRule) -> str:
    fixes = "".join(
        f"\n```sh\nsigpb lint MODEL {flags}\n```\n\nThis {_code(what)}.\n"
        for flags, what in rule.fix_commands().items()
    )
    return f"""\
# {rule.id}

Severity: **{rule.severity}**.{" It can be fixed automatically." if rule.fixes else ""}

## What it does

{_code(getdoc(type(rule)) or "")}

## Why it matters

{_code(rule.explanation)}

## Example

```text
{rule.severity:<7}  {rule.id}: {rule.example}
```

## How to fix it

{_code(rule.remedy)}
{fixes}
To leave the rule out, use `--ignore={rule.id}`.
"""


def _summary(rule: LintRule) -> str:
    return _code((getdoc(type(rule)) or "").partition("\n")[0])


def _code(text: str) -> str:
    """Returns plain text as Markdown, with command lines as code."""
    return _COMMAND.sub(r"`\1`", text.replace("``", "`").replace("*", r"\*").replace("<", "&lt;"))

"""What MkDocs calls while it builds the site: pages that are not in ``docs/``, and their links."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.site import pages

ROOT = Path(__file__).resolve().parents[2]

FROM_THE_TOP = {"index.md": "README.md", **{each: each for each in ("CHANGELOG.md", "SECURITY.md")}}
"""Pages of the site, and the files of the repository that they are."""

_LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<target>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the pages of commands and of lint rules into the navigation."""
    assert config.nav is not None
    for entry in config.nav:
        for title, target in entry.items():
            if target in ("commands/", "lint/"):
                entry[title] = [name for name in pages.generated() if name.startswith(target)]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are generated, or come from the top of the repository."""
    sources = FROM_THE_TOP | {"site.css": "tools/site/site.css"}
    texts = {page: (ROOT / name).read_text(encoding="utf-8") for page, name in sources.items()}
    for name, text in {**texts, **pages.generated()}.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: Any) -> str:
    """Leads links to where the pages of the site are; files of the repository have none."""
    name = page.file.src_uri
    here = posixpath.dirname(FROM_THE_TOP.get(name) or f"docs/{name}")
    in_site = {f"docs/{uri}": uri for uri in files.src_uris}
    in_site |= {source: uri for uri, source in FROM_THE_TOP.items()}
    in_site["docs/notebook.ipynb"] = "notebook.md"

    def led(link: re.Match[str]) -> str:
        target = link["target"]
        if not target or ":" in target:
            return link[0]
        path = posixpath.normpath(posixpath.join(here, target))
        if path in in_site:
            new = posixpath.relpath(in_site[path], posixpath.dirname(name) or ".")
            return f"{link['text']}({new}{link['anchor'] or ''})"
        if (ROOT / path).exists():
            return f"{link['text'][1:-1]} (`{path}` in the repository)"
        return link[0]

    parts = _FENCE.split(markdown)
    return "".join(part if part.startswith("```") else _LINK.sub(led, part) for part in parts)

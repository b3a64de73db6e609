"""Paths that are URLs, such as ``s3://bucket/models``."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from sigpb.errors import UsageError
from sigpb.regular_files import URL_SEPARATOR
from sigpb.regular_files import is_url as is_url

# Stores whose content is that of one process.
_IN_PROCESS = ("memory",)

_LOCAL = ("file", "local")

CREDENTIALS = (
    "Give credentials to the store's own configuration, such as AWS_PROFILE, "
    "GOOGLE_APPLICATION_CREDENTIALS, or fsspec's (FSSPEC_S3_KEY)."
)
"""Where credentials go, as a sentence."""

_SECRETS = (
    # User names and passwords. Passwords may hold slashes.
    (re.compile(r"://\S*@"), "://…@"),
    (re.compile(r"(://[^\s?\"']*)\?[^\s\"')]*"), r"\1?…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+\S+"), r"\1 …"),
    (
        re.compile(
            r"(?i)([\w-]*(?:token|secret|signature|password|credential|access_?key)[\w-]*)"
            r"([\"']?\s*[:=]\s*[\"']?)[^\s\"',;&}]+"
        ),
        r"\1\2…",
    ),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), "…"),
)


def located(path: str | Path) -> Path | str:
    """Returns what a user names: a path of this machine, or a URL as it is kept.

    Args:
        path: A path, or a URL; ``file://`` is one of this machine.

    Raises:
        UsageError: See `normalised`.
    """
    if isinstance(path, Path) or not is_url(path):
        return Path(path)
    scheme, _, rest = path.partition(URL_SEPARATOR)
    return Path(rest) if scheme.lower() in _LOCAL else normalised(path)


def scheme_of(url: str) -> str:
    """Returns what names the kind of store, such as ``s3``."""
    return url.partition(URL_SEPARATOR)[0]


def is_in_process(path: str) -> bool:
    """Whether what is at a path is there for this process only."""
    return is_url(path) and scheme_of(path) in _IN_PROCESS


def store_url(url: str) -> str:
    """Returns the part of a URL that says in which store, and bucket, it is; of a path nothing."""
    scheme, separator, rest = url.partition(URL_SEPARATOR)
    return scheme + separator + rest.partition("/")[0] if separator else ""


def normalised(url: str) -> str:
    """Returns a URL as it is kept, the same for all ways to write it.

    Raises:
        UsageError: If it holds credentials, or does not name a directory.
    """
    scheme, _, rest = url.partition(URL_SEPARATOR)
    scheme = scheme.lower()
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        raise UsageError(f"{redacted(url)}: not a URL of the form s3://bucket/path.")
    if scheme in _LOCAL:
        raise UsageError(f"{redacted(url)}: name a directory of this machine by its path alone.")
    rest = rest.strip("/") if scheme in _IN_PROCESS else rest.rstrip("/")
    netloc, _, path = rest.partition("/")
    host, colon, port = netloc.partition(":")
    if "?" in rest or (colon and (not port.isdigit() or "@" in rest)):
        raise UsageError(
            f"{scheme}://…: the URL holds a password or a query. It would be written to journals. "
            f"{CREDENTIALS}"
        )
    if not host or any(part in ("", ".", "..") for part in (path.split("/") if path else ())):
        raise UsageError(f"{scheme}://{rest}: not a URL of the form s3://bucket/path.")
    return f"{scheme}://{rest}"


def absolute(path: str) -> str:
    """Returns a path that means the same in any directory; a URL is normalised.

    Raises:
        UsageError: See `normalised`.
    """
    return normalised(path) if is_url(path) else posixpath.abspath(path)


def parent_of(path: str) -> str:
    """Returns the directory that a path lies in; itself if there is none."""
    return path if is_url(path) and not _below_store(path) else posixpath.dirname(path)


def parents_of(url: str) -> Iterator[str]:
    """Yields the directories that a URL lies in, the next one first."""
    while _below_store(url):
        url = posixpath.dirname(url)
        yield url


def common_path(paths: Collection[str]) -> str:
    """Returns the directory that all paths lie in, or are.

    Raises:
        ValueError: If there is none.
    """
    prefixes = {f"{scheme_of(path)}{URL_SEPARATOR}" if is_url(path) else "" for path in paths}
    if len(prefixes) > 1:
        raise ValueError("paths in several stores")
    (prefix,) = prefixes
    common = posixpath.commonpath([path.removeprefix(prefix) for path in paths])
    if not common:
        raise ValueError("paths in several buckets")
    return prefix + common


def redacted(text: str) -> str:
    """Returns a text without what may be credentials."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _below_store(url: str) -> bool:
    return "/" in url.partition(URL_SEPARATOR)[2]
